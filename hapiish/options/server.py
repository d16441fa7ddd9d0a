"""The settings of the server (`server:`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.declare.option import As, At, Form, Items, On, Range, Text, option, settings
from hapiish.declare.types import IS_SECRET, AnyText, Duration, Function, HeaderName, Json, MediaType, Size, TimeSpan
from hapiish.options.compression import Compression
from hapiish.options.cookies import Cookie
from hapiish.options.files import ServerFiles
from hapiish.options.json_format import ServerJson
from hapiish.options.limit import LimitStore
from hapiish.options.routes import RouteOptions

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
    """The comparison of paths."""

    is_case_sensitive: bool = option(True, "Distinguishes /Users from /users.")
    strip_trailing_slash: bool = option(False, "Removes one trailing slash from the paths of requests.")
    method_not_allowed: bool = option(
        True, "Answers a known path with another method by 405 and Allow; false: 404, as hapi."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestId:
    """The id of a request, in logs and in a header."""

    header: HeaderName = option(
        "x-request-id", "The header that carries the id in requests and responses, errors included."
    )
    trust: bool = option(
        False,
        "Accepts the id in a request; with `trustedProxies`, only from such a proxy.",
    )
    generate: Function | None = option(
        None,
        "`(request)` as module:attribute, a synchronous function that returns the id of a request "
        "without one: at most 128 letters, digits and .:+=/@_-. The default is a counter with a prefix "
        "of the process.",
    )


@settings(bare=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class MimeChange:
    """A change to a media type; unset keys keep their values."""

    source: str | None = option(None, "The registry of the type, readable by `request.server.mime`.", examples=["iana"])
    compressible: bool | None = option(
        None, "Compresses bodies of this type. The default depends on the name of the type."
    )
    extensions: tuple[Annotated[str, Text(r"^\.?[^./\\]+$", 'an extension such as "txt"')], ...] | None = option(
        None, "The extensions of its files, without the dot."
    )
    type: MediaType | None = option(None, "The media type of files with these extensions, if it is another one.")


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
    """Load limits. While one is exceeded, requests are refused with 503."""

    sample_interval: Duration = option(
        Duration(0), "The interval at which the load is sampled, `request.server.load`; 0: never.", examples=["1s"]
    )
    max_rss_bytes: Annotated[Size, As(Size | Literal[0])] = option(
        Size(0),
        "The maximum resident memory of the process; 0: no limit.",
        examples=["500MB"],
        wanted='bytes, or text such as "500MB"',
    )
    max_event_loop_delay: Duration = option(
        Duration(0),
        "The maximum delay of the event loop; 0: no limit.",
        examples=["200ms"],
    )
    max_event_loop_utilization: Annotated[float, Range(0, 1)] = option(
        0,
        "The maximum share of time, from 0 to 1, that the event loop's thread computes; 0: no limit.",
        examples=[0.95],
    )


@settings(also=(False,), wanted="a mapping with request and log, or false")
@dataclass(frozen=True, slots=True, kw_only=True)
class Debug:
    """The events that are logged, by their tags; false: none. Errors that are answered with 500 are always logged."""

    request: PrintedTags | None = option(
        None,
        'Tags of events of requests; "*" is all of them, including those of the framework. The default '
        "is the events of `request.log` and of `failAction: log`.",
    )
    log: PrintedTags | None = option(None, "Tags of events of the server. The default is the events of `server.log`.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The parsing of query strings."""

    parser: Function | None = option(
        None,
        "A function that receives the parsed query, a dictionary, and returns the query of the request.",
        examples=["handlers.query:nested"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The certificate with which `hapiish run` serves HTTPS."""

    key: str = option(description="The file of the private key (PEM), relative to the table.")
    cert: str = option(description="The file of the certificate and its chain (PEM), relative to the table.")
    ca: str | None = option(
        None, "The file of the authorities that may issue client certificates (PEM), relative to the table."
    )
    passphrase: Annotated[AnyText, IS_SECRET] | None = option(
        None, "The passphrase of the private key.", examples=["${TLS_PASSPHRASE:}"]
    )
    ciphers: str | None = option(None, "The offered ciphers, in OpenSSL's format.")
    request_cert: bool = option(False, "Requests a certificate from clients.")
    reject_unauthorized: bool = option(
        True, "Refuses clients without the requested certificate, or with one that `ca` did not issue."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Limits of the request line and the headers, under `hapiish run`. A head that is too large is answered 431, a
    target that is too long 414, a head that takes too long 408.
    """

    max_bytes: Size = option(
        Size(32768),
        "The maximum size of a head. The same maximum applies to the trailers of a chunked body and to "
        "its chunk extensions.",
        examples=["64KB"],
    )
    max_count: Annotated[int, Range(1)] = option(100, "The maximum number of headers of a request, and of trailers.")
    timeout: TimeSpan = option(
        Duration(20000),
        "The maximum time for a head to arrive: from the start of the connection, or from the first byte "
        "of the head on a connection that is kept alive. A TLS handshake has the same time. A connection "
        "that has sent nothing is closed without a response.",
        examples=["10s"],
    )


@settings(short="total", wanted="a number from 1, or {total, perAddress}")
@dataclass(frozen=True, slots=True, kw_only=True)
class MaxConnections:
    """The maximum number of open connections of a process of `hapiish run`, WebSockets included."""

    total: Annotated[int, Range(1)] | None = option(
        None,
        "The maximum in total. The default is the process's limit of open files, less a reserve for other files.",
        examples=[10000],
    )
    per_address: Annotated[int, Range(1)] | None = option(
        None,
        "The maximum of one client address; further connections are answered 429. An IPv6 client is "
        "counted by its /64 network. Addresses in `trustedProxies` are exempt. The default is half of "
        "`total`, and it exempts the server's own addresses.",
        examples=[100],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The server's own settings."""

    host: str = option(
        "127.0.0.1",
        "The name of the server, and the address to listen on unless `address` is set.",
        examples=["0.0.0.0"],  # noqa: S104
    )
    address: str | None = option(
        None,
        "The address to listen on, if `host` is a name for clients.",
        examples=["0.0.0.0"],  # noqa: S104
    )
    port: Annotated[int, Range(0, 65535)] = option(
        3000, "The port to listen on; 0 selects a free one.", examples=["${PORT:3000}"]
    )
    socket: str | None = option(
        None,
        "The path of a Unix socket to listen on instead of a port, relative to the table.",
        examples=["/run/chat.sock"],
    )
    uri: PublicUri | None = option(
        None,
        "The public address of the server, `request.server.info.uri`, if it differs from host and port; "
        "no trailing slash.",
        examples=["https://chat.example.com"],
    )
    tls: Tls | None = option(None, examples=[{"key": "certs/key.pem", "cert": "certs/cert.pem"}])
    trusted_proxies: tuple[Network, ...] = option(
        (),
        "Addresses and networks of proxies whose `X-Forwarded-For`, `X-Forwarded-Proto` and "
        "`X-Forwarded-Host` are trusted; `unix` is any client of a Unix socket. Without them, these "
        "headers are ignored.",
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
        "The maximum number of open connections of a process of `hapiish run`, WebSockets included: a "
        "number for `total`, or both bounds. When `total` is reached or file descriptors run out, the "
        "server closes the connection whose client has kept it waiting longest. If all connections are "
        "in use, the new one is answered 503.",
        examples=[1000, {"total": 10000, "perAddress": 100}],
    )
    query: Query = option(Query())
    plugins: Mapping[str, Json] = option({}, "Settings of plugins by name, `request.server.settings.plugins`.")
    app: Mapping[str, Json] = option(
        {},
        "Data of the application, `request.server.app`. The functions of a used table read that of their table as "
        "`request.server.settings.app`.",
    )
    compression: Compression | None = option(Compression())
    files: ServerFiles = option(ServerFiles())
    mime: Mime = option(Mime())
    router: Router = option(Router())
    routes: Annotated[RouteOptions, At(On.DEFAULTS)] = option(RouteOptions(), "Default options of all routes.")
    limit: LimitStore = option(LimitStore())
    request_id: RequestId = option(RequestId())
    state: Cookie = option(Cookie(), "Default settings of all cookies, whether declared under `state` or not.")
    access_log: bool = option(True, "Logs one line for each request.")
    shutdown_timeout: Duration = option(
        Duration(10000), "The time that requests have to finish when the server stops.", examples=["10s"]
    )
    drain_delay: Duration = option(
        Duration(0),
        "The time for which a server that is told to stop still accepts connections, while its readiness is 503, so "
        "that load balancers stop sending requests to it. `shutdownTimeout` begins afterwards.",
        examples=["5s"],
    )
