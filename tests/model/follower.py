"""A client in Python that uses only the event `sync`. After each live event, it asks for the changes."""

import asyncio
from typing import Any

import socketio

PAUSE = 0.2  # seconds before a repetition, and after an event, so that several events cause one `sync`
TIMEOUT = 10


class Follower:
    """The state of one user. `conversations` has heads by id, `timelines` has messages by number."""

    def __init__(self, url: str, user_id: str, token: str) -> None:
        self.user_id = user_id
        self.conversations: dict[str, dict[str, Any]] = {}
        self.timelines: dict[str, dict[int, dict[str, Any]]] = {}
        self._url = url
        self._token = token
        self._given: dict[str, dict[str, int]] = {}
        self._cursor: str | None = None
        self._news = asyncio.Event()
        self._client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.5, handle_sigint=False)
        self._client.on("connect", self._news.set)
        self._client.on("*", lambda *_: self._news.set())
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Disconnects."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._client.shutdown()
        if self._client.eio.http is not None:  # of an attempt that has failed
            await self._client.eio.http.close()

    async def catch_up(self) -> None:
        """Sends `sync` until an answer is complete, and then stops."""
        while not self._client.connected:
            await asyncio.sleep(PAUSE)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._news.set()
        while self._news.is_set():
            self._news.clear()
            if not await self._sync():
                self._news.set()
                await asyncio.sleep(PAUSE)

    async def _run(self) -> None:
        while True:
            if not self._client.connected:
                await self._connect()
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(PAUSE)
            if self._client.connected and not await self._sync():
                self._news.set()

    async def _connect(self) -> None:
        try:
            await self._client.connect(
                self._url, auth={"token": self._token}, transports=["websocket"], wait_timeout=TIMEOUT
            )
        except socketio.exceptions.ConnectionError:
            await asyncio.sleep(PAUSE)
            self._news.set()

    async def _sync(self) -> bool:
        """Sends `sync` once; returns False if there is no answer."""
        request: dict[str, Any] = {"conversations": dict(list(self._given.items())[:200])}
        request |= {"cursor": self._cursor} if self._cursor else {"window": {"limit": 200, "messages": 50}}
        try:
            answer = await self._client.call("sync", request, timeout=TIMEOUT)
        except socketio.exceptions.SocketIOError:
            return False
        if not answer["ok"]:
            if not answer["error"].get("retryable"):
                raise AssertionError(f"sync: {answer}")
            return False
        self._apply(answer)
        return True

    def _apply(self, answer: dict[str, Any]) -> None:
        self._cursor = answer["cursor"]
        for name in answer["removed"]:
            for kept in (self.conversations, self.timelines, self._given):
                kept.pop(name, None)
        for head in answer["heads"]:
            name = head["id"]
            self.conversations[name] = head
            messages = answer["messages"].get(name, [])
            if name not in self.timelines and not messages:
                # Only its head has come; the next answer has its messages.
                self._given[name] = {"seq": 0, "changeSeq": head["changeSeq"]}
                self.timelines[name] = {}
                self._news.set()
                continue
            if name in answer["limited"]:
                self.timelines[name] = {}  # then its newest page follows; this client reads no older ones
            shown = self.timelines.setdefault(name, {})
            for change in [*messages, *answer["changes"].get(name, [])]:
                if change.get("hidden"):
                    shown.pop(change["seq"], None)
                elif shown.get(change["seq"], {}).get("rev", 0) <= change.get("rev", 0):
                    shown[change["seq"]] = change
                    for each in shown.values():  # a quote has the present text of the message
                        if each.get("replyTo", {}).get("seq") == change["seq"]:
                            each["replyTo"]["text"] = change["text"][:200]
            self._given[name] = {
                "seq": max(head["lastSeq"], *(each["seq"] for each in messages), 0),
                "changeSeq": head["changeSeq"],
            }
