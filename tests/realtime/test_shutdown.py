import asyncio
import json

import pytest
import websockets

from tests.realtime.support import Gate, Journal, gone, member, raw, realtime, serving
from tests.realtime.test_polling import polling

pytestmark = pytest.mark.anyio


async def test_everybody_is_told_and_reconnects_elsewhere() -> None:
    journal = Journal()
    server = realtime(namespaces={"/": journal.hooks(), "/chat": journal.hooks()})
    async with serving(server) as port, member(port) as one, member(port, "/chat") as other, raw(port) as idle:
        await server.shutdown()
        # Not a DISCONNECT packet, on which JavaScript clients do not come back.
        for client in (one, other, idle):
            assert await client.closed() == (1012, "server shutting down")
        assert await journal.reasons() == ["server shutting down"] * 2
        await gone(server)


async def test_who_comes_during_a_shutdown_is_refused() -> None:
    server = realtime()
    async with serving(server) as port:
        await server.shutdown()
        with pytest.raises(websockets.InvalidStatus):
            async with raw(port):
                pass


async def test_an_event_that_is_being_handled_is_still_answered() -> None:
    gate = Gate()
    journal = Journal()
    server = realtime(journal.hooks(slow=gate))
    async with serving(server) as port, member(port) as client:
        await client.send('421["slow"]', '422["echo",1]')
        await gate.entered.wait()
        stopping = asyncio.create_task(server.shutdown())
        await asyncio.sleep(0.05)
        assert journal.left == []
        gate.open.set()
        assert json.loads(await client.until("431")) == [{"ok": True}]
        assert await client.closed() == (1012, "server shutting down")
        await stopping
        assert journal.left == [(journal.sockets[0].id, "server shutting down")]


async def test_an_event_that_does_not_end_holds_nothing_up() -> None:
    gate = Gate()
    journal = Journal()
    server = realtime(journal.hooks(slow=gate))
    async with serving(server) as port, member(port) as client:
        await client.send('421["slow"]')
        await gate.entered.wait()
        await server.shutdown(grace_ms=50)
        assert await client.closed() == (1012, "server shutting down")
        assert await journal.reasons() == ["server shutting down"]
        gate.open.set()


async def test_a_polling_client_is_told_too() -> None:
    journal = Journal()
    server = realtime(journal.hooks(), transports=["polling"])
    async with serving(server) as port, polling(port) as client:
        waiting = asyncio.create_task(client.get())
        await asyncio.sleep(0.05)
        await server.shutdown()
        assert (await waiting)[1] == ["1"]
        assert (await client.get())[0] == 400
        assert await journal.reasons() == ["server shutting down"]


async def test_a_server_that_nobody_used_shuts_down_too() -> None:
    await realtime().shutdown()
