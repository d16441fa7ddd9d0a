"""Sample projects: the output of `hapiish check` equals each folder's `expected.txt`."""

import re
import sys
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
    # Folders of tables that other tests have served stay on the path, and their modules would be found.
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "pytest-of-" not in entry])
    finders = [each for each in sys.meta_path if type(each).__module__ != "hapiish.modules"]
    monkeypatch.setattr(sys, "meta_path", finders)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    expected = (PROJECTS / project / "expected.txt").read_text()
    status = main(["check"])
    assert capsys.readouterr().out == expected
    assert status == (0 if "routes.yaml: valid" in expected else 1)


MARKED = re.compile(r"# (HA0\d{3})$", re.MULTILINE)
REPORTED = re.compile(r"^(\S+?):(\d+):\d+: (?:warning: )?(HA0\d{3}) ", re.MULTILINE)


def test_forty_mistakes_of_forty_kinds_are_reported_at_their_lines() -> None:
    folder = PROJECTS / "forty-mistakes"
    lines = (folder / "routes.yaml").read_text().splitlines()
    marked = [(number, found[1]) for number, line in enumerate(lines, 1) if (found := MARKED.search(line))]
    reported = [(int(line), code) for _, line, code in REPORTED.findall((folder / "expected.txt").read_text())]
    assert reported == marked
    assert (len(marked), len({code for _, code in marked})) == (40, 40)


def test_ten_different_mistakes_are_named_all_ten() -> None:
    lines = (PROJECTS / "ten-mistakes" / "expected.txt").read_text().splitlines()
    assert lines[-1] == "routes.yaml: 10 errors"
    assert len({line.split()[1] for line in lines if line.startswith("routes.yaml:") and line != lines[-1]}) == 10
