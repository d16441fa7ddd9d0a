"""The one merge of options: later layers win, objects merge, lists and scalars are replaced, null resets.

`{add: [...]}` appends to the inherited list. hapi's rules: schemas are replaced as a whole, extension functions add
up, and `cors: true` or `security: true` over an inherited object keeps it. A layer has its path in the file, so that
every effective option can be traced to its line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, Union, get_args, get_origin

from hapiish.declare.option import Merge, bare, is_options, keys_of
from hapiish.declare.types import RULE
from hapiish.options import RouteOptions
from hapiish.table.text.marks import Path

Options = dict[str, Any]

# Enumerations are slow to ask for their members, and this is done for every key of every route.
_WHOLE, _LIST, _FREE, _SWITCH = Merge.WHOLE, Merge.LIST, Merge.FREE, Merge.SWITCH
_AUTH, _NEVER, _ADDED = Merge.AUTH, Merge.NEVER, Merge.ADDED


@dataclass(frozen=True, slots=True)
class Layer:
    """Options at one path of the file."""

    value: Mapping[str, Any]
    at: Path


@dataclass(frozen=True, slots=True)
class Merged:
    """Effective options, and the layers that they come from."""

    value: Options
    layers: tuple[Layer, ...]

    def origin(self, *path: str | int) -> Path:
        """The path in the file of the value that decides the option at `path`."""
        if path[:1] == ("ext",) and len(path) > 2 and isinstance(path[2], int):
            return (*self.extensions(str(path[1]))[path[2]], *path[3:])
        for depth, step in enumerate(path):
            if isinstance(step, int) and any(_adds(layer.value, path[:depth]) for layer in self.layers):
                places = self.entries(path[:depth])
                if step < len(places):
                    return (*places[step], *path[depth + 1 :])
        for layer in reversed(self.layers):
            depth, value = _follow(layer.value, path)
            if depth == len(path) or (depth and value is not True and not isinstance(value, Mapping)):
                return (*layer.at, *path[:depth])
        return (*self.layers[-1].at, *path)

    def extensions(self, point: str) -> list[Path]:
        """The paths of the extension functions of all layers at a point, in order."""
        places: list[Path] = []
        for layer in self.layers:
            points = layer.value.get("ext", ())
            if points is None or (point in points and points[point] is None):
                places.clear()
            elif point in points:
                at = (*layer.at, "ext", point)
                given = points[point]
                places += [(*at, number) for number in range(len(given))] if isinstance(given, list) else [at]
        return places

    def entries(self, path: Path) -> list[Path]:
        """The path of each entry of the list at `path`, to which several layers may add."""
        places: list[Path] = []
        for layer in self.layers:
            depth, value = _follow(layer.value, path)
            if depth < len(path):
                if depth and value is not True and not isinstance(value, Mapping):
                    places.clear()
                continue
            at = (*layer.at, *path)
            added = added_by(value)
            if added is None:
                places.clear()
                many = isinstance(value, list)
                places += [(*at, index) for index in range(len(value))] if many else [at] if listed(value) else []
            else:
                places += [(*at, "add", index) for index in range(len(added))]
        return places

    def under(self, layer: Layer) -> "Merged":
        """Merges one more layer on top; values that the layer does not set stay the same objects."""
        return Merged(_merge(self.value, layer.value, _rules()), (*self.layers, layer))


def merge(*layers: Layer) -> Merged:
    """Merges `layers`, the last one on top."""
    merged = Merged({}, ())
    for layer in layers:
        merged = merged.under(layer)
    return merged


def added_by(value: Any) -> list[Any] | None:
    """The entries of `{add: [...]}`, which extends an inherited list; None for any other value."""
    if not isinstance(value, Mapping) or not isinstance(value.get("add"), list):
        return None
    return list(value["add"]) if all(key == "add" or key.startswith("x-") for key in value) else None


def listed(value: Any) -> list[Any]:
    """Returns a value as a list: a single entry is a list of one, None and False are empty."""
    return list(value) if isinstance(value, list) else [] if value in (None, False) else [value]


def spell_auth(value: Any) -> Any:
    """Expands the short forms of `auth`: returns False, or a mapping of `strategies`, `mode` and `access`."""
    if isinstance(value, str):
        return {"strategies": [value]}
    if not isinstance(value, Mapping):
        return value
    spelled = {key: value[key] for key in ("strategies", "mode", "access") if key in value}
    if "payload" in value:
        spelled["payload"] = "required" if value["payload"] is True else value["payload"]
    if value.get("strategy") is not None:
        spelled["strategies"] = [value["strategy"]]
    rule = {key: value[key] for key in ("scope", "entity") if value.get(key) is not None}
    if rule:
        spelled["access"] = [rule]
    elif isinstance(spelled.get("access"), Mapping):
        spelled["access"] = [spelled["access"]]
    return spelled


@cache
def _rules() -> dict[str, Any]:
    return rules_of(RouteOptions)


def rules_of(kind: type) -> dict[str, Any]:
    """The merge rule of each option of a class, by key; options that merge as a mapping or are replaced have none."""
    rules = {key: each.declared.merge or _rule_of(each.hint) for key, each in keys_of(kind).items()}
    rules = {key: {"*": rule} if rule is Merge.ADDED else rule for key, rule in rules.items()}
    return {key: rule for key, rule in rules.items() if rule}


def _rule_of(hint: Any) -> Any:
    kind, markers = bare(hint)
    origin, inner = get_origin(kind), get_args(kind)
    if RULE in markers:
        return Merge.WHOLE
    if origin is tuple:
        return Merge.LIST
    if origin is Mapping:
        rule = Merge.FREE if inner[1] is Any else _rule_of(inner[1])
        return rule if rule in (None, Merge.FREE) else {"*": rule}
    if origin in (Union, UnionType):
        return next((rule for each in inner if (rule := _rule_of(each))), None)
    return rules_of(kind) if is_options(kind) else None


def _adds(value: Any, path: Path) -> bool:
    depth, found = _follow(value, path)
    return depth == len(path) and added_by(found) is not None


def _follow(value: Any, path: Path) -> tuple[int, Any]:
    """The number of steps of `path` that exist in `value`, and the value there."""
    for depth, step in enumerate(path):
        inside = isinstance(step, int) and step < len(value) if isinstance(value, list) else step in value
        if not inside:
            return depth, value
        value = value[step]
        if not isinstance(value, Mapping | list):
            return depth + 1, value
    return len(path), value


def _merge(base: Options, over: Mapping[str, Any], rules: Any) -> Options:
    merged = dict(base)
    for key, given in over.items():
        rule = rules if rules is _FREE else rules.get(key, rules.get("*", {}))
        value = given
        if rule is _NEVER:
            continue
        if rule is _AUTH:
            value = spell_auth(given)
        elif rule is _SWITCH and given is True:
            value = {}
        if rules is not _FREE and (value is None or key.startswith("x-")):
            merged.pop(key, None)
        elif rule is _ADDED:
            merged[key] = [*merged.get(key, ()), *listed(value)]
        elif (added := added_by(value)) is not None and rule not in (_FREE, _WHOLE) and rules is not _FREE:
            merged[key] = [*listed(merged.get(key)), *added]
        elif isinstance(value, Mapping) and rule not in (_WHOLE, _LIST):
            inherited = merged.get(key)
            inner = rule if isinstance(rule, dict) or rule is _FREE else {}
            merged[key] = _merge(inherited if isinstance(inherited, dict) else {}, value, inner)
        else:
            merged[key] = value
    return merged
