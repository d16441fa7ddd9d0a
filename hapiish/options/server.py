"""The server's own settings (`server:`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.options.compression import Compression
from hapiish.options.cookies import Cookie
from hapiish.options.declare import As, At, Form, Items, On, Range, Text, option, settings
from hapiish.options.files import ServerFiles
from hapiish.options.json_format import ServerJson
from hapiish.options.limit import LimitStore
from hapiish.options.routes import RouteOptions
from hapiish.options.values import AnyText, Duration, Function, HeaderName, Json, MediaType, Size, TimeSpan

PrintedTags = Annotated[
    tuple[str, ...] | Literal[False],
    As(Annotated[tuple[str, ...], Items(one=True)] | Literal[False]),
    Form(name="printedTags", wanted='a tag, a list of tags, "*" for all, or false for none', nullable=True),
]
Network = Annotated[
    str,
    Text("^(unix|[0-9A-Fa-f:.]+(/[0-9]+)?)$", 'an address such as "10.0.0.1", a network such as "10.0.0.0/8", or unix'),
]
Count = Annotated[int, Range(1)]
PublicUri = Annotated[
    str, Text("^https?://[^/]+(/.*)?[^/]$", 'an address such as "https://chat.example.com", without a slash at its end')
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """How paths are compared."""

    is_case_sensitive: bool = option(True, "Whether /Users and /users are different paths.")
    strip_trailing_slash: bool = option(False, "Whether one final slash is taken off requests' paths.")
    method_not_allowed: bool = option(
        True, "Whether a known path with another method is 405 with Allow; false: 404, as hapi."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestId:
    """The id of a request, in logs and in a header."""

    header: HeaderName = option("x-request-id", "The header that carries the id in and out, errors included.")
    trust: bool = option(
        False,
        "Whether an id that comes in is taken over; with `trustedProxies` only one that comes through such a proxy.",
    )
    generate: Function | None = option(
        None,
        "`(request)` as module:attribute, a plain function that returns the id of a request that brings none: "
        "at most 128 letters, digits and .:+=/@_-. Without it ids are counted, after a prefix of the process's "
        "own.",
    )


@settings(bare=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class MimeChange:
    """What the table says of a media type; None leaves what is known of it."""

    source: str | None = option(
        None, "Where the type is defined, for those who ask `request.server.mime`.", examples=["iana"]
    )
    compressible: bool | None = option(
        None, "Whether bodies of this type are compressed; without it as its name suggests."
    )
    extensions: tuple[Annotated[str, Text(r"^\.?[^./\\]+$", 'an extension such as "txt"')], ...] | None = option(
        None, "The extensions of its files, without the dot."
    )
    type: MediaType | None = option(
        None, "The type that files with these extensions are sent as, where it is another one."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mime:
    """The table of media types."""

    override: Mapping[MediaType, MimeChange] = option(
        {},
        "Changes and additions to the table, by media type.",
        examples=[{"application/x-drawing": {"extensions": ["drw"], "compressible": True}}],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """When requests are refused with 503 because there are too many."""

    sample_interval: Duration = option(
        Duration(0), "How often is looked at how busy the server is, `request.server.load`; 0: never.", examples=["1s"]
    )
    max_rss_bytes: Annotated[Size, As(Size | Literal[0])] = option(
        Size(0),
        "The resident memory of the process over which requests are refused; 0: none.",
        examples=["500MB"],
        wanted='bytes, or text such as "500MB"',
    )
    max_event_loop_delay: Duration = option(
        Duration(0),
        "How much later than asked things may happen in the event loop before requests are refused; 0: as much "
        "as they like.",
        examples=["200ms"],
    )
    max_event_loop_utilization: Annotated[float, Range(0, 1)] = option(
        0,
        "The share of time, from 0 to 1, that the event loop's thread may compute before requests are refused; 0: any.",
        examples=[0.95],
    )


@settings(also=(False,), wanted="a mapping with request and log, or false")
@dataclass(frozen=True, slots=True, kw_only=True)
class Debug:
    """Which events reach the log, by their tags; false: none. Errors that are answered with 500 are always logged."""

    request: PrintedTags | None = option(
        None,
        'Tags of events of requests; "*" is all of them, those of the framework included. Without it: what '
        "`request.log` is given and what `failAction: log` lets pass.",
    )
    log: PrintedTags | None = option(None, "Tags of events of the server; without it what `server.log` is given.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """How query strings are read."""

    parser: Function | None = option(
        None,
        "A function that makes the query of a request, a dictionary, from the one that was read.",
        examples=["handlers.query:nested"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The certificate with which `hapiish run` serves HTTPS."""

    key: str = option(description="The file of the private key (PEM), relative to the table.")
    cert: str = option(
        description="The file of the certificate and those that lead to its authority (PEM), relative to the table."
    )
    ca: str | None = option(
        None, "The file of the authorities whose certificates clients may show (PEM), relative to the table."
    )
    passphrase: AnyText | None = option(
        None, "What the private key is encrypted with.", examples=["${TLS_PASSPHRASE:}"]
    )
    ciphers: str | None = option(None, "The ciphers that are offered, as OpenSSL writes them.")
    request_cert: bool = option(False, "Whether clients are asked for a certificate.")
    reject_unauthorized: bool = option(
        True, "Whether clients that were asked for a certificate and have none of `ca` are refused."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Bounds on the request line and the headers, under `hapiish run`. A head that is too large is answered 431, a
    target that is too long 414, a head that takes too long 408.
    """

    max_bytes: Size = option(
        Size(32768),
        "The maximum size of a head. The same maximum applies to the trailers of a chunked body and to its "
        "chunk extensions.",
        examples=["64KB"],
    )
    max_count: Annotated[int, Range(1)] = option(
        100, "The most headers that a request may have, and the most trailers."
    )
    timeout: TimeSpan = option(
        Duration(20000),
        "How long a head may take: from the start of the connection, or from the first byte of the head on a "
        "connection that is kept alive. A TLS handshake has the same time. A connection that has sent nothing "
        "is closed without a response.",
        examples=["10s"],
    )


@settings(short="total", wanted="a number from 1, or {total, perAddress}")
@dataclass(frozen=True, slots=True, kw_only=True)
class MaxConnections:
    """How many connections a process of `hapiish run` keeps open, WebSockets included."""

    total: Annotated[int, Range(1)] | None = option(
        None,
        "How many connections in total. The default is the process's limit of open files, less a reserve for "
        "other files.",
        examples=[10000],
    )
    per_address: Annotated[int, Range(1)] | None = option(
        None,
        "How many connections one client address may open; further ones are answered 429. An IPv6 client is "
        "counted by its /64 network. Addresses in `trustedProxies` are exempt. The default is half of `total`, "
        "and it exempts the server's own addresses.",
        examples=[100],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server's own settings."""

    host: str = option(
        "127.0.0.1",
        "The name of the server, which is the address to listen on unless `address` is another.",
        examples=["0.0.0.0"],  # noqa: S104
    )
    address: str | None = option(
        None,
        "The address to listen on, where `host` is a name for clients.",
        examples=["0.0.0.0"],  # noqa: S104
    )
    port: Annotated[int, Range(0, 65535)] = option(
        3000, "The port to listen on; 0 takes a free one.", examples=["${PORT:3000}"]
    )
    socket: str | None = option(
        None,
        "The path of a Unix socket to listen on instead of a port, relative to the table.",
        examples=["/run/chat.sock"],
    )
    uri: PublicUri | None = option(
        None,
        "How clients reach the server, `request.server.info.uri`, where that cannot be told from host and "
        "port; no slash at its end.",
        examples=["https://chat.example.com"],
    )
    tls: Tls | None = option(None, examples=[{"key": "certs/key.pem", "cert": "certs/cert.pem"}])
    trusted_proxies: tuple[Network, ...] = option(
        (),
        "Addresses and networks of proxies whose `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host` "
        "are believed; `unix` is whoever comes by a Unix socket. Without them these headers mean nothing.",
        examples=[["10.0.0.0/8", "::1"]],
    )
    debug: Debug | Literal[False] = option(
        Debug(),
        examples=[{"request": ["error"], "log": "*"}],
        wanted="a mapping with request and log, or false",
        also=(),
    )
    load: Load = option(Load(), examples=[{"sampleInterval": "1s", "maxEventLoopDelay": 200}])
    json: ServerJson = option(ServerJson())
    head: Head = option(Head(), examples=[{"maxBytes": "64KB", "timeout": "10s"}])
    max_connections: MaxConnections = option(
        MaxConnections(),
        "How many connections a process of `hapiish run` keeps open, WebSockets included: a number for "
        "`total`, or both bounds. When `total` is reached or file descriptors run out, the server closes the "
        "connection whose client has kept it waiting longest. If all connections are in use, the new one is "
        "answered 503.",
        examples=[1000, {"total": 10000, "perAddress": 100}],
    )
    query: Query = option(Query())
    plugins: Mapping[str, Json] = option({}, "Settings of plugins by their names, `request.server.settings.plugins`.")
    app: Mapping[str, Json] = option({}, "The application's own data, `request.server.app`.")
    compression: Compression | None = option(Compression())
    files: ServerFiles = option(ServerFiles())
    mime: Mime = option(Mime())
    router: Router = option(Router())
    routes: Annotated[RouteOptions, At(On.DEFAULTS)] = option(
        RouteOptions(), "Options of every route, unless the route says otherwise."
    )
    limit: LimitStore = option(LimitStore())
    request_id: RequestId = option(RequestId())
    state: Cookie = option(
        Cookie(), "Settings of every cookie, declared under `state` or not, that does not say otherwise."
    )
    access_log: bool = option(True, "One line in the log for each request.")
    shutdown_timeout: Duration = option(
        Duration(10000), "How long requests may finish when the server stops.", examples=["10s"]
    )
