"""Background jobs: one process at a time, repairs that are visible, and a faulty database or job that does no harm."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from handlers import sweeper
from hapiish import Application
from hapiish.testing import inject
from models import repair
from models.conversation import Conversation
from models.lease import Lease
from models.message import Message
from models.repair import HeadRepair
from models.wire import now
from tests.chat.callers import Caller, Join, Open
from tests.commands import recorded

pytestmark = [pytest.mark.anyio, pytest.mark.in_process]

ROOT = Path(__file__).parents[2]
QUICK = {"CHAT_SWEEPER_PACE": "0.01"}


@pytest.fixture
async def app(open_app: Open, emptied: None) -> AsyncIterator[Application]:
    """The chat with short intervals, on an empty database."""
    async with open_app(**QUICK) as app:
        yield app


@pytest.fixture
def names() -> Iterator[Callable[[str], str]]:
    """Names of jobs, which are removed after the test."""
    before = dict(sweeper._jobs)
    yield lambda name: name
    sweeper._jobs.clear()
    sweeper._jobs.update(before)


async def until(app: Application, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Waits until the readiness fulfils `holds`; returns it."""
    async with asyncio.timeout(15):
        while True:
            ready = (await inject(app, url="/health/ready")).json
            if holds(ready):
                return dict(ready)
            await asyncio.sleep(0.01)


def details(ready: dict[str, Any], job: str) -> dict[str, Any]:
    found: dict[str, Any] = ready.get("details", {}).get("sweeper", {}).get(job, {})
    return found


async def crash(mongo_uri: str, caller: Caller, conversation: str, text: str, point: str) -> None:
    """Sends a message through a process that is killed at a point."""
    words = [mongo_uri, caller.token, conversation, text, point]
    command = [sys.executable, str(Path(__file__).with_name("crasher.py")), *words]
    assert await asyncio.to_thread(subprocess.call, command, cwd=ROOT) == -signal.SIGKILL


