"""The options that routes inherit: layers from the defaults of the server down to the innermost group.

Options that many routes inherit are merged once.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from hapiish.declare.option import On, OptionKey, class_of, keys_of
from hapiish.options import RouteOptions
from hapiish.table.merging.merge import Layer, Merged, merge

Part = Callable[[Mapping[str, Any]], Mapping[str, Any]]

GET: Final = "GET"


class Scope:
    """The layers of one group: the defaults of the servers at the bottom, then the groups, outermost first."""

    __slots__ = ("_merged", "above", "servers")

    def __init__(self, servers: tuple[Layer, ...], above: tuple[Layer, ...] = ()) -> None:
        self.servers = servers
        self.above = above
        self._merged: dict[Part | None, Merged] = {}

    def inside(self, *layers: Layer) -> "Scope":
        """Returns this scope with more layers on top; the same scope if they are empty."""
        non_empty = tuple(layer for layer in layers if layer.value)
        return Scope(self.servers, (*self.above, *non_empty)) if non_empty else self

    def of(self, method: str, kind: Layer | None = None) -> Merged:
        """The effective options of routes of a method (uppercase); the defaults of a handler's `kind` are merged over
        those of the servers.

        GET routes have no request body: defaults for bodies do not apply to them.
        """
        part = _bodiless if method == GET else None
        if kind is not None and kind.value:
            return _merged((*self.servers, kind, *self.above), part)
        return self._once(part)

    @property
    def defaults(self) -> Merged:
        """The effective options of routes with a request body."""
        return self._once(None)

    @property
    def for_events(self) -> Merged:
        """The effective options of Socket.IO events."""
        return self._once(_for_event)

    def _once(self, part: Part | None) -> Merged:
        if part not in self._merged:
            self._merged[part] = _merged((*self.servers, *self.above), part)
        return self._merged[part]


def _merged(layers: tuple[Layer, ...], part: Part | None) -> Merged:
    return merge(*(Layer(part(layer.value), layer.at) for layer in layers) if part else layers)


def _bodiless(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options without those for request bodies."""
    kept = {key: given for key, given in value.items() if key != "payload"}
    if isinstance(kept.get("validate"), Mapping):
        kept["validate"] = {key: given for key, given in kept["validate"].items() if key != "payload"}
    return kept


def of_events(layer: Layer) -> Layer:
    """Returns a layer of route options, such as a preset's, with those options that an event may have."""
    value = _part(layer.value, On.EVENT)
    if value.get("auth") is False:  # of routes only: the handshake authenticates events
        value = {key: given for key, given in value.items() if key != "auth"}
    return Layer(value, layer.at)


def _for_event(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return _part(value, On.HANDED_DOWN)


def _part(value: Mapping[str, Any], place: On) -> Mapping[str, Any]:
    return {
        key: {name: options[name] for name in names if name in options}
        if names and isinstance(options, Mapping)
        else options
        for key, names in _options_at(place).items()
        if (options := value.get(key)) is not None
    }


@cache
def _options_at(place: On) -> Mapping[str, tuple[str, ...]]:
    """The options that are allowed at a place, each with its allowed keys if not all are."""
    return {
        key.key: tuple(each.key for each in _keys(key.hint) if place in _places(each))
        for key in keys_of(RouteOptions).values()
        if place in _places(key)
    }


def _keys(hint: Any) -> Iterable[OptionKey]:
    kind = class_of(hint)
    return keys_of(kind).values() if kind is not None else ()


def _places(key: OptionKey) -> On:
    return key.declared.on or On(0)
