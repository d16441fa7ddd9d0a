"""Load generator: pairs of Socket.IO clients over raw WebSockets, a sender with messages in flight and a receiver that
counts them.

Frames are hand-written and masked with zeros (RFC 6455 §5.3 leaves the mask to the client), so that the client is much
cheaper than the server. Every packet is checked: an acknowledgement without `"ok":true`, a message out of order or a
closed socket ends the load.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from functools import partial
from typing import Self, cast

import uvloop
from contract import Pair, auth, message

IN_FLIGHT = 4  # unacknowledged messages of a sender
SIZE = 6  # digits of a message's number
NUMBER = re.compile(rb'"msgId":"m-([0-9]{6})"')
FIRST = 100000


class LoadError(Exception):
    """Raised for an unexpected packet."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Results of a load: relayed and acknowledged messages, latencies of acknowledgements in ms, and the utilization
    of the client's core.
    """

    messages: int
    seconds: float
    p50: float
    p99: float
    client_cpu: float

    @property
    def messages_per_second(self) -> float:
        return self.messages / self.seconds


class Tally:
    """Counts for all clients, and stores the first failure."""

    def __init__(self) -> None:
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.relayed = 0
        self.acknowledged = 0
        self.latencies: list[float] = []
        self.open = 0

    def fail(self, reason: str) -> None:
        if not self.failed.done():
            self.failed.set_exception(LoadError(reason))


def frame(payload: bytes) -> bytes:
    """Returns a masked text frame."""
    size = len(payload)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


class Client(asyncio.Protocol):
    """A client that connects as `user` and passes every packet to `packet`."""

    def __init__(self, user: str, tally: Tally) -> None:
        self.user = user
        self.tally = tally
        self.rest = b""
        self.upgraded = False
        self.closing = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\n"
            b"connection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closing:
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
        while len(data) - start >= 4:
            size = data[start + 1]
            head = 2
            if size == 126:
                size = data[start + 2] << 8 | data[start + 3]
                head = 4
            end = start + head + size
            if end > len(data):
                break
            self.take(data[start + head : end])
            start = end
        # Engine.IO's ping is the only frame of three bytes.
        if data[start:] == b"\x81\x012":
            self.take(b"2")
            start += 3
        self.rest = data[start:]

    def take(self, packet: bytes) -> None:
        kind = packet[:2]
        if kind in {b"42", b"43"}:
            self.packet(packet)
        elif packet == b"2":
            self.transport.write(frame(b"3"))
        elif kind[:1] == b"0":
            self.transport.write(frame(b"40" + auth(self.user)))
        elif kind == b"40":
            self.tally.open += 1
        else:
            self.tally.fail(f"unexpected packet {packet[:100]!r}")

    def packet(self, packet: bytes) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.closing = True
        self.transport.close()


class Receiver(Client):
    """Counts the received messages and checks their order."""

    next = FIRST

    def packet(self, packet: bytes) -> None:
        number = NUMBER.search(packet)
        if number is None or int(number[1]) != self.next:
            self.tally.fail(f"expected message {self.next}, got {packet[:300]!r}")
        self.next += 1
        self.tally.relayed += 1


class Sender(Client):
    """Keeps a number of unacknowledged messages in flight."""

    def __init__(self, pair: Pair, tally: Tally) -> None:
        super().__init__(pair.sender, tally)
        self.next = FIRST
        self.sent: dict[bytes, float] = {}
        before, _, after = message(pair, "#").partition(b"#")
        template = frame(b"42" + b"0" * SIZE + b'["message",' + before + b"0" * SIZE + after + b"]")
        start = template.index(b'42000000["message"')
        self.head = template[: start + 2]
        self.middle = template[start + 2 + SIZE : template.index(b'"m-000000"') + 3]
        self.tail = template[len(self.head) + len(self.middle) + 2 * SIZE :]

    def start(self) -> None:
        for _ in range(IN_FLIGHT):
            self.send()

    def send(self) -> None:
        number = b"%d" % self.next
        self.next += 1
        self.sent[number] = time.perf_counter()
        self.transport.write(b"".join((self.head, number, self.middle, number, self.tail)))

    def packet(self, packet: bytes) -> None:
        sent = self.sent.pop(packet[2 : 2 + SIZE], None)
        if sent is None or b'"ok":true' not in packet:
            self.tally.fail(f"not the acknowledgement of a message: {packet[:300]!r}")
            return
        tally = self.tally
        tally.acknowledged += 1
        tally.latencies.append(time.perf_counter() - sent)
        if not self.closing:
            self.send()


class Load:
    """Connected pairs of clients, for a `with` block; raises LoadError for an unexpected packet."""

    def __init__(self, port: int, pairs: int) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._port = port
        self._pairs = [Pair(number) for number in range(pairs)]
        self._clients: list[Client] = []

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._runner.run(self._connect())
        return self

    def __exit__(self, *given: object) -> None:
        for client in self._clients:
            client.close()
        self._runner.__exit__(*given)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        self._tally = tally = Tally()
        senders = [Sender(pair, tally) for pair in self._pairs]
        self._clients = [*senders, *(Receiver(pair.receiver, tally) for pair in self._pairs)]
        for client in self._clients:
            await loop.create_connection(partial(_same, client), "127.0.0.1", self._port)
        async with asyncio.timeout(10):
            while tally.open < len(self._clients) and not tally.failed.done():
                await asyncio.sleep(0.01)
        for sender in senders:
            sender.start()

    def go(self, seconds: float) -> Figures:
        """Runs the load and returns its results."""
        return self._runner.run(self._go(seconds))

    async def _go(self, seconds: float) -> Figures:
        tally = self._tally
        tally.latencies.clear()
        relayed, acknowledged = tally.relayed, tally.acknowledged
        cpu, start = time.process_time(), time.perf_counter()
        await asyncio.wait((tally.failed,), timeout=seconds)
        elapsed, busy = time.perf_counter() - start, time.process_time() - cpu
        if tally.failed.done():
            tally.failed.result()
        messages = min(tally.relayed - relayed, tally.acknowledged - acknowledged)
        latencies = sorted(tally.latencies)
        if not latencies:
            raise LoadError("nothing was acknowledged")
        return Figures(
            messages=messages,
            seconds=elapsed,
            p50=latencies[len(latencies) // 2] * 1000,
            p99=latencies[len(latencies) * 99 // 100] * 1000,
            client_cpu=busy / elapsed,
        )


def _same(client: Client) -> Client:
    return client
