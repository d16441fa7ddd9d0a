"""Groups: concatenated prefixes, hosts, and options with lower priority than those of routes."""

from typing import Any

import pytest

from hapiish.options import Route, Table
from hapiish.table import check_text


def table(text: str) -> Table:
    built, problems = check_text(text, "routes.yaml", {})
    assert problems == []
    assert built is not None
    return built


def by_id(text: str) -> dict[str | None, Route]:
    return {route.id: route for route in table(text).routes}


PATHS = [
    ("", "/", "/"),
    ("", "/a", "/a"),
    ("/api", "/", "/api"),
    ("/api", "/a", "/api/a"),
    ("/api", "/a/", "/api/a/"),
    ("/users/{id}", "/files/{rest*}", "/users/{id}/files/{rest*}"),
]


@pytest.mark.parametrize(("prefix", "path", "expected"), PATHS)
def test_a_prefix_stands_in_front_of_the_paths_of_its_routes(prefix: str, path: str, expected: str) -> None:
    written = f"prefix: '{prefix}', " if prefix else ""
    text = f"groups: [{{{written}routes: [{{method: GET, path: '{path}', handler: a:b}}]}}]"
    assert [route.path for route in table(text).routes] == [expected]


def test_prefixes_of_nested_groups_add_up_and_the_outermost_host_holds() -> None:
    text = """
routes: [{method: GET, path: /top, handler: a:b, id: top, vhost: c.example}]
groups:
- prefix: /a
  vhost: A.example
  routes: [{method: GET, path: /x, handler: a:b, id: outer, vhost: c.example}]
  groups:
  - prefix: /b
    vhost: b.example
    routes: [{method: GET, path: /, handler: a:b, id: inner}]
"""
    found = by_id(text)
    assert {id: (route.path, route.vhost) for id, route in found.items()} == {
        "top": ("/top", "c.example"),
        "outer": ("/a/x", "a.example"),
        "inner": ("/a/b", "a.example"),
    }
    assert found["inner"].mark.line == 10


def test_options_come_from_the_server_the_groups_the_presets_and_the_route_in_that_order() -> None:
    text = """
server: {routes: {cache: {privacy: private, otherwise: "a"}, payload: {maxBytes: 1}, json: {space: 1}}}
presets:
  base: {json: {suffix: base}, cache: {otherwise: base}, tags: [base]}
  wide: {use: base, json: {space: 3}, cache: {otherwise: wide}}
groups:
- options: {json: {space: 2, suffix: outer}, description: outer, notes: outer, state: {parse: false}}
  groups:
  - options: {use: [base], notes: inner}
    routes:
    - {method: GET, path: /plain, handler: a:b, id: plain}
    - method: POST
      path: /own
      handler: a:b
      id: own
      options: {use: [wide], notes: own, state: null, json: {suffix: null}}
"""
    plain, own = (by_id(text)[id].options for id in ("plain", "own"))
    shown: Any = (plain.json.space, plain.json.suffix, plain.cache and plain.cache.otherwise, plain.notes, plain.tags)
    assert shown == (2, "base", "base", ("inner",), ("base",))
    assert (plain.description, plain.state.parse, plain.payload.max_bytes) == ("outer", False, 1048576)
    assert (own.json.space, own.json.suffix, own.notes, own.state.parse) == (3, None, ("own",), True)
    assert own.cache is not None
    assert (own.cache.privacy, own.cache.otherwise, own.payload.max_bytes) == ("private", "wide", 1)


def test_what_a_group_says_of_bodies_does_not_reach_its_get_routes() -> None:
    text = """
groups:
- options: {payload: {maxBytes: 5}, validate: {payload: {type: object}, query: {type: object}}}
  routes: [{method: [GET, POST], path: /, handler: a:b}]
"""
    get, post = table(text).routes
    assert (get.options.payload.max_bytes, get.options.validate.payload) == (1048576, None)
    assert (post.options.payload.max_bytes, post.options.validate.payload) == (5, {"type": "object"})
    assert get.options.validate.query == {"type": "object"}


def test_the_place_that_decided_an_option_is_the_one_that_is_named() -> None:
    text = """
presets: {short: {cache: {expiresIn: 1s}}}
groups:
- options: {use: short}
  routes: [{method: GET, path: /, handler: a:b, options: {cache: {expiresAt: "10:00"}}}]
"""
    _, (problem,) = check_text(text, "f", {})
    assert str(problem.mark) == "f:5:67"
    assert [str(mark) for mark, _ in problem.related] == ["f:2:27"]


def test_names_in_groups_and_presets_are_among_those_of_the_table() -> None:
    text = """
presets: {kept: {pre: ["p:load"]}}
groups:
- ext: {onPreHandler: "e:outer"}
  options: {validate: {failAction: "f:act"}}
  routes: [{method: GET, path: /, handler: "h:a"}]
"""
    assert [*table(text).names] == ["p:load", "e:outer", "f:act", "h:a"]
