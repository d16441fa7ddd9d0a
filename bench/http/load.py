"""Load generator: persistent connections, each with one request in flight.

Requests are encoded in advance, and only the status and length of a response are parsed, so that the client is much
cheaper than the server. A response with an unexpected status ends the load.
"""

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import uvloop
from contract import Call

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)\r\n")


class LoadError(Exception):
    """Raised for an unexpected response."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Results of a load; `client_cpu` is the utilization of the client's core."""

    requests_per_second: float
    seconds: float
    client_cpu: float


class _Tally:
    """Counts the complete responses of all connections, and stores the first failure."""

    __slots__ = ("answers", "finished")

    def __init__(self, finished: asyncio.Future[None]) -> None:
        self.answers = 0
        self.finished = finished

    def fail(self, reason: str) -> None:
        if not self.finished.done():
            self.finished.set_exception(LoadError(reason))


class _Connection(asyncio.Protocol):
    __slots__ = ("_buffer", "_next", "_requests", "_start", "_tally", "_transport", "_whole")

    def __init__(self, requests: Sequence[bytes], first: int, start: bytes, tally: _Tally) -> None:
        self._requests = requests
        self._next = first
        self._start = start
        self._tally = tally
        self._buffer = b""
        self._whole = 0  # length of the current response, 0 until its head is complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self._tally.fail(f"the server closed a connection: {error}")

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        if not self._whole:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            length = LENGTH.search(data, 0, end + 2)
            if not data.startswith(self._start) or length is None:
                self._tally.fail(f"expected {self._start.decode()}, got {data[:200]!r}")
                return
            self._whole = end + 4 + int(length[1])
        if len(data) < self._whole:
            self._buffer = data
            return
        if len(data) > self._whole:
            self._tally.fail(f"more bytes than announced: {data[self._whole :][:200]!r}")
            return
        self._buffer = b""
        self._whole = 0
        self._tally.answers += 1
        self._send()

    def _send(self) -> None:
        self._transport.write(self._requests[self._next])
        self._next = (self._next + 1) % len(self._requests)


async def _measure(calls: Sequence[Call], port: int, seconds: float, connections: int) -> Figures:
    loop = asyncio.get_running_loop()
    tally = _Tally(loop.create_future())
    requests = [call.encoded(f"127.0.0.1:{port}") for call in calls]
    start = f"HTTP/1.1 {calls[0].status} ".encode()
    opened: list[asyncio.BaseTransport] = []
    clock, cpu = time.perf_counter(), time.process_time()
    try:
        for number in range(connections):
            connection = _Connection(requests, number % len(requests), start, tally)
            transport, _ = await loop.create_connection(lambda made=connection: made, "127.0.0.1", port)
            opened.append(transport)
        await asyncio.wait((tally.finished,), timeout=seconds)
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
        if tally.finished.done():
            tally.finished.result()
    finally:
        tally.finished.cancel()
        for transport in opened:
            transport.abort()
    if not tally.answers:
        raise LoadError(f"not one answer in {seconds} s")
    return Figures(requests_per_second=tally.answers / clock, seconds=clock, client_cpu=cpu / clock)


def measure(calls: Sequence[Call], port: int, *, seconds: float, connections: int) -> Figures:
    """Loads the server on `port` for `seconds`; raises LoadError."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_measure(calls, port, seconds, connections))
