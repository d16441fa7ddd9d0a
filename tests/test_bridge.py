"""`def` functions call what `async def` functions await: the work runs on the event loop, and the thread waits."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any, cast

import pytest

from hapiish import bridge
from hapiish.boom import ServerUnavailable
from hapiish.http.body.uploads import UploadPart
from hapiish.store.store import Store
from hapiish.store.threads import SPARE, Pool
from hapiish.testing import inject
from tests.http.conftest import Make, make
from tests.realtime.support import member, raw, serving

__all__ = ["make"]

pytestmark = pytest.mark.anyio

TABLE = """
session: {cookieOptions: {password: "a password of the tests that is long enough"}}
auth: {strategies: {key: {scheme: apiKey, options: {validate: "my:key", query: key}}}}
server: {routes: {payload: {maxBytes: 1MB}}}
methods:
  loads: {method: "my:loads", cache: {expiresIn: 60s, generateTimeout: 10s}}
  plain: my:plain
  blocks: my:blocks
sockets:
  transports: [websocket, polling]
  namespaces:
    - namespace: /
      onConnect: my:connects
      onDisconnect: my:leaves
      events:
        - {event: emits, handler: "my:emits"}
        - {event: rooms, handler: "my:rooms"}
        - {event: kicks, handler: "my:kicks"}
        - {event: wrong, handler: "my:wrong"}
        - {event: returns, handler: "my:returns"}
        - {event: forgets, handler: "my:forgets"}
        - {event: other, handler: "my:other_thread"}
      emits: [{event: news, payload: {type: object, required: [n]}}, {event: hello}]
routes:
  - {method: GET, path: /all, handler: "my:all"}
  - {method: GET, path: /nested, handler: "my:nested"}
  - {method: GET, path: /stops, handler: "my:stops"}
  - {method: GET, path: /returned, handler: "my:returned", options: {pre: [{method: "my:pre", assign: p}]}}
  - {method: GET, path: /look, handler: "my:look"}
  - {method: POST, path: /stream, handler: "my:stream", options: {payload: {output: stream, parse: false}}}
  - {method: POST, path: /form, handler: "my:form", options: {payload: {output: stream, multipart: {output: stream}}}}
"""

CODE = """
import asyncio, threading
from hapiish.bridge import here

left = []
seen = []

def key(request, key, h): return {"is_valid": True, "credentials": {}}
async def loads(id): return {"loaded": id}
async def plain(id): return {"plain": id}
def blocks(id): return threading.current_thread().name

def connects(request, h):
    request.socket.join("all")
    request.socket.emit("hello", 1)

def leaves(request, h):
    request.server.emit("news", {"n": -1}, to="all")
    left.append(request.payload["reason"])

def emits(request, h):
    assert here.loop is not None
    request.server.emit("news", request.payload, to="all", skip=request.socket)
    request.socket.emit("hello", 2)

def rooms(request, h):
    request.socket.join("a")
    request.socket.leave("all")
    return sorted(request.socket.rooms)

def kicks(request, h):
    request.socket.disconnect("kicked")
    return {"still": "acknowledged"}

def wrong(request, h): request.server.emit("news", {}, to="all")
async def returns(request, h): return request.server.methods.plain(3)
async def forgets(request, h): request.server.emit("news", {"n": 9}, to="all")
async def other_thread(request, h):
    await asyncio.to_thread(emits.__wrapped__ if hasattr(emits, "__wrapped__") else other, request)
def other(request): request.server.emit("news", {"n": 5}, to="all")

def all(request, h):
    server = request.server
    cache = server.cache(segment="mine", expires_in=60000)
    cache.set("a", 1)
    found = cache.get("a")
    cache.drop("a")
    loaded = server.methods.loads(1)
    server.methods.loads.cache.drop(1)
    request.session.set("x", 1)
    request.session.commit()
    verdict = server.auth.test("key", request)
    return {
        "cache": [found, cache.get("a")],
        "methods": [loaded, server.methods.plain(2), server.methods.blocks(1).startswith("hapiish")],
        "inject": server.inject(url="/look").status_code,
        "ready": server.readiness()["serving"],
        "gauge": server.events.gauge("closing"),
        "auth": verdict.credentials,
        "call": server.pool.call(lambda: 6),
    }

def nested(request, h): return request.server.methods.blocks(request.query["n"])
def stops(request, h): return request.server.stop()
async def returned(request, h): return request.server.methods.plain(request.pre["p"]["plain"] + 1)
async def pre(request, h): return request.server.methods.plain(1)
def look(request, h):
    seen.append(request)
    return "seen"
