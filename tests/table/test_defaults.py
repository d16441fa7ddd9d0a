"""The file's schema and the dataclasses agree on every option there is: on its name, and on what it is when unsaid."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from hapiish.table import build, model, schema
from hapiish.table.problems import Mark

SCHEMA = schema.load()
OURS = {"mark", "realm"}
SPELLED_OUT = {
    model.Limit: {"add"},
    model.Namespace: {"ext", "limit", "options", "pre"},
    model.Pre: {"add"},
    model.RouteOptions: {"use"},
    model.Route: {"resource", "actions"},
    model.RouteAuth: {"strategy", "scope", "entity"},
}
"""Keys that stand for others: of those the dataclasses know nothing."""

BY_NAME = {
    model.MemoryCache: "memoryCacheOptions",
    model.ModelHandler: "modelHandler",
    model.ProxyHandler: "proxyHandler",
    model.RedisCache: "redisCacheOptions",
    model.ViewHandler: "viewHandler",
}
"""Classes that no field's type leads to, by their definitions."""


def within(hint: Any, node: Any) -> Iterator[tuple[type, Any]]:
    """The dataclasses that a value of type `hint` is made of, each with the schema in its place."""
    if not isinstance(node, dict) or hint is model.Kind:
        return
    origin = get_origin(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint, node
    for branch in schema.branches(node):
        if origin is tuple:
            yield from within(get_args(hint)[0], branch.get("items"))
        elif origin is Mapping:
            for entry in (branch.get("additionalProperties"), *branch.get("properties", {}).values()):
                yield from within(get_args(hint)[1], entry)
    if origin is not Mapping:
        for inner in get_args(hint):
            yield from within(inner, node)


def places(kind: type, node: Any) -> Iterator[tuple[type, dict[str, Any]]]:
    """`kind` and each dataclass in it, with the properties that the schema has in its place."""
    properties: dict[str, Any] = {}
    for branch in schema.branches(node):
        properties |= branch.get("properties", {})
    yield kind, properties
    for name, hint in get_type_hints(kind).items():
        for inner, place in within(hint, properties.get(build.camel(name))):
            yield from places(inner, place)


def every_place() -> dict[type, list[dict[str, Any]]]:
    """The properties of all places that a class is built from."""
    found: dict[type, list[dict[str, Any]]] = {}
    roots = [(model.Table, SCHEMA), *((kind, SCHEMA["definitions"][name]) for kind, name in BY_NAME.items())]
    for root, node in roots:
        for kind, properties in places(root, node):
            if properties and properties not in found.setdefault(kind, []):
                found[kind].append(properties)
    return found


PLACES = every_place()
OPTIONS = [kind for kind in PLACES if kind is not model.Table]


def unsaid(field: Field[Any]) -> Any:
    """What a field is that the file says nothing of; None where it must."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def test_every_class_of_the_model_is_compared() -> None:
    ours = {model.Table, model.Kind, model.Realm, model.BrotliDecoder}
    classes = {kind for kind in vars(model).values() if isinstance(kind, type) and is_dataclass(kind)}
    assert classes - set(OPTIONS) - ours == set()


@pytest.mark.parametrize("kind", OPTIONS)
def test_an_option_has_a_field_and_a_field_an_option(kind: type) -> None:
    keys = {build.camel(field.name) for field in fields(kind)} - OURS
    options = {key for properties in PLACES[kind] for key in properties}
    assert options - SPELLED_OUT.get(kind, set()) == keys


@pytest.mark.parametrize("kind", OPTIONS)
def test_the_default_in_the_schema_is_the_one_of_the_field(kind: type) -> None:
    known = build.fields_of(kind)
    for field in fields(kind):
        for properties in PLACES[kind]:
            stated = schema.follow(properties.get(build.camel(field.name), {})).get("default")
            if stated is not None:
                _, convert = known[build.camel(field.name)]
                assert convert(stated, (), lambda path: Mark("", 1, 1)) == unsaid(field), field.name
