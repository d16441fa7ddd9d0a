"""Reports of problems as text, JSON and GitHub annotations."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hapiish.table import report
from hapiish.table.problems import Mark, Problem

TEXT = 'server: {port: "x y"}\n\troutes: [1]\n日本: wrong\n' + "a" * 300 + " tail\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "f.yaml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return "f.yaml"


def at(line: int, column: int, **given: object) -> Problem:
    return Problem(Mark("f.yaml", line, column), "HA0000", "message", **given)  # type: ignore[arg-type]


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        (at(1, 1), '    1 | server: {port: "x y"}\n      | ^^^^^^'),
        (at(1, 9), '    1 | server: {port: "x y"}\n      |         ^'),
        (at(1, 16), '    1 | server: {port: "x y"}\n      |                ^^^^^'),
        (at(2, 2), "    2 | \troutes: [1]\n      | \t^^^^^^"),
        (at(3, 5), "    3 | 日本: wrong\n      |       ^^^^^"),
        (at(4, 302), f"    4 | …{'a' * 59} tail\n      | {' ' * 61}^^^^"),
        (at(9, 1), ""),
    ],
)
def test_the_line_is_shown_with_a_pointer_below_the_word(problem: Problem, shown: str) -> None:
    head = f"f.yaml:{problem.mark.line}:{problem.mark.column}: HA0000 message"
    assert report.as_text([problem]) == "\n".join(filter(None, [head, shown]))


def test_hint_and_other_places_follow(file: str) -> None:
    problem = at(1, 1, hint="do this", related=((Mark(file, 2, 2), "the first one"),))
    assert report.as_text([problem]).splitlines()[-2:] == ["      = do this", "      = f.yaml:2:2: the first one"]


def test_a_warning_says_so_and_colour_is_only_added_when_wanted(file: str) -> None:
    warning = at(1, 1, warning=True)
    assert report.as_text([warning]).startswith("f.yaml:1:1: warning: HA0000 message")
    assert "\033[" not in report.as_text([warning])
    assert "\033[33mHA0000\033[0m" in report.as_text([warning], colour=True)


def test_a_file_that_is_gone_is_reported_without_its_lines() -> None:
    problem = Problem(Mark("nowhere.yaml", 3, 4), "HA0000", "message")
    assert report.as_text([problem]) == "nowhere.yaml:3:4: HA0000 message"


def test_json_has_every_field(file: str) -> None:
    used = replace(at(4, 5, warning=True), mark=Mark(file, 4, 5, (Mark(file, 9, 9),)))
    problems = [at(1, 2, hint="h", related=((Mark(file, 2, 3), "r"),)), used]
    assert json.loads(report.as_json(problems)) == {
        "problems": [
            {
                "file": "f.yaml",
                "line": 1,
                "column": 2,
                "code": "HA0000",
                "severity": "error",
                "message": "message",
                "hint": "h",
                "related": [{"file": "f.yaml", "line": 2, "column": 3, "message": "r"}],
                "usedFrom": [],
            },
            {
                "file": "f.yaml",
                "line": 4,
                "column": 5,
                "code": "HA0000",
                "severity": "warning",
                "message": "message",
                "hint": None,
                "related": [],
                "usedFrom": [{"file": "f.yaml", "line": 9, "column": 9}],
            },
        ],
        "errors": 1,
        "warnings": 1,
    }


def test_github_gets_workflow_commands_with_their_own_escapes() -> None:
    mark = Mark("a,b:c.yaml", 1, 2)
    problem = Problem(mark, "HA0000", "100% wrong", "so\nthere", ((mark, "first"),))
    assert report.as_github([problem, at(3, 4, warning=True)]).splitlines() == [
        "::error file=a%2Cb%3Ac.yaml,line=1,col=2,title=HA0000::100%25 wrong; so%0Athere; a,b:c.yaml:1:2: first",
        "::warning file=f.yaml,line=3,col=4,title=HA0000::message",
    ]
