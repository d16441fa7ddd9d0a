"""Server methods and caches of a table, called from handlers and steps."""

import asyncio
from pathlib import Path
from unittest.mock import ANY

import pytest

from hapiish import Application, TableError
from hapiish.table.problems import Problem
from hapiish.testing import inject
from tests.http.conftest import Make
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio

CODE = """
calls = []

async def load(id, *more):
    calls.append((id, *more))
    return {"id": id, "call": len(calls)}

def blocking(id, name=None):
    import threading
    calls.append(threading.current_thread().name)
    return {"id": id, "name": name}

async def flagged(id, flags):
    calls.append(id)
    flags.ttl = 0
    return len(calls)

async def fails(id):
    raise boom.NotFound("No such user")

def name_of(user):
    return user["name"]

def no_key(*args):
    return None

async def ask(request, h):
    methods = request.server.methods
    return await methods.users.load(request.query.get("id"))

async def drop(request, h):
    await request.server.methods.users.load.cache.drop(request.query.get("id"))
    stats = request.server.methods.users.load.cache.stats
    return {"gets": stats.gets, "hits": stats.hits, "sets": stats.sets, "generates": stats.generates}

async def listed(request, h):
    return await request.server.methods.users.load([1])

async def named(request, h):
    return await request.server.methods.named({"name": "ada"}, "x")

async def pool(request, h):
    return await request.server.methods.blocking(1, name="ada")

async def pre(request, h):
    return {key: value for key, value in request.pre.items()}

class Scheme:
    def __init__(self, server, options): pass
    async def authenticate(self, request, h):
        return h.authenticated(credentials={"id": 7, "teams": [{"name": "blue"}]})
"""

CACHED = """
methods:
  users.load: {method: "my:load", cache: {expiresIn: 60s, generateTimeout: 2s}}
  flagged: {method: "my:flagged", cache: {expiresIn: 60s, generateTimeout: 2s}}
  named: {method: "my:load", generateKey: "my:name_of", cache: {expiresIn: 60s, generateTimeout: 2s}}
  keyless: {method: "my:load", generateKey: "my:no_key", cache: {expiresIn: 60s, generateTimeout: 2s}}
  blocking: my:blocking
  load: my:load
  fails: my:fails
auth:
  schemes: {kit: "my:Scheme"}
  strategies: {one: {scheme: kit}}
routes:
  - {method: GET, path: /ask, handler: "my:ask"}
  - {method: GET, path: /drop, handler: "my:drop"}
  - {method: GET, path: /listed, handler: "my:listed"}
  - {method: GET, path: /pool, handler: "my:pool"}
  - {method: GET, path: /flagged, handler: "flagged(1)"}
  - {method: GET, path: /keyless, handler: "keyless(1)"}
  - {method: GET, path: "/users/{id}", handler: "users.load(params.id)"}
  - {method: GET, path: /fails, handler: "fails(1)"}
  - method: POST
    path: "/all/{id}"
    handler: >-
      load(params.id, query.q, payload.list[1].x, headers.X-User, state.sid, credentials.id, auth.strategy,
      credentials.teams[0].name, credentials.teams[9].name, payload.absent.too, method, 'text', 5, true, null)
    options: {auth: one}
  - method: GET
    path: "/pre/{id}"
    handler: my:pre
    options:
      pre:
        - ["users.load(params.id)", {method: "blocking(params.id)", assign: user}]
        - {method: "blocking(pre['users.load'].id, pre.user.id)", assign: both}
  - method: GET
    path: /failing
    handler: my:pre
    options: {pre: [{method: "fails(1)", failAction: ignore}]}
"""


@pytest.fixture
async def app(make: Make) -> Application:
    return make(CACHED, CODE)


async def test_a_cached_method_is_called_once_for_each_key(app: Application) -> None:
    answers = [(await inject(app, url=url)).json for url in ("/users/a", "/users/a", "/users/b", "/ask?id=a")]
    assert [answer["call"] for answer in answers] == [1, 1, 2, 1]


async def test_a_cache_drops_by_arguments_and_counts(app: Application) -> None:
    await inject(app, url="/users/a")
    await inject(app, url="/users/a")
    counted = await inject(app, url="/drop?id=a")
    assert counted.json == {"gets": 2, "hits": 1, "sets": 1, "generates": 1}
    assert (await inject(app, url="/users/a")).json["call"] == 2


@pytest.mark.parametrize("url", ["/listed", "/keyless"])
async def test_arguments_without_a_key_are_a_500(app: Application, url: str, caplog: pytest.LogCaptureFixture) -> None:
    assert (await inject(app, url=url)).status_code == 500
    assert "Invalid method key when invoking: " in caplog.text


async def test_flags_go_to_methods_that_take_them(app: Application) -> None:
    assert [(await inject(app, url="/flagged")).json for _ in range(2)] == [1, 2]


async def test_def_methods_run_in_the_pool(app: Application) -> None:
    assert (await inject(app, url="/pool")).json == {"id": 1, "name": "ada"}
    blocking = app.server.compiled.table.methods["blocking"]
    assert blocking.cache is None


