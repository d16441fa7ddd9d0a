"""Properties of every text and table: reading never fails, JSON has its own meaning, problems are complete."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish.table import check_text
from hapiish.table.form import schema
from hapiish.table.text import source

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]

printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | printable
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(printable, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)
@settings(max_examples=100, deadline=None)
@given(value=values)
def test_json_is_read_as_json(loader: Any, value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    if any(mark in text for mark in "\ufeff\ufffe\uffff"):
        return  # what YAML does not allow, and JSON has in its strings
    tree, problems = source.read(text, "f", loader=loader)
    assert [str(problem) for problem in problems] == []
    assert tree is not None
    assert tree.value == value


BITS = [
    "a",
    "b: ",
    "- ",
    "\n",
    "\n  ",
    "\t",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "*",
    "*a",
    "&a ",
    "!x ",
    "'",
    '"',
    "#",
    "|",
    "<<: ",
]
BITS += ["? ", "---", "...", "%", "@", "\u00a0", "\0", "${X}", "${", "{id}", "\\d", "010", ".inf", "é", "😀", ": "]


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)
@settings(max_examples=200, deadline=None)
@given(text=st.lists(st.sampled_from(BITS), max_size=25).map("".join))
def test_any_text_is_read_or_refused_with_places_inside_of_it(loader: Any, text: str) -> None:
    tree, problems = source.read(text, "f", loader=loader)
    assert tree is not None or problems
    lines = [*text.splitlines(), ""]
    for problem in problems:
        assert 1 <= problem.mark.line <= len(lines)


KEYS = sorted(
    {
        name
        for definition in schema.load()["definitions"].values()
        for branch in schema.branches(definition)
        for name in branch.get("properties", ())
    }
    | set(schema.load()["properties"])
    | {"200", "Id", "$ref", "type", "properties", "x-a"}
)
WORDS = ["", "a:b", "/", "/u/{id}", "GET", "*", "session", "error", "10s", "1MB", "#/schemas/Id", "object", "${X}"]
parts = st.recursive(
    st.sampled_from([*WORDS, None, True, False, 0, 1, 5.5]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=15,
)
routes = st.fixed_dictionaries(
    {"method": st.sampled_from(["GET", "POST", "*", ["GET", "PUT"]]) | parts, "path": parts, "handler": parts},
    optional={"options": parts, "id": parts, "vhost": parts},
)
tables = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys(schema.load()["properties"], parts), "routes": st.lists(routes, max_size=3)}
)


@settings(max_examples=300, deadline=None)
@given(manifest=tables, variable=st.sampled_from(["5", "true", "/a", ""]))
def test_any_table_is_built_or_refused_with_reasons(manifest: dict[str, Any], variable: str) -> None:
    table, problems = check_text(json.dumps(manifest), "f", {"X": variable})
    assert (table is None) == any(not problem.warning for problem in problems)
    assert problems == sorted(set(problems))
    for problem in problems:
        assert problem.mark.line == 1
        assert problem.message
