"""The options that hold at a place before a route has said a word: layers from the server's defaults inwards.

Knows no routes and no presets, only layers; what many routes inherit is merged once.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Final

from hapiish.options import RouteOptions
from hapiish.options.declare import Key, On, class_of, keys_of
from hapiish.table.merge import Layer, Merged, merge

Part = Callable[[Mapping[str, Any]], Mapping[str, Any]]

GET: Final = "GET"


class Scope:
    """The layers of one place: the servers' defaults at the bottom, then those of groups from the outside inwards."""

    __slots__ = ("_merged", "above", "servers")

    def __init__(self, servers: tuple[Layer, ...], above: tuple[Layer, ...] = ()) -> None:
        self.servers = servers
        self.above = above
        self._merged: dict[str, Merged] = {}

    def inside(self, *layers: Layer) -> "Scope":
        """This scope with more layers on top; the same one when they say nothing."""
        told = tuple(layer for layer in layers if layer.value)
        return Scope(self.servers, (*self.above, *told)) if told else self

    def of(self, method: str, kind: Layer | None = None) -> Merged:
        """The options in effect for routes of a method, in upper case; what a handler's `kind` brings lies upon the
        servers' defaults.

        GET routes have no request body: what defaults say of bodies is not meant for them.
        """
        part = _bodiless if method == GET else None
        if kind is not None and kind.value:
            return _merged((*self.servers, kind, *self.above), part)
        return self._once(GET if method == GET else "", part)

    @property
    def defaults(self) -> Merged:
        """The options in effect for routes with a request body."""
        return self._once("", None)

    @property
    def for_events(self) -> Merged:
        """The options in effect for events of Socket.IO."""
        return self._once("event", _for_event)

    def _once(self, key: str, part: Part | None) -> Merged:
        if key not in self._merged:
            self._merged[key] = _merged((*self.servers, *self.above), part)
        return self._merged[key]


def _merged(layers: tuple[Layer, ...], part: Part | None) -> Merged:
    return merge(*(Layer(part(layer.value), layer.at) for layer in layers) if part else layers)


def _bodiless(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Options without what they say of request bodies."""
    kept = {key: given for key, given in value.items() if key != "payload"}
    if isinstance(kept.get("validate"), Mapping):
        kept["validate"] = {key: given for key, given in kept["validate"].items() if key != "payload"}
    return kept


def of_events(layer: Layer) -> Layer:
    """Returns a layer of route options, such as a preset's, with those options that an event may have."""
    return Layer(_part(layer.value, On.EVENT), layer.at)


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
    """The options that may stand at a place, each with its keys where not all of them may."""
    return {
        key.key: tuple(each.key for each in _keys(key.hint) if place in _places(each))
        for key in keys_of(RouteOptions).values()
        if place in _places(key)
    }


def _keys(hint: Any) -> Iterable[Key]:
    kind = class_of(hint)
    return keys_of(kind).values() if kind is not None else ()


def _places(key: Key) -> On:
    return key.declared.on or On(0)
