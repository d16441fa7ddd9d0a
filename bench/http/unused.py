"""Measures the cost of options of other routes for a request: thread time per request, without a network.

Both tables run alternately in one process, in hundreds of short blocks. The fastest block of each counts, because
disturbances only slow a block down. Prints microseconds, and the ratio of the table with options to the one without.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

import tables
import uvloop
from contract import LOADS, Call

from hapiish import create_app

ROUNDS = 150
BLOCK = 200
TABLES = ("routes", "features")


async def measure(folder: Path) -> dict[tuple[str, str], float]:
    """Returns the seconds per request of the fastest block, by table and load."""
    apps = {name: create_app(folder / f"{name}.yaml") for name in TABLES}
    best: dict[tuple[str, str], float] = {}
    for app in apps.values():
        await app.server.start()
    for _ in range(ROUNDS):
        for name, app in apps.items():
            for load, calls in LOADS.items():
                best[name, load] = min(best.get((name, load), 1), await block(app, calls[0]))
    for app in apps.values():
        await app.server.stop()
    return best


async def block(app: Any, call: Call) -> float:
    """Returns the thread time of one of `BLOCK` requests, in seconds."""
    scope, body = asgi(call)
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if "status" in message:
            statuses.append(message["status"])

    start = time.thread_time()
    for _ in range(BLOCK):
        await app(dict(scope), receive, send)
    took = time.thread_time() - start
    assert set(statuses) == {call.status}
    return took / BLOCK


def asgi(call: Call) -> tuple[dict[str, Any], bytes]:
    """Returns the ASGI scope and the body of a call, as uvicorn builds them."""
    head, _, body = call.encoded("127.0.0.1:3000").partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    method, target, _ = line.split(b" ")
    path, _, query = target.partition(b"?")
    headers = [(name.lower(), value) for name, _, value in (field.partition(b": ") for field in fields)]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method.decode(),
        "path": path.decode(),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 5000),
        "server": ("127.0.0.1", 3000),
    }
    return scope, body


def main() -> None:
    """Measures and prints the results."""
    with tempfile.TemporaryDirectory() as made:
        tables.write(Path(made), 10)
        best = uvloop.run(measure(Path(made)))
    for load in LOADS:
        plain, featured = (best[name, load] * 1e6 for name in TABLES)
        print(f"{load}: {plain:.2f} µs, with options on other routes {featured:.2f} µs: {featured / plain:.3f}")


if __name__ == "__main__":
    main()