async def test_a_call_gets_values_of_the_request_and_none_for_what_it_lacks(app: Application) -> None:
    response = await inject(
        app,
        method="POST",
        url="/all/a%20b?q=1",
        headers={"x-user": "ada"},
        payload={"list": [{"x": 1}, {"x": 2}]},
    )
    assert response.json["call"] == 1
    scope = app.server.methods.load.__globals__["calls"]
    assert scope == [
        ("a b", "1", 2, "ada", None, 7, "one", "blue", None, None, "post", "text", 5, True, None),
    ]


async def test_a_step_that_calls_assigns_the_methods_name_unless_it_says_otherwise(app: Application) -> None:
    assert (await inject(app, url="/pre/x")).json == {
        "users.load": {"id": "x", "call": ANY},
        "user": {"id": "x", "name": None},
        "both": {"id": "x", "name": "x"},
    }


async def test_errors_of_a_method_are_the_answer_or_what_fail_action_says(app: Application) -> None:
    assert (await inject(app, url="/fails")).json["message"] == "No such user"
    assert (await inject(app, url="/failing")).status_code == 500  # an error is assigned, and no JSON


SHARED = """
caches: [{name: shared, provider: redis, options: {url: "${REDIS_URL}", partition: tests}}]
methods:
  users.load: {method: "my:load", cache: {cache: shared, expiresIn: 60s, generateTimeout: 2s}}
routes:
  - {method: GET, path: "/users/{id}", handler: "users.load(params.id)"}
"""


async def test_processes_share_a_cache_in_redis_and_do_without_it(
    make: Make, redis_url: str, redis_server: RedisServer
) -> None:
    first, second = make(SHARED, CODE, REDIS_URL=redis_url), make(SHARED, CODE, REDIS_URL=redis_url)
    assert (await inject(first, url="/users/a")).json == {"id": "a", "call": 1}
    assert (await inject(second, url="/users/a")).json == {"id": "a", "call": 1}
    redis_server.stop()
    try:
        assert (await inject(first, url="/users/a")).json == {"id": "a", "call": 2}
    finally:
        redis_server.start()
    await first.server.stop()
    await second.server.stop()


OWN = """
caches: [{provider: "my:store", options: {size: 5}}]
methods: {load: {method: "my:load", cache: {expiresIn: 60s, generateTimeout: 2s}}}
routes: [{method: GET, path: /, handler: "load(1)"}]
"""

STORE = """
from hapiish.caches.memory import MemoryStore

made = []

def store(server, options):
    if options["size"] < 5:
        raise ValueError("too small")
    made.append(options)
    return MemoryStore(max_bytes=10_000)
"""


async def test_a_store_of_ones_own_is_made_with_its_options(make: Make) -> None:
    app = make(OWN, CODE + STORE)
    assert [(await inject(app, url="/")).json["call"] for _ in range(2)] == [1, 1]
    assert app.server.methods.load.cache.policy.store.bytes > 0


def test_what_a_store_refuses_is_told_where_it_is_declared(make: Make) -> None:
    with pytest.raises(TableError, match="too small") as caught:
        make(OWN.replace("5", "4"), CODE + STORE)
    (problem,) = caught.value.problems
    assert (problem.mark.line, problem.code) == (2, "HA0365")


async def test_caches_live_from_before_on_pre_start_to_the_end(make: Make) -> None:
    app = make(
        """
        ext: {onPreStart: "my:start", onPostStop: "my:stopped"}
        routes: [{method: GET, path: /, handler: "my:show"}]
        """,
        """
        async def start(server):
            rules = {"expires_in": 60_000, "generate_func": make, "generate_timeout": 100}
            server.app["policy"] = server.cache(segment="words", **rules)
            await server.app["policy"].set("a", 1)

        def make(key, flags):
            return key.upper()

        async def show(request, h):
            policy = request.server.app["policy"]
            return [await policy.get("a"), await policy.get("b")]

        async def stopped(server):
            server.app["ready"] = server.app["policy"].is_ready
        """,
    )
    await app.server.start()
    assert (await inject(app, url="/")).json == [1, "B"]
    with pytest.raises(ValueError, match="is taken"):
        app.server.cache(segment="words", expires_in=1)
    await app.server.stop()
    assert app.server.app["ready"] is False


async def test_a_reload_keeps_what_unchanged_caches_hold(make: Make) -> None:
    app = make(OWN.replace('"my:store"', "memory").replace("size: 5", "maxByteSize: 1MB"), CODE)
    text = source(app)
    assert (await inject(app, url="/")).json == {"id": 1, "call": 1}
    assert await rewritten(app, text + "\n") == []
    assert (await inject(app, url="/")).json == {"id": 1, "call": 1}
    assert app.server.methods.load.cache.stats.generates == 0
    assert await rewritten(app, text.replace("routes:", "routes: x")) != []
    assert await rewritten(app, text.replace("1MB", "2MB")) == []
    await inject(app, url="/")
    assert app.server.methods.load.cache.stats.generates == 1


def source(app: Application) -> str:
    return Path(app.server.compiled.table.file).read_text()


async def rewritten(app: Application, text: str) -> list[Problem]:
    """What a reload says of another text of the table."""
    await asyncio.to_thread(Path(app.server.compiled.table.file).write_text, text)
    return await app.reload()
