"""The chat with its documentation page, and a browser that looks at it."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from hapiish import create_app
from tests.browser import Page, browse, chromium
from tests.chat.callers import ROUTES, SECRET, serving

TABLE = f"""
info: {{title: Chat, version: 1.0.0, description: Conversations of two users}}
server: {{routes: {{security: true}}}}
database: {{uri: "${{MONGODB_URI}}"}}
plugins:
  - {{table: {json.dumps(str(ROUTES))}}}
  - {{plugin: hapiish.plugins.docs, options: {{path: /documentation}}}}
"""


@pytest.fixture
async def chat(tmp_path: Path, mongo_uri: str) -> AsyncIterator[str]:
    """The address of the chat, which has the plugin besides."""
    file = tmp_path / "routes.yaml"
    file.write_text(TABLE)
    app = create_app(file, env={"JWT_SECRET": SECRET, "MONGODB_URI": mongo_uri})
    async with app.router.lifespan_context(app), serving(app) as address:
        yield address


@pytest.fixture(scope="session")
def chromium_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a browser for all tests of a worker."""
    with chromium(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
async def browser(chromium_address: str) -> AsyncIterator[Page]:
    """A page of the size of a laptop, with storage of its own."""
    async with browse(chromium_address) as page:
        await page.size(1280, 800)
        yield page


class Documentation:
    """The page as a person uses it; an anchor names the card of a route or an event."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url

    async def open(self, anchor: str = "") -> None:
        """Opens the page and waits for its contents."""
        await self.page.open(f"{self.url}#{anchor}" if anchor else self.url)
        await self.page.until("!!document.querySelector('article .panel > *')")

    async def go(self, anchor: str) -> str:
        """Goes to a card and returns its selector."""
        await self.page.eval(f"location.hash = {json.dumps(anchor)}")
        selector = f"[id='{anchor}']"
        await self.page.until(f'!!document.querySelector("{selector} .panel form")')
        return selector

    async def send(self, anchor: str, body: Any = None, **fields: str) -> str:
        """Fills in the form of a card, sends it, and returns the text of the status; fields are those of parameters."""
        card = await self.go(anchor)
        for name, value in fields.items():
            await self.page.write(await self.labelled(card, name), value)
        if body is not None:
            await self.page.write(f"{card} form textarea", json.dumps(body))
        await self.page.eval(f'document.querySelector("{card} .result").replaceChildren()')
        await self.page.click(f"{card} form button[type=submit]")
        await self.page.until(f'!document.querySelector("{card} form button[type=submit]").disabled')
        done = f'document.querySelector("{card} .result .status, {card} .result .error")?.textContent'
        return str(await self.page.until(done))

    async def labelled(self, card: str, name: str) -> str:
        """The selector of the field with this label."""
        script = (
            f'[...document.querySelectorAll("{card} form label")]'
            f".find((each) => each.firstChild.textContent === {json.dumps(name)}).htmlFor"
        )
        return f"#{await self.page.eval(script)}"

    async def result(self, anchor: str) -> Any:
        """The JSON that the last response or acknowledgement of a card had."""
        return json.loads(await self.page.eval(f"document.querySelector(\"[id='{anchor}'] .result pre\").textContent"))


@pytest.fixture
def documentation(browser: Page, chat: str) -> Documentation:
    return Documentation(browser, f"{chat}/documentation")
