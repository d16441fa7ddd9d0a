"""Senders of the tests: they take what the chat sends, and fail as a test wants. Named by CHAT_MAIL_SENDER."""

import asyncio
from typing import Any

PATIENCE = 10

sent: list[Any] = []
"""What was sent, oldest first: `work` of `models.outbox`."""
fails: dict[str, Exception] = {}
"""The error of each call by target; no entry, no error."""
tries: list[str] = []
"""The targets of all calls."""


def empty() -> None:
    """Forgets everything."""
    sent.clear()
    fails.clear()
    tries.clear()


async def take(server: Any, work: Any) -> None:
    """Takes a mail or a push."""
    tries.append(work.target)
    if work.target in fails:
        raise fails[work.target]
    sent.append(work)


async def received(target: str, count: int = 1) -> list[Any]:
    """Returns what a target was sent, once it is `count` pieces."""
    async with asyncio.timeout(PATIENCE):
        while len(found := [work for work in sent if work.target == target]) < count:
            await asyncio.sleep(0.02)
    return found
