"""A route compiled beside others equals the same route compiled alone: sharing drops no option."""

import gc
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish import create_app
from hapiish import options as model
from hapiish.compile.names import Names
from hapiish.http.exchange.route import Route
from hapiish.outages import Service
from hapiish.table import load
from hapiish.testing import inject

CODE = """
async def handler(request, h): return "x"
async def other(request, h): return h.continue_
def plain(*given): return "y"
bound = {"a": 1}
class Open:
    def __init__(self, server, options): pass
    async def authenticate(self, request, h): return h.authenticated(credentials={})
    async def payload(self, request, h): return h.continue_
"""
HEAD = """
auth: {schemes: {open: "my:Open"}, strategies: {one: {scheme: open}, two: {scheme: open}}}
session: {cookieOptions: {password: "a password of at least 32 characters"}}
state: {seen: {encoding: none}}
"""
ROUTE = '  - {{method: "{method}", path: "{path}", handler: "my:handler", options: {options}}}\n'

VARIANTS = {
    "app": ["{a: 1}"],
    "auth": [
        "one",
        "two",
        "{strategies: [one, two]}",
        "{strategy: one, mode: try}",
        "{strategy: one, mode: optional}",
        "{strategy: one, payload: required}",
        "{strategy: one, payload: optional}",
        "{strategy: one, scope: [a]}",
        "{strategy: one, scope: [b]}",
        "{strategy: one, entity: user}",
        "{strategy: one, mode: try, scope: [a]}",
    ],
    "bind": ["my:bound"],
    "cache": [
        "false",
        "{expiresIn: 1m}",
        "{expiresIn: 2m}",
        "{expiresIn: 1m, privacy: private}",
        "{expiresIn: 1m, privacy: public}",
        "{expiresIn: 1m, statuses: [200, 204]}",
        "{expiresIn: 1m, otherwise: no-store}",
        "{otherwise: no-store}",
    ],
    "compression": ["false", "{gzip: {level: 1}}", "{gzip: {level: 2}}", "{deflate: {level: 1}}"],
    "cors": [
        "true",
        "{origin: ['https://a.test']}",
        "{origin: ['https://b.test']}",
        "{origin: ignore}",
        "{origin: ['https://a.test'], credentials: true}",
        "{maxAge: 1m}",
        "{headers: [x]}",
        "{additionalHeaders: [x]}",
        "{exposedHeaders: [x]}",
        "{additionalExposedHeaders: [x]}",
        "{preflightStatusCode: 204}",
    ],
    "csp": ["true", "{defaultSrc: [self]}", "{imgSrc: [self]}", "{generateNonces: false}", "{generateNonces: script}"],
    "csrf": ["true", "{key: x}", "{restful: true}", "{headerName: x-x}", "{size: 30}", "{skip: 'my:plain'}"],
    "deprecated": [
        "{since: 2026-01-01}",
        "{since: 2026-01-02}",
        "{since: 2026-01-01, sunset: 2027-01-01}",
        "{since: 2026-01-01, link: 'https://a.test/'}",
    ],
    "description": ["words"],
    "examples": ["[{}]", "[{response: {status: 200}}]"],
    "ext": [
        "{onPreAuth: 'my:other'}",
        "{onPreHandler: 'my:other'}",
        "{onPreHandler: {method: 'my:other', timeout: 1s}}",
        "{onPreHandler: {method: 'my:other', bind: 'my:bound'}}",
        "{onPostHandler: 'my:other'}",
        "{onPreResponse: 'my:other'}",
        "{onPreResponse: 'my:handler'}",
        "{onPostResponse: 'my:other'}",
    ],
    "files": ["{relativeTo: other}"],
    "isInternal": ["true"],
    "json": ["{space: 2}", "{space: 3}", "{suffix: x}", "{escape: true}", "{replacer: [a]}", "{replacer: 'my:plain'}"],
    "limit": [
        "{max: 1, duration: 1m}",
        "{max: 2, duration: 1m}",
        "{max: 1, duration: 2m}",
        "{max: 1, duration: 1m, by: [user]}",
        "{max: 1, duration: 1m, count: failures}",
        "{max: 1, duration: 1m, headers: false}",
        "{max: 1, duration: 1m, onStoreError: refuse}",
        "{max: 1, duration: 1m, skip: 'my:plain'}",
    ],
    "log": ["{collect: true}"],
    "notes": ["words"],
    "payload": [
        "{maxBytes: 1KB}",
        "{maxBytes: 2KB}",
        "{allow: application/json}",
        "{failAction: log}",
        "{failAction: 'my:other'}",
        "{output: stream}",
        "{output: file}",
        "{parse: false}",
        "{parse: gunzip}",
        "{timeout: 1s}",
        "{timeout: false}",
        "{multipart: true}",
        "{multipart: {output: annotated}}",
        "{override: application/json}",
        "{defaultContentType: text/plain}",
        "{maxParts: 3}",
        "{compression: {gzip: {windowBits: 14}}}",
        "{uploads: .}",
    ],
    "plugins": ["{a: 1}"],
    "pre": ["['my:other']", "[{method: 'my:other', assign: a}]", "[{method: 'my:other', failAction: log}]"],
    "response": [
        "{emptyStatusCode: 200}",
        "{ranges: false}",
        "{schema: {type: object}}",
        "{schema: {type: string}}",
        "{schema: 'my:plain'}",
        "{schema: {type: object}, sample: 50}",
        "{schema: {type: object}, modify: true}",
        "{schema: {type: object}, failAction: log}",
        "{schema: {type: object}, options: {abortEarly: false}}",
        "{status: {200: {type: object}}}",
        "{disconnectStatusCode: 450}",
        "{errors: {body: 'my:plain'}}",
        "{errors: {body: 'my:plain', type: text/x}}",
    ],
    "security": [
        "true",
        "{hsts: 1}",
        "{hsts: 2}",
        "{hsts: false}",
        "{xframe: sameorigin}",
        "{xss: enabled}",
        "{noOpen: false}",
        "{noSniff: false}",
        "{referrer: no-referrer}",
        "{referrer: same-origin}",
    ],
    "session": ["false"],
    "state": ["{parse: false}", "{failAction: log}", "{failAction: ignore}"],
    "tags": ["[a]"],
    "timeout": ["{server: 1s}", "{server: 2s}"],
    "validate": [
        "{query: {type: object}}",
        "{query: {type: object, required: [a]}}",
        "{query: {type: object}, failAction: log}",
        "{query: {type: object}, failAction: 'my:other'}",
        "{query: {type: object}, status: 422}",
        "{query: {type: object}, detail: none}",
        "{query: {type: object}, errorFields: {a: 1}}",
        "{query: {type: object}, options: {abortEarly: false}}",
        "{query: {type: object}, options: {stripUnknown: true}}",
        "{query: {type: object}, options: {allowUnknown: false}}",
        "{payload: {type: object}}",
        "{headers: {type: object, required: [a]}}",
        "{state: {type: object}}",
        "{query: 'my:plain'}",
        "{all: {type: object}}",
    ],
}
CHOICES = ["{}", *(f"{{{name}: {value}}}" for name, values in VARIANTS.items() for value in values)]


