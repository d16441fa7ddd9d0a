"""Schemas as clients understand them: they send the properties that they know, and ignore those that they do not.

The functions return copies. References in the definitions lead to each other by `#/$defs/NAME`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from hapiish.describe.surface.schemas import relocated
from hapiish.grammar.schema import fragment, inside, resolve

_SAME_PLACE: Final = ("if", "then", "else")
_BRANCHES: Final = ("allOf", "anyOf", "oneOf")
_HERE: Final = frozenset({*_BRANCHES, "then", "else", "dependentSchemas"})
"""Keywords whose schemas apply to the same value as the schema around them."""
_NEGATED: Final = frozenset({"not", "if", "contains", "propertyNames"})
_TEXTUAL: Final = frozenset({"enum", "const", "format", "pattern", "minLength", "maxLength", "contentEncoding"})
_MOST_STEPS: Final = 1000
_KNOWN: Final[dict[str, tuple[Mapping[str, Any], dict[str, Any]]]] = {}


def defined(schema: Any, schemas: Mapping[str, Any], side: str) -> dict[str, Any]:
    """Returns definitions, with the schema as `side` and the named schemas as `side:Name`; they refer to each other."""
    return {side: relocated(schema, f"#/$defs/{side}", partial(_place, side)), **_named(side, schemas)}


def _place(side: str, name: str) -> str:
    return f"#/$defs/{fragment(f'{side}:{name}')}"


def _named(side: str, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the definitions of the named schemas of a table, which many comparisons need."""
    known = _KNOWN.get(side)
    if known is None or known[0] is not schemas:
        place = partial(_place, side)
        known = schemas, {f"{side}:{name}": relocated(each, place(name), place) for name, each in schemas.items()}
        _KNOWN[side] = known
    return known[1]


def target(reference: Any, definitions: Mapping[str, Any]) -> Any:
    """Returns the schema at `#/$defs/…`; None for another reference."""
    if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
        return None
    return resolve({"$defs": definitions}, reference)


def together(node: Any, definitions: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yields the schemas that may apply to the same value as `node`: branches, conditions, references."""
    waiting, seen = [node], set[int]()
    while waiting and len(seen) < _MOST_STEPS:
        part = waiting.pop()
        if not isinstance(part, dict) or id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        for keyword in _BRANCHES:
            waiting.extend(part.get(keyword, ()))
        waiting.extend(part[keyword] for keyword in _SAME_PLACE if keyword in part)
        waiting.extend(part.get("dependentSchemas", {}).values())
        if "$ref" in part:
            waiting.append(target(part["$ref"], definitions))


def known_names(node: Any, definitions: Mapping[str, Any]) -> list[str] | None:
    """Returns the properties that a schema names; None if it says itself which others are accepted, or names none."""
    names: dict[str, None] = {}
    for part in together(node, definitions):
        if part.get("patternProperties") or part.get("additionalProperties", False) is not False:
            return None
        if part.get("unevaluatedProperties", False) is not False or "$dynamicRef" in part:
            return None
        names |= dict.fromkeys(part.get("properties", {}))
    return list(names) or None


def closed(node: Any, definitions: Mapping[str, Any]) -> Any:
    """Returns a copy in which objects have only the properties that their schemas name."""
    if not isinstance(node, dict):
        return node
    names = known_names(node, definitions)
    copy = closed_inside(node, definitions)
    if names is None:
        return copy
    rule = {"propertyNames": {"enum": names}}
    return {**copy, **rule} if "propertyNames" not in copy else {"allOf": [copy, rule]}


def closed_inside(node: Any, definitions: Mapping[str, Any]) -> Any:
    """Returns a copy whose inner values are closed. The outer value stays open: it may be part of another schema."""
    if not isinstance(node, dict):
        return node
    copy: dict[str, Any] = {}
    for keyword, value in node.items():
        change = closed_inside if keyword in _HERE else closed
        is_kept = keyword in _NEGATED or keyword == "$defs"
        copy[keyword] = value if is_kept else inside(keyword, value, partial(change, definitions=definitions))
    return copy


def opened(node: Any) -> Any:
    """Returns a copy that accepts further properties. `oneOf` becomes `anyOf`, as open alternatives may overlap."""
    if not isinstance(node, dict):
        return node
    copy: dict[str, Any] = {}
    for keyword, value in node.items():
        if keyword == "oneOf" and isinstance(value, list) and "anyOf" not in node:
            copy["anyOf"] = value
        elif keyword not in ("additionalProperties", "unevaluatedProperties") or value is not False:
            copy[keyword] = value
    return _mapped(copy, opened)


def with_defaults(node: Any) -> Any:
    """Returns a copy that requires no property with a default: the server fills it in before it validates."""
    if not isinstance(node, dict):
        return node
    copy = _mapped(node, with_defaults)
    properties = node.get("properties")
    if isinstance(node.get("required"), list) and isinstance(properties, dict):
        filled = {name for name, each in properties.items() if isinstance(each, dict) and "default" in each}
        copy["required"] = [name for name in node["required"] if name not in filled]
    return copy


def as_text(node: Any) -> Any:
    """Returns a copy for values that arrive as text: a plain string also accepts the text of numbers and booleans."""
    if not isinstance(node, dict):
        return node
    copy = _mapped(node, as_text)
    kinds = node.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(kinds, list) and "string" in kinds and not _TEXTUAL & node.keys():
        copy["type"] = [*kinds, *(each for each in ("number", "boolean") if each not in kinds)]
    return copy


def _mapped(node: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """Returns a copy with changed subschemas, except those whose change would reverse the meaning."""
    return {
        keyword: value if keyword in _NEGATED else inside(keyword, value, change) for keyword, value in node.items()
    }
