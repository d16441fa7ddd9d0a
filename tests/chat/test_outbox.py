"""The outbox: any process sends stored work at least once, once if nothing fails, and gives it up after a time."""

import asyncio
import smtplib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers import outbox as worker_module
from handlers import senders
from handlers.outbox import Worker
from hapiish import Application, boom
from models import outbox as module
from models.outbox import KINDS, Outbox, Work, enqueue
from models.wire import now
from tests.chat import mailbox
from tests.chat.callers import Open
from tests.chat.conftest import empty

pytestmark = [pytest.mark.anyio, pytest.mark.in_process, pytest.mark.usefixtures("empty_mailbox")]

HOUR = timedelta(hours=1)
LEASE = timedelta(seconds=60)
MAIL = {"subject": "Welcome", "text": "https://chat.example.org/verify?token=secret"}


def mail(key: str, target: str = "ann@example.org", *, expires: timedelta = HOUR, **more: Any) -> bool:
    return enqueue("mail", key, target, MAIL, expires=now() + expires, **more)


def row(key: str) -> Any:
    return Outbox.objects(key=key).first()


def make_due() -> None:
    Outbox.objects(state="waiting").update(set__due_at=now())


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "POLL", 0.02)


@pytest.fixture
def environment() -> dict[str, str]:
    return {"CHAT_MAIL_SENDER": "tests.chat.mailbox:take", "CHAT_PUSH_SENDER": "tests.chat.mailbox:take"}


@asynccontextmanager
async def idle(app: Application) -> AsyncIterator[Worker]:
    """A worker that works when a test calls it; the worker of the application is stopped."""
    await worker_module.stop(app.server)
    worker = Worker(app.server)
    yield worker
    await worker.stop()


# --- the rows


@pytest.mark.usefixtures("documents")
def test_a_key_is_stored_once_even_after_its_work_is_done() -> None:
    assert mail("m1")
    assert not mail("m1")
    work = Outbox.claim_one(KINDS, LEASE)
    assert work is not None
    assert Outbox.finish(work)
    assert not mail("m1")


@pytest.mark.usefixtures("documents")
def test_many_rows_are_stored_in_one_command_and_known_keys_are_left_out() -> None:
    mail("m2")
    works = [Work(kind="push", key=f"m{n}", target="t", payload={}, expires=now() + HOUR) for n in range(1, 4)]
    assert Outbox.enqueue_all(works) == 2
    assert Outbox.enqueue_all(works) == 0
    assert Outbox.enqueue_all([]) == 0


