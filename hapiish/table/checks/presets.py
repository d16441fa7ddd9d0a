"""Checks presets and their uses: unknown names, cycles and parameters."""

from collections.abc import Iterator

from hapiish.table.compose.params import DeclaredParams, declaration_problems
from hapiish.table.draft import Draft
from hapiish.table.problems import Problem


def uses(draft: Draft) -> Iterator[Problem]:
    """The problems of presets and of the places that use them."""
    yield from draft.layout.problems


def params(draft: Draft) -> Iterator[Problem]:
    """Declarations of a table's parameters that are not a JSON Schema."""
    for _, at, declared in draft.sections("params"):
        yield from declaration_problems(DeclaredParams("the table", declared, draft.marks, at))
