"""The names and default route options (hapi's `handler.defaults`) of handler kinds; imports no implementation."""

from collections.abc import Mapping
from typing import Any

from hapiish.options.kinds import KINDS


def kind_of(handler: Any) -> str | None:
    """The name of the kind in `handler: {name: options}`; None for a function."""
    return next(iter(handler)) if isinstance(handler, Mapping) and len(handler) == 1 else None


def defaults(name: str, own: Any, method: str) -> Mapping[str, Any]:
    """The default route options of a kind; `own` is its declaration under `kinds`."""
    built_in = KINDS.get(name)
    given = own.get("defaults") if isinstance(own, Mapping) else built_in.defaults if built_in is not None else None
    if method == "GET" and given:
        return {key: value for key, value in given.items() if key != "payload"}
    return given or {}