@pytest.mark.usefixtures("documents")
def test_a_row_is_claimed_by_one_of_many_threads() -> None:
    for n in range(8):
        mail(f"m{n}")
    claimed: list[str] = []

    def work_off() -> None:
        while (work := Outbox.claim_one(KINDS, LEASE)) is not None:
            claimed.append(work.key)

    threads = [threading.Thread(target=work_off) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == [f"m{n}" for n in range(8)]


@pytest.mark.usefixtures("documents")
def test_the_claim_of_a_killed_process_ends_and_its_late_result_does_not_count() -> None:
    mail("m1")
    first = Outbox.claim_one(KINDS, timedelta(0))
    second = Outbox.claim_one(KINDS, LEASE)
    assert first is not None
    assert second is not None
    assert (first.id, second.attempts) == (second.id, 2)
    assert not Outbox.finish(first)
    assert not Outbox.retry(first, "late")
    assert row("m1").state == "waiting"
    assert Outbox.finish(second)


@pytest.mark.usefixtures("documents")
def test_a_row_that_is_done_has_no_payload_any_more() -> None:
    mail("m1")
    work = Outbox.claim_one(KINDS, LEASE)
    assert work is not None
    assert work.payload == MAIL
    Outbox.finish(work)
    assert (row("m1").state, row("m1").payload) == ("sent", {})
    assert row("m1").remove_at > now()


@pytest.mark.usefixtures("documents")
def test_pauses_grow_and_a_receiver_may_ask_for_longer_ones() -> None:
    mail("m1", expires=timedelta(days=30))
    pauses = []
    for attempt in range(1, 13):
        work = Outbox.claim_one(KINDS, LEASE)
        assert work is not None
        assert work.attempts == attempt
        assert Outbox.retry(work, "refused")
        pauses.append((row("m1").due_at - now()).total_seconds())
        make_due()
    for n, pause in enumerate(pauses):
        expected = min(module.LONGEST_PAUSE, module.FIRST_PAUSE * 2**n)
        assert 0.4 * expected < pause < 1.6 * expected
    work = Outbox.claim_one(KINDS, LEASE)
    assert work is not None
    Outbox.retry(work, "busy", after=9000)
    assert row("m1").due_at - now() > timedelta(seconds=8990)


@pytest.mark.usefixtures("documents")
def test_a_row_whose_next_attempt_would_be_too_late_is_dead_and_only_a_webhook_keeps_its_payload() -> None:
    soon = now() + timedelta(seconds=1)
    for kind in KINDS:
        enqueue(kind, kind, "x", {"a": 1}, expires=soon)
        work = Outbox.claim_one((kind,), LEASE)
        assert work is not None
        assert Outbox.retry(work, "refused")
        assert row(kind).state == "dead"
    assert [row(kind).payload for kind in ("mail", "push", "webhook")] == [{}, {}, {"a": 1}]
    (dead,) = Outbox.dead("webhook")
    assert (dead["payload"], dead["error"], dead["attempts"]) == ({"a": 1}, "refused", 1)


@pytest.mark.usefixtures("documents")
def test_a_dead_row_is_replayed_once_and_listed_by_target_from_the_newest() -> None:
    for n in range(5):
        enqueue("webhook", f"w{n}", "even" if n % 2 == 0 else "odd", {"n": n}, expires=now() + HOUR)
        work = Outbox.claim_one(KINDS, LEASE)
        assert work is not None
        Outbox.bury(work, "410 Gone")
    assert [each["key"] for each in Outbox.dead("webhook", target="even")] == ["w4", "w2", "w0"]
    newest, second = Outbox.dead("webhook", limit=2)
    assert [each["key"] for each in Outbox.dead("webhook", before=second["id"])] == ["w2", "w1", "w0"]
    assert (Outbox.replay(newest["id"], lasts=HOUR) or {})["key"] == "w4"
    assert Outbox.replay(newest["id"], lasts=HOUR) is None
    assert Outbox.replay("nonsense", lasts=HOUR) is None
    work = Outbox.claim_one(KINDS, LEASE)
    assert work is not None
    assert (work.key, work.payload, work.attempts) == ("w4", {"n": 4}, 1)


@pytest.mark.usefixtures("documents")
def test_a_payload_is_bounded_and_a_kind_is_known() -> None:
    with pytest.raises(ValueError, match="no kind"):
        enqueue("fax", "f", "x", {}, expires=now() + HOUR)
    with pytest.raises(ValueError, match="bytes"):
        enqueue("mail", "m", "x", {"text": "x" * module.LARGEST}, expires=now() + HOUR)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "claim", "kill", "finish", "retry"]), st.integers(0, 4)), max_size=25
    )
)
def test_each_key_is_sent_or_waits_after_any_failures(documents: None, steps: list[tuple[str, int]]) -> None:
    Outbox.objects.delete()
    added: set[str] = set()
    sent: list[str] = []
    held: list[Any] = []
    for step, n in steps:
        if step == "add":
            assert mail(f"k{n}") == (f"k{n}" not in added)
            added.add(f"k{n}")
        elif step == "claim" and (work := Outbox.claim_one(KINDS, LEASE)) is not None:
            held.append(work)
        elif step == "kill":
            make_due()
        elif held and step in ("finish", "retry"):
            work = held.pop(n % len(held))
            if step == "finish" and Outbox.finish(work):
                sent.append(work.key)
            elif step == "retry":
                Outbox.retry(work, "refused")
    assert len(sent) == len(set(sent))
    waiting = set(Outbox.objects(state="waiting").scalar("key"))
    assert waiting | set(sent) == added
    assert not waiting & set(sent)


