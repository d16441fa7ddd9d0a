"""The explained steps of a route or event are those that the compiled one has."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hapiish import create_app
from hapiish import options as model
from hapiish.describe.lifecycle import Lifecycle, Step
from hapiish.http.exchange.route import Route
from tests.test_sharing import CODE, HEAD, VARIANTS

ROOT = Path(__file__).parents[2]
MORE = """
from mongoengine import Document, IntField, StringField
class Todo(Document):
    title = StringField(required=True)
    size = IntField()
    meta = {"auto_create_index": False}
def validate(*given): return {}
async def scheme(server, options): pass
class Kit:
    def __init__(self, server, options): pass
    async def authenticate(self, request, h): return h.authenticated(credentials={})
def kind(server, route, options):
    async def handle(request, h): return "x"
    return handle
"""

NAMES = [
    (r"entering\.", "realm"),
    (r"cookies_step\.|Cookies\.parse|_unparsed|Cookies\.", "cookies"),
    (r"limit_step\.", "limit"),
    (r"session_step\.", "session"),
    (r"nonces_step\.", "nonces"),
    (r"_Strategies\.|authenticate_step", "authenticate"),
    (r"payload_step\.|_Data\.|_Stream\.|_File\.|_Bytes\.", "payload"),
    (r"payload_authentication\.", "payload auth"),
    (r"access_step\.|_Access\.", "access"),
    (r"csrf_step\.", "csrf"),
    (r"extension_step\.", "ext"),
    (r"_flat\.|_Input\.|_Together\.|validate_step|function_step|together_step|with_attachments", "validate"),
    (r"_require|pre_step\.", "pre"),
    (r"limit_finalizer", "limit"),
    (r"session_finalizer", "session"),
    (r"nonces_finalizer", "nonces"),
    (r"Cookies\.complete", "cookies"),
    (r"response_authentication", "response auth"),
]


def name_of(step: Any) -> str:
    """The name of a compiled step."""
    if isinstance(step, partial):
        return name_of(step.func)
    text = getattr(step, "__qualname__", None) or f"{type(step).__qualname__}."
    return next((name for pattern, name in NAMES if re.match(pattern, text)), text)


def compiled_steps(route: Route) -> dict[str, list[str]]:
    """The names of the steps of a compiled route by their phase."""
    inner = route
    for cell in getattr(route.handler, "__closure__", None) or ():
        if isinstance(cell.cell_contents, Route):  # with a timeout, the steps are in an inner route
            inner = cell.cell_contents
    return {
        "route": [name_of(step) for step, _ in inner.steps],
        "response": [
            *("onPostHandler" for _ in inner.on_post_handler),
            *(["validate response"] if route.validate_response is not None else []),
            *("onPreResponse" for _ in route.on_pre_response),
            *(name_of(each) for each in route.finalizers),
        ],
        "sent": ["" for _ in route.on_post_response],
    }


def explained_steps(steps: list[Step]) -> dict[str, list[Step]]:
    return {
        phase: [each for each in steps if each.phase == phase and each.name not in ("send", "acknowledge")]
        for phase in ("route", "response", "sent")
    }


def agrees(explained: list[Step], compiled: list[str], phase: str) -> bool:
    """Returns whether all compiled steps are explained in their order, and only possible ones are missing."""
    rest = iter(compiled)
    current = next(rest, None)
    for step in explained:
        name = "" if phase == "sent" else step.name
        if phase == "route":
            name = "ext" if name.startswith("on") else name.partition(" ")[0] if "validate" in name else name
        if name == current:
            current = next(rest, None)
        elif not step.possible:
            return False
    return current is None


def compare(folder: Path, env: dict[str, str]) -> Counter[str]:
    """Compares every route and event of a table; returns how often each step was compared."""
    app = create_app(folder / "routes.yaml", env={"MONGODB_URI": "mongodb://127.0.0.1:1/x", **env})
    current = app.server.current
    lifecycle = Lifecycle(current.table)
    seen: Counter[str] = Counter()
    pairs = [(lifecycle.route(given), route) for given, route in zip(current.table.routes, current.routes, strict=True)]
    pairs += list(events(current, lifecycle))
    for explained, route in pairs:
        compiled = compiled_steps(route)
        for phase, steps in explained_steps(explained).items():
            assert agrees(steps, compiled[phase], phase), (route.method, route.path, steps, compiled[phase])
            seen.update(step.name for step in steps)
    return seen


def events(current: Any, lifecycle: Lifecycle) -> Iterator[tuple[list[Step], Route]]:
    for namespace in current.table.namespaces:
        hooks = current.namespaces[namespace.namespace]
        for event in namespace.events:
            bound = hooks.events.get(event.event) or hooks.others
            yield lifecycle.event(event, namespace), bound.__self__.route


def test_the_steps_of_the_chat_are_explained_as_they_are() -> None:
    seen = compare(ROOT, {"JWT_SECRET": "x" * 40})
    assert seen["authenticate"] > 8
    assert seen["pre"] >= 2


@pytest.mark.parametrize("name", VARIANTS)
def test_the_steps_of_every_option_are_explained_as_they_are(tmp_path: Path, name: str) -> None:
    values = ["{}", *(f"{{{name}: {value}}}" for value in VARIANTS[name])]
    lines = [
        f'  - {{method: "{method}", path: "/{number}/{{id?}}", handler: "my:handler", options: {options}}}\n'
        for number, options in enumerate(values)
        for method in (["GET"] if "payload" not in options else []) + ["POST", "*"]
    ]
    (tmp_path / "my.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(f"{HEAD}routes:\n{''.join(lines)}")
    compare(tmp_path, {})


PROJECT = """
x-counted: &counted {max: 1, duration: 1m, by: [address, payload.a], count: failures}
server:
  trustedProxies: [10.0.0.0/8]
  load: {maxEventLoopDelay: 1s, sampleInterval: 1s}
  routes: {limit: 5/second, ext: {onPreAuth: ["my:other"], onPreHandler: "my:other"}}
