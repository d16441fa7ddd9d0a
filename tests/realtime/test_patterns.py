"""Namespaces with parameters, and wildcard events."""

import json
from pathlib import Path
from typing import Any

import pytest

from hapiish import create_app
from hapiish.realtime import NamespaceHooks
from hapiish.realtime.socketio.hub import MOST_NAMESPACES
from hapiish.realtime.socketio.namespaces import Namespaces
from tests.realtime.support import Journal, gone, member, raw, realtime, serving

pytestmark = pytest.mark.anyio

TABLE = """
sockets:
  namespaces:
    - namespace: /room-{id}
      validate: {params: {type: object, properties: {id: {type: integer, minimum: 1}}}}
      onConnect: "my:connect"
      onDisconnect: "my:disconnect"
      events:
        - {event: where, handler: "my:where"}
        - {event: say, handler: "my:say"}
        - {event: "*", handler: "my:other"}
      emits: [{event: hello}, {event: said, payload: {type: string}}]
    - {namespace: /room-lobby, events: [{event: where, handler: "my:where"}]}
"""
CODE = """
left = []

async def connect(request, h):
    await request.socket.emit("hello", request.params["id"])

async def disconnect(request, h):
    left.append(request.params)

async def where(request, h):
    return {"params": request.params, "namespace": request.socket.namespace}

async def say(request, h):
    await request.server.emit("said", request.payload, namespace=request.socket.namespace)

async def other(request, h):
    return {"event": request.path, "data": request.payload}
"""


@pytest.fixture
def app(tmp_path: Path) -> Any:
    (tmp_path / "routes.yaml").write_text(TABLE)
    (tmp_path / "my.py").write_text(CODE)
    return create_app(tmp_path / "routes.yaml")


async def test_parameters_reach_the_handlers_as_the_schema_has_them(app: Any) -> None:
    async with serving(app) as port, raw(port) as client:
        await client.join("/room-5")
        assert await client.until("42/room-5,") == '["hello",5]'
        answer = await client.ask("where", namespace="/room-5")
        assert answer == {"ok": True, "params": {"id": 5}, "namespace": "/room-5"}


@pytest.mark.parametrize("name", ["/room-x", "/room-0"])
async def test_parameters_that_do_not_fit_refuse_the_client(app: Any, name: str) -> None:
    async with serving(app) as port, raw(port) as client:
        await client.send(f"40{name}")
        refusal = json.loads(await client.until(f"44{name},"))
        assert refusal["data"]["statusCode"] == 400
        assert refusal["data"]["validation"]["source"] == "params"


@pytest.mark.parametrize("name", ["/room-", "/room-5/x", "/other", "/a/../room-5", "/room-{id}", "/room-5//"])
async def test_a_name_that_does_not_fit_is_no_namespace(app: Any, name: str) -> None:
    async with serving(app) as port, raw(port) as client:
        await client.send(f"40{name}")
        assert json.loads(await client.until(f"44{name},")) == {"message": "Invalid namespace"}


async def test_a_name_without_parameters_is_preferred(app: Any) -> None:
    async with serving(app) as port, member(port, "/room-lobby") as client:
        assert (await client.ask("where", namespace="/room-lobby"))["params"] == {}


async def test_each_value_is_a_namespace_of_its_own(app: Any) -> None:
    async with serving(app) as port, raw(port) as one, raw(port) as other:
        for client, name in ((one, "/room-1"), (other, "/room-2")):
            await client.join(name)
            await client.until(f"42{name},")
        await one.ask("say", "to one", namespace="/room-1")
        await app.server.emit("said", "to two", namespace="/room-2")
        assert await other.until("42/room-2,") == '["said","to two"]'
        with pytest.raises(ValueError, match="breaks its schema"):
            await app.server.emit("said", 1, namespace="/room-2")


async def test_events_that_are_not_declared_go_to_the_catch_all_under_their_name(app: Any) -> None:
    async with serving(app) as port, raw(port) as client:
        await client.join("/room-5")
        assert await client.ask("a:b", 1, namespace="/room-5") == {"ok": True, "event": "a:b", "data": 1}
        assert (await client.ask("*", namespace="/room-5"))["event"] == "*"
        assert (await client.ask("where", namespace="/room-5"))["params"] == {"id": 5}
        assert (await client.ask("disconnect", namespace="/room-5"))["error"]["code"] == "reserved_event"


async def test_the_namespaces_of_a_client_are_bounded_and_leave_nothing_behind() -> None:
    journal = Journal()
    server = realtime(namespaces={"/{name}": journal.hooks()})
    async with serving(server) as port:
        async with raw(port) as client:
            for number in range(MOST_NAMESPACES):
                await client.join(f"/{number}")
            await client.send("40/more")
            assert json.loads(await client.until("44/more,"))["data"]["code"] == "too_many_namespaces"
        assert await journal.reasons(MOST_NAMESPACES) == ["transport close"] * MOST_NAMESPACES
        await gone(server)


def test_names_are_found_by_their_parts() -> None:
    hooks = NamespaceHooks()
    found = Namespaces(dict.fromkeys(("/", "/a", "/{x}", "/a-{x}.{y}", "/b/{rest*}"), hooks)).find
    assert found("/") == ("/", {})
    assert found("/a") == ("/a", {})
    assert found("/é %41/") is None
    assert found("/é %41") == ("/{x}", {"x": "é %41"})
    assert found("/a-1.2") == ("/a-{x}.{y}", {"x": "1", "y": "2"})
    assert found("/b/c/d") == ("/b/{rest*}", {"rest": "c/d"})
    assert found("/{x}") is None
    assert found("/" + "x" * 2000) is None
    with pytest.raises(ValueError):
        Namespaces({"/{x}": hooks, "/{y}": hooks})


@pytest.mark.parametrize("option", ["", "arguments: true", "binary: true"])
async def test_an_event_that_nobody_takes_is_unknown_however_many_arguments_it_has(tmp_path: Path, option: str) -> None:
    table = f"""
sockets:
  namespaces:
    - namespace: /
      {option}
      events: [{{event: where, handler: "my:where"}}]
"""
    (tmp_path / "routes.yaml").write_text(table)
    (tmp_path / "my.py").write_text(CODE)
    async with serving(create_app(tmp_path / "routes.yaml")) as port, member(port) as client:
        for arguments in [(), (1,), (1, 2)]:
            answer = await client.ask("nobody", *arguments)
            assert answer["error"]["code"] == "unknown_event"
        assert (await client.ask("connect", 1, 2))["error"]["code"] == "reserved_event"
