"""Limits on memory and time that a client can use before its request is complete."""

import asyncio
import logging
import socket
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hapiish.http.serving.connections import Connections, Limits
from tests.http.wire import CLOSE, HOST, PATIENCE, TABLE, answers, application, ask, server, talk

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n"
MEGA = b"a" * 1_000_000

ENDLESS = {
    "a request line": (b"GET /", MEGA, {414}),
    "a method": (b"", MEGA, {400}),
    "a header": (GET + b"A: ", MEGA, {431}),
    "a header's name": (GET, MEGA, {431}),
    "headers": (GET, b"A: b\r\n" * 100_000, {431}),
    "short headers": (GET, b"a:\r\n" * 100_000, {431}),
    "a chunk's extension": (POST + b"3;", MEGA, {413}),
    "extensions": (POST + b"3", b";a=b" * 100_000, {413}),
    "a trailer": (POST + b"0\r\nA: ", MEGA, {431}),
    "trailers": (POST + b"0\r\n", b"A: b\r\n" * 100_000, {431}),
    "a handshake": (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nA: ", MEGA, {431}),
}


@pytest.mark.parametrize(("start", "more", "statuses"), ENDLESS.values(), ids=ENDLESS)
async def test_what_never_ends_is_refused(tmp_path: Path, start: bytes, more: bytes, statuses: set[int]) -> None:
    async with server(tmp_path) as port:
        tracemalloc.start()
        answer = await ask(port, start, *[more] * 20)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert answer.status in statuses
    assert most < 12_000_000  # the client's own buffers are among it


async def test_a_head_has_as_many_bytes_and_headers_as_the_table_says(tmp_path: Path) -> None:
    async with server(tmp_path, head_bytes=1000, head_count=5) as port:
        assert (await ask(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"A: b\r\n" * 3 + b"\r\n")).status == 200
        assert (await ask(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"A: b\r\n" * 4 + b"\r\n")).status == 431
        assert (await ask(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"A: " + b"b" * 900 + b"\r\n\r\n")).status == 200
        assert (await ask(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"A: " + b"b" * 1000 + b"\r\n\r\n")).status == 431
        assert (await ask(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"A: " + b"b" * 1000)).status == 431
        assert (await ask(port, b"GET /" + b"b" * 1000 + b" HTTP/1.1\r\n" + CLOSE + b"\r\n")).status == 414


async def test_a_head_behind_a_large_body_is_measured_by_itself(tmp_path: Path) -> None:
    first = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9000\r\n\r\n" + b"b" * 9000
    async with server(tmp_path, head_bytes=1000) as port:
        found = answers(await talk(port, first + b"GET / HT", b"TP/1.1\r\n" + CLOSE + b"\r\n"))
        assert [answer.status for answer in found] == [200, 200]
        found = answers(await talk(port, first + GET + b"A: " + b"b" * 1000 + b"\r\n\r\n"))
        assert [answer.status for answer in found] == [200, 431]


async def test_small_chunks_are_no_reason_to_refuse(tmp_path: Path) -> None:
    async with server(tmp_path, head_bytes=1000) as port:
        answer = await ask(port, POST, *[b"1;a=b\r\nx\r\n" * 500] * 20, b"0\r\n\r\n")
    assert answer.json["body"] == "x" * 10000


SILENT = {
    "nothing": (b"", None),
    "line ends": (b"\r\n", None),
    "half a request line": (b"GET / HT", 408),
    "half a header": (GET + b"A: b", 408),
    "half a handshake": (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n", 408),
}


@pytest.mark.parametrize(("start", "status"), SILENT.values(), ids=SILENT)
async def test_who_keeps_it_waiting_is_sent_away(tmp_path: Path, start: bytes, status: int | None) -> None:
    async with server(tmp_path, head_timeout=0.3) as port:
        found = answers(await talk(port, start))
        assert [answer.status for answer in found] == ([] if status is None else [status])


@pytest.mark.parametrize("drop", [b"A: b\r\n", b"\r\n"])
async def test_dripping_does_not_make_it_wait_longer(tmp_path: Path, drop: bytes) -> None:
    async with server(tmp_path, head_timeout=0.5) as port, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        if drop.startswith(b"A"):
            writer.write(GET)
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(drop)
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1000), 0.05)
        writer.close()


async def test_a_second_head_has_its_own_time_and_a_slow_answer_does_not_count(tmp_path: Path) -> None:
    async with server(tmp_path, head_timeout=0.1) as port, asyncio.timeout(PATIENCE):
        found = answers(await talk(port, b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\nGET /"))
        assert [answer.status for answer in found] == [200, 408]


async def test_a_body_that_nobody_waits_for_must_come_within_the_time_of_an_idle_connection(tmp_path: Path) -> None:
    async with server(tmp_path) as port, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /where HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n")
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"a")
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.2)
        writer.close()


async def test_requests_sent_ahead_wait_their_turn_outside(tmp_path: Path) -> None:
    """All are answered, in order; not many of them are taken in before their turn."""
    many = 20000
    request = b"GET /%d HTTP/1.1\r\n" + HOST + b"\r\n"
    async with server(tmp_path) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n" + b"".join(request % n for n in range(many)))
        writer.write(b"GET /last HTTP/1.1\r\n" + CLOSE + b"\r\n")
        tracemalloc.start()
        await asyncio.sleep(0.1)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        async with asyncio.timeout(60):
            found = answers(await reader.read())
        writer.close()
    assert [answer.json["path"] for answer in found[1:]] == [*(f"/{n}" for n in range(many)), "/last"]
    assert most < 8_000_000


