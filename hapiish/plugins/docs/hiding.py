"""The part of a table that a page shows: without internal routes, hidden routes and events, and what only they use."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from hapiish.options import Event, Route, Table

Document = dict[str, Any]


def visible(table: Table, hidden_tags: Collection[str]) -> Table:
    """Returns the table without hidden routes and events: internal, tagged, or `plugins: {docs: {hidden: true}}`."""

    def is_shown(item: Route | Event) -> bool:
        options = item.options
        said = options.plugins.get("docs")
        hides = isinstance(said, dict) and said.get("hidden") is True
        return not (hides or options.is_internal or any(tag in hidden_tags for tag in options.tags))

    sockets = table.sockets
    if sockets is not None:
        namespaces = [
            replace(each, events=tuple(filter(is_shown, each.events)))
            for each in sockets.namespaces
            if not each.events or any(map(is_shown, each.events))
        ]
        sockets = replace(sockets, namespaces=tuple(namespaces))
    shown = replace(table, routes=tuple(filter(is_shown, table.routes)), sockets=sockets)
    shown.set_outside(table.outside)
    return shown


def of_host(table: Table, host: str | None) -> Table:
    """Returns the table with the routes of one virtual host only; None for the routes of all hosts."""
    shown = replace(table, routes=tuple(route for route in table.routes if route.vhost == host))
    shown.set_outside(table.outside)
    return shown


def pruned(document: Document) -> Document:
    """Returns the document without the schemas that no route or event refers to, directly or through another schema."""
    schemas = document.get("components", {}).get("schemas")
    if not schemas:
        return document
    components = {key: value for key, value in document["components"].items() if key != "schemas"}
    used: dict[str, None] = {}
    waiting = [*_references({**document, "components": components})]
    while waiting:
        name = waiting.pop()
        if name in schemas and name not in used:
            used[name] = None
            waiting += _references(schemas[name])
    kept = {name: schema for name, schema in schemas.items() if name in used}
    return {**document, "components": {**components, **({"schemas": kept} if kept else {})}}


def _references(root: Any) -> Iterator[str]:
    """Yields the names in all `$ref: "#/components/schemas/Name"`; not recursive, since schemas may be deep."""
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            target = value.get("$ref")
            if isinstance(target, str) and target.startswith("#/components/schemas/"):
                yield target.split("/")[3].replace("~1", "/").replace("~0", "~")
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