auth:
  schemes: {kit: "my:Kit"}
  strategies:
    kit: {scheme: kit}
    basic: {scheme: basic, options: {validate: "my:validate"}}
    key: {scheme: apiKey, options: {validate: "my:validate"}}
  default: kit
state: {seen: {autoValue: x}}
methods: {load: {method: "my:plain"}}
kinds: {own: {method: "my:kind", defaults: {limit: {max: 3, duration: 1m, by: address}}}}
ext:
  onRequest: "my:other"
  onPreAuth: {method: "my:other", timeout: 1s}
  onPostAuth: "my:other"
  onCredentials: "my:other"
  onPreResponse: ["my:other", "my:handler"]
  onPostResponse: "my:other"
plugins: [{table: used/routes.yaml, routes: {prefix: /used}}]
groups:
- prefix: /group
  ext: {onPostHandler: "my:other"}
  options: {pre: ["my:other", ["my:other", "my:other"]], timeout: {server: 1s}}
  routes:
  - {method: [GET, POST], path: /a, handler: "my:handler"}
  - {method: POST, path: /b, handler: "load(params)", options: {auth: false, limit: {max: 1, duration: 1m, by: user}}}
  - {method: "*", path: /c, handler: {own: {}}, options: {auth: {strategies: [basic, key], scope: [a]}}}
database: {uri: "mongodb://127.0.0.1:1/x"}
models: {Todo: "my:Todo"}
routes:
- resource: todos
  path: /todos
  handler: {model: {name: Todo, filters: {title: [eq]}}}
  options: {auth: basic}
- {method: GET, path: /file, handler: {file: my.py}}
- {method: GET, path: "/files/{p*}", handler: {directory: {path: .}}}
- {method: "*", path: "/up/{p*}", handler: {proxy: {host: localhost}}}
- {method: POST, path: /count, handler: "my:handler", options: {limit: *counted}}
sockets:
  namespaces:
  - namespace: "/room-{id}"
    auth: kit
    pre: ["my:other"]
    ext: {onPostHandler: "my:other"}
    limit: {max: 1, duration: 1s, by: address}
    events:
    - {event: a, handler: "my:handler", options: {auth: {scope: [x]}, validate: {payload: {type: object}}}}
    - {event: b, handler: "my:handler", ack: raw, options: {limit: {max: 1, duration: 1s, by: user}}}
    - {event: c, handler: "my:handler", binary: true, options: {response: {schema: {}}, timeout: {server: 1s}}}
    - {event: "*", handler: "my:handler", options: {limit: false, validate: {payload: "my:plain"}}}
"""
USED = """
ext: {onPreHandler: "my:other"}
routes:
- {method: [GET, PUT], path: /x, handler: "my:handler"}
"""


def test_the_steps_of_kinds_groups_used_tables_and_events_are_explained_as_they_are(tmp_path: Path) -> None:
    for folder, text in ((tmp_path, PROJECT), (tmp_path / "used", USED)):
        folder.mkdir(exist_ok=True)
        (folder / "my.py").write_text(CODE + MORE)
        (folder / "routes.yaml").write_text(text)
    seen = compare(tmp_path, {})
    assert {"realm", "limit", "authenticate", "access", "cookies", "pre", "payload", "onCredentials"} <= set(seen)


def test_every_purpose_reads_as_a_sentence() -> None:
    app = create_app(ROOT / "routes.yaml", env={"MONGODB_URI": "mongodb://127.0.0.1:1/x", "JWT_SECRET": "x" * 40})
    table: model.Table = app.server.current.table
    for route in table.routes:
        for step in Lifecycle(table).route(route):
            assert step.purpose
            assert not step.purpose.endswith(".")
            assert step.purpose[0].islower()
