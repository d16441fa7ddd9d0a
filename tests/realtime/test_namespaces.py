"""Options of a namespace for all its events, and events sent before a client is connected."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hapiish import Application, create_app
from hapiish.table import check
from tests.realtime.support import member, raw, serving

pytestmark = pytest.mark.anyio

CODE = """
from hapiish import boom

seen = []
def note(name):
    async def function(request, h):
        seen.append(name)
        return h.continue_
    return function
outer, inner, own, after = note("outer"), note("inner"), note("own"), note("after")
async def judge(request, h):
    seen.append("judge")
    if request.payload == "bad": raise boom.Forbidden("no", code="judged")
    return {"judged": True}
async def other(request, h): return "other"
async def answer(request, h): return {"pre": dict(request.pre), "context": request.route.settings.app}
async def first(request, h):
    seen.append("first")
    await request.socket.join("r")
async def second(request, h):
    seen.append("second")
    if request.payload: raise boom.Forbidden("not you")
async def third(request, h): seen.append("third")
async def greets(request, h):
    await request.socket.emit("two", ("a", "b"))
    await request.socket.emit("nothing")
    await request.socket.emit("none", None)
    await request.socket.emit("bytes", {"b": b"abc"})
    await request.socket.emit("list", [1, 2])
async def same(request, h):
    await request.socket.emit("two", ("a", "b"))
    await request.socket.emit("nothing")
    await request.socket.emit("none", None)
    await request.socket.emit("bytes", {"b": b"abc"})
    await request.socket.emit("list", [1, 2])
async def settings(request, h):
    await request.socket.emit("set", [request.method, request.route.settings.app, request.route.settings.plugins])
async def nowhere(request, h): await request.server.emit("x", 1, namespace=request.payload)
"""

Make = Callable[[str], Application]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def write(table: str) -> Application:
        (tmp_path / "routes.yaml").write_text(dedent(table))
        (tmp_path / "my.py").write_text(CODE)
        return create_app(tmp_path / "routes.yaml", env={})

    return write


def seen(app: Application) -> list[str]:
    app.server.compiled.namespaces["/"]
    found = app.server.compiled.namespaces["/"].events["look"]
    return found.__self__.route.handler.__globals__["seen"]  # type: ignore[attr-defined, no-any-return]


WHOLE = """
    ext: {onPreHandler: ["my:outer"]}
    sockets:
      namespaces:
        - namespace: /
          pre: [{method: "my:judge", assign: verdict}]
          ext: {onPreHandler: "my:inner"}
          limit: {max: 2, duration: 1h}
          options: {app: {a: 1}, ext: {onPostHandler: ["my:after"]}}
          onConnect: ["my:first", "my:second", "my:third"]
          onDisconnect: ["my:first", "my:third"]
          events:
            - {event: look, handler: "my:answer"}
            - {event: own, handler: "my:answer", options: {ext: {onPreHandler: ["my:own"]}, limit: null}}
            - {event: instead, handler: "my:answer", options: {pre: [{method: "my:other", assign: o}], limit: null}}
        - namespace: /other
          events: [{event: look, handler: "my:answer"}]
    routes: []
