"""The client core under node against the chat."""

import pytest

from hapiish import Application
from tests import javascript
from tests.chat.callers import Open, serving
from tests.chat.conftest import app, environment, open_app

__all__ = ["app", "environment", "open_app"]
pytestmark = pytest.mark.anyio


async def test_devices_and_tabs_show_the_same_through_lost_connections_and_restarts(app: Application) -> None:
    async with serving(app) as address:
        await javascript.run("client.mjs", address, limit=60)


async def test_the_client_of_the_seed_works(app: Application) -> None:
    async with serving(app) as address:
        await javascript.run("seed.mjs", address, limit=60)


async def test_tokens_are_renewed_once_and_an_ended_session_signs_every_tab_out(open_app: Open) -> None:
    async with open_app(JWT_LIFETIME="2") as app, serving(app) as address:
        await javascript.run("session.mjs", address, limit=60)
