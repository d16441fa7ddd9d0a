import asyncio
import json
from typing import Any

import pytest
import socketio

from hapiish.realtime.engineio.reading import MOST_WAITING
from tests.realtime.support import PATIENCE, Gate, Journal, Raw, gone, member, raw, realtime, serving
from tests.realtime.test_polling import polling

pytestmark = pytest.mark.anyio

QUICK: dict[str, Any] = {"ping_interval": 100, "ping_timeout": 200}
STEADY: dict[str, Any] = {"ping_interval": 100, "ping_timeout": 700}  # for who must live on a busy machine
SEVERAL_DEADLINES = 2.0  # seconds


async def _open_after(gate: Gate, client: Raw, pings: int) -> None:
    while client.pings < pings:
        await asyncio.sleep(0.01)
    gate.open.set()


async def test_a_client_that_answers_pings_stays() -> None:
    async with serving(realtime(**STEADY)) as port, member(port) as client:
        listening = asyncio.create_task(client.until("431"))
        async with asyncio.timeout(PATIENCE):
            while client.pings < 5:
                await asyncio.sleep(0.01)
        await client.send('421["echo",1]')
        assert json.loads(await listening) == [{"ok": True, "data": 1}]


async def test_a_client_that_answers_no_ping_is_gone() -> None:
    journal = Journal()
    server = realtime(journal.hooks(), **QUICK)
    async with serving(server) as port, raw(port, alive=False) as client:
        await client.join()
        assert await client.closed() == (1000, "ping timeout")
        assert await journal.reasons() == ["ping timeout"]
        assert client.pings == 1
        await gone(server)


async def test_a_slow_handler_does_not_cost_its_client_the_heartbeat() -> None:
    gate = Gate()
    async with serving(realtime(Journal().hooks(slow=gate), **STEADY)) as port, member(port) as client:
        opening = asyncio.create_task(_open_after(gate, client, pings=5))
        assert (await client.ask("slow"))["ok"] is True
        await opening
        assert (await client.ask("echo", 1))["ok"] is True


async def test_what_comes_while_a_handler_is_slow_waits_in_order_and_in_bounds() -> None:
    gate = Gate()
    server = realtime(Journal().hooks(slow=gate), **STEADY)
    count = 3 * MOST_WAITING
    async with serving(server) as port, member(port) as client:
        await client.send('420["slow"]', *(f'42{number}["echo",{number}]' for number in range(1, count)))
        await asyncio.sleep(SEVERAL_DEADLINES)
        (transport,) = server._hub.eio.sockets.values()
        assert [len(line) for line in transport.reading.lines.values()] == [MOST_WAITING]
        gate.open.set()
        acks = [await client.until("43") for _ in range(count)]
        assert acks[1:] == [f'{number}[{{"ok":true,"data":{number}}}]' for number in range(1, count)]
        assert (await client.ask("echo", 1))["ok"] is True


async def test_a_client_that_dies_during_its_slow_handler_is_told_to_the_hook_at_once() -> None:
    gate = Gate()
    journal = Journal()
    async with serving(realtime(journal.hooks(slow=gate), **QUICK)) as port, raw(port, alive=False) as client:
        await client.join()
        await client.send('42["slow"]')
        assert await journal.reasons() == ["ping timeout"]
        assert not gate.open.is_set()
        gate.open.set()


async def test_a_client_that_leaves_during_its_slow_handler_is_told_to_the_hook_at_once() -> None:
    gate = Gate()
    journal = Journal()
    server = realtime(journal.hooks(slow=gate), **QUICK)
    async with serving(server) as port:
        async with member(port) as client:
            await client.send('42["slow"]')
            await gate.entered.wait()
        assert await journal.reasons() == ["transport close"]
        assert not gate.open.is_set()
        gate.open.set()
        await gone(server)


async def test_a_polling_client_survives_its_slow_handler() -> None:
    gate = Gate()
    journal = Journal()
    server = realtime(journal.hooks(slow=gate), transports=["polling"], **STEADY)
    async with serving(server) as port:
        client = socketio.AsyncClient(reconnection=False)
        await client.connect(f"http://127.0.0.1:{port}", transports=["polling"])
        asking = asyncio.create_task(client.call("slow", timeout=PATIENCE))
        await asyncio.sleep(SEVERAL_DEADLINES)
        gate.open.set()
        assert await asking == {"ok": True}
        assert journal.left == []
        await client.disconnect()


async def test_a_polling_client_that_does_not_come_back_is_gone() -> None:
    journal = Journal()
    server = realtime(journal.hooks(), transports=["polling"], **QUICK)
    async with serving(server) as port, polling(port):
        assert await journal.reasons() == ["ping timeout"]
        await gone(server)
