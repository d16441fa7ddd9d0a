"""The chat at size: the costs of operations on small and on large data, and the memory for large files.

Each operation runs on both sizes. A user who was away has missed messages and changes in each of 100 conversations.
Keys and documents are those that MongoDB examined, by its profiler. The CPU time is that of the chat's process, which
includes the caller, and that of MongoDB, without the profiler.
"""

import argparse
import asyncio
import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from dataset import DATABASE, SECRET, token, user
from load import Client, Load, SocketClient, Tally
from pinned import Pinned
from servers import ROOT, Mongo, mongo, start
from size_data import COMMON, PEERS, RARE, Crowd, Owner, fill
from summary import publish

from hapiish import Application, create_app
from hapiish.testing import Injected, inject

PROFILED = 2  # runs under the profiler
MB = 2**20
WARM = 32  # MB of a file before the measurement: each thread of the chat keeps memory of its own
AWAY = 100  # conversations of which a user who was away holds messages
MISSED = 10  # new messages in each of them, and as many changed ones
CONNECTED = 1000  # most sockets of a group that are connected
BACKGROUND = {f"{DATABASE}.{name}" for name in ("outbox", "leases")}
PIECE = b"\x5a" * 65_536

Call = Callable[[int], Awaitable[Injected]]


@dataclass(frozen=True, slots=True)
class Case:
    """An operation at a size. `call(n)` is the n-th run."""

    operation: str
    size: str
    call: Call


@dataclass(frozen=True, slots=True)
class Cost:
    """The average costs of a run of a case; times in milliseconds."""

    commands: float
    keys: float
    documents: float
    bytes: float
    cpu: float
    database: float
    time: float


def main() -> None:
    """Writes and prints the report."""
    options = _options()
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        database = running.enter_context(mongo(folder / "data"))
        lines = [*asyncio.run(_operations(options, database)), ""]
        core = min(os.sched_getaffinity(0))
        server = running.enter_context(start("hapiish", core, database.uri))
        lines += [*_deliveries(options, server), "", *_files(options, server)]
    publish("chat-size", "\n".join(lines))


