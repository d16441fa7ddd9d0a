"""The names and default route options (hapi's `handler.defaults`) of handler kinds; imports no implementation."""

from collections.abc import Mapping
from typing import Any, Final

BUILT_IN: Final[Mapping[str, Mapping[str, Any]]] = {
    "directory": {},
    "file": {},
    "model": {},
    "view": {},
    "proxy": {"payload": {"output": "stream", "parse": False}},
}
"""The built-in kinds and their default route options; those for a body do not apply to GET routes."""


def kind_of(handler: Any) -> str | None:
    """The name of the kind in `handler: {name: options}`; None for a function."""
    return next(iter(handler)) if isinstance(handler, Mapping) and len(handler) == 1 else None


def defaults(name: str, own: Any, method: str) -> Mapping[str, Any]:
    """The default route options of a kind; `own` is its declaration under `kinds`."""
    given = own.get("defaults") if isinstance(own, Mapping) else BUILT_IN.get(name)
    if method == "GET" and given:
        return {key: value for key, value in given.items() if key != "payload"}
    return given or {}


def spelled(name: str, options: Any) -> Any:
    """Expands the short forms of a kind's options."""
    if name != "model" or not isinstance(options, Mapping):
        return options
    filters = options.get("filters")
    if filters is None:
        return options
    return {
        **options,
        "filters": {field: filters[field] or [] for field in filters}
        if isinstance(filters, Mapping)
        else {field: [] for field in filters},
    }
