"""What the transport calls in a namespace, as plain callables. Knows nothing of what stands behind them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hapiish import boom

if TYPE_CHECKING:
    from hapiish.realtime.socket import Socket

RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})
"""Event names that Socket.IO keeps for itself: no client may send them, no table declare them."""

Connect = Callable[["Socket", dict[str, Any] | None], Awaitable[None]]
Disconnect = Callable[["Socket", str], Awaitable[None]]
Judge = Callable[["Socket"], Awaitable[None]]
OnEvent = Callable[["Socket", Any], Awaitable[Any]]
OnUnknown = Callable[["Socket", str, Any], Awaitable[Any]]
OnRefused = Callable[["Socket", str, Any, boom.Boom], Awaitable[Any]]
CheckEmit = Callable[[str, Any], None]
Shape = Callable[["Socket", boom.Boom], None]


async def refuse_unknown(socket: "Socket", event: str, data: Any) -> Any:
    """The answer to an event that the namespace does not have."""
    raise boom.NotFound("Unknown event", code="unknown_event")


async def refuse(socket: "Socket", event: str, data: Any, error: boom.Boom) -> Any:
    """The answer to an event that Socket.IO itself does not let through."""
    raise error


class Arguments(tuple[Any, ...]):
    """The arguments of an acknowledgement as they are; any other value is the only one."""

    __slots__ = ()


class Answer:
    """What an event returns that wants to know what becomes of its acknowledgement."""

    __slots__ = ("ack",)

    def __init__(self, ack: Any) -> None:
        self.ack = ack

    def unsendable(self, error: Exception) -> Any:
        """The acknowledgement instead of one that `error` keeps from being sent."""
        raise error

    def left(self, size: int) -> Awaitable[None] | None:
        """Called when the acknowledgement, so many characters, has left; the next event waits for what it returns."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceHooks:
    """The behaviour of one namespace.

    `connect(socket, auth)` refuses a client by raising a boom. `judge(socket)` judges a connected one anew after a
    reload, and raises a boom, where `rules` are others than those that it came in by. `others` takes the events that
    are not in `events`; without it `unknown` answers them. All of these return the acknowledgement as it is, or an
    `Answer`; what they raise is acknowledged as `{ok: false, error}`, in `raw` namespaces as the error alone.
    `refused` answers what Socket.IO does not let through: reserved names, attachments that nobody expects. Only events
    in `binary` may carry attachments; those in `several` get the list of all their arguments, others the only one.
    `shape(socket, error)` gives a refusal that no hook has made the application's own form. `emits(event, data)` raises
    for what the namespace does not send. Raises ValueError for a reserved event name.
    """

    connect: Connect | None = None
    disconnect: Disconnect | None = None
    judge: Judge | None = None
    rules: Any = None
    events: Mapping[str, OnEvent] = field(default_factory=dict)
    others: OnUnknown | None = None
    unknown: OnUnknown = refuse_unknown
    refused: OnRefused = refuse
    shape: Shape | None = None
    emits: CheckEmit | None = None
    binary: frozenset[str] = frozenset()
    several: frozenset[str] = frozenset()
    raw: bool = False

    def __post_init__(self) -> None:
        if reserved := RESERVED.intersection(self.events):
            raise ValueError(f"reserved event names: {', '.join(sorted(reserved))}")

    def knows(self, event: str) -> bool:
        """Whether the namespace has the event."""
        return event in self.events or self.others is not None

    def declared(self, event: str) -> str:
        """The name under which an event of a client is declared: its own, or "*", which stands for all others."""
        return event if event in self.events else "*"
