"""NamespaceHooks: the application's callables for one namespace."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hapiish import boom
from hapiish.realtime.socketio.events import RESERVED, CheckEmit
from hapiish.types import Value

if TYPE_CHECKING:
    from hapiish.realtime.socketio.socket import Socket

Connect = Callable[["Socket", dict[str, Value] | None], Awaitable[None]]
Disconnect = Callable[["Socket", str], Awaitable[None]]
Renew = Callable[["Socket", Value, Callable[[Value], bool] | None], Awaitable[None]]
Judge = Callable[["Socket"], Awaitable[None]]
OnEvent = Callable[["Socket", Value], Awaitable[Value]]
OnUnknown = Callable[["Socket", str, Value], Awaitable[Value]]
OnRefused = Callable[["Socket", str, Value, boom.Boom], Awaitable[Value]]
Shape = Callable[["Socket", boom.Boom], None]


async def refuse_unknown(socket: "Socket", event: str, data: Value) -> Value:
    """Refuses an undeclared event."""
    raise boom.NotFound("Unknown event", code="unknown_event")


async def refuse(socket: "Socket", event: str, data: Value, error: boom.Boom) -> Value:
    """Refuses an event that violates the rules of Socket.IO."""
    raise error


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceHooks:
    """The behaviour of one namespace.

    `connect(socket, auth)` refuses a client by raising a boom. `judge(socket)` authorizes a connected client again
    after a reload that changed `rules`, and raises a boom to disconnect it. `renew(socket, auth, accept)` replaces its
    credentials by those of another `auth`, or raises the boom that refuses them. `others` handles events that are not
    in `events`; without it `unknown` answers them. These return the acknowledgement or an `Answer`; an error is
    acknowledged as `{ok: false, error}`, in `raw` namespaces as the error alone. `refused` answers events that
    Socket.IO does not allow: reserved names, unexpected attachments. Only events in `binary` accept attachments. Events
    in `several` get the list of their arguments, others their only argument. Those in `concurrent` run beside others of
    their socket, which are handled in order. `shape(socket, error)` formats a refusal
    that no hook has made. `emits(event, data)` raises for an event that the namespace must not send. Raises ValueError
    for a reserved name.
    """

    connect: Connect | None = None
    disconnect: Disconnect | None = None
    judge: Judge | None = None
    renew: Renew | None = None
    rules: object = None
    events: Mapping[str, OnEvent] = field(default_factory=dict)
    others: OnUnknown | None = None
    unknown: OnUnknown = refuse_unknown
    refused: OnRefused = refuse
    shape: Shape | None = None
    emits: CheckEmit | None = None
    binary: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()
    concurrent: frozenset[str] = frozenset()
    raw: bool = False

    def __post_init__(self) -> None:
        if reserved := RESERVED.intersection(self.events):
            raise ValueError(f"reserved event names: {', '.join(sorted(reserved))}")

    def knows(self, event: str) -> bool:
        """Returns True for an event that the namespace handles."""
        return event in self.events or self.others is not None

    def declared(self, event: str) -> str:
        """Returns the declared name of a client's event: its own, or "*" for an event without its own hook."""
        return event if event in self.events else "*"