# --- the worker


async def test_the_worker_of_a_server_sends_what_any_process_has_stored(app: Application) -> None:
    await asyncio.to_thread(mail, "m1")
    (work,) = await mailbox.received("ann@example.org")
    assert (work.kind, work.payload, work.attempts) == ("mail", MAIL, 1)


async def test_a_sender_that_fails_is_called_again_later(app: Application) -> None:
    async with idle(app) as worker:
        mailbox.fails["ann@example.org"] = OSError("connection refused")
        await asyncio.to_thread(mail, "m1")
        assert await worker.work_off() == 1
        found = await asyncio.to_thread(row, "m1")
        assert (found.state, found.error) == ("waiting", "OSError: connection refused")
        assert found.due_at > now()
        mailbox.fails.clear()
        await asyncio.to_thread(make_due)
        assert await worker.work_off() == 1
    assert [work.attempts for work in mailbox.sent] == [2]


LATER = format_datetime(now() + timedelta(minutes=30), usegmt=True)


@pytest.mark.parametrize(
    ("error", "state", "least"),
    [
        pytest.param(boom.BadRequest("no such address"), "dead", 0, id="bad request"),
        pytest.param(boom.Gone("no such device"), "dead", 0, id="gone"),
        pytest.param(boom.TooManyRequests(headers={"Retry-After": "600"}), "waiting", 590, id="a number"),
        pytest.param(boom.ServerUnavailable(headers={"retry-after": LATER}), "waiting", 900, id="a date"),
        pytest.param(boom.ServerUnavailable(headers={"retry-after": "²"}), "waiting", 1, id="nonsense"),
        pytest.param(boom.ServerUnavailable(headers={"retry-after": "9" * 400}), "dead", 0, id="never"),
        pytest.param(boom.BadGateway("broken"), "waiting", 1, id="bad gateway"),
        pytest.param(KeyError("a bug"), "waiting", 1, id="a bug"),
    ],
)
async def test_an_error_decides_whether_and_when_the_sender_is_called_again(
    app: Application, error: Any, state: str, least: int
) -> None:
    async with idle(app) as worker:
        mailbox.fails["ann@example.org"] = error
        await asyncio.to_thread(mail, "m1", expires=timedelta(hours=3))
        await worker.work_off()
        found = await asyncio.to_thread(row, "m1")
        assert found.state == state
        if state == "waiting":
            assert found.due_at - now() > timedelta(seconds=least)


async def test_expired_work_is_not_sent(app: Application) -> None:
    async with idle(app) as worker:
        await asyncio.to_thread(mail, "m1", expires=timedelta(seconds=-1))
        assert await worker.work_off() == 1
        assert (await asyncio.to_thread(row, "m1")).state == "dead"
    assert mailbox.tries == []


async def test_only_the_newest_of_several_rows_of_a_topic_is_sent(app: Application) -> None:
    async with idle(app) as worker:
        for n in range(3):
            await asyncio.to_thread(mail, f"m{n}", topic="conversation")
        await asyncio.to_thread(mail, "other")
        assert await worker.work_off() == 4
    assert [work.key for work in mailbox.sent] == ["m2", "other"]


async def test_a_slow_receiver_does_not_hold_up_other_kinds(app: Application) -> None:
    release = asyncio.Event()

    async def stuck(server: Any, work: Any) -> None:
        mailbox.tries.append(work.target)
        async with asyncio.timeout(mailbox.PATIENCE):
            await release.wait()

    app.server.methods.outbox.push = stuck
    for n in range(20):
        await asyncio.to_thread(enqueue, "push", f"p{n}", "slow", {}, expires=now() + HOUR)
    await asyncio.to_thread(mail, "m1")
    await mailbox.received("ann@example.org")
    assert mailbox.tries.count("slow") <= worker_module.AT_ONCE["push"]
    release.set()


