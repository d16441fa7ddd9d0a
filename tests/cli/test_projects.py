"""Sample projects: the output of `hapiish check` equals each folder's `expected.txt`."""

from pathlib import Path

import pytest

from hapiish.cli import main

PROJECTS = Path(__file__).parent.parent / "projects"
ENVIRONMENT = {"PORT": "eighty", "DB_PASS": "hunter22", "HANDLER": "hunter2"}
UNSET = ("HOST", "LOUD", "DB_USER", "NOTES_PORT")


@pytest.mark.parametrize("project", sorted(path.parent.name for path in PROJECTS.glob("*/expected.txt")))
def test_check_says_exactly_what_is_expected(
    project: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECTS / project)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    expected = (PROJECTS / project / "expected.txt").read_text()
    status = main(["check"])
    assert capsys.readouterr().out == expected
    assert status == (0 if "routes.yaml: valid" in expected else 1)


def test_ten_different_mistakes_are_named_all_ten() -> None:
    lines = (PROJECTS / "ten-mistakes" / "expected.txt").read_text().splitlines()
    assert lines[-1] == "routes.yaml: 10 errors"
    assert len({line.split()[1] for line in lines if line.startswith("routes.yaml:") and line != lines[-1]}) == 10
