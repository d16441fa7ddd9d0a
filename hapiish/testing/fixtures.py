"""Inject and EventClients: the values of the fixtures `inject` and `events`, for `def` and `async def` tests.

Each call returns an awaitable on an event loop, and otherwise the result itself:

    response = await inject("/")        # async def test
    response = inject("/")              # def test
"""

import asyncio
from collections.abc import Callable, Generator, Mapping
from typing import Any, Unpack, cast

from hapiish.http.inject import Injected, Injection
from hapiish.testing import inject
from hapiish.testing.portal import Portal
from hapiish.testing.sockets import PATIENCE, SocketClient
from hapiish.types import Value

__tracebackhide__ = True  # pytest shows the line of the test


class Reply(Injected):
    """The type of `inject(…)` for type checkers: a response, or what `await` makes one of."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, Injected]:
        raise NotImplementedError


class Inject:
    """Sends requests to an application: `inject("/users/1", method="PUT", payload={…}, credentials={…})`.

    The arguments are those of `hapiish.testing.inject`. `credentials` replace the login; scopes are still checked.
    """

    def __init__(self, app: Any, portal: Portal) -> None:
        self.app = app
        self._portal = portal

    def __call__(
        self, url: str = "/", /, *, allow_internals: bool = False, app: Any = None, **request: Unpack[Injection]
    ) -> Reply:
        request.setdefault("url", url)
        return cast(Reply, self._portal.call(inject(app or self.app, allow_internals=allow_internals, **request)))


class EventSocket:
    """A connected Socket.IO client of a test; see `SocketClient` for what each method does."""

    def __init__(self, client: SocketClient, portal: Portal) -> None:
        self._client = client
        self._portal = portal

    @property
    def id(self) -> str:
        """The id of the socket on the server."""
        return str(self._client.id)

    @property
    def pending(self) -> list[tuple[str, Value]]:
        """The events with their data that `receive` has not taken yet."""
        return self._client.pending

    @property
    def reason(self) -> str | None:
        """The reason of the disconnection; None while connected."""
        return self._client.reason

    def emit(self, event: str, *data: Value, timeout: float = PATIENCE) -> Any:
        """Sends an event and returns its acknowledgement."""
        return self._portal.call(self._client.emit(event, *data, timeout=timeout))

    def send(self, event: str, *data: Value) -> Any:
        """Sends an event without asking for an acknowledgement."""
        return self._portal.call(self._client.send(event, *data))

    def receive(self, event: str | None = None, *, timeout: float = PATIENCE) -> Any:
        """Takes the first event of that name and returns its data; waits for it."""
        return self._portal.call(self._client.receive(event, timeout=timeout))

    def answer(self, event: str, value: Value | Callable[[Value], Value]) -> None:
        """Acknowledges the server's calls of an event with a value, or with the result of a function of the data."""
        self._client.answers[event] = value

    def disconnected(self, *, timeout: float = PATIENCE) -> Any:
        """Waits until the server has disconnected the socket; returns the reason."""
        return self._portal.call(self._client.disconnected(timeout=timeout))

    def disconnect(self) -> Any:
        """Disconnects; the functions of `onDisconnect` have then run."""
        return self._portal.call(self._client.disconnect())


class EventClients:
    """Connects clients: `events.connect("/", token=…)` or `credentials={…}`; several may be connected at once."""

    def __init__(self, app: Any, portal: Portal) -> None:
        self.app = app
        self._portal = portal
        self._clients: list[SocketClient] = []

    def connect(
        self,
        namespace: str = "/",
        *,
        token: str | None = None,
        auth: Mapping[str, Value] | None = None,
        credentials: Value = None,
        artifacts: Value = None,
        strategy: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        remote_address: str = "127.0.0.1",
        timeout: float = PATIENCE,
        app: Any = None,
    ) -> Any:
        """Returns an `EventSocket`, connected with the handshake's `auth` or forged credentials.

        Raises HandshakeRefused with the error that clients get.
        """

        async def connected() -> EventSocket:
            client = SocketClient(app or self.app, namespace)
            self._clients.append(client)
            await client.connect(
                token=token,
                auth=auth,
                credentials=credentials,
                artifacts=artifacts,
                strategy=strategy,
                headers=headers,
                query=query,
                remote_address=remote_address,
                timeout=timeout,
            )
            return EventSocket(client, self._portal)

        return self._portal.call(connected())

    async def close(self) -> None:
        """Disconnects all clients."""
        await asyncio.gather(*(client.disconnect() for client in self._clients))
