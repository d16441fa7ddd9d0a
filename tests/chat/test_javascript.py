"""The chat through the JavaScript client that apps use, across a restart of the server."""

import pytest

from hapiish import Application
from tests import javascript
from tests.chat.callers import Open, serving

pytestmark = pytest.mark.anyio


async def test_two_users_meet_talk_and_find_everything_after_a_restart(app: Application, open_app: Open) -> None:
    async with serving(app) as address:
        await javascript.run("chat.mjs", address, "talk")
    await app.server.stop()
    async with open_app() as reopened, serving(reopened) as address:
        await javascript.run("chat.mjs", address, "return")
