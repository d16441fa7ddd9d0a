import asyncio
from typing import Any

import pytest

from hapiish.realtime.engineio.outbox import Outbox
from hapiish.types import Message

pytestmark = pytest.mark.anyio


def text(content: str) -> Message:
    return {"type": "websocket.send", "text": content}


class Wire:
    """An ASGI server's `send` that can push back and fail."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.writable = asyncio.Event()
        self.writable.set()
        self.error: Exception | None = None
        self.failures: list[str] = []

    async def send(self, message: Message) -> None:
        await self.writable.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(message.get("text") or message.get("bytes") or message["type"])

    def outbox(self, count: int = 10, size: int = 1000) -> Outbox:
        return Outbox(self.send, count, size, self.failures.append)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_wire_that_takes_it_gets_a_message_at_once() -> None:
    wire = Wire()
    outbox = wire.outbox()
    outbox.put(text("a"))
    outbox.put({"type": "websocket.send", "bytes": b"b"})
    assert wire.sent == ["a", b"b"]


async def test_messages_keep_their_order_when_the_wire_pushes_back() -> None:
    wire = Wire()
    outbox = wire.outbox()
    outbox.put(text("a"))
    wire.writable.clear()
    for content in "bcd":
        outbox.put(text(content))
    assert wire.sent == ["a"]
    wire.writable.set()
    outbox.put(text("e"))
    await settle()
    outbox.put(text("f"))
    assert wire.sent == list("abcdef")
    assert wire.failures == []


@pytest.mark.parametrize(
    ("contents", "failures"),
    [
        (["x"] * 11, []),
        (["x"] * 12, ["slow"]),
        (["x", "y" * 1000], []),
        (["x", "y" * 1001], ["slow"]),
        (["x", "é" * 501], ["slow"]),
        (["y" * 5000], []),
    ],
)
async def test_what_waits_is_bounded_by_count_and_bytes(contents: list[str], failures: list[str]) -> None:
    wire = Wire()
    outbox = wire.outbox()
    wire.writable.clear()
    for content in contents:  # the first is with the wire already, the others wait
        outbox.put(text(content))
    assert wire.failures == failures
    wire.writable.set()
    await settle()


async def test_the_bounds_are_for_what_waits_now() -> None:
    wire = Wire()
    outbox = wire.outbox(count=3, size=30)
    for _ in range(5):
        wire.writable.clear()
        for _ in range(4):
            outbox.put(text("0123456789"))
        wire.writable.set()
        await settle()
    assert len(wire.sent) == 20
    assert wire.failures == []


@pytest.mark.parametrize(("error", "reason"), [(OSError(), "transport close"), (RuntimeError(), "transport error")])
@pytest.mark.parametrize("later", [False, True])
async def test_a_failing_wire_is_told(error: Exception, reason: str, later: bool) -> None:
    wire = Wire()
    outbox = wire.outbox()
    wire.error = error
    if later:
        wire.writable.clear()
    outbox.put(text("a"))
    wire.writable.set()
    await settle()
    assert wire.failures == [reason]


async def test_closing_sends_what_waits_and_then_the_last() -> None:
    wire = Wire()
    outbox = wire.outbox()
    wire.writable.clear()
    outbox.put(text("a"))
    outbox.put(text("b"))
    closing = asyncio.create_task(outbox.close([{"type": "websocket.close"}], 10, drop=False))
    await settle()
    wire.writable.set()
    await closing
    assert wire.sent == ["a", "b", "websocket.close"]


async def test_closing_may_drop_what_waits() -> None:
    wire = Wire()
    outbox = wire.outbox()
    wire.writable.clear()
    outbox.put(text("a"))
    outbox.put(text("b"))
    wire.writable.set()
    await outbox.close([text("last"), {"type": "websocket.close"}], 10, drop=True)
    assert wire.sent == ["a", "last", "websocket.close"]


async def test_closing_gives_up_on_a_wire_that_takes_nothing() -> None:
    wire = Wire()
    outbox = wire.outbox()
    wire.writable.clear()
    outbox.put(text("a"))
    await outbox.close([{"type": "websocket.close"}], 0.01, drop=False)
    await settle()
    wire.writable.set()
    await settle()
    assert wire.sent == []
    assert wire.failures == []
