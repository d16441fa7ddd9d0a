"""Docstrings say what a thing is or does: they begin with a verb or a noun, never with a question word."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted(path for folder in ("hapiish", "handlers", "models") for path in (ROOT / folder).rglob("*.py"))
QUESTION = re.compile(r"(What|Whether|Where|Who|How|Why|When)\b")


def docstrings(file: Path) -> Iterator[tuple[int, str]]:
    """Yields every text that stands alone: docstrings of modules, classes, functions and attributes, by their line."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_docstring_begins_with_a_question_word(file: Path) -> None:
    assert not [f"{line}: {text}" for line, text in docstrings(file) if QUESTION.match(text)]
