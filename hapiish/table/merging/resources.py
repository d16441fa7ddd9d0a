"""An entry of `routes` with `resource: name` to the entries of the six routes that it stands for.

Each is written as if it stood in the file by itself, and remembers where in the file its parts come from.
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
"""The method of each action, and whether it is about one document."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A route as it is written at `at`, with its handler at `handler_at`; `options` are those of this route alone."""

    at: Path
    value: Mapping[str, Any]
    handler_at: Path


def is_resource(value: Mapping[str, Any]) -> bool:
    """Whether an entry stands for several routes."""
    return value.get("resource") is not None


def entries(at: Path, value: Mapping[str, Any]) -> Iterator[Entry]:
    """The routes of an entry: itself, or those of the resource."""
    if not is_resource(value):
        yield Entry(at, value, (*at, "handler"))
        return
    actions = value.get("actions")
    changes = actions if isinstance(actions, Mapping) else {}
    for name in ACTIONS:
        if changes.get(name) is not False:
            yield _entry(at, value, name, changes.get(name))


def _entry(at: Path, value: Mapping[str, Any], name: str, change: Any) -> Entry:
    method, is_single = ACTIONS[name]
    own = change if isinstance(change, Mapping) else {}
    here = (*at, "actions", name) if own else at
    handler, handler_at = value.get("handler"), (*at, "handler")
    if own.get("handler") is not None:
        handler, handler_at = own["handler"], (*here, "handler")
    path = value.get("path")
    made = {
        "method": method,
        "path": _single(path, value.get("handler")) if is_single and isinstance(path, str) else path,
        "id": own.get("id") or f"{value['resource']}.{name}",
        "vhost": value.get("vhost"),
        "handler": _acting(handler, name),
        "options": own.get("options"),
    }
    return Entry(here, {key: it for key, it in made.items() if it is not None}, handler_at)


def _acting(handler: Any, name: str) -> Any:
    """The handler of a resource as that of one action."""
    if kind_of(handler) != "model":
        return handler
    settings = handler["model"]
    return {"model": {"action": name, **({"name": settings} if isinstance(settings, str) else settings or {})}}


def _single(path: Any, handler: Any) -> str:
    """The path of one document: the lookup's parameter at the end."""
    settings = handler.get("model") if isinstance(handler, Mapping) else None
    lookup = settings.get("lookup") if isinstance(settings, Mapping) else None
    if isinstance(lookup, str):
        lookup = {"field": lookup}
    elif not isinstance(lookup, Mapping):
        lookup = {}
    field = lookup.get("field") or "_id"
    param = lookup.get("param") or ("id" if field == "_id" else str(field).replace(".", "_"))
    return f"{str(path).rstrip('/')}/{{{param}}}"