Written = tuple[str, str, str]
"""The method, path and options of a route."""


def compiled(folder: Path, *routes: Written) -> list[Any]:
    """The fingerprints of routes compiled in one table."""
    text = "".join(ROUTE.format(method=method, path=path, options=options) for method, path, options in routes)
    (folder / "my.py").write_text(CODE)
    (folder / "routes.yaml").write_text(f"{HEAD}routes:\n{text}")
    app = create_app(folder / "routes.yaml", env={})
    return [fingerprint(route) for route in app.server.table()]


_STOPS = (ModuleType, type, re.Pattern, model.Table, Names, Service)
"""What a fingerprint does not look into."""


def fingerprint(value: Any, above: tuple[int, ...] = ()) -> Any:
    """The structure of an object: types, attributes, what functions close over; equal for objects that do the same."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return (type(value).__name__, value)
    if id(value) in above:
        return "…"
    inside = (*above, id(value))
    if isinstance(value, Mapping):
        return {str(key): fingerprint(inner, inside) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [fingerprint(inner, inside) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted(str(fingerprint(inner, inside)) for inner in value)
    if isinstance(value, FunctionType):
        cells = [fingerprint(cell.cell_contents, inside) for cell in value.__closure__ or ()]
        return value.__qualname__, cells, fingerprint(value.__defaults__, inside)
    if isinstance(value, MethodType):
        return value.__func__.__qualname__, fingerprint(value.__self__, inside)
    if isinstance(value, partial):
        return fingerprint((value.func, value.args, value.keywords), inside)
    if isinstance(value, _STOPS) or type(value).__module__.startswith(("hapiish.compile", "hapiish.bound")):
        return str(value) if isinstance(value, re.Pattern | type) else type(value).__name__
    attributes = dict(attributes_of(value))
    return type(value).__qualname__, {name: fingerprint(inner, inside) for name, inner in attributes.items()}


def attributes_of(value: Any) -> Iterator[tuple[str, Any]]:
    names = [name for base in type(value).__mro__ for name in getattr(base, "__slots__", ())]
    for name in (*names, *getattr(value, "__dict__", ())):
        if name != "mark" and hasattr(value, name) and not name.startswith("__"):
            yield name, getattr(value, name)


@pytest.mark.parametrize(("method", "name"), [*(("POST", name) for name in VARIANTS), ("GET", "cache")])
def test_routes_that_differ_in_one_option_share_nothing_that_depends_on_it(
    tmp_path: Path, method: str, name: str
) -> None:
    values = [f"{{{name}: {value}}}" for value in VARIANTS[name]]
    routes = [(method, f"/{number}/{{id?}}", options) for number, options in enumerate(["{}", *values])]
    alone = [compiled(tmp_path, route)[0] for route in routes]
    assert compiled(tmp_path, *routes) == alone
    assert compiled(tmp_path, *routes[::-1])[::-1] == alone


@settings(max_examples=10, deadline=None)
@given(chosen=st.lists(st.tuples(st.sampled_from(["POST", "*"]), st.sampled_from(CHOICES)), min_size=2, max_size=6))
def test_any_routes_beside_each_other_are_what_they_are_alone(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("sharing")
    routes = [(method, f"/{number}", options) for number, (method, options) in enumerate(chosen)]
    assert compiled(folder, *routes) == [compiled(folder, route)[0] for route in routes]


def test_routes_with_equal_schemas_share_the_steps_that_validate_by_them(tmp_path: Path) -> None:
    rules = "validate: {{params: {{type: object, properties: {{id: {{maxLength: {}}}}}}}, payload: {{type: object}}}}"
    given = [(rules + ", response: {{schema: {{maxLength: {}}}}}").format(limit, limit) for limit in (1, 1, 2)]
    text = "".join(ROUTE.format(method="POST", path=f"/{n}/{{id}}", options=f"{{{o}}}") for n, o in enumerate(given))
    (tmp_path / "my.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(f"{HEAD}routes:\n{text}")
    one, same, other = create_app(tmp_path / "routes.yaml", env={}).server.table()
    assert one.steps == same.steps
    assert one.validate_response is same.validate_response
    assert [step == differs for step, differs in zip(one.steps, other.steps, strict=True)].count(False) == 1
    assert one.validate_response is not other.validate_response


def test_every_option_of_routes_has_a_variant() -> None:
    camel = {re.sub(r"_(.)", lambda found: found[1].upper(), each.name) for each in fields(model.RouteOptions)}
    assert set(VARIANTS) == camel - {"concurrent"}  # of events alone
    assert {each.name for each in fields(Route)} >= {"responder", "steps"}


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from(["a", "b"])), max_size=20))
def test_once_makes_one_value_for_equal_arguments_alone(given: list[tuple[Any, ...]]) -> None:
    names = object.__new__(Names)
    names.realm, names._shared = 0, {}
    made = [names.once(_echo, *arguments) for arguments in given]
    assert [list(each) for each in made] == [list(arguments) for arguments in given]
    assert len({id(each) for each in made}) == len(set(given))


def _echo(*given: Any) -> list[Any]:
    return [*given]


@pytest.mark.anyio
async def test_rules_with_functions_of_the_same_name_in_two_tables_are_not_equal(tmp_path: Path) -> None:
    code = "async def handler(request, h): return 'x'\nasync def fix(request, h, error): return '{}'\n"
    for folder, answer in ((tmp_path, "host"), (tmp_path / "used", "used")):
        folder.mkdir(exist_ok=True)
        (folder / "my.py").write_text(code.format(answer))
    route = "{{method: GET, path: /{0}, id: {0}, handler: 'my:handler', options: {{response: {1}}}}}"
    rules = "{schema: {type: object}, failAction: 'my:fix'}"
    routes = ", ".join(route.format(id, rules) for id in ("a", "b"))
    (tmp_path / "used" / "routes.yaml").write_text(f"routes: [{routes}]")
    (tmp_path / "routes.yaml").write_text(
        "plugins: [{table: used/routes.yaml, override: {b: {options: {response: {failAction: 'my:fix'}}}}}]"
    )
    app = create_app(tmp_path / "routes.yaml", env={})
    assert [(await inject(app, method="GET", url=url)).text for url in ("/a", "/b")] == ["used", "host"]


def test_routes_share_equal_options_and_keep_their_own_data_and_positions(tmp_path: Path) -> None:
    options = "{validate: {params: {type: object}}, app: {a: []}, pre: ['my:other'], tags: [a, b]}"
    text = "".join(ROUTE.format(method="GET", path=f"/{number}/{{id}}", options=options) for number in range(2))
    (tmp_path / "routes.yaml").write_text(f"routes:\n{text}")
    one, other = (route.options for route in load(tmp_path / "routes.yaml", {}).routes)
    assert replace(one, pre=()) == replace(other, pre=())
    assert one.validate is other.validate
    assert one.app is not other.app
    assert [pre.mark.line for (pre,) in (*one.pre, *other.pre)] == [2, 3]


def test_a_route_that_equals_others_adds_few_objects_to_a_compiled_table(tmp_path: Path) -> None:
    def objects(routes: int) -> int:
        options = "{validate: {params: {type: object, required: [id]}}, response: {schema: {type: string}}, tags: [a]}"
        text = "".join(ROUTE.format(method="POST", path=f"/{n}/{{id}}", options=options) for n in range(routes))
        (tmp_path / "routes.yaml").write_text(f"{HEAD}routes:\n{text}")
        gc.collect()
        before = len(gc.get_objects())
        app = create_app(tmp_path / "routes.yaml", env={})
        gc.collect()
        assert len(app.server.table()) == routes
        return len(gc.get_objects()) - before

    (tmp_path / "my.py").write_text(CODE)
    objects(1)
    assert (objects(200) - objects(100)) / 100 <= 10
