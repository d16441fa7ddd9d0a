"""A process of the chat that is killed while it handles a message: `crasher.py URI TOKEN CONVERSATION TEXT POINT`.

POINT is `head`, before the conversation is updated, or `emit`, before the live event.
"""

import asyncio
import os
import signal
import sys
from typing import Any

sys.path.insert(0, "")  # the working directory is the project

from hapiish import create_app
from hapiish.testing import inject
from tests.chat.callers import ROUTES, SECRET


def die(*given: Any, **named: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def send(uri: str, token: str, conversation: str, text: str, point: str) -> None:
    app = create_app(ROUTES, env={"JWT_SECRET": SECRET, "MONGODB_URI": uri})
    if point == "head":
        app.server.models.Conversation.push = die
    else:
        app.server.emit = app.server.current.server.emit = die  # type: ignore[assignment,method-assign]
    headers = {"authorization": f"Bearer {token}"}
    await inject(app, method="POST", url=f"/messages/{conversation}", headers=headers, payload={"text": text})


if __name__ == "__main__":
    asyncio.run(send(*sys.argv[1:]))
