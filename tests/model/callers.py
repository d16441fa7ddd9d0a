"""Callers that break the rules for clients: concurrent repetitions on all workers, strangers, forged senders."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx2
import socketio

from tests.model.servers import Servers

PAUSE = 0.1
TIMEOUT = 10
UNKNOWN = "0123456789abcdef01234567"
RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})


@dataclass
class User:
    """A registered user; `token` is one of a session of its own."""

    name: str
    form: dict[str, str]
    id: str = ""
    token: str = ""


@dataclass
class Callers:
    """The observations of the callers. `faults` has sentences by the guarantee that is broken."""

    servers: Servers
    stranger: User
    faults: dict[str, list[str]]
    acknowledged: list[dict[str, Any]] = field(default_factory=list)
    pages: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._http = httpx2.AsyncClient(timeout=TIMEOUT)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def call(
        self, method: str, path: str, payload: Any = None, *, token: str = "", port: int | None = None
    ) -> httpx2.Response:
        """Repeats a request on any worker, until the answer is not a temporary error; returns the answer."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        while True:
            ports = self.servers.ports
            chosen = port if port in ports else next(iter(ports), None)
            if chosen is not None:
                try:
                    url = f"http://127.0.0.1:{chosen}{path}"
                    answer = await self._http.request(method, url, json=payload, headers=headers)
                except httpx2.TransportError:
                    pass
                else:
                    if answer.status_code not in RETRYABLE:
                        return answer
            await asyncio.sleep(PAUSE)

    async def enter(self, user: User, path: str = "/login") -> None:
        """Registers or signs in."""
        form = user.form if path == "/register" else {name: user.form[name] for name in ("email", "password")}
        answer = await self.call("POST", path, form)
        if answer.status_code == 409:  # the answer to the first attempt was lost
            return await self.enter(user)
        body = answer.json()
        user.id, user.token = body["user"]["myId"], body["token"]
        return None

    async def repeat(self, user: User, conversation: str) -> None:
        """Sends one message several times, on all workers at once."""
        payload = {"text": "said at once", "msgId": str(uuid.uuid4())}
        path = f"/messages/{conversation}"
        ports = [*self.servers.ports, *self.servers.ports]
        calls = (self.call("POST", path, payload, token=user.token, port=port) for port in ports)
        answers = [answer.json() for answer in await asyncio.gather(*calls)]
        answers = [answer for answer in answers if answer.get("code") != "blocked"]
        stored = {(answer.get("_id"), answer.get("seq")) for answer in answers}
        if len(stored) > 1 or None in next(iter(stored), ()):
            self._fault("G2", f"one message, sent {len(ports)} times at once, is {answers}")
            return
        for answer in answers:
            given = {"user": user.id, "conversationId": conversation, "msgId": payload["msgId"]}
            self.acknowledged.append({**given, "_id": answer["_id"], "seq": answer["seq"]})

    async def race(self, one: User, other: User) -> None:
        """Opens the conversation of two users: both call all workers at once."""
        pairs = ((one, other.id), (other, one.id))
        calls = [
            self.call("PUT", f"/conversations/direct/{friend}", token=user.token, port=port)
            for port in self.servers.ports
            for user, friend in pairs
        ]
        answers = [answer.json() for answer in await asyncio.gather(*calls)]
        opened = {answer.get("id") for answer in answers if answer.get("code") != "blocked"}
        if len(opened) > 1 or None in opened:
            self._fault("G5", f"{one.name} and {other.name} have the conversations {opened}")

    async def probe(self, conversation: str) -> None:
        """Calls everything with a conversation as a stranger. The answers must be those for an unknown conversation."""
        for method, path, payload in (
            ("GET", "/messages/{}", None),
            ("GET", "/messages/{}/1", None),
            ("POST", "/messages/{}", {"text": "let me in"}),
            ("PATCH", "/messages/{}/1", {"text": "mine now", "rev": 0}),
            ("DELETE", "/messages/{}/1?scope=all", None),
            ("PUT", "/messages/{}/1/reactions/%F0%9F%91%8D", None),
            ("GET", "/conversations/{}", None),
            ("PATCH", "/conversations/{}", {"title": "mine now"}),
            ("DELETE", "/conversations/{}", None),
            ("GET", "/conversations/{}/members", None),
            ("PUT", f"/conversations/{{}}/members/{self.stranger.id}", {}),
            ("PUT", "/conversations/{}/read", {"seq": 1}),
            ("PUT", "/conversations/{}/unread", {"seq": 1}),
            ("PUT", "/conversations/{}/draft", {"text": "mine"}),
            ("PUT", "/conversations/{}/pins/1", None),
            ("GET", "/search?q=ok&conversationId={}", None),
        ):
            seen = []
            for name in (conversation, UNKNOWN):
                answer = await self.call(method, path.format(name), payload, token=self.stranger.token)
                body = answer.json() if answer.content else None
                seen.append((answer.status_code, body.get("code") if isinstance(body, dict) else body))
            empty = method == "GET" and path.startswith("/search") and seen[0][0] == 200
            if seen[0] != seen[1] or not (seen[0][0] in (403, 404) or empty):
                self._fault("G6", f"{method} {path}: a stranger got {seen[0]}, and {seen[1]} for none")

    async def forge(self, user: User, other: User, conversation: str) -> None:
        """Sends events that name another user as the caller."""
        client = socketio.AsyncClient(reconnection=False, handle_sigint=False)
        port = next(iter(self.servers.ports), None)
        try:
            await client.connect(f"http://127.0.0.1:{port}", auth={"token": user.token}, transports=["websocket"])
            for event, data in (
                ("init", {"senderId": other.id}),
                ("message", {"conversationId": conversation, "text": "forged", "senderId": other.id}),
            ):
                ack = await client.call(event, data, timeout=TIMEOUT)
                if ack["ok"] or ack["error"]["statusCode"] not in {403, *RETRYABLE}:
                    self._fault("G7", f"{event} in the name of another user: {ack}")
        except socketio.exceptions.SocketIOError:
            pass  # the worker has ended meanwhile
        finally:
            await client.disconnect()

    async def read(self, user: User, conversation: str) -> None:
        """Reads the pages after the last page that this reader has read."""
        shown = self.pages.setdefault((user.id, conversation), [])
        after = int(shown[-1].partition(" ")[0]) if shown else 0
        answer = await self.call("GET", f"/messages/{conversation}?after={after}&limit=20", token=user.token)
        if answer.status_code == 200:
            shown += [f"{message['seq']} {message['_id']}" for message in answer.json()["messages"]]

    async def everything(self, user: User) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
        """Returns all conversations of a user and all their messages, as a new client reads them."""
        heads: list[dict[str, Any]] = []
        cursor: str | None = ""
        while cursor is not None:
            more = f"&cursor={cursor}" if cursor else ""
            answer = await self.call("GET", f"/conversations?limit=200{more}", token=user.token)
            heads += answer.json()
            cursor = answer.headers.get("x-next-cursor")
        messages: dict[str, list[dict[str, Any]]] = {}
        for head in heads:
            single = (await self.call("GET", f"/conversations/{head['id']}", token=user.token)).json()
            head["receipts"] = single.get("receipts", {})
            found: list[dict[str, Any]] = []
            before = ""
            while True:
                path = f"/messages/{head['id']}?limit=200{before}"
                page = (await self.call("GET", path, token=user.token)).json()
                found[:0] = page["messages"]
                if not page["hasMore"]:
                    break
                before = f"&before={page['messages'][0]['seq']}"
            messages[head["id"]] = found
        return heads, messages

    def _fault(self, guarantee: str, text: str) -> None:
        self.faults.setdefault(guarantee, []).append(text)
