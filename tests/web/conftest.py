"""The chat as a process, and users of its web client in browsers."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hapiish import Application, create_app
from tests.browser import Page, browse, chromium
from tests.chat.callers import ROUTES, SECRET

ROOT = ROUTES.parent
NAMES = iter(range(1_000_000))
Serve = Callable[[str], AbstractAsyncContextManager[Application]]


class Server:
    """`hapiish run` with the chat's table, which can be killed and started again."""

    def __init__(self, mongodb: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._env = {**os.environ, "JWT_SECRET": SECRET, "MONGODB_URI": mongodb, "PORT": str(self.port)}
        self._process: subprocess.Popen[bytes] | None = None
        subprocess.run(self._command("indexes", "--apply"), env=self._env, check=True, capture_output=True)

    def start(self) -> None:
        """Starts the process and waits until it listens."""
        self._process = subprocess.Popen(
            self._command("run"), env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 180
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("the chat does not start")

    def kill(self) -> None:
        """Ends the process by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _command(self, *words: str) -> list[str]:
        first, *rest = words
        return [sys.executable, "-m", "hapiish", first, *rest, str(ROUTES)]


@pytest.fixture(scope="module")
def server(mongo_uri: str) -> Iterator[Server]:
    server = Server(mongo_uri)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def chromium_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a browser for all tests of a worker."""
    with chromium(tmp_path_factory.mktemp("chromium")) as address:
        yield address


class Person:
    """A user with a browser. All methods use the elements of the page."""

    def __init__(self, page: Page, url: str, name: str) -> None:
        self.page = page
        self.url = url
        self.name = name
        self.email = f"{name.lower()}-{next(NAMES)}@example.org"

    async def register(self) -> None:
        """Opens the page and creates an account."""
        await self.page.open(self.url)
        await self.press_button("Create an account")
        await self.page.write("[name=fullName]", self.name)
        await self.page.write("[name=email]", self.email)
        await self.page.write("[name=password]", "a long password")
        await self.page.click("form .primary")
        await self.page.until("document.querySelector('.connection')?.dataset.state === 'online'")

    async def sign_in(self, page: Page) -> "Person":
        """Signs in with another browser; returns the same user with that browser."""
        there = Person(page, self.url, self.name)
        there.email = self.email
        await page.open(self.url)
        await page.until("!!document.querySelector('.gate form')")
        await page.write("[name=email]", self.email)
        await page.write("[name=password]", "a long password")
        await page.press("Enter")
        await page.until("document.querySelector('.connection')?.dataset.state === 'online'")
        return there

    async def befriend(self, other: "Person") -> None:
        """Adds a friend by e-mail and begins a conversation."""
        await self.page.eval("location.hash = '#/friends/add'")
        await self.page.until("!!document.querySelector('dialog[open] [type=email]')")
        await self.page.write("dialog [type=email]", other.email)
        await self.page.press("Enter")
        await self.page.until(f"!!{_button(other.name, 'dialog .person-main')}")
        await self.page.eval(f"{_button(other.name, 'dialog .person-main')}.click()")
        await self.shows(other.name)

    async def open(self, title: str) -> None:
        """Opens a conversation of the list."""
        entry = (
            f"[...document.querySelectorAll('.entry')].find((each) => each.textContent.includes({json.dumps(title)}))"
        )
        await self.page.until(f"!!{entry}")
        await self.page.eval(f"{entry}.click()")
        await self.shows(title)

    async def shows(self, title: str) -> None:
        """Waits until a conversation is open."""
        heading = "document.querySelector('.conversation h1')?.textContent"
        await self.page.until(
            f"{heading}.startsWith({json.dumps(title)})".replace(")?.textContent.", ")?.textContent?.")
        )
        await self.page.until("!!document.querySelector('.composer textarea')")

    async def say(self, text: str) -> None:
        """Writes a message and sends it by Enter."""
        await self.page.write(".composer textarea", text)
        await self.page.press("Enter")

    async def sees(self, text: str) -> None:
        """Waits until a message is shown."""
        await self.page.until(f"!!{row(text)}")

    async def mark(self, text: str, mark: str) -> None:
        """Waits until a message of the user has a mark, such as Read."""
        await self.page.until(f"{row(text)}?.querySelector('.mark')?.title === {json.dumps(mark)}")

    async def gather(self, title: str, friend: str, *, is_private: bool = False) -> None:
        """Creates a group with a friend; later members of a private one do not see what came before them."""
        await self.page.eval("location.hash = '#/group'")
        choice = _button(friend, "dialog label.person")
        await self.page.until(f"!!{choice}")
        await self.page.write("dialog .field input", title)
        await self.page.eval(f"{choice}.click()")
        if is_private:
            await self.page.eval("document.querySelectorAll('dialog [type=radio]')[1].click()")
        await self.press_button("Create")
        await self.shows(title)

    async def attach(self, *files: Path) -> None:
        """Chooses files for the next message, and waits until they are uploaded."""
        document = await self.page.do("DOM.getDocument")
        field = await self.page.do("DOM.querySelector", nodeId=document["root"]["nodeId"], selector=".composer input")
        await self.page.do("DOM.setFileInputFiles", nodeId=field["nodeId"], files=[str(file) for file in files])
        await self.page.until(f"document.querySelectorAll('.upload-item.done').length === {len(files)}")

    async def choose(self, text: str, *labels: str) -> None:
        """Opens the menu of a message and chooses an entry. Further labels are buttons of the dialog that follows."""
        await self.page.eval(f"{row(text)}.querySelector('.more').click()")
        await self.page.until(f"!!{_button(labels[0], '[role=menuitem]')}")
        await self.page.eval(f"{_button(labels[0], '[role=menuitem]')}.click()")
        for label in labels[1:]:
            await self.press_button(label)

    async def press_button(self, label: str) -> None:
        """Waits for the button with this text or name, and presses it."""
        await self.page.until(f"!!{_button(label)}")
        await self.page.eval(f"{_button(label)}.click()")

    async def texts(self) -> list[str]:
        """The texts of the visible messages, in their order."""
        shown = "[...document.querySelectorAll('.message .text')].map((each) => each.textContent)"
        texts: list[str] = await self.page.eval(shown)
        return texts

    async def network(self, *, is_there: bool) -> None:
        """Disconnects the browser from the network, or connects it again."""
        rates = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        await self.page.do("Network.emulateNetworkConditions", offline=not is_there, **rates)

    async def reload(self) -> None:
        """Loads the page again, as F5 does."""
        self.page.loaded.clear()
        await self.page.do("Page.reload")
        await self.page.loaded.wait()

    async def leave(self) -> None:
        """Closes the page like a tab. The browser keeps its stored data."""
        await self.page.open("about:blank")


def row(text: str) -> str:
    """The expression of the row of the newest message with a text."""
    return (
        "[...document.querySelectorAll('.message')].findLast((each) => "
        f"[...each.querySelectorAll('.text')].some((one) => one.textContent === {json.dumps(text)}))"
    )


def _button(label: str, selector: str = "button") -> str:
    named = f"(each.getAttribute('aria-label') ?? each.textContent).trim() === {json.dumps(label)}"
    contains = f"each.textContent.includes({json.dumps(label)})"
    test = named if selector == "button" else contains
    return f"[...document.querySelectorAll({json.dumps(selector)})].find((each) => {test})"


People = Callable[..., Any]


@pytest.fixture
async def people(server: Server, chromium_address: str) -> AsyncIterator[People]:
    """Registers users by name, each with a browser without data of the others. The consoles must stay empty."""
    async with AsyncExitStack() as stack:
        made: list[Person] = []

        async def join(*names: str) -> list[Person]:
            for name in names:
                page = await stack.enter_async_context(browse(chromium_address))
                await page.size(1280, 800)
                made.append(Person(page, f"{server.url}/", name))
                await made[-1].register()
            return made[-len(names) :]

        yield join
        assert [line for person in made for line in person.page.console if not _is_expected(line)] == []


def _is_expected(line: str) -> bool:
    """Returns True for a console message that tests expect: a failed request without a network or a server."""
    return any(word in line for word in ("ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION", "WebSocket connection"))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A small image file."""
    file = tmp_path / "sunset.png"
    file.write_bytes((ROUTES.parent / "web" / "icons" / "icon-192.png").read_bytes())
    return file


@pytest.fixture
def serve(tmp_path: Path, mongo_uri: str) -> Serve:
    """Serves a project that uses the chat's table with more keys for the plugin."""

    @asynccontextmanager
    async def open_project(more: str = "") -> AsyncIterator[Application]:
        file = tmp_path / "routes.yaml"
        file.write_text(f"plugins:\n  - table: {json.dumps(str(ROUTES))}\n    as: talk\n{more}")
        app = create_app(file, env={"JWT_SECRET": SECRET, "MONGODB_URI": mongo_uri})
        async with app.router.lifespan_context(app):
            yield app

    return open_project
