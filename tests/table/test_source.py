"""YAML text to values with locations, and all syntax errors at once."""

from typing import Any

import pytest
import yaml

from hapiish.table.problems import Problem
from hapiish.table.text import source
from hapiish.table.text.marks import Path

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]
pytestmark = pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)


def read(text: str, loader: Any) -> tuple[Any, list[str]]:
    tree, problems = source.read(text, "f", loader=loader)
    return (tree.value if tree else None), [brief(problem) for problem in problems]


def brief(problem: Problem) -> str:
    return f"{problem.mark.line}:{problem.mark.column} {problem.code}"


VALUES: list[tuple[str, Any]] = [
    ('{"a": "\\ud83d\\ude00 \\uD83C\\uDF89 \\ud83d\\ude00", "\\ud83d\\ude00": 1}', {"a": "😀 🎉 😀", "😀": 1}),
    ('{"a": "\\\\ud83d\\\\ude00 \\ue000 \ue001 \\ud83d\\ude00\u2028"}', {"a": "\\ud83d\\ude00 \ue000 \ue001 😀\u2028"}),
    ("a: '\\ud83d\\ude00'\n", {"a": "\\ud83d\\ude00"}),
    ("", None),
    ("# only a comment\n", None),
    ("a:\nb: 1\n", {"a": None, "b": 1}),
    ("on: off\n200: ok\nnull: ~\n1.50: x\n", {"on": "off", "200": "ok", "null": None, "1.50": "x"}),
    (
        "a: '1'\nb: \"true\"\nc: |\n  text\nd: >-\n  folded\n  text\n",
        {"a": "1", "b": "true", "c": "text\n", "d": "folded text"},
    ),
    (
        "a: !!str 5\nb: !!int '5'\nc: !!float 5\nd: !!bool true\ne: !!null ''\nf: ! 5\n",
        {"a": "5", "b": 5, "c": 5.0, "d": True, "e": None, "f": "5"},
    ),
    ("a: b #c\n", {"a": "b"}),
    ("a: b # \x85x: 1\n# \u2028- y\n#\u2029\nb: 1\n", {"a": "b", "b": 1}),
    (
        "a: 'x\x85y'\nb: \"\ue000\u2028\ue001\"\nc: |\n  x\u2029y\n",
        {"a": "x\x85y", "b": "\ue000\u2028\ue001", "c": "x\u2029y\n"},
    ),
    ("a: é😀\n", {"a": "é😀"}),
    ("a: &x [1, {b: 2}]\nc: *x\n", {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}),
    ("&k key: 1\nother: *k\n", {"key": 1, "other": "key"}),
    ("a: &a {x: 1, y: 2}\nb: {y: 3, <<: *a}\n", {"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}}),
    (
        "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}\n",
        {"a": {"x": 1}, "b": {"x": 2, "z": 3}, "c": {"x": 1, "z": 3}},
    ),
    ("'<<': 1\n", {"<<": 1}),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_text_becomes_plain_values(loader: Any, text: str, value: Any) -> None:
    assert read(text, loader) == (value, [])


FAULTS: list[tuple[str, list[str], Any]] = [
    ("a: 1\na: 2\nb: 3\nb: 4\n", ["2:1 HA0102", "4:1 HA0102"], {"a": 1, "b": 3}),
    ("a: {b: 1, b: 2}\n", ["1:11 HA0102"], {"a": {"b": 1}}),
    ("a: &a {}\nb: {<<: *a, <<: *a}\n", ["2:13 HA0102"], {"a": {}, "b": {}}),
    ("? [a]\n: b\nc: d\n", ["1:3 HA0103"], {"c": "d"}),
    ("{a: 1}: b\nc: d\n", ["1:1 HA0103"], {"c": "d"}),
    ("a: &a k\n*a : b\n", ["2:1 HA0103"], {"a": "k"}),
    (
        "a: !foo b\nc: !!python/object:os.system {}\nd: !!int x\n",
        ["1:4 HA0104", "2:4 HA0104", "3:4 HA0104"],
        {"a": "b", "c": {}, "d": "x"},
    ),
    ("a: !!set {}\nb: !!omap []\n", ["1:4 HA0104", "2:4 HA0104"], {"a": {}, "b": []}),
    ("!!int a: 1\n", ["1:1 HA0104"], {"a": 1}),
    ("mode: 0755\nport: 080\n", ["1:7 HA0105", "2:7 HA0105"], {"mode": "0755", "port": "080"}),
    ("a: .inf\nb: -.nan\nc: .nan\n", ["1:4 HA0106", "3:4 HA0106"], {"a": ".inf", "b": "-.nan", "c": ".nan"}),
    ("a: *foo\nb: &bar 1\nc: *baz\n", ["1:4 HA0109", "3:4 HA0109"], {"a": None, "b": 1, "c": None}),
    ("a: &a [*a]\n", ["1:8 HA0110"], {"a": [None]}),
    ("a: &a {b: {c: *a}}\n", ["1:15 HA0110"], {"a": {"b": {"c": None}}}),
    ("a: 1\n---\nb: 2\n", ["2:1 HA0111"], {"a": 1}),
    (
        "a: b\u00a0c\nd: 'e\u00a0f'\n\u200bg: 1\n",
        ["1:5 HA0112", "3:1 HA0112"],
        {"a": "b\u00a0c", "d": "e\u00a0f", "\u200bg": 1},
    ),
    ("a: 1\nb: {<<: 3}\nc: {<<: [1]}\n", ["2:9 HA0113", "3:9 HA0113"], {"a": 1, "b": {}, "c": {}}),
]


@pytest.mark.parametrize(("text", "problems", "value"), FAULTS)
def test_faults_are_placed_and_the_rest_is_still_read(loader: Any, text: str, problems: list[str], value: Any) -> None:
    assert read(text, loader) == (value, problems)


def test_a_duplicate_key_names_both_places(loader: Any) -> None:
    _, (problem,) = source.read("a: 1\nb: 2\na: 3\n", "f", loader=loader)
    ((first, text),) = problem.related
    assert (str(problem.mark), str(first), text) == ("f:3:1", "f:1:1", "the first one")


def test_an_unknown_alias_is_answered_with_the_nearest_anchor(loader: Any) -> None:
    _, (problem,) = source.read("a: &limits {}\nb: *limit\n", "f", loader=loader)
    assert problem.hint == 'did you mean "*limits"?'


def test_64_levels_are_read_and_65_are_refused(loader: Any) -> None:
    assert read("[" * 64 + "]" * 64, loader)[1] == []
    assert read("[" * 65 + "]" * 65, loader) == (None, ["1:65 HA0107"])


def test_100_000_open_brackets_are_refused_and_crash_nothing(loader: Any) -> None:
    assert read("[" * 100_000, loader) == (None, ["1:65 HA0107"])


def test_aliases_count_towards_the_depth(loader: Any) -> None:
    deep = "[" * 40 + "]" * 40
    assert read(f"a: &a {deep}\nb: {'[' * 30}*a{']' * 30}\n", loader) == (None, ["2:34 HA0107"])


def test_an_alias_bomb_is_refused_before_it_is_built(loader: Any) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for above, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{above}'] * 9)}]")
    value, problems = read("\n".join(lines), loader)
    assert value is None
    assert [problem.split()[1] for problem in problems] == ["HA0108"]


PLACES: list[tuple[Path, str, str]] = [
    (("a",), "2:1", "2:4"),
    (("a", "b"), "2:8", "2:11"),
    (("list", 0), "4:5", "4:5"),
    (("list", 1, "é"), "5:5", "5:8"),
    (("list", 1, "x"), "6:5", "6:8"),
    (("empty",), "7:1", "7:1"),
    (("use", "b"), "2:8", "2:11"),
    (("use",), "8:1", "8:6"),
    (("use", "none"), "8:6", "8:6"),
    (("merged", "b"), "2:8", "2:11"),
    (("merged", "c"), "9:18", "9:21"),
]


@pytest.mark.parametrize(("path", "key", "value"), PLACES)
def test_keys_and_values_have_places(loader: Any, path: Path, key: str, value: str) -> None:
    text = "# first\na: &a {b: 1}\nlist:\n  - one\n  - é: 😀\n    x: 2\nempty:\nuse: *a\nmerged: {<<: *a, c: 2}"
    tree, problems = source.read(text, "f", loader=loader)
    assert tree is not None
    assert problems == []
    assert (str(tree.marks.key(path)), str(tree.marks.value(path))) == (f"f:{key}", f"f:{value}")


def test_a_refused_scalar_is_marked_broken(loader: Any) -> None:
    tree, _ = source.read("a: [1, 007]\n", "f", loader=loader)
    assert tree is not None
    assert tree.broken == {("a", 1)}