def stream(request, h):
    seen.append(request)
    return request.payload.read().decode()
def form(request, h):
    seen.append(request)
    return request.payload["f"].read().decode()
"""


async def test_a_def_handler_of_an_event_emits_joins_and_leaves(make: Make) -> None:
    app = make(TABLE, CODE)
    async with serving(app) as port, member(port) as first, raw(port) as second:
        assert await first.news("hello") == 1
        await second.join()
        await first.send('42["emits",{"n":1}]')
        assert await first.news("hello") == 2
        assert await second.news("news") == {"n": 1}
        assert await second.ask("rooms", None) == {"ok": True, "data": ["a"]}
        assert (await first.ask("emits", {"n": 2}))["ok"]
        assert (await second.ask("other", None))["ok"]
        assert await first.news("news") == {"n": 5}


async def test_what_the_table_refuses_to_emit_is_an_error_of_the_def_handler(make: Make) -> None:
    app = make(TABLE, CODE)
    async with serving(app) as port, member(port) as client:
        assert (await client.ask("wrong", None))["error"]["statusCode"] == 500


async def test_a_def_handler_disconnects_its_client_after_the_acknowledgement(make: Make) -> None:
    app = make(TABLE, CODE)
    async with serving(app) as port, member(port) as client, member(port) as witness:
        assert await client.ask("kicks", None) == {"ok": True, "still": "acknowledged"}
        assert await client.until("41") == ""
        assert await witness.news("news") == {"n": -1}  # emitted by the def of onDisconnect


async def test_a_def_handler_gets_the_results_of_all_that_is_awaited_elsewhere(make: Make) -> None:
    app = make(TABLE, CODE)
    answer = await inject(app, url="/all?key=k")
    assert answer.json == {
        "cache": [1, None],
        "methods": [{"loaded": 1}, {"plain": 2}, True],
        "inject": 200,
        "ready": True,
        "gauge": [],
        "auth": {},
        "call": 6,
    }
    assert "session=" in str(answer.headers)
    assert (await inject(app, method="POST", url="/stream", payload="body")).payload == b"body"
    body = '--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nfile\r\n--x--\r\n'
    given = {"content-type": "multipart/form-data; boundary=x"}
    assert (await inject(app, method="POST", url="/form", payload=body, headers=given)).payload == b"file"


async def test_def_handlers_that_fill_the_pool_and_wait_for_the_pool_are_answered(make: Make) -> None:
    app = make(TABLE, CODE)
    answers = await asyncio.gather(*(inject(app, url=f"/nested?n={n}") for n in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    crew = app.server.pool._crew
    assert crew is not None
    assert crew.waiting == 0


async def test_calls_that_wait_take_no_thread_from_what_they_wait_for() -> None:
    pool = Pool(2)
    gate, begun = asyncio.Event(), []

    async def inner() -> int:
        begun.append(1)
        await gate.wait()
        return int(await pool.call(called_innermost))

    async def innermost() -> int:
        return await pool.call(int, "1")

    called, called_innermost = cast(Any, bridge.anywhere(inner)), cast(Any, bridge.anywhere(innermost))
    calls = [asyncio.create_task(pool.call(called)) for _ in range(200)]
    while len(begun) < SPARE + 2:  # as many as may wait at once
        await asyncio.sleep(0)
    assert len(begun) < SPARE + 10
    gate.set()
    assert await asyncio.wait_for(asyncio.gather(*calls), 30) == [1] * 200
    for _ in range(100):
        await pool.call(int)
    crew = pool._crew
    assert crew is not None
    assert (crew.waiting, len(crew.held), len(crew.workers)) == (0, 0, 2)
    await pool.stop()


async def test_calls_that_are_held_end_with_the_pool() -> None:
    pool = Pool(1)
    gate = asyncio.Event()
    calls = [asyncio.create_task(pool.call(bridge.anywhere(gate.wait))) for _ in range(100)]
    while pool._crew is None or not pool._crew.held:
        await asyncio.sleep(0)
    stopping = asyncio.create_task(pool.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping
    ended = await asyncio.gather(*calls, return_exceptions=True)
    assert {True, asyncio.CancelledError} == {type(each) if isinstance(each, BaseException) else each for each in ended}


async def test_a_def_handler_cannot_stop_the_server_that_waits_for_it(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(TABLE, CODE)
    assert (await inject(app, url="/stops")).status_code == 500
    assert "only an `async def` can call it" in caplog.text


async def test_a_coroutine_that_is_returned_is_awaited(make: Make) -> None:
    app = make(TABLE, CODE)
    assert (await inject(app, url="/returned")).json == {"plain": 2}
    async with serving(app) as port, member(port) as client:
        assert await client.ask("returns", None) == {"ok": True, "plain": 3}


async def test_a_coroutine_that_nobody_awaits_is_told(make: Make) -> None:
    app = make(TABLE, CODE)
    async with serving(app) as port, member(port) as client:
        with pytest.warns(RuntimeWarning, match=r"Server\.emit.* was never awaited"):
            await client.ask("forgets", None)


async def test_a_thread_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "PATIENCE", 0.01)

    @bridge.anywhere
    async def never() -> None:
        await asyncio.Event().wait()

    pool = Pool(1)
    with pytest.raises(ServerUnavailable):
        assert await pool.call(never) is None
    assert await pool.call(int, "1") == 1
    await pool.stop()


async def test_an_error_of_the_work_is_the_error_of_the_call() -> None:
    @bridge.anywhere
    async def fails() -> None:
        raise TimeoutError("its own")

    pool = Pool(1)
    with pytest.raises(TimeoutError, match="its own"):
        assert await pool.call(fails) is None
    await pool.stop()


async def test_threads_that_stood_in_for_waiting_ones_leave_again() -> None:
    pool = Pool(1)
    gate = asyncio.Event()
    wait = bridge.anywhere(gate.wait)
    waiting = [asyncio.create_task(pool.call(wait)) for _ in range(5)]
    assert await pool.call(int, "1") == 1  # in a sixth thread
    gate.set()
    await asyncio.gather(*waiting)
    for _ in range(20):
        await pool.call(int)
    crew = pool._crew
    assert crew is not None
    assert len(crew.workers) == 1
    await pool.stop()


async def test_every_coroutine_that_a_def_handler_can_reach_may_be_called_there(make: Make) -> None:
    app = make(TABLE, CODE)
    await inject(app, url="/look?key=k")
    await inject(app, method="POST", url="/stream", payload="body")
    async with serving(app) as port, member(port) as client:
        await client.ask("emits", {"n": 1})
        request = app.server.methods.plain.__globals__["seen"][0]
        realtime = app.server.realtime
        assert realtime is not None
        starts = [request, request.raw, request.session, *realtime._hub.sockets(), request.send]
        server = app.server
        starts += [server, server.events, server.caches, server.auth, server.session, server.pool]
        starts += [realtime, server.methods, server.methods.loads.cache, server.methods.loads.cache.policy]
        starts += [server.caches.stores["_default"], app.server.methods.loads, app.server.methods.plain]
        starts += [Store("", pool=server.pool, models={}), object.__new__(UploadPart)]
        served = (realtime, "__call__")  # an ASGI application
        reached = [(each, name) for each in starts for name in coroutines(each) if (each, name) != served]
    assert {name for each, name in reached if each is server} >= {"emit", "inject", "readiness", "start", "stop"}
    assert [(type(each).__name__, name) for each, name in reached if not bridged(each, name)] == []


def coroutines(thing: Any) -> Iterator[str]:
    """The public methods of an object that give something to await."""
    for name in {*dir(type(thing)), "__call__"}:
        found = inspect.getattr_static(type(thing), name, None)
        asynchronous = inspect.iscoroutinefunction(inspect.unwrap(found)) if callable(found) else False
        if asynchronous and (not name.startswith("_") or name == "__call__"):
            yield name


def bridged(thing: Any, name: str) -> bool:
    return getattr(inspect.getattr_static(type(thing), name), "bridged", False)


async def test_a_thread_of_its_own_reaches_the_loop_of_the_server(make: Make) -> None:
    app = make(TABLE, CODE)
    async with serving(app) as port, member(port) as client:
        assert await asyncio.to_thread(app.server.emit, "news", {"n": 3}, to="all") is None
        assert await client.news("news") == {"n": 3}
        assert await asyncio.to_thread(app.server.methods.loads, 1) == {"loaded": 1}


def test_without_a_loop_that_runs_there_is_something_to_await(make: Make) -> None:
    app = make(TABLE, CODE)
    assert asyncio.run(app.server.readiness())["serving"]
