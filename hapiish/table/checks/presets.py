"""Presets, and the places that use them: what is unknown, goes round in circles or gets the wrong parameters."""

from collections.abc import Iterator

from hapiish.table.draft import Draft
from hapiish.table.params import Declared, faults
from hapiish.table.problems import Problem


def uses(draft: Draft) -> Iterator[Problem]:
    """Everything wrong with presets and with the places that use them."""
    assert draft.routes is not None  # laying them out uses the presets
    yield from draft.presets.judge()


def params(draft: Draft) -> Iterator[Problem]:
    """Parameters of the table whose declaration is no JSON Schema."""
    yield from faults(Declared("the table", draft.section("params"), draft.marks, ("params",)))
