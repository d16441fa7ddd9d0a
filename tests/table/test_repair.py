"""Syntax errors with clear messages, repaired where the intent is obvious, so that later problems are found."""

from typing import Any

import pytest
import yaml

from hapiish.table.text import source

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]
pytestmark = pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)

STAR = 'unquoted text cannot start with "*"; quote it: "*"'
ESCAPE = "is not an escape sequence in double quotes; use single quotes, where a backslash is literal"
UNSEEN = "replace it with an ordinary space or remove it; quote the text to keep it"
MENDED: list[tuple[str, list[str], Any]] = [
    ("method: *\npath: /x\n", [f"1:9 {STAR}"], {"method": "*", "path": "/x"}),
    ("{method: *, path: /x}\n", [f"1:10 {STAR}"], {"method": "*", "path": "/x"}),
    ("- @x # why\n- %y\n- `z\n",
     ['1:3 unquoted text cannot start with "@"; quote it: "@x"',
      '2:3 unquoted text cannot start with "%"; quote it: "%y"',
      '3:3 unquoted text cannot start with "`"; quote it: "`z"'], ["@x", "%y", "`z"]),
    ("description: Note: this\nb: 1\n",
     ['1:18 unquoted text cannot contain ": "; quote it: "Note: this"'], {"description": "Note: this", "b": 1}),
    ("a: it's: so\n", ['1:8 unquoted text cannot contain ": "; quote it: "it\'s: so"'], {"a": "it's: so"}),
    ("{path: /users/{id}/x, b: 1}\n",
     ['1:8 text with "{" must be quoted here; quote it: "/users/{id}/x"'], {"path": "/users/{id}/x", "b": 1}),
    ("- {path: /a/{b?}}\n- {path: /{c*}}\n",
     ['1:10 text with "{" must be quoted here; quote it: "/a/{b?}"',
      '2:10 text with "{" must be quoted here; quote it: "/{c*}"'], [{"path": "/a/{b?}"}, {"path": "/{c*}"}]),
    ("path: {id}/x\nb: 1\n",
     ['1:7 text with "{" must be quoted here; quote it: "{id}/x"'], {"path": "{id}/x", "b": 1}),
    ('pattern: "^\\d+$"\nb: 1\n',
     [f'1:12 "\\d" {ESCAPE}'], {"pattern": "^\\d+$", "b": 1}),
    ("a:\n\tb: 1\n\tc: 2\nd: 3\n",
     ["2:1 a tab in the indentation; indent with spaces", "3:1 a tab in the indentation; indent with spaces"],
     {"a": {"b": 1, "c": 2}, "d": 3}),
    ("a: 1\nb\nc: 2\n", ['2:1 missing ":" after the key "b"'], {"a": 1, "b": None, "c": 2}),
    ("- a: 1\n  path /a\n  c: 2\n",
     ['2:3 missing ":" after the key "path"; write "path: /a"'], [{"a": 1, "path": "/a", "c": 2}]),
    ("- method:GET\n  path: /a\n  c: 2\n",
     ['1:3 a space is missing after ":"; write "method: GET"'], [{"method": "GET", "path": "/a", "c": 2}]),
    ("a:\u00a0b\nc: d\n",
     [f"1:3 an invisible character, U+00A0 (no-break space); {UNSEEN}"], {"a": "b", "c": "d"}),
    ("a: b\x85\n# \u2028\nc\u2028: d # \u2029e\nf: g: h\u2029\n",
     [f"1:5 an invisible character, U+0085 (control character); {UNSEEN}",
      f"3:2 an invisible character, U+2028 (line separator); {UNSEEN}",
      '4:5 unquoted text cannot contain ": "; quote it: "g: h\u2029"'],
     {"a": "b\x85", "c\u2028": "d", "f": "g: h\u2029"}),
    ("a: b\nc: \0d\n",
     [f"2:4 an invisible character, U+0000 (control character); {UNSEEN}"], {"a": "b", "c": "d"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said", "value"), MENDED)
def test_a_fault_with_a_plain_intent_is_reported_and_mended(
    loader: Any, text: str, said: list[str], value: Any
) -> None:
    tree, problems = source.read(text, "f", loader=loader)
    assert [f"{p.mark.line}:{p.mark.column} {p.message}{'; ' if p.hint else ''}{p.hint}" for p in problems] == said
    assert tree is not None
    assert tree.value == value


FINAL: list[tuple[str, str]] = [
    ("a: 'x\nb: 2\n", "1:4 unclosed quote, opened here"),
    ("a: [1, 2\nb: 3\n", '2:2 expected "," or "]"'),
    ("a: {b: 1\nc: 3\n", '2:2 expected "," or "}"'),
    ("a: b\n c: d\n", "2:3 a mapping is not allowed here"),
    ("a: - b\n", "1:4 a list is not allowed here"),
]


@pytest.mark.parametrize(("text", "said"), FINAL)
def test_other_faults_end_the_reading_with_a_reason(loader: Any, text: str, said: str) -> None:
    tree, (problem,) = source.read(text, "f", loader=loader)
    assert tree is None
    assert (problem.code, f"{problem.mark.line}:{problem.mark.column} {problem.message}") == ("HA0101", said)


def test_mending_one_line_again_and_again_comes_to_an_end(loader: Any) -> None:
    tree, problems = source.read("[" + ", ".join(["/{a}/b"] * 40) + "]", "f", loader=loader)
    assert tree is None
    assert len(problems) == 21


def test_what_stood_before_a_final_fault_is_reported_too(loader: Any) -> None:
    _, problems = source.read("a: 1\na: 2\nb: 007\nc: *\nd: 'open\n", "f", loader=loader)
    assert [(p.mark.line, p.code) for p in problems] == [
        (2, "HA0102"),
        (3, "HA0105"),
        (4, "HA0101"),
        (5, "HA0101"),
    ]
