"""Sends requests without a network, as hapi's `server.inject`: one exchange with an ASGI application.

The request passes the whole lifecycle; a test may inject credentials instead of logging in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict, Unpack
from urllib.parse import quote, unquote, urlsplit

from hapiish import codec
from hapiish.http.exchange.request import Auth
from hapiish.types import Json, Message, Receive, Scope, Send, Value

_SENT_AS_IT_IS = "%/?:@!$&'()*+,;=-._~[]{}|\\^`<> \""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injected:
    """The response. `headers` have lower-case names, a repeated one as a list; `payload` is the body."""

    status_code: int
    """The status."""
    headers: Mapping[str, str | list[str]] = field(default_factory=dict)
    """The headers."""
    payload: bytes = b""
    """The body as bytes."""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.payload.decode()

    @property
    def json(self) -> Json:
        """The body parsed as JSON."""
        return codec.decode_trusted(self.payload)


class Injection(TypedDict, total=False):
    """A request to inject. `payload`: bytes or text unchanged, any other value as JSON; `url` may be absolute.

    `credentials` and `artifacts` replace authentication (by `strategy`, if given); scopes, entities and payload
    signatures are still checked.
    """

    method: str
    """The method; GET without it."""
    url: str
    """The path with its query, or an absolute URL; `/` without it."""
    headers: Mapping[str, str] | None
    """The headers."""
    payload: Value
    """The body."""
    credentials: Value
    """The credentials of the caller, in place of a login."""
    artifacts: Value
    """The artifacts of these credentials."""
    strategy: str | None
    """The strategy that has authenticated the caller."""
    remote_address: str
    """The address of the client."""


async def inject(app: Callable[[Scope, Receive, Send], Awaitable[None]], **request: Unpack[Injection]) -> Injected:
    """Sends one request into `app` and returns its response."""
    exchange = _Exchange(_body(request.get("payload"))[0])
    await app(_scope(**request), exchange.receive, exchange.send)
    return exchange.result()


def _scope(
    *,
    method: str = "GET",
    url: str = "/",
    headers: Mapping[str, str] | None = None,
    payload: Value = None,
    credentials: Value = None,
    artifacts: Value = None,
    strategy: str | None = None,
    remote_address: str = "127.0.0.1",
) -> Scope:
    parts = urlsplit(url)
    body, sent = _body(payload)
    given = {"host": parts.netloc or "localhost", **sent}
    given |= {name.lower(): value for name, value in (headers or {}).items()}
    if payload is not None:
        given.setdefault("content-length", str(len(body)))
    target, _, query = url.partition("#")[0].partition("?")
    path = quote("/" + target.partition("//")[2].partition("/")[2] if parts.scheme else target, safe=_SENT_AS_IT_IS)
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method.upper(),
        "scheme": parts.scheme or "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": quote(query, safe=_SENT_AS_IT_IS).encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items()],
        "client": (remote_address, 0),
        "server": ("localhost", 80),
    }
    if credentials is not None:
        scope["hapiish.auth"] = forged(credentials, artifacts, strategy)
    return scope


def _body(payload: Value) -> tuple[bytes, dict[str, str]]:
    if payload is None:
        return b"", {}
    if isinstance(payload, bytes):
        return payload, {}
    if isinstance(payload, str):
        return payload.encode(), {}
    return codec.encode(payload), {"content-type": "application/json"}


def forged(credentials: Value, artifacts: Value, strategy: str | None) -> Auth:
    """Returns an identity that replaces authentication, in the scope as `hapiish.auth`."""
    auth = Auth(credentials, artifacts, strategy)
    auth.is_authenticated = auth.is_injected = True
    return auth


class _Exchange:
    def __init__(self, body: bytes) -> None:
        self.body: bytes | None = body
        self.status = 0
        self.headers: dict[str, str | list[str]] = {}
        self.chunks: list[bytes] = []
        self.finished = asyncio.Event()

    async def receive(self) -> Message:
        if self.body is None:
            await self.finished.wait()
            return {"type": "http.disconnect"}
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.chunks.append(message.get("body", b""))
            if not message.get("more_body", False):
                self.finished.set()
            return
        self.status = message["status"]
        for key, value in message["headers"]:
            name, text = key.decode("latin-1"), value.decode("latin-1")
            present = self.headers.get(name)
            if present is None:
                self.headers[name] = text
            else:
                self.headers[name] = [*([present] if isinstance(present, str) else present), text]

    def result(self) -> Injected:
        return Injected(status_code=self.status, headers=self.headers, payload=b"".join(self.chunks))
