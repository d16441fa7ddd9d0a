"""Functions of a table receive `server` and `models` by keyword."""

from pathlib import Path
from textwrap import dedent

import pytest

from hapiish import create_app
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

CODE = """
import threading
heard, calls = [], []

class Thing:
    label = "thing"

def load(id, *, models):
    calls.append(id)
    return {"id": id, "label": models.Thing.label}

async def later(id, *, server, models):
    return {**await server.methods.load(id), "app": server.app["x"], "same": server.models.Thing is models.Thing}

def outer(id, *, server):
    thread = threading.current_thread()
    return {"inner": server.methods.where(), "same": server.methods.where() == str(thread), **server.methods.later(id)}

def where():
    return str(threading.current_thread())

def flagged(id, *, flags, models):
    flags.ttl = 0
    return models.Thing.label

def own_server(*, server="eu-1"):
    return server

def key(id, *, server):
    return f"{server.app['x']}-{id}"

def listen(data, *, server, models):
    heard.append([data, server.app["x"], models.Thing.label])

def judge(value, options):
    if value["id"] != options.context.models.Thing.label or options.context.server.app["x"] != 1:
        raise ValueError("no such label")

async def judge_by_name(value, options, *, models):
    if value["id"] != models.Thing.label:
        raise ValueError("no such label")

async def ext(request, h, *, server):
    request.app["x"] = server.app["x"]
    return h.continue_

async def show(request, h, *, models):
    return {"x": request.app.get("x"), "label": models.Thing.label}

async def tell(request, h):
    await request.server.events.gauge("orders", 7)
    return heard

async def named(request, h):
    return await request.server.methods.own_server(server="other")

def start(server):
    server.app["started"] = True

def replace(key, value, *, models):
    return models.Thing.label if key == "x" else value
"""

TABLE = """
models: {Thing: "my:Thing"}
server: {app: {x: 1}}
methods:
  load: my:load
  later: my:later
  outer: my:outer
  where: my:where
  own_server: my:own_server
  kept: {method: "my:load", cache: {expiresIn: 60s, generateTimeout: 2s}}
  keyed: {method: "my:load", generateKey: "my:key", cache: {expiresIn: 60s, generateTimeout: 2s}}
  flagged: {method: "my:flagged", cache: {expiresIn: 60s, generateTimeout: 2s}}
events: {orders: {listeners: ["my:listen"]}}
ext: {onPreStart: [{method: "my:start"}], onPreHandler: [{method: "my:ext"}]}
routes:
  - {method: GET, path: "/load/{id}", handler: "load(params.id)"}
  - {method: GET, path: "/later/{id}", handler: "later(params.id)"}
  - {method: GET, path: "/outer/{id}", handler: "outer(params.id)"}
  - {method: GET, path: "/kept/{id}", handler: "kept(params.id)"}
  - {method: GET, path: "/keyed/{id}", handler: "keyed(params.id)"}
  - {method: GET, path: "/flagged", handler: "flagged(1)"}
  - {method: GET, path: /own, handler: own_server()}
  - {method: GET, path: /named, handler: "my:named"}
  - {method: GET, path: /tell, handler: "my:tell"}
  - {method: GET, path: /show, handler: "my:show"}
  - {method: GET, path: "/judged/{id}", handler: "my:show", options: {validate: {params: "my:judge"}}}
  - {method: GET, path: "/by-name/{id}", handler: "my:show", options: {validate: {params: "my:judge_by_name"}}}
  - {method: GET, path: /replaced, handler: "my:show", options: {json: {replacer: "my:replace"}}}
"""


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("/load/1", {"id": "1", "label": "thing"}),
        ("/later/1", {"id": "1", "label": "thing", "app": 1, "same": True}),
        ("/kept/1", {"id": "1", "label": "thing"}),
        ("/keyed/1", {"id": "1", "label": "thing"}),
        ("/show", {"x": 1, "label": "thing"}),
        ("/replaced", {"x": "thing", "label": "thing"}),
        ("/tell", [[7, 1, "thing"]]),
    ],
)
async def test_a_function_that_asks_for_server_or_models_gets_them(make: Make, url: str, answer: object) -> None:
    app = make(TABLE, CODE)
    await app.server.start()
    assert (await inject(app, url=url)).json == answer
    await app.server.stop()


async def test_what_is_supplied_is_no_part_of_the_key_of_a_cached_value(make: Make) -> None:
    app = make(TABLE, CODE)
    for _ in range(3):
        await inject(app, url="/kept/1")
    stats = app.server.methods.kept.cache.stats
    assert (stats.generates, stats.hits) == (1, 2)
    assert app.server.methods.keyed.key(("9",), {}) == "1-9"


async def test_flags_and_models_go_together(make: Make) -> None:
    assert (await inject(make(TABLE, CODE), url="/flagged")).payload == b"thing"


async def test_a_parameter_with_a_default_or_given_by_the_caller_stays_the_callers(make: Make) -> None:
    app = make(TABLE, CODE)
    assert (await inject(app, url="/own")).payload == b"eu-1"
    assert (await inject(app, url="/named")).payload == b"other"


async def test_a_def_method_called_by_a_def_method_goes_on_in_its_thread(make: Make) -> None:
    answer = (await inject(make(TABLE, CODE), url="/outer/5")).json
    assert answer["same"] is True
    assert answer["label"] == "thing"


@pytest.mark.parametrize("path", ["judged", "by-name"])
async def test_a_validation_reaches_models_and_server(make: Make, path: str) -> None:
    app = make(TABLE, CODE)
    assert (await inject(app, url=f"/{path}/thing")).status_code == 200
    assert (await inject(app, url=f"/{path}/other")).status_code == 400


async def test_a_used_table_gets_its_own_models_and_methods(tmp_path: Path) -> None:
    code = dedent("""
        class Thing:
            label = "{0}"
        def load(*, server, models):
            return [models.Thing.label, server.models.Thing.label, server.methods.name()]
        def name():
            return "{0}"
    """)
    table = """
models: {Thing: "my:Thing"}
methods: {load: "my:load", name: "my:name"}
"""
    for name in ("outer", "inner"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "my.py").write_text(code.format(name))
    route = "  - {method: GET, path: /load, handler: load()}\n"
    (tmp_path / "inner" / "routes.yaml").write_text(f"{table}routes:\n{route}")
    plugins = "plugins: [{table: ../inner/routes.yaml, routes: {prefix: /inner}}]\n"
    (tmp_path / "outer" / "routes.yaml").write_text(f"{table}{plugins}routes:\n{route}")
    app = create_app(tmp_path / "outer" / "routes.yaml", env={})
    assert (await inject(app, url="/load")).json == ["outer"] * 3
    assert (await inject(app, url="/inner/load")).json == ["inner"] * 3
