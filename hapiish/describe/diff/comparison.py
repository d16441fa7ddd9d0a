"""Compares two tables: all changes that their clients can notice, each with a verdict."""

from collections.abc import Iterator, Mapping
from typing import Any

from hapiish.describe.diff.change import ChangeSubject, Direction, TableChange, worst
from hapiish.describe.diff.equality import Equality
from hapiish.describe.diff.relaxing import defined
from hapiish.describe.diff.routes import compare_routes
from hapiish.describe.diff.settings import compare_settings
from hapiish.describe.diff.sockets import compare_sockets
from hapiish.describe.diff.values import COMPARISONS, Side
from hapiish.describe.surface import Surface, names_in
from hapiish.grammar.schema import fragment


def compare(old: Surface, new: Surface) -> list[TableChange]:
    """Returns the changes from one table to another, in the order of the tables."""
    return [
        *compare_routes(old, new),
        *compare_sockets(old, new),
        *compare_settings(old, new),
        *_schemas(old, new),
    ]


def _schemas(old: Surface, new: Surface) -> Iterator[TableChange]:
    """Yields the changes of `schemas`, judged in the directions in which routes, events and emits use them."""
    uses = _uses(old), _uses(new)
    equality = Equality({**defined(True, old.schemas, "old"), **defined(True, new.schemas, "new")})
    for name in {**old.schemas, **new.schemas}:
        subject = ChangeSubject("schema", name)
        if name not in new.schemas:
            text = "the schema is gone; its uses are judged where they are"
            yield TableChange(
                subject=subject, verdict="safe", rule="named-schema-removed", direction="both", text=text, new=None
            )
        elif name not in old.schemas:
            yield TableChange(
                subject=subject,
                verdict="safe",
                rule="named-schema-added",
                direction="both",
                text="new schema",
                old=None,
            )
        elif not equality.same(equality.definitions[f"old:{name}"], equality.definitions[f"new:{name}"]):
            yield _named(name, old.schemas, new.schemas, uses[0].get(name, set()) & uses[1].get(name, set()))


def _named(name: str, old: Mapping[str, Any], new: Mapping[str, Any], directions: set[Direction]) -> TableChange:
    reference = {"$ref": "#/schemas/" + fragment(name)}
    sides = Side(reference, old), Side(reference, new)
    verdicts = {each: worst(edit.verdict for edit in COMPARISONS.edits(*sides, each)) for each in sorted(directions)}
    words = [
        f"{verdict} where clients {'send' if direction == 'sent' else 'receive'} it"
        for direction, verdict in verdicts.items()
    ]
    return TableChange(
        subject=ChangeSubject("schema", name),
        verdict=worst(verdicts.values()),
        rule="named-schema-changed",
        direction="both" if len(directions) != 1 else next(iter(directions)),
        text=f"the schema changes: {', '.join(words) or 'safe, as nothing uses it'}",
    )


def _uses(table: Surface) -> dict[str, set[Direction]]:
    """Returns the directions in which each named schema is used."""
    uses: dict[str, set[Direction]] = {}

    def note(schema: Any, direction: Direction) -> None:
        if isinstance(schema, dict):
            for name in names_in(schema, table.schemas):
                uses.setdefault(name, set()).add(direction)

    for route in table.routes:
        for each in (route.params, route.query, route.headers, route.state, route.body):
            note(each.schema if each is not None else None, "sent")
        for answer in route.answers:
            note(answer.schema, "received")
    for namespace in table.namespaces:
        note(namespace.handshake, "sent")
        for event in namespace.events:
            note(event.payload, "sent")
            note(event.ok, "received")
        for emit in namespace.emits:
            note(emit.payload, "received")
    return uses
