"""The client core without a server: its types, and the parts that need no network."""

import asyncio
from pathlib import Path

import pytest

from tests import javascript

pytestmark = pytest.mark.anyio

CLIENT = Path(__file__).parents[2] / "web" / "client"


async def test_the_types_of_the_client_hold() -> None:
    await asyncio.to_thread(javascript.install)
    options = [*javascript.TSC, "--allowJs", "--checkJs", "--skipLibCheck"]
    output = await javascript.run("node_modules/typescript/bin/tsc", *options, str(CLIENT / "index.js"))
    assert output == ""


async def test_a_timeline_is_right_after_any_order_of_pages_events_and_catch_ups() -> None:
    await javascript.run("timeline.mjs")


async def test_the_receipts_of_others_are_right_if_events_overtake_answers() -> None:
    await javascript.run("heads.mjs", limit=60)
