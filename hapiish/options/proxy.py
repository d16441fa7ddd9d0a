"""The kind `proxy`: answers of another server."""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.options.declare import Range, Text, option
from hapiish.options.manifest import KindManifest
from hapiish.options.values import LARGEST, Duration, Function, TimeSpan

Host = Annotated[
    str,
    Text(
        r"^([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*|\[[0-9A-Fa-f:.]+\])$",
        "a hostname or address, without port",
    ),
]
UpstreamUri = Annotated[
    str, Text(r"^(https?|\{protocol\})://[^/?#\s]+[^\s]*$", "an address that begins with http:// or https://")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyHandler:
    """Answers with what another server answers; bodies are streamed both ways. Where requests go is one of `host`,
    `uri` and `mapUri`.
    """

    host: Host | None = option(
        None, "The server behind; requests go to it with their own path and query.", examples=["users.internal"]
    )
    port: Annotated[int, Range(1, 65535)] | None = option(None, "Its port; without it that of the protocol.")
    protocol: Literal["http", "https"] = option("http", "How it is spoken to.")
    uri: UpstreamUri | None = option(
        None,
        "The whole address, in place of `host`, `port` and `protocol`. `{path}` is the request's path, "
        "`{query}` its query with the question mark, `{name}` a parameter of the path, encoded; `{protocol}`, "
        "`{host}` and `{port}` are those of this server.",
        examples=["http://users.internal/v2/{id}{query}"],
    )
    map_uri: Function | None = option(
        None, "`(request)` as module:attribute, which returns the whole address, or `{uri, headers}`."
    )
    pass_through: bool = option(
        False,
        "Whether the headers of the request reach the server behind, and those of its answer the client; "
        "without it only the status, the bodies and their media type do.",
    )
    local_state_pass_through: bool = option(
        False, "Whether cookies that the table declares are passed on, unless their own `passThrough` says otherwise."
    )
    accept_encoding: bool = option(True, "Whether the client's Accept-Encoding is passed on with the other headers.")
    reject_unauthorized: bool = option(True, "Whether the certificate of the server behind must be good.")
    xforward: bool = option(
        False, "Whether the server behind is told of the client: X-Forwarded-For, -Port, -Proto and -Host."
    )
    redirects: Annotated[int, Range(0, 20)] | Literal[False] = option(
        False,
        "How many redirects are followed on behalf of the client; false: they are answered as they are.",
        wanted="false or a number",
    )
    timeout: TimeSpan | Literal[False] = option(
        Duration(180000),
        "How long the server behind may take to answer, then 504; false: as long as it likes.",
        examples=["10s"],
        wanted='false, milliseconds, or text such as "10s"',
    )
    on_request: Function | None = option(
        None, "`(outgoing)` as module:attribute, called with the httpx request before it is sent, which it may change."
    )
    on_response: Function | None = option(
        None,
        "`(request, h, upstream, error, ttl)` as module:attribute, which answers in place of the proxy. "
        "`upstream` has `status_code`, `headers` and `read()`, or is returned to stream it; it is null when "
        "there is an `error`.",
    )
    ttl: Literal["upstream"] | None = option(
        None, "`upstream`: the answer may be cached as long as its own Cache-Control says."
    )
    max_sockets: Annotated[int, Range(1, LARGEST)] | Literal[False] = option(
        False, "How many connections are open at once; false: as many as are wanted.", wanted="false or a number"
    )
    downstream_response_time: bool = option(
        False, "Whether the time until the server behind answers is logged, with the tags h2o2 and success or error."
    )


def _subject(options: ProxyHandler) -> str:
    uri = re.sub("//[^/@]*@", "//", options.uri or "").partition("?")[0]  # user information and query may be secret
    return uri or options.host or str(options.map_uri)


PROXY: Final = KindManifest(
    options=ProxyHandler,
    implementation="hapiish.kinds.proxy:proxy_kind",
    extra="proxy",
    packages=("httpx",),
    defaults={"payload": {"output": "stream", "parse": False}},
    subject=_subject,
)
