"""Socket.IO (`sockets:`): namespaces, and the events of clients and of the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from hapiish.declare.option import As, At, Items, On, Range, Text, option, settings
from hapiish.declare.types import (
    FUNCTION,
    LARGEST,
    NOWHERE,
    AnyText,
    Call,
    Duration,
    Function,
    Json,
    Mark,
    Schema,
    Size,
    TimeSpan,
)
from hapiish.options.auth import RouteAuth
from hapiish.options.ext import Points
from hapiish.options.limit import Limits
from hapiish.options.pre import PreSteps
from hapiish.options.presence import Presence
from hapiish.options.queue import Queue
from hapiish.options.routes import RouteOptions
from hapiish.options.validate import Validate

Ack = Literal["envelope", "raw"]
Functions = Annotated[
    str | tuple[str, ...], As(Annotated[tuple[Function, ...], Items(one=True, wanted=FUNCTION.wanted)])
]
_ACK: Final = (
    "The form of an acknowledgement. `envelope` sends `{ok: true, …}` or `{ok: false, error}`. `raw` sends "
    "the handler's value (a tuple becomes several arguments) or the bare error."
)
_ARGUMENTS: Final = "Makes `payload` the list of all arguments; otherwise an event has one argument."
_BINARY: Final = (
    "Permits attachments, at most ten per event. A schema describes one as `{type: string, format: "
    "binary}`, with `maxLength` in bytes."
)
_INHERITED: Final = " The default is the namespace's setting."


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event from clients, with the options of a route that apply without HTTP."""

    event: str = option(description="The name of the event; `*` handles every undeclared event.", examples=["message"])
    ack: Ack | None = option(None, _ACK + _INHERITED)
    arguments: bool | None = option(None, _ARGUMENTS + _INHERITED)
    binary: bool | None = option(None, _BINARY + _INHERITED)
    handler: Call = option(
        description="The handler: `(request, h)` as module:attribute, or a call of a server method. The value that "
        "it returns is the acknowledgement."
    )
    id: str | None = option(None, "A name unique among routes and events.", examples=["messages.create"])
    options: Annotated[RouteOptions, At(On.EVENT)] = option(RouteOptions(), "Options of the event.")
    extensions: Mapping[str, Json] = field(default_factory=dict)  # the keys x-… of the event and of its `options`
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """An event that the server sends."""

    event: str = option(description="The name of the event.", examples=["message"])
    payload: Schema | None = option(None, "The schema of the event's data.")
    description: AnyText | None = option(None, "One line for the documentation.")
    extensions: Mapping[str, Json] = field(default_factory=dict)
    mark: Mark = NOWHERE


@settings(bare=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace: its handshake, and the events of clients and of the server.

    Its default options are merged into those of its events.
    """

    namespace: Annotated[str, Text("^/", 'a name that starts with "/"')] = option(
        "/",
        "The namespace's name, with parameters as in paths. Each set of parameter values is a separate namespace.",
        examples=["/admin", "/room-{id}"],
    )
    auth: RouteAuth | None = option(
        None,
        "Authentication and access rules, applied to the handshake's `auth.token`. Without it, the "
        "default strategy applies.",
        examples=[False, "session", {"scope": ["admin"]}],
    )
    options: ClassVar[Annotated[RouteOptions, At(On.NAMESPACE)]] = option(
        None,
        "Default options for the events of the namespace; an event may override them. Its `app` and `plugins` are also "
        "those of `onConnect` and `onDisconnect`.",
        shown={},
    )
    pre: ClassVar[PreSteps | None] = option(
        None, "Steps before the handlers of the namespace's events, in the form of `options.pre`."
    )
    ext: ClassVar[Annotated[Points, At(On.EVENT)] | None] = option(
        None,
        "Extension functions for the events of the namespace. They run after those of the server and of `options.ext`.",
    )
    limit: ClassVar[Limits | None] = option(
        None,
        "The rate limit for the events of the namespace, in the form of `options.limit`. Each event is counted "
        "separately; a limit with a `name` counts all events together.",
    )
    on_connect: Functions | None = option(
        None,
        "Functions `(request, h)` as module:attribute, one or a list, called in order when a socket connects. "
        "An error refuses the socket and skips the remaining functions.",
    )
    on_disconnect: Functions | None = option(
        None,
        "Functions `(request, h)` as module:attribute, one or a list, called in order after a socket has disconnected.",
    )
    ack: Ack = option("envelope", _ACK)
    arguments: bool = option(False, _ARGUMENTS)
    binary: bool = option(False, _BINARY)
    validate: Annotated[Validate, At(On.HANDSHAKE)] = option(
        Validate(),
        "Validation of the handshake, when a client connects: `params` of the namespace's name, `headers`, "
        "`query`, and the client's `auth` object as `payload`.",
    )
    events: tuple[Event, ...] = option((), "Events from clients.")
    emits: tuple[Emit, ...] = option((), "Events to clients; undeclared ones cannot be sent.")
    extensions: Mapping[str, Json] = field(default_factory=dict)
    app: Mapping[str, Json] = field(default_factory=dict)
    plugins: Mapping[str, Json] = field(default_factory=dict)
    realm: int = 0
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """Socket.IO. Without it, the server accepts no sockets."""

    path: Annotated[str, Text("^/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-]/?$", 'a path such as "/socket.io"')] = option(
        "/socket.io", "The path of Socket.IO; no route may be below it."
    )
    transports: Annotated[tuple[Literal["websocket", "polling"], ...], Items(min=1, unique=True)] = option(
        ("websocket",), "The transports that clients may use."
    )
    origins: tuple[str, ...] | Literal["*"] | None = option(
        None,
        "Origins that may connect, or `*` for any. The default is the server's own origin.",
        examples=[["https://app.example.com"]],
        wanted='a list of origins, or "*"',
    )
    max_bytes: Size = option(Size(65536), "The maximum size of a message from a client.", examples=["64KB"])
    ping_interval: TimeSpan = option(Duration(25000), "The interval of pings to clients.")
    ping_timeout: TimeSpan = option(Duration(20000), "The maximum time for a client to answer a ping.")
    connect_timeout: TimeSpan | None = option(
        None,
        "The maximum time for a client to open a namespace. The default is the sum of `pingInterval` and "
        "`pingTimeout`.",
        examples=["10s"],
    )
    send_buffer_count: Annotated[int, Range(1, LARGEST)] = option(
        256, "The maximum number of messages that wait for a client that does not read; one more closes its connection."
    )
    send_buffer_bytes: Size = option(
        Size(1048576),
        "The maximum number of bytes that wait for a client that does not read; more closes its connection.",
    )
    queue: Queue = option(Queue(), "The queue that connects the processes of the service, if there are several.")
    affinity: bool = option(
        False,
        "States that the load balancer sends all requests of a client to one process, which polling needs with "
        "several processes.",
    )
    presence: Presence | None = option(None, examples=[{"by": "credentials.id", "lease": "30s", "grace": "10s"}])
    namespaces: tuple[Namespace, ...] = option((), "The namespaces.")
    mark: Mark = NOWHERE