"""


async def test_every_event_has_what_its_namespace_says(make: Make) -> None:
    app = make(WHOLE)
    async with serving(app) as port, member(port) as client:
        seen(app).clear()
        assert await client.ask("look", 1) == {"ok": True, "pre": {"verdict": {"judged": True}}, "context": {"a": 1}}
        assert seen(app) == ["outer", "inner", "judge", "after"]
        seen(app).clear()
        await client.ask("own", 1)
        assert seen(app) == ["outer", "inner", "own", "judge", "after"]
        assert (await client.ask("instead", 1))["pre"] == {"o": "other"}
        assert (await client.ask("own", "bad"))["error"]["code"] == "judged"


async def test_each_event_of_a_namespace_is_counted_for_itself(make: Make) -> None:
    app = make(WHOLE.replace("- {event: look", '- {event: again, handler: "my:answer"}\n            - {event: look', 1))
    async with serving(app) as port, member(port) as client, member(port, "/other") as other:
        for event in ("look", "again"):
            answers = [await client.ask(event, 1) for _ in range(3)]
            assert [answer["ok"] for answer in answers] == [True, True, False]
            assert answers[-1]["error"]["statusCode"] == 429
        assert (await other.ask("look", 1, namespace="/other"))["ok"]


async def test_a_limit_with_a_name_counts_all_events_of_the_namespace_together(make: Make) -> None:
    app = make(WHOLE.replace("{max: 2,", "{name: all, max: 2,").replace("limit: null", "app: {}"))
    async with serving(app) as port, member(port) as client:
        assert [(await client.ask(event, 1))["ok"] for event in ("look", "own", "instead")] == [True, True, False]


async def test_events_of_one_name_in_two_namespaces_are_counted_apart(make: Make) -> None:
    app = make(
        """
        sockets:
          namespaces:
            - {namespace: /, limit: {max: 1, duration: 1h}, events: [{event: e, handler: "my:answer"}]}
            - {namespace: /b, limit: {max: 1, duration: 1h}, events: [{event: e, handler: "my:answer"}]}
        routes: []
        """
    )
    async with serving(app) as port, member(port) as one, member(port, "/b") as two:
        assert (await one.ask("e", 1))["ok"]
        assert (await two.ask("e", 1, namespace="/b"))["ok"]
        assert not (await one.ask("e", 1))["ok"]


async def test_functions_of_on_connect_run_in_order_until_one_refuses(make: Make) -> None:
    app = make(WHOLE)
    async with serving(app) as port, raw(port) as client:
        await client.send('40{"a":1}')
        await client.until("44")
        assert seen(app) == ["first", "second"]
        assert app.server.realtime._hub.manager.rooms == {}  # type: ignore[union-attr]
        await client.join()
        assert seen(app) == ["first", "second", "first", "second", "third"]
        seen(app).clear()
    assert seen(app) == ["first", "third"]


async def test_what_is_emitted_in_on_connect_is_sent_as_it_is_later(make: Make) -> None:
    app = make(
        """
        sockets:
          namespaces:
            - {namespace: /, onConnect: "my:greets", events: [{event: same, handler: "my:same"}],
               emits: [{event: two}, {event: nothing}, {event: none}, {event: bytes}, {event: list}]}
        routes: []
        """
    )
    expected: list[Any] = [
        '42["two","a","b"]',
        '42["nothing"]',
        '42["none"]',
        '451-["bytes",{"b":{"_placeholder":true,"num":0}}]',
        b"abc",
        '42["list",[1,2]]',
    ]
    async with serving(app) as port, raw(port) as client:
        await client.send("40")
        assert str(await client.receive()).startswith('40{"sid"')
        assert [await client.receive() for _ in expected] == expected
        await client.send('42["same"]')
        assert [await client.receive() for _ in expected] == expected


async def test_the_data_of_a_namespace_is_that_of_its_connections_and_events(make: Make) -> None:
    app = make(
        """
        presets: {limited: {plugins: {limits: {b: 2}}}}
        sockets:
          namespaces:
            - namespace: /
              options: {app: {a: 1}, use: limited}
              onConnect: "my:settings"
              events: [{event: same, handler: "my:settings", options: {app: {c: 3}}}]
              emits: [{event: set}]
        routes: []
        """
    )
    async with serving(app) as port, raw(port) as client:
        await client.send("40")
        assert await client.until("42") == '["set",["connect",{"a":1},{"limits":{"b":2}}]]'
        await client.send('42["same"]')
        assert await client.until("42") == '["set",["event",{"a":1,"c":3},{"limits":{"b":2}}]]'


async def test_emitting_into_a_namespace_that_is_not_declared_raises_with_the_nearest_name(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(
        """
        sockets:
          namespaces:
            - {namespace: /, events: [{event: e, handler: "my:nowhere"}]}
            - {namespace: /admin, emits: [{event: x}]}
        routes: []
        """
    )
    with pytest.raises(ValueError, match=r'no namespace "/admn"; did you mean "/admin"\?'):
        await app.server.emit("x", 1, namespace="/admn")
    with pytest.raises(ValueError, match=r'no namespace "/nope"'):
        await app.server.emit("x", 1, namespace="/nope")
    async with serving(app) as port, member(port) as client:
        assert (await client.ask("e", "/nope"))["error"]["statusCode"] == 500
        assert (await client.ask("e", "/admin"))["ok"]


async def test_several_sockets_may_be_left_out(make: Make) -> None:
    app = make(
        """
        sockets: {namespaces: [{namespace: /, emits: [{event: x}]}]}
        routes: []
        """
    )
    async with serving(app) as port, member(port) as one, member(port) as two, member(port) as three:
        sockets = {socket.id: socket for socket in app.server.realtime._hub.sockets()}  # type: ignore[union-attr]
        (first, second, third) = sockets.values()
        await app.server.emit("x", 1, skip=[first, second.id])
        await app.server.emit("x", 2, skip=(each for each in (third,)))
        await app.server.emit("x", 3, skip=[])
        assert [await client.news("x") for client in (one, two, three)] == [2, 2, 1]
        assert [await client.news("x") for client in (one, two, three)] == [3, 3, 3]


def problems(tmp_path: Path, namespace: str) -> list[str]:
    (tmp_path / "routes.yaml").write_text(f"sockets: {{namespaces: [{{{namespace}}}]}}\nroutes: []\n")
    return [f"{each.code} {each.message}" for each in check(tmp_path / "routes.yaml", {})[1]]


@pytest.mark.parametrize(
    ("namespace", "expected"),
    [
        ('pre: [{method: "a:b"}], options: {pre: [{method: "a:c"}]}', 'HA0346 the namespace "/" has "pre" twice'),
        ("options: {prre: []}", 'HA0204 unknown option "prre"; did you mean "pre"?'),
        ("options: {auth: false}", 'HA0204 unknown option "auth"'),
        ("limit: {max: 2, duration: 1500ms}", 'HA0391 "duration" must be in whole seconds'),
        ("limit: {max: 2, duration: 1s, by: params.id}, events: [{event: e, handler: 'a:b'}]", "HA0392"),
        ("onConnect: [1]", "HA020"),
        ("options: {validate: {payload: {type: strin}}}", "HA0331"),
        ("pre: [{method: 'nothing(payload.x)'}], events: [{event: e, handler: 'a:b'}]", "HA0366"),
    ],
)
def test_what_a_namespace_says_is_judged(tmp_path: Path, namespace: str, expected: str) -> None:
    found = problems(tmp_path, namespace)
    assert len(found) == 1, found
    assert found[0].startswith(expected)
