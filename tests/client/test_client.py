"""The client core under node against the chat."""

import pytest

from hapiish import Application
from tests import javascript
from tests.chat.callers import serving
from tests.chat.conftest import app, open_app

__all__ = ["app", "open_app"]
pytestmark = pytest.mark.anyio


async def test_devices_and_tabs_show_the_same_through_lost_connections_and_restarts(app: Application) -> None:
    async with serving(app) as address:
        await javascript.run("client.mjs", address, limit=60)


async def test_the_client_of_the_seed_finds_what_it_relies_on(app: Application) -> None:
    async with serving(app) as address:
        await javascript.run("seed.mjs", address, limit=60)