def _crowds(options: argparse.Namespace) -> list[Crowd]:
    return [Crowd(0, 2), Crowd(1, 256), Crowd(2, options.members)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/chat/size", description=__doc__)
    parser.add_argument("--conversations", type=int, default=10_000, help="conversations of the large user (10,000)")
    parser.add_argument("--messages", type=int, default=1_000_000, help="messages of the large user (1,000,000)")
    parser.add_argument("--members", type=int, default=5000, help="members of the large group (5,000)")
    parser.add_argument("--megabytes", type=int, default=100, help="size of the large file (100)")
    parser.add_argument("--runs", type=int, default=10, help="runs of each operation (10)")
    return parser.parse_args()


async def _operations(options: argparse.Namespace, database: Mongo) -> list[str]:
    few, many = 100, options.conversations
    each = max(1, options.messages // many)
    owners = [Owner(0, few, each), Owner(1, many, each)]
    crowds = _crowds(options)
    began = time.perf_counter()
    await asyncio.to_thread(fill, database.uri, DATABASE, owners, crowds, datetime.now(UTC) - timedelta(days=40))
    print(f"{few * each + many * each:,} messages written in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    env = {"JWT_SECRET": SECRET, "MONGODB_URI": database.uri, "CHAT_SWEEPER_PACE": "1000"}
    app = create_app(ROOT / "routes.yaml", env=env)
    lines = [
        f"{options.runs} runs of each operation. A user has {few:,} or {many:,} conversations of {each:,} messages.",
        "",
        "| operation | size | commands | keys examined | documents examined | answer | chat CPU | MongoDB CPU | p50 |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    async with app.router.lifespan_context(app):
        states = {owner: await _missed(app, owner) for owner in owners}
        for case in _cases(app, owners, crowds, states):
            cost = await _measured(case, database, options.runs)
            lines.append(
                f"| {case.operation} | {case.size} | {cost.commands:.1f} | {cost.keys:,.0f} | {cost.documents:,.0f} "
                f"| {cost.bytes / 1000:,.0f} KB | {cost.cpu:.1f} ms | {cost.database:.1f} ms | {cost.time:.1f} ms |"
            )
            print(lines[-1], file=sys.stderr)
    return lines


async def _missed(app: Application, owner: Owner) -> dict[str, Any]:
    """Returns the state of the client of a user who was away while others wrote and reacted: the request of `sync`."""
    first = await _request(app, owner.id, "POST", "/sync", {"window": {"limit": AWAY, "messages": 1}})
    held = {head["id"]: {"seq": head["lastSeq"], "changeSeq": head["changeSeq"]} for head in first.json["heads"]}
    for order in range(owner.conversations - AWAY, owner.conversations):
        peer, place = user(PEERS + order), owner.conversation(order)
        for number in range(MISSED):
            sent = await _request(app, peer, "POST", f"/messages/{place}", {"text": f"{COMMON} while you were away"})
            reaction = f"/messages/{place}/{owner.messages - number}/reactions/👍"
            reacted = await _request(app, peer, "PUT", reaction)
            if (sent.status_code, reacted.status_code) != (201, 200):
                sys.exit(f"{sent.status_code} {sent.text[:300]} {reacted.status_code} {reacted.text[:300]}")
    return {"cursor": first.json["cursor"], "conversations": held}


def _request(app: Application, who: str, method: str, url: str, payload: Any = None) -> Awaitable[Injected]:
    return inject(app, method=method, url=url, payload=payload, credentials={"id": who})


def _cases(
    app: Application, owners: list[Owner], crowds: list[Crowd], missed: dict[Owner, dict[str, Any]]
) -> list[Case]:
    request = partial(_request, app)
    cases: list[Case] = []
    for owner in owners:
        size, total = f"{owner.conversations:,} conversations", owner.conversations * owner.messages
        middle = owner.conversation(owner.conversations // 2)
        peers = ",".join(user(PEERS + order) for order in range(100))
        urls = {
            "newest 50 conversations": "/conversations?limit=50",
            "page of 50 messages in the middle of the list": f"/messages/{middle}?limit=50",
            "presence of 100 people": f"/presence?ids={peers}",
        }
        cases += [
            Case(name, size, lambda _, url=url, who=owner.id: request(who, "GET", url)) for name, url in urls.items()
        ]
        states = {
            "sync, the first time": {"window": {"limit": 50, "messages": 1}},
            f"sync after a time away: {AWAY} conversations, {MISSED} messages and {MISSED} changes each": missed[owner],
        }
        cases += [
            Case(name, size, lambda _, who=owner.id, state=state: request(who, "POST", "/sync", state))
            for name, state in states.items()
        ]
        cases += [
            Case(f"search, {name}", f"{total:,} messages", lambda _, who=owner.id, q=q: request(who, "GET", q))
            for name, q in (
                ("a word in all messages", f"/search?q={COMMON}+"),
                ("a rare word", f"/search?q={RARE}+"),
            )
        ]
    for crowd in crowds:
        send = f"/messages/{crowd.id}"
        cases.append(
            Case(
                "message to a group",
                f"{crowd.members:,} members",
                lambda n, who=crowd.owner, url=send: request(who, "POST", url, {"text": "hello", "msgId": str(n)}),
            )
        )
    return cases


async def _measured(case: Case, database: Mongo, runs: int) -> Cost:
    numbers = iter(range(10**6))

    async def run() -> tuple[Injected, float]:
        while True:
            began = time.perf_counter()
            answer = await case.call(next(numbers))
            if answer.status_code < 300:
                return answer, time.perf_counter() - began
            if answer.status_code != 429:
                sys.exit(f"{case.operation}, {case.size}: {answer.status_code} {answer.text[:300]}")
            await asyncio.sleep(float(str(answer.headers["retry-after"])))

    await run()  # fills caches and connects
    await asyncio.to_thread(_profile_begins, database)
    for _ in range(PROFILED):
        answer, _ = await run()
    examined = await asyncio.to_thread(_profile_ends, database)
    times, cpu, used = [], time.process_time(), database.cpu()
    for _ in range(runs):
        _, seconds = await run()
        times.append(seconds)
    cpu, used = time.process_time() - cpu, database.cpu() - used
    return Cost(
        commands=examined["commands"] / PROFILED,
        keys=examined["keys"] / PROFILED,
        documents=examined["documents"] / PROFILED,
        bytes=len(answer.payload),
        cpu=cpu / runs * 1000,
        database=used / runs * 1000,
        time=median(times) * 1000,
    )


def _profile_begins(database: Mongo) -> None:
    database.database.command("profile", 0)
    database.database.system.profile.drop()
    database.database.create_collection("system.profile", capped=True, size=64 * MB)
    database.database.command("profile", 2)


def _profile_ends(database: Mongo) -> dict[str, int]:
    database.database.command("profile", 0)
    rows = [
        row
        for row in database.database.system.profile.find({"ns": {"$ne": f"{DATABASE}.system.profile"}})
        if (row["op"] != "command" or "aggregate" in row.get("command", {})) and row["ns"] not in BACKGROUND
    ]
    return {
        "commands": len(rows),
        "keys": sum(row.get("keysExamined", 0) for row in rows),
        "documents": sum(row.get("docsExamined", 0) for row in rows),
    }


class Listener(SocketClient):
    """Counts the messages that it receives."""

    def packet(self, packet: bytes) -> None:
        self.tally.delivered += 1


def _deliveries(options: argparse.Namespace, server: Pinned) -> list[str]:
    """Sends messages to groups whose members are connected; returns the report."""
    lines = [
        "| message to a group | connected | chat CPU | until the last member has it |",
        "| --- | --- | --- | --- |",
    ]
    for crowd in _crowds(options):
        members = crowd.ids[1 : CONNECTED + 1]

        def listeners(tally: Tally, members: list[str] = members) -> list[Client]:
            return [Listener(each, tally) for each in members]

        with Load(server.port, listeners) as load:
            _sent(server.port, crowd, "warm")
            load.delivered(len(members))
            times, cpu = [], server.cpu()
            for number in range(1, options.runs + 1):
                began = time.perf_counter()
                _sent(server.port, crowd, str(number))
                load.delivered(len(members) * (number + 1))
                times.append(time.perf_counter() - began)
            used = (server.cpu() - cpu) / options.runs * 1000
        lines.append(
            f"| {crowd.members:,} members | {len(members):,} | {used:.1f} ms | {median(times) * 1000:.0f} ms |"
        )
    return lines


def _sent(port: int, crowd: Crowd, number: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"authorization": f"Bearer {token(crowd.owner)}", "content-type": "application/json"}
    body = json.dumps({"text": "hello", "msgId": f"live-{number}"})
    connection.request("POST", f"/messages/{crowd.id}", body, headers)
    answer = connection.getresponse()
    if answer.status != 201:
        sys.exit(f"{answer.status} {answer.read()!r}")


def _files(options: argparse.Namespace, server: Pinned) -> list[str]:
    """Uploads and downloads files through a real server; returns the report."""
    token = _registered(server.port)
    lines = [
        "| file | direction | time | rate | chat CPU | memory of the chat beyond that of a small file |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    _up(server.port, token, WARM * MB)
    for megabytes in (1, options.megabytes):
        base = _reset_peak(server.pid)
        for direction in ("up", "down"):
            began, cpu = time.perf_counter(), server.cpu()
            if direction == "up":
                attachment = _up(server.port, token, megabytes * MB)
            else:
                size = _down(server.port, token, attachment)
                assert size == megabytes * MB
            seconds, used = time.perf_counter() - began, server.cpu() - cpu
            grown = (_peak(server.pid) - base) / MB
            lines.append(
                f"| {megabytes} MB | {direction} | {seconds:.2f} s | {megabytes / seconds:,.0f} MB/s | {used:.2f} s "
                f"| {grown:.1f} MB |"
            )
    return lines


def _registered(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    given = {"fullName": "Bench", "email": "bench@example.org", "password": "a long password of the benchmark"}
    connection.request("POST", "/register", json.dumps(given), {"content-type": "application/json"})
    token: str = json.loads(connection.getresponse().read())["token"]
    return token


def _up(port: int, token: str, size: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/x-bench", "content-length": str(size)}
    connection.request("POST", "/attachments?name=bench.bin", (PIECE for _ in range(size // len(PIECE))), headers)
    answer = json.loads(connection.getresponse().read())
    return str(answer["id"])


def _down(port: int, token: str, attachment: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/attachments/{attachment}", headers={"authorization": f"Bearer {token}"})
    answer, size = connection.getresponse(), 0
    while piece := answer.read(len(PIECE)):
        size += len(piece)
    return size


def _reset_peak(pid: int) -> int:
    """Resets the peak of a process to its present memory; returns it in bytes."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _peak(pid)


def _peak(pid: int) -> int:
    """Returns the largest resident memory of a process in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    main()
