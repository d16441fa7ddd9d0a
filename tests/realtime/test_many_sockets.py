"""What concerns many sockets at once takes several turns of the event loop: emits, disconnects, shutdowns."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest

from hapiish.http.serving.protocol import HttpProtocol
from hapiish.realtime import NamespaceHooks, Socket
from hapiish.realtime.socketio.deliveries import MOST_WAITING, RECIPIENTS_PER_TURN, Deliveries
from hapiish.realtime.socketio.turnstile import AT_ONCE, PER_TURN, Turnstile
from tests.realtime.support import PATIENCE, Gate, gone, member, realtime, serving

pytestmark = pytest.mark.anyio


class Recipient:
    """A transport that notes what is delivered to it."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def deliver(self, message: Any) -> None:
        self.got.append(message["text"])


def crowd(count: int) -> dict[str, Any]:
    return {str(number): Recipient() for number in range(count)}


def text(value: str) -> dict[str, str]:
    return {"text": value}


async def test_an_emit_to_many_sockets_lets_other_tasks_run_and_each_gets_the_emits_in_order() -> None:
    members = crowd(10 * RECIPIENTS_PER_TURN)
    deliveries = Deliveries(members)
    deliveries.add(text("first"), members, ())
    deliveries.add(text("second"), {"0": members["0"], "2559": members["2559"]}, ())
    turns = [sum(len(each.got) for each in members.values())]
    while deliveries.waiting:
        await asyncio.sleep(0)
        turns.append(sum(len(each.got) for each in members.values()))
    assert max(after - before for before, after in pairwise(turns)) <= RECIPIENTS_PER_TURN + 2
    assert members["2559"].got == members["0"].got == ["first", "second"]
    assert all(each.got[0] == "first" for each in members.values())


async def test_a_socket_that_leaves_during_an_emit_and_one_that_is_skipped_do_not_get_it() -> None:
    members = crowd(2 * RECIPIENTS_PER_TURN)
    joined = dict(members)
    deliveries = Deliveries(joined)
    deliveries.add(text("news"), members, ("1",))
    del joined["500"]
    await deliveries.done()
    assert [sid for sid, each in members.items() if not each.got] == ["1", "500"]


async def test_emits_that_wait_are_bounded() -> None:
    members = crowd(RECIPIENTS_PER_TURN * 2)
    deliveries = Deliveries(members)
    for number in range(MOST_WAITING + 1):
        deliveries.add(text(str(number)), members, ())
        assert len(deliveries.waiting) <= MOST_WAITING
    assert [each.got for each in members.values()] == [[str(n) for n in range(MOST_WAITING + 1)]] * len(members)


async def test_what_a_handler_sends_after_an_emit_to_many_comes_after_it() -> None:
    async def shout(socket: Socket, data: Any) -> Any:
        await server.emit("news", data)
        return {"ok": True}

    server = realtime(NamespaceHooks(events={"shout": shout}))
    async with serving(server) as port, member(port) as client:
        rooms = server._hub.manager
        others = crowd(5 * RECIPIENTS_PER_TURN)
        members = rooms.rooms["/"][None]
        own = {**members}
        members.clear()
        members.update({**others, **own})  # the client is the last one
        rooms.joined.update({sid: set() for sid in others})
        await client.send('421["shout",5]')
        assert (await client.receive(), await client.receive()) == ('42["news",5]', '431[{"ok":true}]')
        assert all(each.got == ['42["news",5]'] for each in others.values())
        for sid in others:
            del members[sid], rooms.joined[sid]


async def test_the_disconnect_hooks_of_sockets_that_vanish_together_begin_over_several_turns() -> None:
    begun = most = running = 0

    async def left(socket: Socket, reason: str) -> None:
        nonlocal begun, running, most
        begun += 1
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1

    count = 200
    server = realtime(NamespaceHooks(disconnect=left))
    per_turn = 0

    async def watch() -> None:
        nonlocal per_turn
        before = 0
        while True:
            await asyncio.sleep(0)
            per_turn, before = max(per_turn, begun - before), begun

    async with serving(server, http=HttpProtocol) as port:
        wires = []
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n"
                b"connection: upgrade\r\nsec-websocket-version: 13\r\n"
                b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x81\x82\0\0\0\x0040"
            )
            wires.append((reader, writer))
        async with asyncio.timeout(PATIENCE):
            while len(server._hub.manager.joined) < count:
                await asyncio.sleep(0.01)
        watching = asyncio.create_task(watch())
        for _, writer in wires:
            writer.transport.abort()
        async with asyncio.timeout(PATIENCE):
            while begun < count:
                await asyncio.sleep(0.01)
        watching.cancel()
        assert 1 <= per_turn <= PER_TURN
        assert most <= AT_ONCE
        await gone(server)


async def test_hooks_that_hang_hold_up_the_others_for_a_moment_only() -> None:
    turnstile, gate, through = Turnstile(), asyncio.Event(), 0

    async def hook() -> None:
        nonlocal through
        async with turnstile:
            through += 1
            await gate.wait()

    tasks = [asyncio.create_task(hook()) for _ in range(AT_ONCE + 10)]
    async with asyncio.timeout(PATIENCE):
        while through < AT_ONCE + 10:
            await asyncio.sleep(0.05)
    gate.set()
    await asyncio.gather(*tasks)


async def test_who_no_longer_waits_takes_no_place_at_the_turnstile() -> None:
    turnstile = Turnstile()
    passed: list[int] = []

    async def hook(number: int) -> None:
        async with turnstile:
            passed.append(number)

    tasks = [asyncio.create_task(hook(number)) for number in range(3 * PER_TURN)]
    await asyncio.sleep(0)
    for task in tasks[PER_TURN : 2 * PER_TURN]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert passed == [*range(PER_TURN), *range(2 * PER_TURN, 3 * PER_TURN)]


async def test_a_shutdown_of_many_sockets_with_a_slow_event_takes_one_grace_time() -> None:
    gate = Gate()
    server = realtime(NamespaceHooks(events={"slow": gate}))
    async with serving(server) as port, member(port) as one, member(port) as other:
        await one.send('421["slow"]')
        await gate.entered.wait()
        stopping = asyncio.create_task(server.shutdown())
        assert await other.closed() == (1012, "server shutting down")
        gate.open.set()
        assert json.loads(await one.until("431")) == [{"ok": True}]
        await stopping
