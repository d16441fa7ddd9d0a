"""Socket.IO (`sockets:`)."""

from dataclasses import dataclass
from typing import Literal

from hapiish.table.model.options import RouteAuth, RouteOptions, Validate
from hapiish.table.model.values import NOWHERE, Duration, Schema, Size
from hapiish.table.problems import Mark

Ack = Literal["envelope", "raw"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A Socket.IO event from clients: the same options as a route, as far as they mean something without HTTP.

    `options.auth` None: what the handshake of the namespace settled is enough. `ack`, `arguments` and `binary` None: as
    the namespace says.
    """

    event: str
    handler: str
    ack: Ack | None = None
    arguments: bool | None = None
    binary: bool | None = None
    id: str | None = None
    options: RouteOptions = RouteOptions()
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit:
    """An event that the server sends; `payload` is its schema, None for any."""

    event: str
    payload: Schema | None = None
    description: str | None = None
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """What it says for all its events (`options`, `pre`, `ext`, `limit`) is in their options.

    `arguments`: handlers get the list of all arguments. `binary`: events may carry attachments.
    """

    namespace: str = "/"
    ack: Ack = "envelope"
    arguments: bool = False
    binary: bool = False
    validate: Validate = Validate()
    auth: RouteAuth | None = None
    on_connect: str | tuple[str, ...] | None = None
    on_disconnect: str | tuple[str, ...] | None = None
    events: tuple[Event, ...] = ()
    emits: tuple[Emit, ...] = ()
    realm: int = 0
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """`send_buffer_*` bound what waits for a client that does not read; past either the socket is closed as slow."""

    path: str = "/socket.io"
    transports: tuple[Literal["websocket", "polling"], ...] = ("websocket",)
    origins: tuple[str, ...] | Literal["*"] | None = None  # None: same origin only
    max_bytes: Size = Size(65536)
    ping_interval: Duration = Duration(25000)
    ping_timeout: Duration = Duration(20000)
    connect_timeout: Duration | None = None  # None: ping_interval and ping_timeout together
    send_buffer_count: int = 256
    send_buffer_bytes: Size = Size(1048576)
    namespaces: tuple[Namespace, ...] = ()
    mark: Mark = NOWHERE
