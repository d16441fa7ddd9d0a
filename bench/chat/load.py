"""Load generator: HTTP clients with one request in flight, and Socket.IO clients over raw WebSockets.

Requests and frames are assembled from prepared bytes, masked with zeros (RFC 6455 §5.3 leaves the mask to the client),
and of a response only its status, length and number are parsed, so that the client is much cheaper than the server.
Each load runs for a given time. An unexpected answer ends it at once.
"""

import asyncio
import json
import re
import time
from asyncio import FIRST_COMPLETED
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Protocol, Self, cast

import uvloop
from dataset import TEXT, Pair, token

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)\r\n")
NUMBER = re.compile(rb'"msgId":"[0-9a-z]+-([0-9]{8})"')
MESSAGE = b'42["message"'
FLUSHED = 100  # messages that a sender has queued
PATIENCE = 20  # seconds without any progress


class LoadError(Exception):
    """Raised for an unexpected answer."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Results of a load: operations, their latencies in ms, and the utilization of the client's core."""

    operations: int
    seconds: float
    p50: float
    p99: float
    client_cpu: float


class Tally:
    """Counts the operations of all clients, and stores the first failure."""

    def __init__(self) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended = False
        self.open = 0
        self.asked = 0
        self.answered = 0
        self.delivered = 0
        self.latencies: list[float] = []
        self.batch_ended: asyncio.Future[None] | None = None  # awaited by a load that measures whole batches

    def fail(self, reason: str) -> None:
        if not self.failed.done():
            self.failed.set_exception(LoadError(reason))


class Client(Protocol):
    """A connection of a load."""

    def begin(self) -> None: ...

    def close(self) -> None: ...


class HttpClient(asyncio.Protocol):
    """A persistent connection that sends the requests of an iterator, one after another."""

    def __init__(self, requests: Iterator[bytes], status: int, tally: Tally) -> None:
        self.requests = requests
        self.start = f"HTTP/1.1 {status} ".encode()
        self.tally = tally
        self.buffer = b""
        self.whole = 0  # length of the current response, 0 until its head is complete
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.tally.open += 1

    def connection_lost(self, error: Exception | None) -> None:
        if not self.tally.ended:
            self.tally.fail(f"the server closed a connection: {error}")

    def begin(self) -> None:
        self.tally.asked += 1
        self.sent = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        if self.buffer:
            data = self.buffer + data
        if not self.whole:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.buffer = data
                return
            length = LENGTH.search(data, 0, end + 2)
            if not data.startswith(self.start) or length is None:
                self.tally.fail(f"expected {self.start.decode()}, got {data[:400]!r}")
                return
            self.whole = end + 4 + int(length[1])
        if len(data) < self.whole:
            self.buffer = data
            return
        self.buffer, self.whole = b"", 0
        self.tally.answered += 1
        self.tally.latencies.append(time.perf_counter() - self.sent)
        if not self.tally.ended:
            self.begin()

    def close(self) -> None:
        self.transport.abort()


