"""Users of the chat who never give up: they send with client ids until acknowledged, reconnect, and catch up.

Each follows the rules for clients of docs/chat.md, so that what it shows at the end can be compared with the database.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
import socketio

TIMEOUT = 5  # seconds for an acknowledgement or a response; then it is repeated
PAUSE = 0.1  # seconds before a repetition
DELAY = 0.1  # seconds before a reconnection
PAGE = 200

RETRYABLE = frozenset({429, 500, 502, 503, 504})


class UnexpectedAnswerError(Exception):
    """An answer that no client can expect, fault or not."""


@dataclass
class Account:
    """A registered user."""

    id: str
    email: str
    token: str


@dataclass
class Timeline:
    """A conversation as one device shows it: an unbroken sequence of messages from the first on."""

    shown: list[str] = field(default_factory=list)  # the ids of the messages, by `seq` from 1

    @property
    def known(self) -> int:
        """The `seq` of the last message."""
        return len(self.shown)

    def show(self, message: dict[str, Any]) -> bool:
        """Appends a message if it is the next; returns False if messages before it are missing."""
        seq: int = message["seq"]
        name: str = message["_id"]
        if seq == self.known + 1:
            self.shown.append(name)
        elif seq <= self.known and self.shown[seq - 1] != name:
            raise UnexpectedAnswerError(f"two messages have the number {seq}: {self.shown[seq - 1]} and {name}")
        return seq <= self.known


class Http:
    """Requests of one user, repeated until they are answered."""

    def __init__(self, url: str, counts: Counter[str]) -> None:
        self.url = url
        self.counts = counts
        self.token = ""
        self._client = httpx2.AsyncClient(base_url=url, timeout=TIMEOUT)

    async def call(self, method: str, path: str, payload: Any = None) -> Any:
        """Returns the body of a successful response."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        while True:
            try:
                answer = await self._client.request(method, path, json=payload, headers=headers)
            except httpx2.TransportError:
                self.counts["repeated requests"] += 1
                await asyncio.sleep(PAUSE)
                continue
            if answer.status_code < 300:
                return answer.json()
            if answer.status_code not in RETRYABLE:
                raise UnexpectedAnswerError(f"{method} {path}: {answer.status_code} {answer.text}")
            self.counts["repeated requests"] += 1
            await asyncio.sleep(PAUSE)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


