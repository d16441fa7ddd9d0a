"""Warns of schemas that no value can match, and of responses that may contain more than the schema lists."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.table.advice.own import Advised
from hapiish.table.draft import Draft
from hapiish.table.merging.merge import Merged
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.problems.near import near
from hapiish.table.schemas.references import Root, UnresolvedError
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import schemas_within, section

_LIMITS: Final = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_COMPOSED: Final = frozenset({"allOf", "anyOf", "oneOf", "if", "$dynamicRef", "patternProperties"})
_CLOSING: Final = frozenset({"additionalProperties", "unevaluatedProperties"})


def contradictions(advised: Advised) -> Iterator[Problem]:
    """Schemas that refuse every value: crossed limits, and required properties that a closed object does not list."""
    draft = advised.draft
    for at, root in advised.schemas:
        for place, schema in schemas_within(at, root):
            for least, most in _LIMITS:
                low, high = schema.get(least), schema.get(most)
                if _is_number(low) and _is_number(high) and low > high:
                    related = ((draft.mark(*place, most), f"{most} is {high}"),)
                    message = f"no value matches this schema: {least} {low} is more than {most} {high}"
                    yield _warning(draft, (*place, least), message, related=related)
            yield from _required(draft, place, schema)


def _required(draft: Draft, place: Path, schema: Mapping[str, Any]) -> Iterator[Problem]:
    listed, required = schema.get("properties"), schema.get("required")
    if not isinstance(listed, Mapping) or not isinstance(required, list) or not _COMPOSED.isdisjoint(schema):
        return
    is_closed = schema.get("additionalProperties") is False and "$ref" not in schema
    for index, name in enumerate(required):
        if not isinstance(name, str) or name in listed:
            continue
        close = near(name, listed, 0.8)
        close = None if close in required else close
        if is_closed:
            message = (
                f'no value matches this schema: it requires "{name}", and "additionalProperties: false" forbids it'
            )
        elif close:
            message = f'the schema requires "{name}", which is not under "properties"'
        else:
            continue
        hint = f'did you mean "{close}"?' if close else f'add "{name}" to "properties"'
        yield _warning(draft, (*place, "required", index), message, hint)


def open_responses(advised: Advised) -> Iterator[Problem]:
    """Responses of routes with authentication whose schema accepts unlisted properties."""
    draft = advised.draft
    reported: set[Path] = set()
    judged: set[int] = set()
    own = advised.own
    routes = (
        (route.title, method, route.options[method], route.realm) for route in draft.routes for method in route.options
    )
    for title, _, merged, realm in routes:
        if realm.index not in own or not _is_authenticated(merged, realm.default_auth[0]):
            continue
        response = section(merged.value, "response")
        if section(response, "options").get("allowUnknown") is False or section(response, "options").get(
            "stripUnknown"
        ):
            continue
        for schema in [response.get("schema"), *section(response, "status").values()]:
            if not isinstance(schema, dict) or id(schema) in judged:
                continue
            judged.add(id(schema))
            root = draft.root_of((*realm.at, "routes"), schema)
            if root is None:
                continue
            for place, _ in _open(draft, root, realm.index):
                if place in reported:
                    continue
                reported.add(place)
                message = f'this response of "{title}" accepts properties that it does not list'
                hint = "add additionalProperties: false, so that a field that is not meant for callers is never sent"
                yield Problem(draft.mark(*place), Code.OPEN_RESPONSE, message, hint, warning=True)


def _is_authenticated(merged: Merged, default: Any) -> bool:
    auth = merged.value.get("auth")
    auth = default if auth is None else auth
    return auth is not None and auth is not False


def _open(draft: Draft, root: Root, index: int) -> Iterator[tuple[Path, Any]]:
    """Yields the open objects of a response, with their paths: those that list properties, and are not closed."""
    library = draft.libraries[index]
    seen: set[tuple[int, Path]] = set()
    waiting: list[tuple[Root, Path, Any]] = [(root, (), root.schema)]
    while waiting:
        current, path, schema = waiting.pop()
        if not isinstance(schema, dict) or (id(current), path) in seen:
            continue
        seen.add((id(current), path))
        if isinstance(schema.get("$ref"), str):
            try:
                target, place = library.find(current, path, schema["$ref"])
            except UnresolvedError:
                continue
            waiting.append((target, place, _at(target.schema, place)))
        lists = isinstance(schema.get("properties"), Mapping) and schema["properties"]
        if lists and _CLOSING.isdisjoint(schema) and _COMPOSED.isdisjoint(schema) and "$ref" not in schema:
            yield (*draft.place_of(current), *path), schema
        waiting += [((current, (*path, keyword), schema.get(keyword))) for keyword in ("items", "additionalProperties")]
        waiting += [
            (current, (*path, "properties", name), inner) for name, inner in section(schema, "properties").items()
        ]


def _at(schema: Any, path: Path) -> Any:
    for step in path:
        schema = schema[step]
    return schema


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _warning(draft: Draft, place: Path, message: str, hint: str = "", related: Any = ()) -> Problem:
    return Problem(draft.mark(*place), Code.CONTRADICTION, message, hint, related, warning=True)
