"""Fuzzes the server of `hapiish run` with raw requests: `scripts/soak requests [--count N] [--seed N]`.

Each connection sends valid and nearly valid requests, split at random positions. The server must respond or close the
connection in time, without a 500, a traceback or a malformed response. It must serve exactly the requests that RFC 9112
finds in the bytes, so that no body is parsed as a request.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hapiish.http.serving.connections import Limits
from hapiish.http.serving.protocol import HttpProtocol
from tests.http.wire import Answer, answers, application
from tests.realtime.support import serving
from tests.soak.grammar import MAX_BYTES, MAX_COUNT, Maker, Reading, read

PATIENCE = 60  # seconds after which a connection counts as stuck
TOGETHER = 128  # connections at the same time
TABLE = """
hapiish: 1
server: {accessLog: false}
routes:
  - method: "*"
    path: "/{p*}"
    handler: "wire:echo"
    options: {payload: {parse: false, maxBytes: 1MB, timeout: 3s}}
"""
LIMITS = Limits(head_bytes=MAX_BYTES, head_count=MAX_COUNT, head_timeout=1.0, sockets=())


class Errors(logging.Handler):
    """Keeps what no client should be able to cause: errors, and anything with a traceback."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.found.append(logging.Formatter().format(record))


@contextmanager
def listening() -> Iterator[Errors]:
    """The errors of a while."""
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        yield errors
    finally:
        logging.getLogger().removeHandler(errors)


async def exchange(port: int, pieces: list[bytes]) -> bytes | None:
    """What comes back until the server closes; None when it has closed before all was sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                return await reader.read()
            except ConnectionError:
                return None
    finally:
        writer.close()


def judge(reading: Reading, data: bytes | None) -> str | None:
    """What is wrong with the answers to a client, if anything is."""
    if data is None:
        return None if reading.end == "closed" else "reset"
    try:
        found = answers(data, [*(method for method, _, _ in reading.requests), reading.begun or b""])
    except (ValueError, KeyError) as error:
        return f"no responses: {error!r}"
    found = [answer for answer in found if answer.status != 100]
    for answer in found:
        if answer.status == 500 or answer.status in (502, 503, 504):
            return f"a {answer.status}"
    for (method, path, body), answer in zip(reading.requests, found, strict=False):
        if wrong := _differs(method, path, body, answer):
            return wrong
    more = found[len(reading.requests) :]
    if len(found) < len(reading.requests):
        return f"{len(reading.requests) - len(found)} requests have no answer"
    if len(more) > 1 or (more and more[0].status < 400 and reading.begun is None):
        return f"answers to what is no request: {[answer.body[:80] for answer in more]}"
    return None


def _differs(method: bytes, path: bytes, body: bytes, answer: Answer) -> str | None:
    if answer.status != 200 or method == b"HEAD":
        return None if answer.status in (200, 204, 400) else f"a {answer.status} to a request"
    said = answer.json
    if said["method"] != method.decode().lower():
        return f"{method!r} is served as {said['method']}"
    if "%" not in said["path"] and b"%" not in path and said["path"].encode() != path.partition(b"?")[0]:
        return f"{path!r} is served as {said['path']}"
    if method not in (b"GET", b"HEAD") and said["body"].encode("latin-1") != body:
        return f"a body of {len(body)} bytes is read as one of {len(said['body'])}"
    return None


async def search(count: int, seed: int) -> list[str]:
    """Every fault that was found, with the seed and the bytes that show it."""
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as folder, listening() as errors:
        app = application(Path(folder), TABLE)
        await app.server.start()
        async with serving(app, http=HttpProtocol, limits=LIMITS, timeout_keep_alive=1) as port:
            waiting = iter(range(seed, seed + count))

            async def work() -> None:
                for number in waiting:
                    pieces = Maker(number).pieces()
                    known = len(errors.found)
                    try:
                        wrong = judge(read(b"".join(pieces)), await exchange(port, pieces))
                    except TimeoutError:
                        wrong = "no end"
                    told = "".join(errors.found[known:])
                    if wrong or told:
                        faults.append(f"seed {number}: {wrong} {told}\n  {pieces}"[:3000])

            await asyncio.gather(*(work() for _ in range(TOGETHER)))
    return faults


def main(arguments: list[str] | None = None) -> int:
    """1 when there are faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    logging.getLogger("hapiish").setLevel(logging.ERROR)
    faults = asyncio.run(search(given.count, given.seed))
    for fault in faults[:20]:
        sys.stdout.write(f"{fault}\n")
    sys.stdout.write(f"{given.count} connections, {len(faults)} faults\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
