import asyncio
import json
import socket as sockets

import pytest

from tests.realtime.support import PATIENCE, Journal, gone, member, raw, realtime, serving

pytestmark = pytest.mark.anyio

MESSAGE = {"text": "x" * 60000}


def _small_window(port: int) -> sockets.socket:
    """A TCP connection whose kernel keeps little for a reader that does not read."""
    connection = sockets.socket()
    connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    return connection


async def test_a_client_that_does_not_read_is_closed_as_slow_and_the_others_go_on() -> None:
    journal = Journal()
    server = realtime(journal.hooks(), send_buffer_count=20)
    async with (
        serving(server) as port,
        member(port) as healthy,
        # This client stops reading from TCP at the first message that nobody has asked for.
        raw(port, sock=_small_window(port), max_queue=1) as stalled,
    ):
        sid = await stalled.join()
        sent = received = 0
        async with asyncio.timeout(PATIENCE):
            while not journal.left:
                await server.emit("news", MESSAGE)
                assert await healthy.news("news") == MESSAGE
                sent += 1
        assert journal.left == [(sid, "slow")]
        assert (await healthy.ask("echo", 1))["ok"] is True
        while json.loads(await stalled.until("42"))[0] == "news":
            received += 1
        assert sent - 25 < received < sent
        assert await stalled.closed() == (1008, "slow")
    await gone(server)


async def test_a_client_that_reads_in_the_end_loses_nothing() -> None:
    server = realtime(send_buffer_count=1000, send_buffer_bytes=1 << 30)
    async with serving(server) as port, raw(port, sock=_small_window(port), max_queue=1) as late:
        await late.join()
        for number in range(200):
            await server.emit("news", {"number": number, **MESSAGE})
        await asyncio.sleep(0.1)
        assert [(await late.news("news"))["number"] for _ in range(200)] == list(range(200))
