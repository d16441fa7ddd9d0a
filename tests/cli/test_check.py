"""`hapiish check`: formats, exit statuses and `--import`."""

import json
from pathlib import Path

import pytest

from hapiish.cli import main

GOOD = "routes: [{method: GET, path: /, handler: %s}]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_good_table_is_summed_up(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text(GOOD % "handlers:index")
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "routes.yaml: valid, 1 route, 0 events\n"


def test_another_file_can_be_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.yaml").write_text("routes: 1\n")
    assert main(["check", "other.yaml"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        'other.yaml:1:9: HA0201 "routes" must be a list, not 1',
        "    1 | routes: 1",
        "      |         ^",
        "",
        "other.yaml: 1 error",
    ]


def test_warnings_alone_are_status_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text(
        "routes:\n- {method: GET, path: '/{a}.{b}', handler: a:b}\n- {method: GET, path: '/x.{b}', handler: a:b}\n"
    )
    assert main(["check"]) == 0
    assert capsys.readouterr().out.endswith("routes.yaml: valid, 2 routes, 0 events, 1 warning\n")


def test_json_is_for_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text("nosuch: 1\n")
    assert main(["check", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["errors"], found["problems"][0]["code"]) == (1, "HA0204")


def test_github_gets_annotations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text("routs: []\n")
    assert main(["check", "--format", "github"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        '::error file=routes.yaml,line=1,col=1,title=HA0204::unknown option "routs"; did you mean "routes"?',
        "routes.yaml: 1 error",
    ]


def test_names_are_resolved_on_demand_and_every_unknown_one_is_placed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "cli_check_handlers.py").write_text("LIMIT = 5\ndef index(request, h): ...\n")
    (folder / "cli_check_broken.py").write_text("import nowhere_at_all\n")
    names = ("handlers:index", "handlers:indx", "handlers:LIMIT", "broken:index", "nowhere:index")
    rows = [f"- {{method: GET, path: /{i}, handler: cli_check_{name}}}" for i, name in enumerate(names)]
    (folder / "routes.yaml").write_text("routes:\n" + "\n".join(rows))
    assert main(["check"]) == 0
    capsys.readouterr()
    assert main(["check", "--import"]) == 1
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("routes.yaml:")]
    assert heads[0].startswith('routes.yaml:3:36: HA0401 "cli_check_handlers:indx": ')
    assert 'did you mean "index"?' in heads[0]
    assert heads[1] == 'routes.yaml:4:36: HA0402 "cli_check_handlers:LIMIT" is int, not a function'
    assert heads[2].startswith('routes.yaml:5:36: HA0401 "cli_check_broken:index": ')
    assert "nowhere_at_all" in heads[2]
    assert heads[3].startswith('routes.yaml:6:36: HA0401 "cli_check_nowhere:index": ')
    assert heads[4] == "routes.yaml: 4 errors"


def test_the_page_of_the_codes_can_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--codes"]) == 0
    assert capsys.readouterr().out == (Path(__file__).parents[2] / "docs" / "problems.md").read_text()


def test_what_is_set_elsewhere_can_be_taken_for_a_warning(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET_HERE", raising=False)
    (folder / "routes.yaml").write_text("server: {host: '${NOT_SET_HERE}'}\n")
    assert main(["check"]) == 1
    capsys.readouterr()
    assert main(["check", "--no-env"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "routes.yaml:1:16: warning: HA0121 environment variable NOT_SET_HERE is not set"
    assert lines[-1] == "routes.yaml: valid except for unset variables, secrets and packages, 1 warning"
    (folder / "routes.yaml").write_text("server: {host: '${NOT_SET_HERE}', prt: 1}\n")
    assert main(["check", "--no-env"]) == 1
    assert capsys.readouterr().out.endswith("routes.yaml: 1 error, 1 warning\n")


def test_a_url_with_a_missing_variable_is_a_warning_without_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "routes.yaml"
    table.write_text("hapiish: 1\nsockets: {queue: 'redis://h:${NO_SUCH_PORT}'}\n")
    assert main(["check", "--no-env", str(table)]) == 0
    assert "HA0205" not in "".join(capsys.readouterr())
