"""Presets, and the places that use them: what is unknown, goes round in circles or gets the wrong parameters."""

from collections.abc import Iterator

from hapiish.table.compose.params import Declared, faults
from hapiish.table.draft import Draft
from hapiish.table.problems import Problem


def uses(draft: Draft) -> Iterator[Problem]:
    """Everything wrong with presets and with the places that use them."""
    yield from draft.layout.problems


def params(draft: Draft) -> Iterator[Problem]:
    """Parameters of tables whose declaration is no JSON Schema."""
    for _, at, declared in draft.sections("params"):
        yield from faults(Declared("the table", declared, draft.marks, at))
