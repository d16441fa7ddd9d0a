"""`hapiish new`: the files it writes, and what it refuses."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema  # type: ignore[import-untyped]
from jsonschema import validate

from hapiish.cli import main, new
from hapiish.table import check


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_new_project_has_a_route_a_model_a_test_and_what_a_team_needs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "shop"]) == 0
    assert {
        ".dockerignore",
        ".github/workflows/test.yaml",
        ".gitignore",
        "Dockerfile",
        "README.md",
        "handlers/items.py",
        "models/item.py",
        "requirements-dev.txt",
        "requirements.txt",
        "routes.schema.json",
        "routes.yaml",
        "tests/test_items.py",
    } <= set(tree(tmp_path / "shop"))
    assert [name for name, content in tree(tmp_path / "shop").items() if b"@NAME@" in content] == []
    told = capsys.readouterr().out
    assert (
        told.index("cd shop") < told.index("pip install -r requirements-dev.txt") < told.index("hapiish run --reload")
    )


def test_the_table_of_a_new_project_is_valid_and_its_names_can_be_imported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "shop"]) == 0
    capsys.readouterr()
    assert main(["check", "--strict", "--import", "shop/routes.yaml"]) == 0
    assert capsys.readouterr().out == "shop/routes.yaml: valid, 5 routes, 0 events\n"


def test_the_schema_for_editors_is_where_the_table_names_it() -> None:
    assert main(["new", "shop"]) == 0
    first = Path("shop/routes.yaml").read_text().splitlines()[0]
    assert Path("shop", first.rpartition("=")[2]).is_file()


@pytest.mark.parametrize("words", [[], ["--chat"]])
def test_the_workflow_of_a_new_project_is_one_of_github(words: list[str]) -> None:
    assert main(["new", "shop", *words]) == 0
    workflow: dict[Any, Any] = yaml.safe_load(Path("shop/.github/workflows/test.yaml").read_text())
    workflow["on"] = workflow.pop(True)  # YAML 1.1 reads `on` as a boolean
    validate(workflow, get_builtin_schema("vendor.github-workflows"))


def test_the_dockerfile_of_a_new_project_passes_hadolint() -> None:
    assert main(["new", "shop"]) == 0
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, "shop/Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_requirements_ask_for_what_no_index_has_in_the_folder_that_the_image_copies() -> None:
    assert main(["new", "shop"]) == 0
    assert "--find-links wheels" in Path("shop/requirements.txt").read_text()
    assert "hapiish[mongod]" in Path("shop/requirements-dev.txt").read_text()
    assert "COPY wheels wheels" in Path("shop/Dockerfile").read_text()
    assert Path("shop/wheels").is_dir()


def test_the_folder_may_be_the_present_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "my-shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert main(["new", "."]) == 0
    table = yaml.safe_load((folder / "routes.yaml").read_text())
    assert (table["info"]["title"], table["database"]["name"]) == ("my-shop", "my_shop")


@pytest.mark.parametrize("name", ["null", "on", "admin", "handlers", "models", "hapiish", "E5"])
def test_a_name_with_a_meaning_elsewhere_is_a_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", name]) == 0
    capsys.readouterr()
    assert main(["check", "--import", f"{name}/routes.yaml"]) == 0, capsys.readouterr().out
    table = yaml.safe_load(Path(name, "routes.yaml").read_text())
    assert table["info"]["title"] == name
    assert table["database"]["name"] not in ("admin", None, True)


@pytest.mark.parametrize("present", [".git/config", ".venv/pyvenv.cfg"])
def test_a_folder_with_nothing_but_a_repository_or_an_environment_is_as_good_as_empty(present: str) -> None:
    Path("shop", present).parent.mkdir(parents=True)
    Path("shop", present).write_text("kept")
    assert main(["new", "shop"]) == 0
    assert Path("shop", present).read_text() == "kept"


@pytest.mark.parametrize("present", ["routes.yaml", "notes.txt", ".env", "handlers/a.py"])
def test_a_folder_with_files_is_refused_and_left_as_it_is(
    tmp_path: Path, present: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("shop", present).parent.mkdir(parents=True)
    Path("shop", present).write_text("mine")
    assert main(["new", "shop"]) == 1
    assert tree(tmp_path) == {f"shop/{present}": b"mine"}
    assert "shop is not an empty folder; nothing was written" in capsys.readouterr().err


def test_a_file_of_that_name_is_refused_and_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("shop").write_text("mine")
    assert main(["new", "shop"]) == 1
    assert main(["new", "shop/inner"]) == 1
    assert tree(tmp_path) == {"shop": b"mine"}
    assert "is not an empty folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["1shop", "sh op", "shop!", "-shop", "ünïcode", "s" * 64, "a.b", "x/$HOME", "", "a/.."]
)
def test_a_name_that_cannot_be_one_is_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inside = tmp_path / "0"
    inside.mkdir()
    os.chdir(inside)
    assert main(["new", "--", name]) == 1
    assert "is no name for a project" in capsys.readouterr().err
    assert tree(tmp_path) == {}


def test_nothing_is_left_of_a_project_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("shop/.git").mkdir(parents=True)
    files = new.contents("shop", chat=False)
    broken = {**files, "routes.yaml/below": b"a file cannot be a folder"}
    monkeypatch.setattr(new, "contents", lambda *_, **__: broken)
    assert main(["new", "shop"]) == 1
    assert [each.name for each in Path("shop").iterdir()] == [".git"]
    assert main(["new", "deep/er"]) == 1
    assert not Path("deep").exists()
    assert "cannot be written" in capsys.readouterr().err


def test_the_chat_is_used_from_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["new", "talk", "--chat"]) == 0
    (wheel,) = Path("talk/wheels").glob("hapiish_chat-*.whl")
    assert "hapiish-chat" in Path("talk/requirements.txt").read_text()
    site = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True)
    monkeypatch.syspath_prepend(site)
    table, problems = check("talk/routes.yaml", {"JWT_SECRET": "s" * 32})
    assert (problems, table is not None and len(table.routes) > 10) == ([], True)
