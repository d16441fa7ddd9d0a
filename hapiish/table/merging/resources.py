"""Expands an entry of `routes` with `resource: name` into the entries of its six routes.

Each entry reads as if it were written in the file, and keeps the paths of its parts there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hapiish.table.kinds import kind_of
from hapiish.table.text.marks import Path

ACTIONS: Final[Mapping[str, tuple[str, bool]]] = {
    "list": ("GET", False),
    "create": ("POST", False),
    "get": ("GET", True),
    "replace": ("PUT", True),
    "update": ("PATCH", True),
    "delete": ("DELETE", True),
}
"""The method of each action, and whether its path addresses one document."""


@dataclass(frozen=True, slots=True)
class RouteEntry:
    """A route at the path `at`, with its handler at `handler_at`; `options` are those of this route only."""

    at: Path
    value: Mapping[str, Any]
    handler_at: Path


def is_resource(value: Mapping[str, Any]) -> bool:
    """Returns whether an entry is a resource."""
    return value.get("resource") is not None


def entries(at: Path, value: Mapping[str, Any]) -> Iterator[RouteEntry]:
    """The routes of an entry: itself, or the routes of the resource."""
    if not is_resource(value):
        yield RouteEntry(at, value, (*at, "handler"))
        return
    actions = value.get("actions")
    changes = actions if isinstance(actions, Mapping) else {}
    for name in ACTIONS:
        if changes.get(name) is not False:
            yield _entry(at, value, name, changes.get(name))


def _entry(at: Path, value: Mapping[str, Any], name: str, change: Any) -> RouteEntry:
    method, is_single = ACTIONS[name]
    action = change if isinstance(change, Mapping) else {}
    here = (*at, "actions", name) if action else at
    handler, handler_at = value.get("handler"), (*at, "handler")
    if action.get("handler") is not None:
        handler, handler_at = action["handler"], (*here, "handler")
    path = value.get("path")
    entry = {
        "method": method,
        "path": _document_path(path, value.get("handler")) if is_single and isinstance(path, str) else path,
        "id": action.get("id") or f"{value['resource']}.{name}",
        "vhost": value.get("vhost"),
        "handler": _handler_of_action(handler, name),
        "options": action.get("options"),
    }
    return RouteEntry(here, {key: part for key, part in entry.items() if part is not None}, handler_at)


def _handler_of_action(handler: Any, name: str) -> Any:
    if kind_of(handler) != "model":
        return handler
    settings = handler["model"]
    return {"model": {"action": name, **({"name": settings} if isinstance(settings, str) else settings or {})}}


def _document_path(path: Any, handler: Any) -> str:
    """The path of one document: the path of the resource and the parameter of the lookup."""
    settings = handler.get("model") if isinstance(handler, Mapping) else None
    lookup = settings.get("lookup") if isinstance(settings, Mapping) else None
    if isinstance(lookup, str):
        lookup = {"field": lookup}
    elif not isinstance(lookup, Mapping):
        lookup = {}
    field = lookup.get("field") or "_id"
    param = lookup.get("param") or ("id" if field == "_id" else str(field).replace(".", "_"))
    return f"{str(path).rstrip('/')}/{{{param}}}"