class Device:
    """One socket of a user, and the timelines that it shows. It catches up by `sync`, or by `init` and pages."""

    def __init__(self, account: Account, http: Http, counts: Counter[str], *, syncs: bool = False) -> None:
        self.account = account
        self.syncs = syncs
        self._cursor: str | None = None
        self._change_seqs: dict[str, int] = {}
        self.timelines: dict[str, Timeline] = {}
        self.faults: list[str] = []
        self._http = http
        self._counts = counts
        # Handlers run in the client's reading loop, so they may wait for nothing: the device's own task does the work.
        self._work: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._is_open = asyncio.Event()
        self._client = socketio.AsyncClient(
            reconnection_delay=DELAY, reconnection_delay_max=1, randomization_factor=0.5, handle_sigint=False
        )
        self._client.on("connect", self._connected)
        self._client.on("disconnect", self._disconnected)
        self._client.on("message", self._received)
        self._client.on("heads", self._compared)
        self._client.on("server:draining", self._told)

    async def open(self) -> None:
        """Connects, and stays connected until `close`."""
        self._task = asyncio.create_task(self._run())
        while True:
            try:
                await self._client.connect(
                    self._http.url, auth={"token": self.account.token}, transports=["websocket"], wait_timeout=TIMEOUT
                )
            except socketio.exceptions.ConnectionError:
                await asyncio.sleep(PAUSE)
                continue
            return

    async def close(self) -> None:
        """Disconnects."""
        await self._client.shutdown()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def send(self, conversation: str, text: str, name: str) -> dict[str, Any]:
        """Sends a message with this client id until it is acknowledged; returns the message."""
        data = {"conversationId": conversation, "text": text, "msgId": name}
        ack = await self._call("message", data, "repeated sends")
        message: dict[str, Any] = ack["message"]
        if ack["duplicate"]:
            self._counts["duplicates acknowledged"] += 1
        self._work.put_nowait(message)
        return message

    async def catch_up(self) -> None:
        """Fetches what is missing, as an app does in the foreground; returns when everything known is shown."""
        self._work.put_nowait(None)
        await self._work.join()

    def _told(self, news: dict[str, Any]) -> None:
        self._counts["told"] += 1
        # A hundredth of the delay, and not the delay: the tests would only wait.
        self._client.reconnection_delay = news["reconnectAfterMs"] / 1000 / 100

    def _connected(self) -> None:
        self._counts["connects"] += 1
        self._client.reconnection_delay = DELAY
        self._is_open.set()
        self._work.put_nowait(None)

    def _disconnected(self, *_: Any) -> None:
        self._is_open.clear()

    def _received(self, message: dict[str, Any]) -> None:
        self._counts["live"] += 1
        self._work.put_nowait(message)

    def _compared(self, news: dict[str, Any]) -> None:
        if any(head["seq"] > self._timeline(conversation).known for conversation, head in news["heads"].items()):
            self._counts["found by heads"] += 1
            self._work.put_nowait(None)

    async def _call(self, event: str, data: Any, counted: str) -> dict[str, Any]:
        """The acknowledgement of an event that is repeated until it succeeds."""
        while True:
            await self._is_open.wait()
            try:
                ack: dict[str, Any] = await self._client.call(event, data, timeout=TIMEOUT)
            except socketio.exceptions.SocketIOError:
                ack = {"ok": False, "error": {"statusCode": 503}}
            if ack["ok"]:
                return ack
            if ack["error"]["statusCode"] not in RETRYABLE:
                raise UnexpectedAnswerError(f"{event}: {ack}")
            self._counts[counted] += 1
            await asyncio.sleep(PAUSE)

    async def _run(self) -> None:
        while True:
            message = await self._work.get()
            try:
                if message is None and self.syncs:
                    await self._sync()
                elif message is None:
                    heads = (await self._call("init", {"senderId": self.account.id}, "repeated inits"))["heads"]
                    for conversation, head in heads.items():
                        await self._fetch(conversation, head)
                elif not self._timeline(message["conversationId"]).show(message):
                    await self._fetch(message["conversationId"], message["seq"])
            except UnexpectedAnswerError as error:
                self.faults.append(str(error))
            finally:
                self._work.task_done()

    async def _sync(self) -> None:
        """One call, after which everything that was stored before is shown."""
        held = {name: timeline for name, timeline in self.timelines.items() if timeline.shown}
        known = {name: {"seq": each.known, "changeSeq": self._change_seqs.get(name, 0)} for name, each in held.items()}
        place = {"cursor": self._cursor} if self._cursor else {"window": {"messages": 50}}
        answer = await self._call("sync", {"conversations": known, **place}, "repeated syncs")
        if answer["limited"] or answer["removed"]:
            raise UnexpectedAnswerError(f"limited {answer['limited']}, removed {answer['removed']}")
        for head in answer["heads"]:
            name, timeline = head["id"], self._timeline(head["id"])
            self._change_seqs[name] = head["changeSeq"]
            if name not in known:
                await self._fetch(name, head["lastSeq"])
                continue
            before = timeline.known
            for message in answer["messages"].get(name, []):
                if not timeline.show(message):
                    raise UnexpectedAnswerError(f"sync after {before} has a gap before {message['seq']}")
            if timeline.known < head["lastSeq"]:
                raise UnexpectedAnswerError(f"sync after {before} ends at {timeline.known} of {head['lastSeq']}")
            self._counts["caught up"] += timeline.known - before
        self._cursor = answer["cursor"]

    def _timeline(self, conversation: str) -> Timeline:
        return self.timelines.setdefault(conversation, Timeline())

    async def _fetch(self, conversation: str, head: int) -> None:
        timeline = self._timeline(conversation)
        while timeline.known < head:
            before = timeline.known
            page = await self._http.call("GET", f"/messages/{conversation}?after={before}&limit={PAGE}")
            for message in page["messages"]:
                if not timeline.show(message):
                    raise UnexpectedAnswerError(f"a page after {before} has a gap before {message['seq']}")
            self._counts["caught up"] += timeline.known - before
            if timeline.known == before:
                raise UnexpectedAnswerError(f"the head of {conversation} is {head}, and nothing follows {before}")


Say = Callable[[str], Awaitable[dict[str, Any]]]


class User:
    """A user with several devices, who writes by the first of them and over HTTP in turn."""

    def __init__(self, url: str, counts: Counter[str]) -> None:
        self.counts = counts
        self.http = Http(url, counts)
        self.devices: list[Device] = []
        self.account = Account("", "", "")

    async def enter(self, name: str, devices: int) -> None:
        """Registers, and connects the devices."""
        email = f"{name}@example.org"
        form = {"fullName": name, "email": email, "password": f"{name}'s password"}
        body = await self.http.call("POST", "/register", form)
        self.account = Account(body["user"]["myId"], email, body["token"])
        self.http.token = body["token"]
        self.devices = [Device(self.account, self.http, self.counts, syncs=n % 2 == 1) for n in range(devices)]
        await asyncio.gather(*(device.open() for device in self.devices))

    async def say(self, conversation: str, text: str, name: str, *, over_http: bool) -> dict[str, Any]:
        """Sends a message until it is acknowledged; returns it."""
        if not over_http:
            return await self.devices[0].send(conversation, text, name)
        path = f"/messages/{conversation}"
        message: dict[str, Any] = await self.http.call("POST", path, {"text": text, "msgId": name})
        if message.pop("duplicate", False):
            self.counts["duplicates acknowledged"] += 1
        return message

    async def leave(self) -> None:
        """Closes everything."""
        await asyncio.gather(*(device.close() for device in self.devices))
        await self.http.close()