async def test_many_refusals_are_few_lines(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with server(tmp_path) as port:
        for _ in range(20):
            await ask(port, b"GET / HTTP/1.1\r\n\r\n")
    assert len(caplog.records) == 1
    assert "400 Missing Host header" in caplog.text


# How many


async def opened(port: int, count: int, address: str = "127.0.0.1") -> list[socket.socket]:
    """Connections that say nothing."""
    found = [socket.create_connection(("127.0.0.1", port), source_address=(address, 0)) for _ in range(count)]
    await asyncio.sleep(0.1)
    return found


async def alive(sockets: list[socket.socket]) -> int:
    await asyncio.sleep(0.1)
    count = 0
    for one in sockets:
        one.setblocking(False)
        try:
            count += bool(one.recv(1))
        except BlockingIOError:
            count += 1
        except ConnectionError:
            pass
    return count


async def get(port: int, address: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    with suppress(ConnectionError):
        writer.write(b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")
    data = await reader.read()
    writer.close()
    return answers(data)[0].status


async def test_one_address_has_its_share(tmp_path: Path) -> None:
    async with server(tmp_path, per_address=5) as port:
        held = await opened(port, 5)
        assert await get(port, "127.0.0.1") == 429
        assert await get(port, "127.0.0.2") == 200
        held.pop().close()
        await asyncio.sleep(0.1)
        assert await get(port, "127.0.0.1") == 200
        assert await alive(held) == 4
        for one in held:
            one.close()


async def test_a_trusted_proxy_has_no_share(tmp_path: Path) -> None:
    async with server(tmp_path, per_address=2, trusted=("127.0.0.0/8",)) as port:
        held = await opened(port, 5)
        assert await get(port, "127.0.0.1") == 200
        for one in held:
            one.close()


async def test_past_the_total_who_is_idle_goes_and_the_oldest_first(tmp_path: Path) -> None:
    async with server(tmp_path, total=5) as port:
        first, rest = await opened(port, 1), await opened(port, 4)
        assert await get(port, "127.0.0.1") == 200
        assert (await alive(first), await alive(rest)) == (0, 4)
        more = await opened(port, 20)
        assert await alive(rest + more) == 5
        for one in first + rest + more:
            one.close()


async def test_requests_under_way_are_not_given_up(tmp_path: Path) -> None:
    async with server(tmp_path, total=3) as port:
        busy = [asyncio.create_task(talk(port, b"GET /slow HTTP/1.1\r\n" + CLOSE + b"\r\n")) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert await get(port, "127.0.0.1") == 503
        assert [answers(await task)[0].status for task in busy] == [200, 200, 200]
        assert await get(port, "127.0.0.1") == 200


async def test_who_keeps_a_body_back_makes_room_before_anybody_is_refused(tmp_path: Path) -> None:
    head = b"POST /a HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\n{"
    async with server(tmp_path, total=3) as port:
        held = await opened(port, 3)
        for one in held:
            one.sendall(head)
        await asyncio.sleep(0.05)
        assert await get(port, "127.0.0.1") == 200
        assert await alive(held) == 2
        for one in held:
            one.close()


async def test_websockets_count_and_give_their_place_back(tmp_path: Path) -> None:
    from websockets.asyncio.client import connect

    async with server(tmp_path, per_address=2) as port:
        address = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        async with connect(address), connect(address):
            assert await get(port, "127.0.0.1") == 429
        await asyncio.sleep(0.1)
        assert await get(port, "127.0.0.1") == 200


class Waiting:
    """A connection for the counting alone."""

    watched: Any = None
    given_up = False

    def expire(self) -> None:
        raise AssertionError

    def give_up(self) -> None:
        self.given_up = True


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1.2.3.4", "1.2.3.4", True),
        ("1.2.3.4", "::ffff:1.2.3.4", True),
        ("1.2.3.4", "1.2.3.5", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
async def test_of_ipv6_a_network_is_an_address(one: str, other: str, same: bool) -> None:
    shared = Connections(Limits(per_address=1), 5)
    assert shared.admit(Waiting(), one, 0) is None
    assert (shared.admit(Waiting(), other, 0) is not None) is same


async def test_who_has_no_address_has_no_share() -> None:
    shared = Connections(Limits(per_address=1), 5)
    assert [shared.admit(Waiting(), None, 0) for _ in range(3)] == [None] * 3


async def test_without_a_word_of_the_table_an_address_may_have_half() -> None:
    shared = Connections(Limits(total=10), 5)
    found = [shared.admit(Waiting(), "1.2.3.4", 0) for _ in range(6)]
    assert [refused is None for refused in found] == [True] * 5 + [False]
    assert [shared.admit(Waiting(), address, 0) for address in ["127.0.0.1"] * 3] == [None] * 3


async def test_where_descriptors_run_short_somebody_silent_goes() -> None:
    shared = Connections(Limits(), 5)
    first, second = Waiting(), Waiting()
    assert shared.admit(first, None, 10) is shared.admit(second, None, 11) is None
    shared.busy(first)
    assert shared.admit(Waiting(), None, shared.highest) is None
    assert (first.given_up, second.given_up) == (False, True)


async def test_who_still_sends_gets_to_see_the_answer(tmp_path: Path) -> None:
    """RFC 9112 §9.6: closed at once, the connection would be reset, and the answer lost."""
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100000000\r\nConnection: close\r\n\r\n"
    for _ in range(5):
        async with server(tmp_path) as port:
            assert (await ask(port, head, *[MEGA] * 20)).status == 413


async def test_a_reload_says_that_bounds_wait_for_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(tmp_path)
    (tmp_path / "routes.yaml").write_text(TABLE + "server: {head: {timeout: 5s}}\n")
    assert await app.reload() == []
    assert "server.head and server.maxConnections take effect at the next start" in caplog.text
