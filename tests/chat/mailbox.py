"""Senders for tests, named by CHAT_MAIL_SENDER. They store the work of the chat, and fail if a test wants it."""

import asyncio
from typing import Any

PATIENCE = 10

sent: list[Any] = []
"""The work that was sent (`work` of `models.outbox`), oldest first."""
fails: dict[str, Exception] = {}
"""The error of each call, by target. Targets without an entry have none."""
tries: list[str] = []
"""The targets of all calls."""


def empty() -> None:
    """Empties the three collections."""
    sent.clear()
    fails.clear()
    tries.clear()


async def take(server: Any, work: Any) -> None:
    """Stores a mail or a push in `sent`, or raises the error of its target."""
    tries.append(work.target)
    if work.target in fails:
        raise fails[work.target]
    sent.append(work)


async def received(target: str, count: int = 1) -> list[Any]:
    """Waits until a target was sent `count` mails or pushes; returns them."""
    async with asyncio.timeout(PATIENCE):
        while len(found := [work for work in sent if work.target == target]) < count:
            await asyncio.sleep(0.02)
    return found
