"""Validates a tree against the schema of the file and converts jsonschema's errors into problems.

Invalid values are pruned from the tree, so that the checks can report the problems of the rest in the same run.
"""

import copy
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hapiish.table.form import schema, wording
from hapiish.table.form.wording import JsonSchemaError
from hapiish.table.problems import Problem
from hapiish.table.text.marks import Path
from hapiish.table.text.source import Tree

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_ENTRIES: Final = ("routes", "groups", "plugins", "namespaces", "events", "emits")
_VARIABLE: Final = {"$ref": "#/definitions/variable"}


def validate_form(tree: Tree) -> tuple[Tree, list[Problem]]:
    """Returns the tree without invalid values, and their problems.

    A scalar from `${…}` is text or a typed value, whichever the schema allows.
    """
    faults = _faults(tree.value)
    retyped = {fault.path for fault in faults if fault.path in tree.substituted}
    if retyped:
        tree = replace(tree, value=copy.deepcopy(tree.value))
        for path in retyped:
            _parent(tree.value, path)[path[-1]] = tree.substituted[path].other
        faults = _faults(tree.value)
    reported = [fault for fault in faults if not _is_inside(fault.path, tree.broken)]
    problems, meant = wording.problems(tree, reported)
    invalid = {fault.path for fault in faults if fault.keyword != "required"} | tree.broken
    return replace(tree, value=_pruned(tree.value, invalid), broken=frozenset(invalid | meant)), problems


def _is_inside(path: Path, places: AbstractSet[Path]) -> bool:
    return any(path[:length] in places for length in range(len(path) + 1))


def _faults(value: Any) -> list[JsonSchemaError]:
    if schema.is_valid()(value):
        return []
    found: list[JsonSchemaError] = []
    if isinstance(value, dict):
        # jsonschema is slow: only invalid routes are passed to it.
        value = _without_routes(value, (), found)
    return [*(leaf for error in schema.errors()(value) for leaf in _leaf_faults(error, ())), *found]


def _without_routes(holder: dict[str, Any], at: Path, found: list[JsonSchemaError]) -> dict[str, Any]:
    """Returns a table or group without its routes; the faults of invalid routes are added to `found`."""
    changed = dict(holder)
    routes, groups = holder.get("routes"), holder.get("groups")
    if isinstance(routes, list):
        changed["routes"] = []
        for index, route in enumerate(routes):
            if not schema.is_valid("route")(route):
                place = (*at, "routes", index)
                found += [leaf for error in schema.errors("route")(route) for leaf in _leaf_faults(error, place)]
    if isinstance(groups, list):
        changed["groups"] = [
            _without_routes(group, (*at, "groups", index), found) if isinstance(group, dict) else group
            for index, group in enumerate(groups)
        ]
    return changed


def _leaf_faults(error: "ValidationError", base: Path, around: Any = None) -> Iterator[JsonSchemaError]:
    """The faults of an error; of alternatives (`anyOf`), those of the best match for the type of the value.

    `around` is the schema of the alternatives if it has an `errorMessage`.
    """
    path = (*base, *error.path)
    assert isinstance(error.schema, dict)
    schema_of_message = around or error.schema
    instance: Any = error.instance
    if error.validator == "anyOf":
        same_type = [errors for errors in _alternatives(error) if not any(_is_other_type(inner) for inner in errors)]
        if same_type:
            # The alternative with the fewest errors is the best match.
            for inner in min(same_type, key=len):
                yield from _leaf_faults(
                    inner, path, schema_of_message if "errorMessage" in schema_of_message and not inner.path else None
                )
            return
    if "propertyNames" in list(error.schema_path)[-2:]:
        yield JsonSchemaError((*path, instance), "propertyNames", instance, error.schema)
    elif error.validator == "additionalProperties":
        for key in instance:
            if key not in error.schema.get("properties", ()) and not key.startswith("x-"):
                yield JsonSchemaError((*path, key), "additionalProperties", instance, error.schema)
    elif error.validator == "required":
        yield JsonSchemaError(path, "required", instance, error.schema)
    else:
        yield JsonSchemaError(path, str(error.validator), instance, schema_of_message, error.validator_value)


def _alternatives(error: "ValidationError") -> list[list["ValidationError"]]:
    """The errors of each branch of an `anyOf`, without the branch for variables, which are already substituted."""
    assert isinstance(error.validator_value, list)
    groups: list[list[ValidationError]] = [[] for _ in error.validator_value]
    for inner in error.context or ():
        groups[int(inner.schema_path[0])].append(inner)
    return [group for group, branch in zip(groups, error.validator_value, strict=True) if branch != _VARIABLE]


def _is_other_type(error: "ValidationError") -> bool:
    if error.path:
        return False
    if error.validator == "anyOf":
        return all(any(_is_other_type(inner) for inner in group) for group in _alternatives(error))
    return error.validator in ("type", "enum")


def _parent(value: Any, path: Path) -> Any:
    for step in path[:-1]:
        value = value[step]
    return value


def _pruned(value: Any, paths: AbstractSet[Path]) -> Any:
    """Returns a copy of `value` without the values at `paths`.

    Entries of lists such as `routes` become None, so that indexes stay valid; any other list is removed as a whole.
    """
    if not paths:
        return value
    if () in paths:
        return {}
    value = copy.deepcopy(value)
    for path in paths:
        _remove(value, path)
    return value


def _remove(value: Any, path: Path) -> None:
    try:
        holder = _parent(value, path)
        last = path[-1]
        if isinstance(holder, dict):
            holder.pop(last, None)
        elif path[-2] in _ENTRIES:
            holder[last] = None
        else:
            _remove(value, path[:-1])
    except (KeyError, IndexError, TypeError):
        return  # an ancestor is already removed
