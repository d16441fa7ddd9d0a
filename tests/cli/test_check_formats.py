"""`hapiish check`: SARIF, `--strict`, `--ignore` and `--explain`."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft4Validator

from hapiish.cli import main

PROJECTS = Path(__file__).parents[1] / "projects"
SARIF = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0-rtm.5.json").read_text())
WARNED = "schemas: {Left: {type: object}}\nroutes: [{method: GET, path: /, handler: h:a}]\n"
CONFLICT = (
    "routes:\n- {method: GET, path: '/a/{id}', handler: h:a, id: a}\n- {method: GET, path: '/a/{x}', handler: h:b}\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main(["check", "--format", "sarif", *arguments])
    log = json.loads(capsys.readouterr().out)
    assert [error.message for error in Draft4Validator(SARIF).iter_errors(log)] == []
    [run] = log["runs"]
    return dict(run)


@pytest.mark.parametrize(
    "project", sorted(path.parent for path in PROJECTS.glob("*/expected.txt")), ids=lambda folder: folder.name
)
def test_every_sample_project_is_valid_sarif(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    run = run_of(capsys, "--no-env")
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        file = Path(unquote(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]))
        lines = file.read_bytes().decode("utf-8-sig", "replace").splitlines()
        line = lines[region["startLine"] - 1] if region["startLine"] <= len(lines) else ""
        assert region["startColumn"] <= region["endColumn"] - 1 <= max(len(line), region["startColumn"])
    assert len({result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]}) == len(
        run["results"]
    )


def test_a_rule_says_what_its_code_means_and_how_to_mend_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text("routez: []\n")
    run = run_of(capsys)
    [rule] = run["tool"]["driver"]["rules"]
    assert (rule["id"], rule["name"], rule["defaultConfiguration"]) == ("HA0204", "Unknown", {"level": "error"})
    assert rule["shortDescription"]["text"] == "An unknown key."
    assert "hapiish check --explain HA0204" in rule["help"]["text"]
    assert rule["help"]["markdown"].startswith("# HA0204")
    [result] = run["results"]
    assert result["message"]["text"] == 'unknown option "routez"; did you mean "routes"?'


def test_columns_count_code_points_and_the_region_has_the_word(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "routes.yaml").write_text("info: {title: '\U0001f600\U0001f600', titel: x}\n", encoding="utf-8")
    run = run_of(capsys)
    assert run["columnKind"] == "unicodeCodePoints"
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 21, "endColumn": 26}


def test_the_other_side_of_a_conflict_and_a_used_table_are_related_locations(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "routes.yaml").write_text(CONFLICT)
    [result] = run_of(capsys)["results"]
    [related] = result["relatedLocations"]
    assert related["message"]["text"] == '"GET /a/{id}"'
    assert related["physicalLocation"]["region"]["startLine"] == 2
    (folder / "used.yaml").write_text("routez: []\n")
    (folder / "routes.yaml").write_text("plugins: [{table: used.yaml}]\n")
    [result] = run_of(capsys)["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "used.yaml",
        "uriBaseId": "%SRCROOT%",
    }
    assert result["relatedLocations"][0]["message"]["text"] == "the table is used here"


def test_a_fingerprint_stays_when_the_line_moves(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text(CONFLICT)
    before = run_of(capsys)["results"][0]["partialFingerprints"]
    (folder / "routes.yaml").write_text("# moved\n\n" + CONFLICT)
    assert run_of(capsys)["results"][0]["partialFingerprints"] == before


def test_a_file_outside_of_the_working_directory_has_an_absolute_address(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a b.yaml").write_text("routez: []\n")
    (folder / "inner").mkdir()
    monkeypatch.chdir(folder / "inner")
    [result] = run_of(capsys, "../a b.yaml")["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == (folder / "a b.yaml").as_uri()


def test_warnings_fail_under_strict_only(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text(WARNED)
    assert (main(["check"]), main(["check", "--strict"])) == (0, 1)
    assert main(["check", "--strict", "--ignore", "HA0505"]) == 0
    assert capsys.readouterr().out.endswith("routes.yaml: valid, 1 route, 0 events\n")
    (folder / "routes.yaml").write_text("x-hapiish-ignore: [HA0505]\n" + WARNED)
    assert main(["check", "--strict"]) == 0


def test_an_error_cannot_be_ignored(folder: Path) -> None:
    (folder / "routes.yaml").write_text("routez: []\n")
    assert main(["check", "--ignore", "HA0204"]) == 1


def test_the_text_names_the_page_of_a_code(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text("routez: []\n")
    main(["check"])
    assert "hapiish check --explain HA0204" in capsys.readouterr().err


@pytest.mark.parametrize("code", ["HA0204", "ha0204", "204"])
def test_a_page_can_be_printed(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--explain", code]) == 0
    assert capsys.readouterr().out.startswith("# HA0204\n\nAn unknown key.\n")


def test_the_page_of_an_unknown_code_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["check", "--explain", "HA0999"])
    assert caught.value.code == 2
    assert "there is no code HA0999" in capsys.readouterr().err


def test_the_chat_is_clean_under_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "s" * 32)
    assert main(["check", "--strict", str(Path(__file__).parents[2] / "routes.yaml")]) == 0
