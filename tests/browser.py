"""A headless Chromium for tests, driven by the DevTools protocol over a WebSocket of the loopback."""

import asyncio
import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

CHROMIUM = os.environ.get("CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), "chromium"
)
LIMIT = float(os.environ.get("BROWSER_LIMIT", "60"))
"""Seconds for one step; a loaded machine is slow."""

_PLACE = """async (selector) => {
  const element = document.querySelector(selector);
  if (!element) return null;
  element.scrollIntoView({ block: "center" });
  const read = () => new Promise((done) => requestAnimationFrame(() => {
    const { x, y, width, height } = element.getBoundingClientRect();
    done([x + width / 2, y + height / 2]);
  }));
  const [first, second] = [await read(), await read()];
  const isStill = first.join() === second.join();
  return isStill && element.contains(document.elementFromPoint(...second)) ? second : null;
}"""


class PageError(Exception):
    """An exception of a script in the page."""


class Page:
    """One page of the browser; `console` are its errors and warnings, `requests` the addresses that it asked for."""

    def __init__(self, send: Callable[..., Any]) -> None:
        self._send = send
        self.console: list[str] = []
        self.requests: list[str] = []
        self.loaded = asyncio.Event()

    async def do(self, method: str, **params: Any) -> dict[str, Any]:
        """Calls a method of the protocol."""
        result: dict[str, Any] = await asyncio.wait_for(self._send(method, params), LIMIT)
        return result

    def notice(self, method: str, params: dict[str, Any]) -> None:
        """Records an event of the protocol."""
        match method:
            case "Runtime.exceptionThrown":
                self.console.append(json.dumps(params["exceptionDetails"].get("exception", params["exceptionDetails"])))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.console.append(json.dumps(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.console.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(params["url"])
            case "Page.loadEventFired":
                self.loaded.set()
            case _:
                pass

    async def open(self, url: str) -> None:
        """Opens an address and waits until the page is loaded."""
        self.loaded.clear()
        await self.do("Page.navigate", url=url)
        await asyncio.wait_for(self.loaded.wait(), LIMIT)

    async def eval(self, script: str) -> Any:
        """Evaluates an expression in the page, a promise included; raises PageError for an exception."""
        held = f"globalThis.evaluated = ({script}\n)"  # else a promise may be collected before it is settled
        result = await self.do(
            "Runtime.evaluate", expression=held, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in result:
            raise PageError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    async def until(self, script: str) -> Any:
        """Waits until an expression is true; returns its value."""
        async with asyncio.timeout(LIMIT):
            while not (found := await self.eval(script)):
                await asyncio.sleep(0.05)
        return found

    async def click(self, selector: str) -> None:
        """Clicks the middle of an element with the mouse, once it stays in its place and nothing covers it."""
        await self.until(f"!!document.querySelector({json.dumps(selector)})")
        place = await self.until(f"({_PLACE})({json.dumps(selector)})")
        for kind in ("mousePressed", "mouseReleased"):
            await self.do("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    async def write(self, selector: str, text: str) -> None:
        """Replaces the value of a field by typed text."""
        field = f"document.querySelector({json.dumps(selector)})"
        await self.eval(f"{field}.focus(), {field}.select()")
        await self.do("Input.insertText", text=text)

    async def press(self, key: str, *, shift: bool = False) -> None:
        """Presses a key, by its DOM name."""
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "Home": 36, "End": 35}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        more = {"text": text} if text else {}
        code = codes.get(key, ord(key[0].upper()))
        for kind in ("keyDown", "keyUp"):
            sent = more if kind == "keyDown" else {}
            await self.do(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key if key in codes else "",
                windowsVirtualKeyCode=code,
                modifiers=8 if shift else 0,
                **sent,
            )

    async def size(self, width: int, height: int, *, phone: bool = False) -> None:
        """Sets the size of the screen in CSS pixels."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        await self.do("Emulation.setDeviceMetricsOverride", **screen)

    async def prefer(self, scheme: str) -> None:
        """Sets the system's colour scheme, light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.do("Emulation.setEmulatedMedia", features=features)

    async def screenshot(self, file: Path, **more: Any) -> None:
        """Writes a picture of the screen."""
        kind = file.suffix.removeprefix(".")
        shot = await self.do("Page.captureScreenshot", format=kind, **more)
        await asyncio.to_thread(file.write_bytes, base64.b64decode(shot["data"]))


@contextmanager
def chromium(folder: Path) -> Iterator[str]:
    """The address of a new browser, with its files in `folder`."""
    command = (
        *(CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *("--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"),
    )
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield _address(folder, process)
        finally:
            process.terminate()
            try:
                process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(folder: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + LIMIT
    while process.poll() is None and time.monotonic() < until:
        with suppress(FileNotFoundError, ValueError):
            port, path = (folder / "DevToolsActivePort").read_text().split()
            return f"ws://127.0.0.1:{port}{path}"
        time.sleep(0.05)
    raise RuntimeError(f"{CHROMIUM} does not start: {process.poll()}")


@asynccontextmanager
async def browse(address: str) -> AsyncIterator[Page]:
    """A page with storage of its own in the browser at an address."""
    async with connect(address, max_size=None, proxy=None) as socket:
        answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        session: str | None = None

        async def send(method: str, params: dict[str, Any]) -> dict[str, Any]:
            id = len(answers) + 1
            answers[id] = asyncio.get_running_loop().create_future()
            more = {"sessionId": session} if session is not None else {}
            await socket.send(json.dumps({"id": id, "method": method, "params": params, **more}))
            return await answers[id]

        async def read() -> None:
            async for message in socket:
                said = json.loads(message)
                if "id" not in said:
                    page.notice(said["method"], said["params"])
                elif answers[said["id"]].done():  # waited for too long
                    continue
                elif "error" in said:
                    answers[said["id"]].set_exception(PageError(json.dumps(said["error"])))
                else:
                    answers[said["id"]].set_result(said["result"])

        page = Page(send)
        reader = asyncio.create_task(read())
        try:
            context = await page.do("Target.createBrowserContext", disposeOnDetach=True)
            target = await page.do("Target.createTarget", url="about:blank", **context)
            attached = await page.do("Target.attachToTarget", targetId=target["targetId"], flatten=True)
            session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log"):
                await page.do(f"{domain}.enable")
            await page.do("Emulation.setFocusEmulationEnabled", enabled=True)
            yield page
        finally:
            reader.cancel()
            with suppress(asyncio.CancelledError):
                await reader
