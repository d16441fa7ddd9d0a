"""Traces each effective option of a route or event to the layer and the place in the file that decides it.

The layers are those that `table.merging` merges, from the defaults of the server up to an override; a value that no
layer sets is a built-in default. Short forms are spelled out, so that `limit: 5/second` sets `limit[0]`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any, Final

from hapiish.declare.option import bare, class_of, is_options, keys_of, spelled
from hapiish.describe.masking import Masks, without_defaults
from hapiish.options import RouteOptions
from hapiish.table.draft import Draft
from hapiish.table.merging.merge import Layer, Merged, spell_auth
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.merging.resources import is_resource
from hapiish.table.problems import Mark
from hapiish.table.problems.secrets import without_passwords
from hapiish.table.text.marks import Path

DEFAULT: Final = "default"
_ROOT: Final[type | None] = RouteOptions
_SHORT: Final[Mapping[str, tuple[str, ...]]] = {"strategies": ("strategy",), "access": ("scope", "entity")}
_PARAMETER: Final = re.compile(r"\$\{params\.([^}:?.\s]+)")


@dataclass(frozen=True, slots=True)
class OptionSource:
    """A value of an option in one layer, as it is written; `mark` is None for a built-in default. `variable` is its
    source, such as `${NAME:default}`, if it is from outside of the file or from a parameter of the table. `arguments`
    are the places that give these parameters their values: `with` of the use, or the default.

    `layer` is default, server.routes, group, plugin table, preset, kind, resource, action, route, override, namespace,
    event or auth.default; `name` says which one.
    """

    layer: str
    name: str
    value: Any
    mark: Mark | None
    variable: str = ""
    arguments: tuple[Mark, ...] = ()

    @property
    def title(self) -> str:
        """The layer with its name: `preset "admin"`."""
        return f"{self.layer} {self.name}" if self.name else self.layer


@dataclass(frozen=True, slots=True)
class Setting:
    """An effective option: its path in `options`, its value as checked, its source, and what that overrides.

    `overrides` are the values of lower layers, the nearest first. `is_reset`: the layer of `source` resets the option,
    or a group of options around it, to its default.
    """

    path: str
    value: Any
    source: OptionSource
    overrides: tuple[OptionSource, ...] = field(default=())
    is_reset: bool = False


@dataclass(frozen=True, slots=True)
class _Leaf:
    """An option without further options. With `is_listed`, its value is a list whose entries have their own sources."""

    path: tuple[str | int, ...]
    value: Any
    is_listed: bool = False


class Provenance:
    """The origins of the options of one table."""

    def __init__(self, draft: Draft, masks: Masks) -> None:
        self.draft = draft
        self.masks = masks

    def settings(self, merged: Merged, built: RouteOptions, realm: RealmDraft) -> list[Setting]:
        """Returns every option of `built`, which was merged to `merged`, in the order of their declaration."""
        found: list[Setting] = []
        for leaf in _leaves(RouteOptions, built, merged.value, ()):
            found += self._entries(merged, leaf) if leaf.is_listed else [self._setting(merged, leaf, realm)]
        return found

    def source(self, layer: Layer, value: Any, at: Path, keys: Path = ()) -> OptionSource:
        """Returns the source for a value of `layer` at the path `at` of the file."""
        kind, name = self.layer_of(layer.at)
        is_written = kind != "kind" or self.draft.marks.value(at) != self.draft.marks.value(layer.at[:-1])
        mark = self.draft.marks.value(at if is_written else layer.at)
        shown = self.masks.option(value, keys)
        variable = self.variable(at, is_secret=shown != value)
        return OptionSource(kind, name, shown, mark, variable, self.arguments(at, variable))

    def variable(self, at: Path, *, is_secret: bool) -> str:
        """Returns the source with `${…}` of the scalar at a path of the file; empty for a literal."""
        realm = self.draft.realm_at(at)
        found = realm.part.tree.substituted.get(at[len(realm.at) :])
        if found is None or "${" not in found.written:
            return ""
        return without_defaults(found.written) if is_secret else without_passwords(found.written)

    def arguments(self, at: Path, variable: str) -> tuple[Mark, ...]:
        """Returns the places of the values of the table's parameters in the source of a scalar at a path."""
        realm = self.draft.realm_at(at)
        names = dict.fromkeys(_PARAMETER.findall(variable))
        return tuple(mark for name in names if (mark := self._argument(realm, name)) is not None)

    def _argument(self, realm: RealmDraft, name: str) -> Mark | None:
        given = realm.part.entry.get("with")
        if realm.host is not None and isinstance(given, Mapping) and name in given:
            return self.draft.marks.value((*realm.host.at, *realm.part.entry_at, "with", name))
        declared = realm.value.get("params")
        rule = declared.get(name) if isinstance(declared, Mapping) else None
        if isinstance(rule, Mapping) and "default" in rule:
            return self.draft.marks.value((*realm.at, "params", name, "default"))
        return None

    def layer_of(self, at: Path) -> tuple[str, str]:
        """Returns the kind and the name of the layer at a path of the file."""
        realm = self.draft.realm_at(at)
        label = realm.part.label
        match at[len(realm.at) :]:
            case ():
                return "plugin table", label
            case ("server", "routes", *_):
                return "server.routes", f"of {label}" if label else ""
            case ("presets", name, *_):
                return "preset", f'"{name}"' + (f" of {label}" if label else "")
            case ("plugins", _, "override", id, *_):
                return "override", f'"{id}"'
            case ("plugins", index, *_):
                return "plugin table", str(realm.value["plugins"][index].get("table", ""))
            case ("sockets", "namespaces", _, "events", *_):
                return "event", ""
            case ("sockets", "namespaces", *_):
                return "namespace", str(self._value(at[: len(realm.at) + 3]).get("namespace") or "/")
            case (*_, "handler", kind):
                return "kind", f'"{kind}"'
            case (*_, "routes", _, "actions", name, "options"):
                return "action", f'"{name}"'
            case (*_, "routes", _, "options"):
                route = self._value(at[:-1])
                return ("resource", f'"{route["resource"]}"') if is_resource(route) else ("route", "")
            case ("groups", *_):
                group = self._value(at[:-1] if at[-1] == "options" else at)
                return "group", str(group.get("prefix") or "")
        return "route", ""

    def _value(self, path: Path) -> Mapping[str, Any]:
        value = self._value_at(path)
        return value if isinstance(value, Mapping) else {}

    def _setting(self, merged: Merged, leaf: _Leaf, realm: RealmDraft) -> Setting:
        path = dotted(leaf.path)
        found: list[tuple[OptionSource, bool]] = []
        for layer in reversed(merged.layers):
            given = _given(layer, leaf.path)
            if given is not None:
                value, at, is_reset = given
                found.append((self.source(layer, value, at, leaf.path), is_reset))
        value = self.masks.option(leaf.value, leaf.path)
        if not found and leaf.path[0] == "auth" and leaf.value is not None:
            written, at = realm.default_auth
            spelled_default = spell_auth(written)
            if isinstance(spelled_default, Mapping) and (len(leaf.path) < 2 or leaf.path[1] in spelled_default):
                source = OptionSource("auth.default", "", self.masks.option(written, ("auth",)), self.draft.mark(*at))
                return Setting(path, value, source)
        if not found:
            return Setting(path, value, OptionSource(DEFAULT, "", value, None))
        (source, is_reset), *others = found
        return Setting(path, value, source, tuple(other for other, reset in others if not reset), is_reset)

    def _entries(self, merged: Merged, leaf: _Leaf) -> Iterator[Setting]:
        """Yields the entries of a list, each with its own source; a replaced list is overridden by the first one."""
        places = merged.extensions(str(leaf.path[1])) if leaf.path[0] == "ext" else merged.entries(leaf.path)
        used = [self._layer_at(merged, place) for place in places]
        lower = [
            self.source(layer, *given[:2], leaf.path)
            for layer in reversed(merged.layers)
            if layer not in used and (given := _given(layer, leaf.path)) is not None and given[0] is not None
        ]
        for index, (value, place, layer) in enumerate(zip(leaf.value, places, used, strict=False)):
            keys = (*leaf.path, index)
            written = self._value_at(place)
            source = self.source(layer, value if written is None else written, place, keys)
            yield Setting(dotted(keys), self.masks.option(value, keys), source, tuple(lower) if index == 0 else ())

    def _layer_at(self, merged: Merged, place: Path) -> Layer:
        inside = [layer for layer in merged.layers if place[: len(layer.at)] == layer.at]
        return max(inside, key=lambda layer: len(layer.at), default=merged.layers[-1])

    def _value_at(self, place: Path) -> Any:
        value: Any = self.draft.value
        for step in place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def dotted(path: Path) -> str:
    """Returns a path as text: `ext.onPreAuth[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def plain(value: Any) -> Any:
    """Returns a value of a table in JSON's types, with the keys of the file; options with default values are omitted.

    A group of options that is switched off is false.
    """
    if is_dataclass(value) and not isinstance(value, type):
        keys = [each for each in keys_of(type(value)).values() if each.is_attribute]
        given = {each.key: (getattr(value, each.name), each.default) for each in keys}
        return {key: plain(inner) for key, (inner, default) in given.items() if inner != default}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value


def _leaves(kind: type, built: Any, written: Any, path: Path) -> Iterator[_Leaf]:
    for key in keys_of(kind).values():
        if not key.is_attribute:
            continue
        value, at = getattr(built, key.name), (*path, key.key)
        inside = written.get(key.key) if isinstance(written, Mapping) else None
        if is_dataclass(value) and is_options(type(value)):
            if key.default is None and key.key != "auth":
                yield _Leaf(at, True)
            yield from _leaves(type(value), value, inside, at)
        elif key.key == "ext":
            yield from (_Leaf((*at, point), plain(functions), True) for point, functions in value.items())
        elif _is_of_entries(value):
            yield _Leaf(at, plain(value), True)
        elif value is None and class_of(key.hint) is not None:
            yield _Leaf(at, False)
        elif isinstance(value, Mapping) and value and isinstance(inside, Mapping) and not _is_whole(key.hint):
            yield from _members(value, inside, at)
        else:
            yield _Leaf(at, plain(value) if inside is None or not isinstance(inside, Mapping) else plain(inside))


def _members(value: Mapping[Any, Any], written: Mapping[str, Any], path: Path) -> Iterator[_Leaf]:
    for name, inner in value.items():
        given = written.get(name, written.get(str(name)))
        yield _Leaf((*path, str(name)), plain(inner if given is None else given))


def _is_of_entries(value: Any) -> bool:
    """Returns whether a value is a list of options, or of lists of them."""
    if not isinstance(value, tuple) or not value:
        return False
    first = value[0][0] if isinstance(value[0], tuple) and value[0] else value[0]
    return is_dataclass(first) and type(first).__name__ != "Access"


def _is_whole(hint: Any) -> bool:
    """Returns whether a mapping is one value, such as a schema."""
    kind, _ = bare(hint)
    return class_of(hint) is None and "dict" in str(kind)


def _given(layer: Layer, path: Path) -> tuple[Any, Path, bool] | None:
    """Returns the value that a layer gives the option at `path`, its place, and whether it is a reset; None for none.

    Short forms on the way are spelled out; their options are at the place of the short form.
    """
    value: Any = layer.value
    at, kind, is_spelled = layer.at, _ROOT, False
    for depth, step in enumerate(path):
        if value is None or value is False:
            return value, at, True
        if not isinstance(value, Mapping):
            if kind is None or isinstance(value, list):
                return None
            value, is_spelled = spelled(kind, value), True
        given = next((each for each in (step, *_short_for(path[0], depth, step)) if value.get(each) is not None), step)
        if given not in value:
            return None
        value = value[given]
        at = at if is_spelled else (*at, given)
        if given != step:
            return value, at, False
        key = keys_of(kind).get(str(step)) if kind is not None else None
        kind = class_of(key.hint) if key is not None else None
    return value, at, value is None


def _short_for(option: Any, depth: int, step: Any) -> tuple[str, ...]:
    """Returns the keys of `auth` that are short for another one."""
    return _SHORT.get(step, ()) if option == "auth" and depth == 1 else ()
