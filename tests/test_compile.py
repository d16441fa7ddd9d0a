from pathlib import Path
from textwrap import dedent

import pytest

from hapiish import Application, TableError, create_app
from hapiish.table.problems import Problem

CODE = """
word = "not a function"

async def handler(request, h):
    return "x"

async def validate(artifacts, request, h):
    return {"isValid": True}

class Scheme:
    options_schema = {"type": "object", "properties": {"key": {"type": "integer"}}}
    references = ("check",)

    def __init__(self, server, options):
        if options.get("key") == 13:
            raise ValueError("not that one")
        self.check = options.get("check")

    async def authenticate(self, request, h):
        return h.authenticated(credentials={})
"""


def made(folder: Path, table: str) -> Application:
    (folder / "my.py").write_text(CODE)
    (folder / "routes.yaml").write_text(dedent(table))
    return create_app(folder / "routes.yaml", env={})


def problems(folder: Path, table: str) -> list[Problem]:
    with pytest.raises(TableError) as caught:
        made(folder, table)
    return caught.value.problems


def test_a_route_without_options_has_no_steps(tmp_path: Path) -> None:
    route = made(tmp_path, 'routes: [{method: GET, path: /, handler: "my:handler"}]').server.match("GET", "/")
    assert route is not None
    assert route.steps == ()
    assert route.validate_response is None
    assert (route.on_post_handler, route.on_pre_response, route.on_post_response) == ((), (), ())


def test_routes_with_equal_settings_share_what_is_made_of_them(tmp_path: Path) -> None:
    table = """
    server: {routes: {security: true, payload: {maxBytes: 1KB}}}
    routes:
      - {method: POST, path: /a, handler: "my:handler"}
      - {method: POST, path: /b, handler: "my:handler"}
      - {method: POST, path: /c, handler: "my:handler", options: {payload: {maxBytes: 2KB}}}
    """
    server = made(tmp_path, table).server
    a, b, c = (server.match("POST", path) for path in ("/a", "/b", "/c"))
    assert a is not None
    assert b is not None
    assert c is not None
    assert a.responder is b.responder is c.responder
    assert a.steps == b.steps != c.steps


def test_what_is_not_a_function_is_refused_where_it_is_written(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, 'routes:\n- {method: GET, path: /, handler: "my:word"}\n')
    assert (problem.mark.line, problem.code) == (2, "HA0402")


AUTH = """
auth:
  schemes: {kit: "my:Scheme"}
  strategies:
    one: {scheme: kit, options: OPTIONS}
    two: {scheme: jwt, options: {keys: "a secret that is too short"}}
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("{key: sesame}", 'strategy "one": options.key must be integer'),
        ("{key: 13}", 'strategy "one": not that one'),
        ('{check: "my:nothing"}', '"my:nothing": module "my" has no "nothing"'),
    ],
)
def test_options_that_a_scheme_refuses_are_reported_without_their_values(
    tmp_path: Path, options: str, said: str
) -> None:
    found = [problem.message for problem in problems(tmp_path, AUTH.replace("OPTIONS", options))]
    assert len(found) == 2
    assert said in found
    assert not any("sesame" in message or "too short" in message for message in found)


def test_the_references_of_a_scheme_are_resolved_before_it_is_made(tmp_path: Path) -> None:
    table = """
    auth:
      schemes: {kit: "my:Scheme"}
      strategies: {one: {scheme: kit, options: {check: "my:validate"}}}
      default: one
    routes: [{method: GET, path: /, handler: "my:handler"}]
    """
    route = made(tmp_path, table).server.match("GET", "/")
    assert route is not None
    assert len(route.steps) == 1


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("auth: {schemes: {own: my:Odd}, strategies: {one: {scheme: own}}}\nroutes: []", "HA0403"),
        ("kinds: {own: my:Odd}\nroutes: [{method: GET, path: /, handler: {own: {}}}]", "HA0407"),
    ],
)
def test_an_options_schema_that_is_no_json_is_a_problem(tmp_path: Path, table: str, code: str) -> None:
    (tmp_path / "my.py").write_text("class Odd:\n    options_schema = {'type': {1, 2}}\n")
    (tmp_path / "routes.yaml").write_text(table)
    with pytest.raises(TableError) as caught:
        create_app(tmp_path / "routes.yaml", env={})
    (problem,) = caught.value.problems
    assert (problem.code, "not JSON serializable" in problem.message) == (code, True)