async def test_a_head_that_a_killed_process_left_behind_is_repaired_logged_and_shown(
    mongo_uri: str, app: Application, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    ann, bob = await join("ann"), await join("bob")
    place = await ann.open(bob)
    await ann.say(place, "before")
    await crash(mongo_uri, ann, place, "the last words", "head")
    ready = await until(app, lambda ready: details(ready, "heads").get("repaired", {}).get("heads", 0) == 1)
    assert (ready["status"], ready["checks"]["sweeper"]) == ("ready", True)
    assert details(ready, "heads")["lastRunAt"].endswith("Z")
    (head,) = (await bob.call("GET", "/conversations")).json
    assert (head["lastSeq"], head["lastMessage"]["text"]) == (2, "the last words")
    assert "heads: repaired 1 heads" in caplog.text


async def test_one_of_several_processes_runs_a_job_at_a_time(
    open_app: Open, names: Callable[[str], str], emptied: None
) -> None:
    running, most, done, servers = 0, 0, asyncio.Event(), set()

    async def job(server: Any) -> dict[str, int]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        servers.add(id(server))
        await asyncio.sleep(0.05)
        running -= 1
        if len(servers) > 1:
            done.set()
        return {"rounds": 1}

    sweeper.register(names("shared"), 0.5, job)
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(open_app(CHAT_SWEEPER_PACE="0.1"))
        async with asyncio.timeout(15):
            await done.wait()
    assert most == 1


async def test_a_failed_job_only_degrades_the_server_until_its_next_run(
    open_app: Open, names: Callable[[str], str], emptied: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "chat.sweeper")
    fails = True

    def job(server: Any) -> None:
        if fails:
            raise LookupError("the reason is for the log")

    sweeper.register(names("faulty"), 30, job)
    async with open_app(**QUICK) as app:
        ready = await until(app, lambda ready: ready["status"] == "degraded")
        assert (ready["checks"]["sweeper"], details(ready, "faulty")["error"]) == (False, "LookupError")
        await until(app, lambda ready: "lastRunAt" in details(ready, "heads"))
        fails = False
        await until(app, lambda ready: ready["status"] == "ready")
    assert caplog.text.count("faulty: cannot run") == 1
    assert "faulty: runs again" in caplog.text


async def test_an_unavailable_database_gets_no_commands_and_each_job_logs_that_once(
    open_app: Open, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with open_app(MONGODB_URI=f"mongodb://127.0.0.1:{port}/chat?serverSelectionTimeoutMS=200", **QUICK) as app:
        with recorded() as commands:
            ready = await until(app, lambda ready: details(ready, "heads").get("error") == "unavailable")
            await until(app, lambda ready: details(ready, "changes").get("error") == "unavailable")
    assert (ready["status"], ready["checks"]["sweeper"]) == ("unavailable", False)
    assert commands == []
    assert caplog.text.count("heads: cannot run") == 2  # of "heads" and of "tell heads"


async def test_a_job_ends_at_its_deadline(open_app: Open, names: Callable[[str], str], emptied: None) -> None:
    async def job(server: Any) -> None:
        await asyncio.sleep(3600)

    sweeper.register(names("endless"), 30, job, deadline=0.05)
    async with open_app(**QUICK) as app:
        ready = await until(app, lambda ready: ready["status"] == "degraded")
        assert details(ready, "endless")["error"] == "TimeoutError"


@pytest.fixture
def own_modules() -> Iterator[None]:
    """Lets a test import the modules of the table again. The former modules are restored for later tests.

    These are all modules beside the table that the table names, also modules of tests, such as a sender.
    """
    before = dict(sys.modules)
    yield
    sys.modules.update(before)


async def test_jobs_go_on_after_a_reload_and_end_with_the_server(
    open_app: Open, emptied: None, own_modules: None
) -> None:
    async with open_app(**QUICK) as app:
        first = app.server.app["sweeper"]
        assert await app.reload() == []
        ready = await until(app, lambda ready: "lastRunAt" in details(ready, "heads"))
        last = details(ready, "heads")["lastRunAt"]
        await until(app, lambda ready: details(ready, "heads")["lastRunAt"] > last)
        second = app.server.app["sweeper"]
        assert type(second).__module__ == type(first).__module__
        assert type(second) is not type(first)
    for ended in (first, second):
        assert all(task.done() for task in ended._tasks.values())
    assert "sweeper" not in app.server.app


@contextmanager
def threads(count: int) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(count) as pool:
        yield pool


def test_a_lease_has_one_holder_until_it_is_finished_or_its_time_is_over(documents: None) -> None:
    with threads(8) as pool:
        runs = list(pool.map(lambda _: Lease.take("shared", 60), range(24)))
    assert len([run for run in runs if run.token]) == 1
    assert all(run.wait <= 60 for run in runs)
    lost = Lease.take("job", 0.2)
    while not (heir := Lease.take("job", 60)).token:  # the holder was killed
        assert heir.wait <= 0.2
    late = Lease.finish("job", str(lost.token), every=0, seconds=1, counts={"heads": 7})
    assert late.repaired == {}
    ended = Lease.finish("job", heir.token, every=0.2, seconds=1, counts={"heads": 2}, error="OSError")
    assert ended.described()["repaired"] == {"heads": 2}
    refused = Lease.take("job", 60)
    assert (refused.token, refused.last["error"]) == (None, "OSError")
    while not (again := Lease.take("job", 60)).token:
        pass
    assert Lease.finish("job", again.token, every=0, seconds=1, counts={"heads": 3}).described() == {
        "repaired": {"heads": 5},
        "lastRunAt": Lease.objects(name="job").scalar("last").first()["at"].isoformat("T", "milliseconds")[:23] + "Z",
    }


class Models:
    """The models of the table."""

    Conversation, Message, Lease = Conversation, Message, Lease


def behind(count: int, *, head: bool = False) -> str:
    """Returns a conversation with messages that its head lacks."""
    place = Conversation.open(str(ObjectId()), str(ObjectId()))[0]["id"]
    for number in range(count):
        message = Message.append(place, str(ObjectId()), str(number))[0]
        if head:
            Conversation.push(message)
    return str(place)


def last_seqs() -> list[int]:
    return sorted(row.last_seq for row in Conversation.objects)


def test_repairs_continue_where_the_last_call_ended_and_read_recent_messages_again(
    documents: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "BATCH", 4)
    for count in (3, 5, 1):
        behind(count)
    behind(2, head=True)
    assert HeadRepair.run(Models, batches=1) == 2  # 4 of 11 messages
    assert HeadRepair.run(Models, batches=20) == 1
    assert last_seqs() == [1, 2, 3, 5]
    assert HeadRepair.run(Models) == 0
    old = behind(1)
    Message.objects(conversation_id=old).delete()
    key = ObjectId.from_datetime(now() - repair.OVERLAP / 2)  # of a process whose clock is slow
    row = {"conversationId": ObjectId(old), "userId": ObjectId(), "text": "late", "createdAt": now(), "seq": 1}
    Message._get_collection().insert_one({"_id": key, **row})
    assert HeadRepair.run(Models) == 1


def test_messages_of_a_removed_conversation_are_skipped(documents: None) -> None:
    gone = behind(2)
    Conversation.objects(id=gone).delete()
    behind(1)
    assert HeadRepair.run(Models) == 1
