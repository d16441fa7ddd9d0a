"""`${…}` in values: sources, types, and secrecy of the values."""

from pathlib import Path
from typing import Any

import pytest

from hapiish.table.compose.expand import expand, redact
from hapiish.table.problems import Mark, Problem
from hapiish.table.text import source

ENV = {"NAME": "alice", "PORT": "8080", "ON": "true", "EMPTY": "", "ZIP": "0815", "NULLISH": "null"}


def expanded(text: str, folder: Path = Path()) -> tuple[Any, list[Problem], source.Tree]:
    tree, problems = source.read(text, "f")
    assert tree is not None
    assert problems == []
    result, faults = expand(tree, ENV, folder)
    return result.value, faults, result


VALUES: list[tuple[str, Any]] = [
    ("a: ${NAME}", "alice"),
    ("a: ${PORT}", 8080),
    ("a: '${PORT}'", "8080"),
    ("a: ${ON}", True),
    ("a: '${ON}'", "true"),
    ("a: ${ZIP}", "0815"),
    ("a: ${NULLISH}", None),
    ("a: ${UNSET:3000}", 3000),
    ("a: ${UNSET:}", None),
    ("a: '${UNSET:}'", ""),
    ("a: ${EMPTY:other}", "other"),
    ("a: ${UNSET:http://x:1}", "http://x:1"),
    ("a: ${NAME:?needed}", "alice"),
    ("a: http://${NAME}:${PORT}/x", "http://alice:8080/x"),
    ("a: 1${UNSET:2}", "12"),
    ("a: $${NAME}", "${NAME}"),
    ("a: x$${NAME}-${NAME}", "x${NAME}-alice"),
    ("a: $NAME $ {NAME}", "$NAME $ {NAME}"),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_a_variable_is_filled_in_and_typed_by_how_it_is_written(text: str, value: Any) -> None:
    result, problems, _ = expanded(text)
    assert problems == []
    assert (type(result["a"]), result["a"]) == (type(value), value)


def test_variables_are_filled_in_at_any_depth_and_keys_stay_as_they_are() -> None:
    assert expanded("${NAME}: [x, {b: ['${NAME}']}]")[0] == {"${NAME}": ["x", {"b": ["alice"]}]}


def test_a_secret_file_loses_one_final_line_break(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n\n")
    absolute, _, _ = expanded(f"a: ${{file:{tmp_path}/key}}")
    relative, _, _ = expanded("a: '${file:key}'", tmp_path)
    assert absolute == relative == {"a": "s3cret\n"}


FAULTS: list[tuple[str, str, str]] = [
    ("a: ${UNSET}", "HA0121", "environment variable UNSET is not set"),
    ("a: ${EMPTY}", "HA0121", "environment variable EMPTY is empty"),
    ("a: ${UNSET:?make one with openssl rand}", "HA0121", "UNSET is not set: make one with openssl rand"),
    ("a: ${file:/nowhere/at/all}", "HA0123", 'the file "/nowhere/at/all" cannot be read'),
    ("a: ${1X}", "HA0122", '"${1X}" is not a valid reference to a variable'),
    ("a: ${}", "HA0122", '"${}" is not a valid reference to a variable'),
    ("a: x${NAME", "HA0122", 'unclosed "${"'),
]


@pytest.mark.parametrize(("text", "code", "message"), FAULTS)
def test_what_cannot_be_filled_in_is_a_problem_at_its_place(text: str, code: str, message: str) -> None:
    _, (problem,), tree = expanded(text)
    assert problem.code == code
    assert message in problem.message
    assert str(problem.mark) == "f:1:4"
    assert tree.broken == {("a",)}


def test_every_missing_variable_is_named_not_only_the_first() -> None:
    _, problems, _ = expanded("a: ${ONE}${TWO}\nb: ${THREE}")
    assert [problem.message.split()[2] for problem in problems] == ["ONE", "TWO", "THREE"]


def test_a_misspelt_variable_is_answered_with_the_nearest_one() -> None:
    _, (problem,), _ = expanded("a: ${PROT}")
    assert problem.hint.startswith("did you mean PORT?")


def test_both_readings_of_a_filled_in_scalar_are_kept() -> None:
    _, _, tree = expanded("a: ${PORT}\nb: '${PORT}'\nc: x-${PORT}")
    assert {path[0]: filled.other for path, filled in tree.substituted.items()} == {
        "a": "8080",
        "b": 8080,
        "c": "x-8080",
    }


def test_values_from_outside_are_veiled_in_quoted_words_of_a_problem() -> None:
    _, _, tree = expanded("a: ${NAME}\nb: ${PORT}\nc: ${UNSET:default}")
    problem = Problem(
        Mark("f", 1, 1), "X", 'no "alice" in "/x/alice"', 'not "default"', ((Mark("f", 2, 1), '"alice"'),)
    )
    redacted = redact(problem, tree.secrets)
    assert redacted.message == 'no "${NAME}" in "/x/${NAME}"'
    assert redacted.hint == 'not "default"'
    assert redacted.related[0][1] == '"${NAME}"'
