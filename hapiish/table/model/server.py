"""The server's own settings, and the database's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hapiish.table.model.cookies import Cookie
from hapiish.table.model.options import LimitStore, RouteOptions
from hapiish.table.model.values import NOWHERE, Duration, Json, Size
from hapiish.table.problems import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    is_case_sensitive: bool = True
    strip_trailing_slash: bool = False
    method_not_allowed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestId:
    """`header` carries the id in and out; an inbound one is taken over only when `trust` is set."""

    header: str = "x-request-id"
    trust: bool = False
    generate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compression:
    """`encodings` are the codings offered, the first being preferred where a client does not care."""

    min_bytes: Size = Size(1024)
    encodings: tuple[Literal["gzip", "deflate", "br", "zstd"], ...] = ("gzip", "deflate")
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFiles:
    etags_cache_max_size: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class MimeChange:
    """What the table says of a media type; None leaves what is known of it."""

    source: str | None = None
    compressible: bool | None = None
    extensions: tuple[str, ...] | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mime:
    override: Mapping[str, MimeChange] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Limits past which requests are refused with 503; 0 is none, and without an interval nothing is sampled."""

    sample_interval: Duration = Duration(0)
    max_rss_bytes: Size = Size(0)
    max_event_loop_delay: Duration = Duration(0)
    max_event_loop_utilization: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Debug:
    """Tags of events that are printed: None is what is printed without being asked, False nothing, `*` everything."""

    request: tuple[str, ...] | Literal[False] | None = None
    log: tuple[str, ...] | Literal[False] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    parser: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerJson:
    """Bounds of the JSON that is read."""

    max_digits: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files of PEM, relative to the table."""

    key: str
    cert: str
    ca: str | None = None
    passphrase: str | None = None
    ciphers: str | None = None
    request_cert: bool = False
    reject_unauthorized: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Bounds of what comes before a request's body: bytes, headers, and how long it may take."""

    max_bytes: Size = Size(32768)
    max_count: int = 100
    timeout: Duration = Duration(20000)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxConnections:
    """None: `total` is what the process's descriptors allow, and one address may have half of them."""

    total: int | None = None
    per_address: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """`socket` is the path of a Unix socket instead of `port`; `uri` is how clients reach it, None: as it listens."""

    host: str = "127.0.0.1"
    address: str | None = None
    port: int = 3000
    socket: str | None = None
    uri: str | None = None
    tls: Tls | None = None
    trusted_proxies: tuple[str, ...] = ()
    app: Mapping[str, Json] = field(default_factory=dict)
    plugins: Mapping[str, Json] = field(default_factory=dict)
    debug: Debug | Literal[False] = Debug()
    load: Load = Load()
    query: Query = Query()
    json: ServerJson = ServerJson()
    compression: Compression | None = Compression()
    files: ServerFiles = ServerFiles()
    mime: Mime = Mime()
    router: Router = Router()
    state: Cookie = Cookie()  # defaults of every cookie, and the settings of those that are not declared
    routes: RouteOptions = RouteOptions()  # defaults of every route; the not-found answer uses them as they are
    request_id: RequestId = RequestId()
    limit: LimitStore = LimitStore()
    head: Head = Head()
    max_connections: MaxConnections = MaxConnections()
    access_log: bool = True
    shutdown_timeout: Duration = Duration(10000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """`uri` empty: the local default store. `timeout`: how long a request waits for a server before it is a 503.

    `indexes` is None for "apply" on the local default, "check" on any other.
    """

    uri: str = ""
    name: str = "hapiish"
    threads: int = 4
    timeout: Duration = Duration(2000)
    data: str = ".hapiish"
    indexes: Literal["check", "apply", "ignore"] | None = None
    mark: Mark = NOWHERE
