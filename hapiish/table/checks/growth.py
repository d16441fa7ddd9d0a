"""Schemas that a short text makes endlessly expensive; nothing else may look at them before."""

from collections.abc import Iterator

from hapiish.table.draft import Draft
from hapiish.table.places import schemas_within
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.schemas.weight import HEAVIEST, Weights
from hapiish.table.text.budget import OverspentError


def weights(draft: Draft) -> Iterator[Problem]:
    """Raises OverspentError for the first schema that is too expensive, so that nobody asks it for a verdict."""
    known = [Weights(library) for library in draft.libraries]
    for place, schema in draft.written_schemas:
        if not isinstance(schema, dict):
            continue
        root = draft.root(place, schema)
        if not root.references and len(root.places) <= HEAVIEST:
            continue  # no more than is written there
        for inside, _ in schemas_within((), schema):
            if known[draft.realm_at(place).index].of(root, inside) > HEAVIEST:
                message = f"this schema and those it refers to would validate a value more than {HEAVIEST:,} times"
                hint = "remove references that apply the same schema to the same value repeatedly"
                raise OverspentError(Problem(draft.mark(*place, *inside), Code.SCHEMA_WEIGHT, message, hint))
    yield from ()