def frame(payload: bytes) -> bytes:
    """Returns a masked text frame."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


class SocketClient(asyncio.Protocol):
    """A Socket.IO client of `user` that passes every packet to `packet`."""

    def __init__(self, user: str, tally: Tally) -> None:
        self.user = user
        self.tally = tally
        self.rest = b""
        self.upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\n"
            b"connection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )

    def connection_lost(self, error: Exception | None) -> None:
        if not self.tally.ended:
            self.tally.fail(f"the server closed a socket: {error}")

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        if not self.upgraded:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.rest = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                self.tally.fail(f"no WebSocket: {data[:100]!r}")
                return
            self.upgraded = True
            data = data[end + 4 :]
        start = 0
        while len(data) - start >= 2:
            size, head = data[start + 1], 2
            if size == 126:
                if len(data) - start < 4:
                    break
                size, head = data[start + 2] << 8 | data[start + 3], 4
            end = start + head + size
            if end > len(data):
                break
            self.take(data[start + head : end])
            start = end
        self.rest = data[start:]

    def take(self, packet: bytes) -> None:
        kind = packet[:2]
        if kind == b"43" or packet.startswith(MESSAGE):
            self.packet(packet)
        elif kind == b"42":
            pass  # hapiish sends other events besides
        elif packet == b"2":
            self.transport.write(frame(b"3"))
        elif kind[:1] == b"0":
            self.transport.write(frame(b"40" + json.dumps({"token": token(self.user)}).encode()))
        elif kind == b"40":
            self.tally.open += 1
        else:
            self.tally.fail(f"unexpected packet {packet[:200]!r}")

    def begin(self) -> None:
        """Does nothing: a receiver only listens."""

    def packet(self, packet: bytes) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.transport.abort()


class Receiver(SocketClient):
    """Counts the delivered messages of one sender, and checks their order."""

    last = -1

    def packet(self, packet: bytes) -> None:
        number = NUMBER.search(packet)
        if number is None or int(number[1]) != self.last + 1:
            self.tally.fail(f"expected message {self.last + 1}, got {packet[:300]!r}")
        self.last += 1
        self.tally.delivered += 1


class Sender(SocketClient):
    """Sends `batch` messages at once, and again when all are acknowledged; `run` makes its client ids unique.

    With `by_friend`, the friend of the pair sends, to the sender.
    """

    def __init__(self, pair: Pair, run: str, batch: int, tally: Tally, *, by_friend: bool = False) -> None:
        me, other = (pair.friend, pair.sender) if by_friend else (pair.sender, pair.friend)
        super().__init__(me, tally)
        self.number = 0
        self.batch = batch
        self.sent: dict[bytes, float] = {}
        payload = {
            "conversationId": pair.conversation,
            "text": TEXT,
            "senderId": me,
            "receiverId": other,
            "createdAt": "2026-03-01T12:30:00.250Z",
            "msgId": f"{run}-########",
        }
        event = json.dumps(["message", payload], separators=(",", ":")).encode()
        self.head, self.middle, self.tail = frame(b"42########" + event).split(b"########")

    def begin(self) -> None:
        self.tally.asked += self.batch
        frames = []
        for _ in range(self.batch):
            number = b"%08d" % self.number
            self.number += 1
            self.sent[number] = time.perf_counter()
            frames += [self.head, number, self.middle, number, self.tail]
        self.transport.write(b"".join(frames))

    def packet(self, packet: bytes) -> None:
        # Socket.IO leaves leading zeros out of an acknowledgement's id.
        digits = packet[2 : packet.find(b"[")]
        sent = self.sent.pop(digits.rjust(8, b"0"), None)
        if sent is None or b'"ok":true' not in packet:
            self.tally.fail(f"not the acknowledgement of a message: {packet[:400]!r}")
            return
        self.tally.answered += 1
        self.tally.latencies.append(time.perf_counter() - sent)
        if self.sent:
            return
        ended = self.tally.batch_ended
        if ended is not None and not ended.done():
            ended.set_result(None)
        if not self.tally.ended:
            self.begin()


class Load:
    """Connected clients, for a `with` block; raises LoadError for an unexpected answer.

    Several `ports` get a client in turn.
    """

    def __init__(self, ports: int | Sequence[int], make: Callable[[Tally], list[Client]]) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._ports = [ports] if isinstance(ports, int) else ports
        self._make = make
        self._clients: list[Client] = []

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._runner.run(self._connect())
        return self

    def __exit__(self, *given: object) -> None:
        self._tally.ended = True
        for client in self._clients:
            client.close()
        self._runner.__exit__(*given)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        self._tally = tally = Tally()
        self._clients = self._make(tally)
        for client, port in zip(self._clients, cycle(self._ports), strict=False):
            await loop.create_connection(partial(_same, client), "127.0.0.1", port)
        async with asyncio.timeout(PATIENCE):
            while tally.open < len(self._clients) and not tally.failed.done():
                await asyncio.sleep(0.01)
        if tally.failed.done():
            tally.failed.result()
        for client in self._clients:
            client.begin()

    def go(self, seconds: float) -> Figures:
        """Runs the load and returns its results."""
        return self._runner.run(self._go(seconds))

    def align(self) -> None:
        """Waits for the end of a batch, so that only whole batches are measured; call it before `go`."""
        self._runner.run(self._end_batch())

    async def _end_batch(self) -> None:
        tally = self._tally
        if any(isinstance(client, Sender) and client.batch > 1 for client in self._clients):
            tally.batch_ended = asyncio.get_running_loop().create_future()
            await asyncio.wait((tally.batch_ended, tally.failed), timeout=PATIENCE, return_when=FIRST_COMPLETED)
            if tally.failed.done():
                tally.failed.result()

    async def _go(self, seconds: float) -> Figures:
        tally = self._tally
        tally.latencies.clear()
        cpu, start = time.process_time(), time.perf_counter()
        await asyncio.wait((tally.failed,), timeout=seconds)
        await self._end_batch()
        elapsed, busy = time.perf_counter() - start, time.process_time() - cpu
        if tally.failed.done():
            tally.failed.result()
        latencies = sorted(tally.latencies)
        return Figures(
            operations=len(latencies),
            seconds=elapsed,
            p50=latencies[len(latencies) // 2] * 1000 if latencies else 0.0,
            p99=latencies[len(latencies) * 99 // 100] * 1000 if latencies else 0.0,
            client_cpu=busy / elapsed,
        )

    @property
    def answered(self) -> int:
        """The number of answers since the connection."""
        return self._tally.answered

    def delivered(self, count: int) -> None:
        """Waits until the clients have received so many messages since they were connected."""
        self._runner.run(self._delivered(count))

    async def _delivered(self, count: int) -> None:
        tally = self._tally
        async with asyncio.timeout(PATIENCE):
            while tally.delivered < count and not tally.failed.done():
                await asyncio.sleep(0.01)
        if tally.failed.done():
            tally.failed.result()

    def finish(self) -> None:
        """Waits until every message is answered and delivered."""
        self._runner.run(self._finish())

    async def _finish(self) -> None:
        tally = self._tally
        tally.ended = True
        is_sending = any(isinstance(client, Receiver) for client in self._clients)
        until = time.monotonic() + PATIENCE
        while tally.answered < tally.asked or (is_sending and tally.delivered < tally.answered):
            if tally.failed.done():
                tally.failed.result()
            if time.monotonic() > until:
                raise LoadError(f"{tally.asked} asked, {tally.answered} answered, {tally.delivered} delivered")
            await asyncio.sleep(0.01)


def _same(client: Client) -> Client:
    return client


def get(target: str, user: str) -> bytes:
    """Returns a GET request for a persistent connection."""
    return f"GET {target} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token(user)}\r\n\r\n".encode()


def posts(pair: Pair, run: str) -> Iterator[bytes]:
    """Yields requests that send a message each; `run` makes the client ids unique."""
    payload = {"text": TEXT, "msgId": f"{run}-########"}
    body = json.dumps(payload, separators=(",", ":"))
    head = (
        f"POST /messages/{pair.conversation} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token(pair.sender)}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    before, after = (head + body).encode().split(b"########")
    number = 0
    while True:
        yield b"".join((before, b"%08d" % number, after))
        number += 1
