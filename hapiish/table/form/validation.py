"""Judges a tree by the file's schema: jsonschema's errors become problems in our words, at the right key or value.

What is at fault is taken out of the tree afterwards, so that the cross-checks can go on with the rest and name the
other faults in the same run.
"""

import copy
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any, Final

from jsonschema.exceptions import ValidationError

from hapiish.table import schema
from hapiish.table.form import wording
from hapiish.table.form.wording import Fault
from hapiish.table.problems import Problem
from hapiish.table.text.marks import Path
from hapiish.table.text.source import Tree

_ENTRIES: Final = ("routes", "groups", "plugins", "namespaces", "events", "emits")
_VARIABLE: Final = {"$ref": "#/definitions/variable"}


def check_shape(tree: Tree) -> tuple[Tree, list[Problem]]:
    """What the file's schema says of `tree`, and the tree without the places at fault.

    A scalar that `${…}` has filled in gets the one of its two readings that its place asks for.
    """
    faults = _faults(tree.value)
    turned = {fault.path for fault in faults if fault.path in tree.substituted}
    if turned:
        tree = replace(tree, value=copy.deepcopy(tree.value))
        for path in turned:
            _parent(tree.value, path)[path[-1]] = tree.substituted[path].other
        faults = _faults(tree.value)
    told = [fault for fault in faults if not _is_inside(fault.path, tree.broken)]
    problems, meant = wording.problems(tree, told)
    wrong = {fault.path for fault in faults if fault.keyword != "required"} | tree.broken
    return replace(tree, value=_pruned(tree.value, wrong), broken=frozenset(wrong | meant)), problems


def _is_inside(path: Path, places: AbstractSet[Path]) -> bool:
    return any(path[:length] in places for length in range(len(path) + 1))


def _faults(value: Any) -> list[Fault]:
    if schema.is_valid()(value):
        return []
    found: list[Fault] = []
    if isinstance(value, dict):
        # One wrong route among thousands must not cost a slow look at all of them.
        value = _without_routes(value, (), found)
    return [*(leaf for error in schema.errors()(value) for leaf in _leaves(error, ())), *found]


def _without_routes(holder: dict[str, Any], at: Path, found: list[Fault]) -> dict[str, Any]:
    """A table or group without its routes; `found` gets the faults of those that have any."""
    changed = dict(holder)
    routes, groups = holder.get("routes"), holder.get("groups")
    if isinstance(routes, list):
        changed["routes"] = []
        for index, route in enumerate(routes):
            if not schema.is_valid("route")(route):
                place = (*at, "routes", index)
                found += [leaf for error in schema.errors("route")(route) for leaf in _leaves(error, place)]
    if isinstance(groups, list):
        changed["groups"] = [
            _without_routes(group, (*at, "groups", index), found) if isinstance(group, dict) else group
            for index, group in enumerate(groups)
        ]
    return changed


def _leaves(error: ValidationError, base: Path, around: Any = None) -> Iterator[Fault]:
    """The errors worth telling: of several alternatives, those of the one that is meant for values of this kind.

    `around` is the schema of the alternatives, when it says in words what it wants.
    """
    path = (*base, *error.path)
    assert isinstance(error.schema, dict)
    given = around or error.schema
    instance: Any = error.instance
    if error.validator == "anyOf":
        alike = [errors for errors in _alternatives(error) if not any(_is_other_kind(inner) for inner in errors)]
        if alike:
            # Of several mappings the one with the fewest faults is the one that is meant.
            for inner in min(alike, key=len):
                yield from _leaves(inner, path, given if "errorMessage" in given and not inner.path else None)
            return
    if "propertyNames" in list(error.schema_path)[-2:]:
        yield Fault((*path, instance), "propertyNames", instance, error.schema)
    elif error.validator == "additionalProperties":
        for key in instance:
            if key not in error.schema.get("properties", ()) and not key.startswith("x-"):
                yield Fault((*path, key), "additionalProperties", instance, error.schema)
    elif error.validator == "required":
        yield Fault(path, "required", instance, error.schema)
    else:
        yield Fault(path, str(error.validator), instance, given, error.validator_value)


def _alternatives(error: ValidationError) -> list[list[ValidationError]]:
    """The errors of each branch of an `anyOf`, without the one for variables, which are all filled in by now."""
    assert isinstance(error.validator_value, list)
    groups: list[list[ValidationError]] = [[] for _ in error.validator_value]
    for inner in error.context or ():
        groups[int(inner.schema_path[0])].append(inner)
    return [group for group, branch in zip(groups, error.validator_value, strict=True) if branch != _VARIABLE]


def _is_other_kind(error: ValidationError) -> bool:
    if error.path:
        return False
    if error.validator == "anyOf":
        return all(any(_is_other_kind(inner) for inner in group) for group in _alternatives(error))
    return error.validator in ("type", "enum")


def _parent(value: Any, path: Path) -> Any:
    for step in path[:-1]:
        value = value[step]
    return value


def _pruned(value: Any, paths: AbstractSet[Path]) -> Any:
    """A copy of `value` without what stands at `paths`.

    Lists of entries keep their length, so that indexes keep their meaning; of other lists nothing is left.
    """
    if not paths:
        return value
    if () in paths:
        return {}
    value = copy.deepcopy(value)
    for path in paths:
        _drop(value, path)
    return value


def _drop(value: Any, path: Path) -> None:
    try:
        holder = _parent(value, path)
        last = path[-1]
        if isinstance(holder, dict):
            holder.pop(last, None)
        elif path[-2] in _ENTRIES:
            holder[last] = None
        else:
            _drop(value, path[:-1])
    except (KeyError, IndexError, TypeError):
        return  # an ancestor is already gone
