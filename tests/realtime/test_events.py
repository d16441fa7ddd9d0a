import asyncio
import json
import logging
from typing import Any

import pytest

from hapiish import boom
from hapiish.realtime import RESERVED, NamespaceHooks, Socket
from tests.realtime.support import Gate, Journal, echo, member, raw, realtime, serving

pytestmark = pytest.mark.anyio


async def test_what_a_handler_returns_is_the_acknowledgement() -> None:
    async with serving(realtime()) as port, member(port) as client:
        assert await client.ask("echo", {"text": "žluť"}) == {"ok": True, "data": {"text": "žluť"}}


@pytest.mark.parametrize("arguments", [(), (None,), ({"a": [1]},), ([],), ("text",), (1.5,)])
async def test_an_event_has_one_argument_or_none(arguments: tuple[Any, ...]) -> None:
    async with serving(realtime()) as port, member(port) as client:
        answer = await client.ask("echo", *arguments)
    assert answer == {"ok": True, "data": arguments[0] if arguments else None}


async def test_a_second_argument_is_refused() -> None:
    async with serving(realtime()) as port, member(port) as client:
        answer = await client.ask("echo", 1, 2)
    assert (answer["ok"], answer["error"]["statusCode"]) == (False, 400)


async def test_a_boom_is_acknowledged_as_an_error() -> None:
    async def refuse(socket: Socket, data: Any) -> Any:
        raise boom.Conflict("Once is enough", code="twice", data={"id": 1})

    async with serving(realtime(NamespaceHooks(events={"refuse": refuse}))) as port, member(port) as client:
        answer = await client.ask("refuse")
    error = {"statusCode": 409, "error": "Conflict", "message": "Once is enough", "code": "twice", "data": {"id": 1}}
    assert answer == {"ok": False, "error": error}


async def _crash(socket: Socket, data: Any) -> Any:
    raise LookupError("a secret")


async def _unspeakable(socket: Socket, data: Any) -> Any:
    return object()


async def _await_what_was_cancelled(socket: Socket, data: Any) -> Any:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


@pytest.mark.parametrize("handler", [_crash, _unspeakable, _await_what_was_cancelled])
async def test_a_failure_is_a_500_without_its_text_and_a_record_with_it(
    handler: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        serving(realtime(NamespaceHooks(events={"fail": handler, "echo": echo}))) as port,
        member(port) as client,
    ):
        answer = await client.ask("fail", {"password": "p4ss"})
        assert (await client.ask("echo", 1))["ok"] is True
    assert answer["error"] == {
        "statusCode": 500,
        "error": "Internal Server Error",
        "message": "An internal server error occurred",
    }
    (record,) = [record for record in caplog.records if record.name == "hapiish.realtime"]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert "p4ss" not in caplog.text


async def test_an_unknown_event_is_acknowledged() -> None:
    async with serving(realtime()) as port, member(port) as client:
        answer = await client.ask("nowhere", {})
    assert (answer["ok"], answer["error"]["statusCode"], answer["error"]["code"]) == (False, 404, "unknown_event")


async def test_a_namespace_answers_unknown_events_in_its_own_way() -> None:
    async def unknown(socket: Socket, event: str, data: Any) -> Any:
        return {"ok": False, "event": event, "data": data}

    async with serving(realtime(NamespaceHooks(unknown=unknown))) as port, member(port) as client:
        assert await client.ask("nowhere", 3) == {"ok": False, "event": "nowhere", "data": 3}


@pytest.mark.parametrize("event", sorted(RESERVED))
async def test_a_reserved_event_from_the_wire_changes_nothing(event: str) -> None:
    journal = Journal()
    async with serving(realtime(journal.hooks())) as port, member(port) as client:
        answer = await client.ask(event, {"senderId": "someone else"})
        assert (answer["ok"], answer["error"]["code"]) == (False, "reserved_event")
        await client.send(f'42["{event}",{{}}]')
        assert (await client.ask("echo", 1))["ok"] is True
        assert len(journal.sockets) == 1
        assert journal.left == []


def test_a_namespace_cannot_declare_a_reserved_event() -> None:
    with pytest.raises(ValueError, match="reserved event names: connect, disconnect"):
        NamespaceHooks(events={"disconnect": echo, "connect": echo, "echo": echo})


async def test_an_event_without_an_ack_id_gets_no_answer() -> None:
    async with serving(realtime()) as port, member(port) as client:
        await client.send('42["echo",1]', '42["nowhere"]', '42["connect"]')
        await client.nothing()


async def test_the_events_of_one_client_are_handled_one_after_the_other() -> None:
    log: list[str] = []

    async def slow(socket: Socket, data: Any) -> Any:
        log.append(f"begin {data}")
        await asyncio.sleep(0.02 if data % 3 == 0 else 0)
        log.append(f"end {data}")

    async with serving(realtime(NamespaceHooks(events={"slow": slow}))) as port, member(port) as client:
        await client.send(*(f'42["slow",{number}]' for number in range(9)))
        await client.nothing()
    assert log == [line for number in range(9) for line in (f"begin {number}", f"end {number}")]


async def test_one_client_does_not_wait_for_another() -> None:
    gate = Gate()
    hooks = NamespaceHooks(events={"slow": gate, "echo": echo})
    async with serving(realtime(hooks)) as port, member(port) as slow, member(port) as other:
        await slow.send('42["slow"]')
        await gate.entered.wait()
        assert (await other.ask("echo", 1))["ok"] is True
        gate.open.set()


async def test_namespaces_have_their_own_events_on_one_connection() -> None:
    async def chat(socket: Socket, data: Any) -> Any:
        return socket.namespace

    namespaces = {"/": NamespaceHooks(events={"echo": echo}), "/chat": NamespaceHooks(events={"who": chat})}
    async with serving(realtime(namespaces=namespaces)) as port, raw(port) as client:
        default, other = await client.join(), await client.join("/chat")
        assert default != other
        assert await client.ask("who", namespace="/chat") == "/chat"
        assert (await client.ask("who"))["error"]["code"] == "unknown_event"
        await client.send("42/chat?token=1,3" + json.dumps(["who"]))
        assert await client.until("43/chat,3") == '["/chat"]'


@pytest.mark.parametrize("namespace", ["/", "/chat", "/nowhere"])
async def test_an_event_before_the_connection_reaches_no_handler(namespace: str) -> None:
    called: list[Any] = []

    async def handle(socket: Socket, data: Any) -> Any:
        called.append(data)

    namespaces = {name: NamespaceHooks(events={"echo": handle}) for name in ("/", "/chat")}
    async with serving(realtime(namespaces=namespaces)) as port, raw(port) as client:
        answer = await client.ask("echo", 1, namespace=namespace)
    assert answer["error"]["code"] == "not_connected"
    assert called == []


async def test_connected_clients_go_on_with_replaced_hooks() -> None:
    async def later(socket: Socket, data: Any) -> Any:
        return "later"

    journal = Journal()
    server = realtime(journal.hooks())
    async with serving(server) as port, member(port) as client:
        assert (await client.ask("echo", 1))["data"] == 1
        server.namespaces = {"/": NamespaceHooks(events={"echo": later, "new": echo})}
        assert await client.ask("echo", 1) == "later"
        assert (await client.ask("new", 2))["data"] == 2
        assert len(journal.sockets) == 1
        server.namespaces = {}
        assert (await client.ask("echo", 1))["error"]["code"] == "not_connected"
