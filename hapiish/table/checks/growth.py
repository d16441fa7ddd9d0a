"""The guard against short schemas of extreme cost: references that apply schemas again and again to the same value.

It runs before the checks, some of which validate values by the schemas of the table.
"""

from hapiish.table.draft import Draft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.schemas.weight import HEAVIEST, Weights
from hapiish.table.text.budget import OverspentError
from hapiish.table.text.tree import schemas_within


def forbid_heavy_schemas(draft: Draft) -> None:
    """Raises OverspentError for the first schema whose validation is too expensive."""
    known = [Weights(library) for library in draft.libraries]
    for place, schema in draft.written_schemas:
        if not isinstance(schema, dict):
            continue
        root = draft.root(place, schema)
        if not root.references and root.size <= HEAVIEST:
            continue  # without references the text itself bounds the cost
        for inside, _ in schemas_within((), schema):
            if known[draft.realm_at(place).index].of(root, inside) > HEAVIEST:
                message = f"this schema and those it refers to would validate a value more than {HEAVIEST:,} times"
                hint = "remove references that apply the same schema to the same value repeatedly"
                raise OverspentError(Problem(draft.mark(*place, *inside), Code.SCHEMA_WEIGHT, message, hint))
