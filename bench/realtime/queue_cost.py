"""The cost of the queue: emits to rooms of 1, 2 and 4 processes over a real redis-server, beside python-socketio's.

    bench/realtime/queue [--emits 4000] [--redis redis-server]

Every process has 100 sockets, each in a room of its own, as users have. All processes emit to rooms of all processes in
random order. What carries a message to a client is left out on both sides: a delivery is counted where the session of
the client would get it. The CPU time is that of the processes, without Redis.
"""

import argparse
import asyncio
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SOCKETS = 100
TURN = 50
PAYLOAD = {"id": "0" * 24, "conversation": "1" * 24, "sender": "2" * 24, "text": "x" * 120, "sequence": 12345}


class Counter:
    """Stands where the session of a client does."""

    count = 0
    sid = "transport"

    def deliver(self, message: Any) -> None:
        Counter.count += 1


class Hapiish:
    """A process of hapiish."""

    async def start(self, url: str, rooms: list[str]) -> None:
        from hapiish.options import Queue
        from hapiish.realtime.cluster.cluster import Cluster

        self.cluster = Cluster(Queue(url=url))
        await self.cluster.start()
        for room in rooms:
            counter: Any = Counter()
            self.cluster.rooms.admit(self.cluster.rooms.new_id(f"{room:0>20}"), "/", counter, [room])
        await self.cluster.bus.active([self.cluster.bus.channels.of("/", room) for room in rooms])

    async def emit(self, room: str) -> None:
        await self.cluster.rooms.emit("message", PAYLOAD, "/", room=room)

    def unwanted(self) -> int:
        return self.cluster.rooms.unwanted

    async def close(self) -> None:
        await self.cluster.close()


class PythonSocketIO:
    """A process of python-socketio with its Redis manager."""

    async def start(self, url: str, rooms: list[str]) -> None:
        import socketio

        process = self

        class Server(socketio.AsyncServer):
            async def _send_eio_packet(self, eio_sid: str, packet: Any) -> None:
                Counter.count += 1

        class Manager(socketio.AsyncRedisManager):
            async def _handle_emit(self, message: Any) -> None:
                before = Counter.count
                await super()._handle_emit(message)
                if message["host_id"] != self.host_id:
                    process.read_in_vain += Counter.count == before

        self.read_in_vain = 0
        self.manager = Manager(url)
        self.server = Server(async_mode="asgi", client_manager=self.manager)
        self.manager.initialize()
        for room in rooms:
            sid = await self.manager.connect(f"transport of {room}", "/")
            await self.manager.enter_room(sid, "/", room)
        while self.manager.pubsub is None or not self.manager.pubsub.subscribed:
            await asyncio.sleep(0.01)

    async def emit(self, room: str) -> None:
        await self.server.emit("message", PAYLOAD, room=room)

    def unwanted(self) -> int:
        return self.read_in_vain

    async def close(self) -> None:
        self.manager.thread.cancel()


def plan(processes: int, emits: int) -> list[list[str]]:
    """The rooms to which each process emits; the same in every process."""
    dice = random.Random(9)
    return [
        [f"user {dice.randrange(processes)}:{dice.randrange(SOCKETS)}" for _ in range(emits // processes)]
        for _ in range(processes)
    ]


async def work(kind: str, url: str, processes: int, number: int, emits: int) -> None:
    """One process: prints a line when it is ready, and one when it has emitted and got everything."""
    process = Hapiish() if kind == "hapiish" else PythonSocketIO()
    await process.start(url, [f"user {number}:{each}" for each in range(SOCKETS)])
    planned = plan(processes, emits)
    expected = sum(room.startswith(f"user {number}:") for rooms in planned for room in rooms)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    begin, cpu = time.perf_counter(), time.process_time()
    for position, room in enumerate(planned[number], 1):
        await process.emit(room)
        if not position % TURN:
            await asyncio.sleep(0)
    until = time.monotonic() + 60
    while Counter.count < expected and time.monotonic() < until:
        await asyncio.sleep(0.005)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    await asyncio.sleep(0.3)  # for what has no recipient
    result = {"seconds": seconds, "cpu": cpu, "unwanted": process.unwanted(), "lost": expected - Counter.count}
    print(json.dumps(result), flush=True)
    await process.close()


def measure(kind: str, url: str, processes: int, emits: int) -> dict[str, float]:
    """The sums over processes that run at once."""
    command = [sys.executable, __file__, "--work", kind, url]
    pipe = subprocess.PIPE
    workers = [
        subprocess.Popen([*command, str(processes), str(number), str(emits)], stdin=pipe, stdout=pipe, text=True)
        for number in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    results = [json.loads(worker.communicate()[0]) for worker in workers]
    total = sum(map(len, plan(processes, emits)))
    return {
        "rate": total / max(each["seconds"] for each in results),
        "cpu": sum(each["cpu"] for each in results) / total * 1e6,
        "unwanted": sum(each["unwanted"] for each in results),
        "lost": sum(each["lost"] for each in results),
    }


@contextmanager
def redis_server(program: str) -> Iterator[str]:
    """The URL of a server without persistence."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        words = [program, "--port", str(port), "--save", "", "--dir", folder]
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.02)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.kill()
            server.wait()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emits", type=int, default=4000)
    parser.add_argument("--redis", default="redis-server")
    parser.add_argument("--work", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        kind, url, *numbers = options.work
        asyncio.run(work(kind, url, *map(int, numbers)))
        return
    print("| processes | | emits/s | CPU µs per delivery | emits read without a recipient | lost |")
    print("| --- | --- | --- | --- | --- | --- |")
    with redis_server(options.redis) as url:
        for processes in (1, 2, 4):
            for kind in ("hapiish", "python-socketio"):
                found = measure(kind, url, processes, options.emits)
                print(
                    f"| {processes} | {kind} | {found['rate']:,.0f} | {found['cpu']:.1f} "
                    f"| {found['unwanted']:,.0f} | {found['lost']:,.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
