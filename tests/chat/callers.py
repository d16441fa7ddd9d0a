"""Test clients of the chat: users over HTTP, and their devices over Socket.IO."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_hex
from time import monotonic
from typing import Any, TypeVar

import socketio
import uvicorn

from hapiish import Application
from hapiish.testing import Injected, inject
from tests.chat.relay import Relay

ROUTES = Path(__file__).parents[2] / "routes.yaml"
SECRET = "a secret of the tests that is long enough"
QUEUES: dict[str, str] = {}  # the queue of the processes behind an address
PATIENCE = 10  # seconds until something that should have come is missed
Answer = TypeVar("Answer")


class Caller:
    """A user who calls over HTTP; `id`, `email` and `token` are public so that a test can misuse them."""

    def __init__(self, app: Application, signed_in: dict[str, Any]) -> None:
        self.app = app
        self.token: str = signed_in["token"]
        self.refresh_token: str = signed_in["refreshToken"]
        self.session_id: str = signed_in["sessionId"]
        self.id: str = signed_in["user"]["myId"]
        self.email: str = signed_in["user"]["email"]
        self.name: str = signed_in["user"]["fullName"]

    async def call(self, method: str, url: str, payload: Any = None) -> Injected:
        """One request with the user's token."""
        headers = {"authorization": f"Bearer {self.token}"}
        return await inject(self.app, method=method, url=url, headers=headers, payload=payload)

    async def sign_in(self, password: str | None = None, **headers: str) -> Injected:
        """Signs in again, by default with the password of `register`."""
        given = {"email": self.email, "password": password or password_of(self.name)}
        return await inject(self.app, method="POST", url="/login", payload=given, headers=headers)

    async def open(self, friend: "Caller") -> str:
        """The id of the conversation with another user."""
        answer = await self.call("PUT", f"/conversations/direct/{friend.id}")
        assert answer.status_code in (200, 201)
        return str(answer.json["id"])

    async def gather(self, title: str, *others: "Caller", **more: Any) -> str:
        """The id of a new group with other users."""
        given = {"title": title, "memberIds": [other.id for other in others], "msgId": token_hex(8), **more}
        answer = await self.call("POST", "/conversations/group", given)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    async def head(self, conversation: str) -> dict[str, Any]:
        """The entry of a conversation in the caller's list."""
        (found,) = [each for each in (await self.call("GET", "/conversations")).json if each["id"] == conversation]
        return dict(found)

    async def say(self, conversation: str, text: str, **more: Any) -> Injected:
        """Sends a message."""
        return await self.call("POST", f"/messages/{conversation}", {"text": text, **more})

    async def read(self, conversation: str, query: str = "") -> list[str]:
        """The texts of a page."""
        answer = await self.call("GET", f"/messages/{conversation}{query}")
        assert answer.status_code == 200
        return [message["text"] for message in answer.json["messages"]]


async def register(app: Application, name: str) -> Caller:
    """A new user of this name."""
    account = {"fullName": name.title(), "email": f"{name}@example.org", "password": password_of(name)}
    answer = await inject(app, method="POST", url="/register", payload=account)
    assert answer.status_code == 200
    return Caller(app, answer.json)


def password_of(name: str) -> str:
    """The password with which a user of this name is registered."""
    return f"{name.lower()}'s password"


class Device:
    """One Socket.IO connection. `inbox` has each received `message`, `told` each other received event, in order."""

    def __init__(self, client: socketio.AsyncClient, namespace: str = "/", queue: str | None = None) -> None:
        self.client = client
        self.namespace = namespace
        self.inbox: list[dict[str, Any]] = []
        self.told: list[tuple[str, Any]] = []
        self._news = asyncio.Event()
        self._queue = queue
        self._barrier = asyncio.Event()
        self._gone = asyncio.Event()
        client.on("message", self._take, namespace=namespace)
        client.on("*", self._hear, namespace=namespace)
        client.on("barrier", self._barrier.set, namespace=namespace)
        client.on("disconnect", lambda *_: self._gone.set(), namespace=namespace)

    def _take(self, message: dict[str, Any]) -> None:
        self.inbox.append(message)
        self._news.set()

    def _hear(self, event: str, data: Any = None) -> None:
        self.told.append((event, data))
        self._news.set()

    def events(self, name: str) -> list[Any]:
        """The data of all received events of a name, except `message`."""
        return [data for event, data in self.told if event == name]

    def names(self) -> list[str]:
        """The names of all received events except `message`, in order."""
        return [event for event, _ in self.told]

    async def heard(self, name: str, count: int) -> list[Any]:
        """Waits for `count` events of a name, except `message`; returns the data of all."""
        await self.until(lambda: len(self.events(name)) >= count)
        return self.events(name)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until a condition holds, which is evaluated again after each event."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def ended(self) -> list[str]:
        """Waits until the server has disconnected it; returns the reasons of `kicked`."""
        async with asyncio.timeout(PATIENCE):
            await self._gone.wait()
        return [data["reason"] for data in self.events("kicked")]

    async def send(self, event: str, data: Any) -> dict[str, Any]:
        """The acknowledgement of an event."""
        ack: dict[str, Any] = await self.client.call(event, data, namespace=self.namespace, timeout=PATIENCE)
        return ack

    async def received(self, count: int) -> list[dict[str, Any]]:
        """The inbox once it has `count` messages."""
        await self.until(lambda: len(self.inbox) >= count)
        return self.inbox

    async def caught_up(self) -> list[dict[str, Any]]:
        """The inbox once everything that was sent to this device before has come: packets of a socket are in order."""
        await self.send("nothing", {})
        if self._queue is not None:
            await self._pass(self._queue)
        return self.inbox

    async def _pass(self, queue: str) -> None:
        """Waits for an event that comes through the queue, behind those of other processes."""
        self._barrier.clear()
        sender = socketio.AsyncRedisManager(queue, write_only=True)
        await sender.emit("barrier", None, self.namespace, room=self.client.get_sid(self.namespace))
        await sender.redis.aclose()
        async with asyncio.timeout(PATIENCE):
            await self._barrier.wait()


@asynccontextmanager
async def serving(app: Application | Relay) -> AsyncIterator[str]:
    """The address of a real server on the loopback that serves an application which is already started."""
    if isinstance(app, Relay):
        QUEUES[app.cluster.url] = app.cluster.redis.url
        yield app.cluster.url
        return
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning", ws="websockets-sansio"))
    listening = socket.create_server(("127.0.0.1", 0))  # clients that connect before the server runs wait in its queue
    task = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def connected(url: str, token: str | None, namespace: str = "/") -> AsyncIterator[Device]:
    """A device that is connected with this token."""
    device = Device(socketio.AsyncClient(reconnection=False), namespace, QUEUES.get(url))
    auth = token and {"token": token}
    await device.client.connect(url, auth=auth, transports=["websocket"], namespaces=[namespace])
    try:
        yield device
    finally:
        await device.client.disconnect()


@asynccontextmanager
async def devices(app: Application | Relay, *callers: Caller) -> AsyncIterator[list[Device]]:
    """A device of each caller, connected to a server that serves the application."""
    async with serving(app) as url, AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(url, caller.token)) for caller in callers]


def until(ask: Callable[[], Answer | None]) -> Answer:
    """Calls `ask` in this thread until it returns an answer. Raises TimeoutError after `PATIENCE` seconds."""
    end = monotonic() + PATIENCE
    while (answer := ask()) is None:
        if monotonic() > end:
            raise TimeoutError
    return answer


Open = Callable[..., AbstractAsyncContextManager[Application]]
Join = Callable[[str], Awaitable[Caller]]
