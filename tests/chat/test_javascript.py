"""The chat through the JavaScript client that apps use, across a restart of the server."""

import asyncio

import pytest

from hapiish import Application
from tests.chat.callers import ROUTES, Open, serving

pytestmark = pytest.mark.anyio

FOLDER = ROUTES.parent / "tests" / "js"


async def walk(address: str, phase: str) -> None:
    node = await asyncio.create_subprocess_exec(
        "node", "chat.mjs", address, phase, cwd=FOLDER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(node.communicate(), 60)
    assert node.returncode == 0, output.decode()


async def test_two_users_meet_talk_and_find_everything_after_a_restart(app: Application, open_app: Open) -> None:
    async with serving(app) as address:
        await walk(address, "talk")
    await app.server.stop()
    async with open_app() as reopened, serving(reopened) as address:
        await walk(address, "return")