async def test_a_server_that_stops_finishes_the_work_in_progress(open_app: Open) -> None:
    began = asyncio.Event()

    async def slow(server: Any, work: Any) -> None:
        began.set()
        await asyncio.sleep(0.2)

    async with open_app() as app:
        await asyncio.to_thread(empty)
        app.server.methods.outbox.mail = slow
        await asyncio.to_thread(mail, "m1")
        async with asyncio.timeout(mailbox.PATIENCE):
            await began.wait()
    async with open_app():
        assert (await asyncio.to_thread(row, "m1")).state == "sent"


async def test_the_worker_outlives_an_error_of_the_database(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, failed = Outbox.claim_one, asyncio.Event()
    loop = asyncio.get_running_loop()

    def broken(kinds: Any, lease: Any) -> Any:
        if not failed.is_set():
            loop.call_soon_threadsafe(failed.set)
            raise ConnectionError("the database is away")
        return claim(kinds, lease)

    monkeypatch.setattr(Outbox, "claim_one", broken)
    async with asyncio.timeout(mailbox.PATIENCE):
        await failed.wait()
    await asyncio.to_thread(mail, "m1")
    await mailbox.received("ann@example.org")


# --- the senders


def served(uri: str) -> Any:
    return SimpleNamespace(checked_table=SimpleNamespace(database=SimpleNamespace(uri=uri)))


async def test_the_console_shows_a_link_in_development_and_never_in_a_service(caplog: pytest.LogCaptureFixture) -> None:
    work = SimpleNamespace(kind="mail", target="ann@example.org", payload=MAIL)
    await senders.console(served(""), work)
    assert "token=secret" in caplog.text
    caplog.clear()
    await senders.console(served("mongodb://db"), work)
    assert "Welcome" in caplog.text
    assert "secret" not in caplog.text
    assert "ann@" not in caplog.text


class Post:
    """An SMTP connection that keeps the mail."""

    mails: list[Any]
    refused: int

    def __init__(self, host: str, port: int, **given: Any) -> None:
        self.at = host, port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def ehlo(self) -> None:
        pass

    def has_extn(self, name: str) -> bool:
        return False

    def login(self, name: str, password: str) -> None:
        assert (name, password) == ("me@x", "p w")

    def send_message(self, mail: Any) -> None:
        if self.refused:
            raise smtplib.SMTPRecipientsRefused({"x": (self.refused, b"no")})
        self.mails.append(mail)


@pytest.mark.parametrize(
    ("refused", "error"), [(0, None), (550, boom.BadRequest), (450, smtplib.SMTPRecipientsRefused)]
)
async def test_mail_is_sent_by_smtp_and_an_address_that_is_refused_for_good_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, refused: int, error: Any
) -> None:
    monkeypatch.setattr(smtplib, "SMTP_SSL", Post)
    monkeypatch.setattr(Post, "mails", [], raising=False)
    monkeypatch.setattr(Post, "refused", refused, raising=False)
    monkeypatch.setenv("SMTP_URL", "smtps://me%40x:p%20w@mail.example.org")
    monkeypatch.setenv("MAIL_FROM", "Chat <chat@example.org>")
    work = SimpleNamespace(id="65a0", kind="mail", target="ann@example.org", payload=MAIL)
    if error is not None:
        with pytest.raises(error):
            await senders.smtp(None, work)
        return
    await senders.smtp(None, work)
    (sent,) = Post.mails
    assert (sent["To"], sent["Subject"]) == ("ann@example.org", "Welcome")
    assert sent["Message-ID"].endswith("@example.org>")
    assert MAIL["text"] in sent.get_content()
