"""The kind `proxy`: answers of another server."""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.declare.manifest import KindManifest
from hapiish.declare.option import Range, Text, option
from hapiish.declare.types import LARGEST, Duration, Function, TimeSpan

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
    """Proxies requests to another server, the upstream server. Bodies are streamed in both directions. One of `host`,
    `uri` and `mapUri` sets the target.
    """

    host: Host | None = option(
        None, "The upstream server; requests keep their own path and query.", examples=["users.internal"]
    )
    port: Annotated[int, Range(1, 65535)] | None = option(
        None, "The port of the upstream server. The default is that of the protocol."
    )
    protocol: Literal["http", "https"] = option("http", "The protocol of the upstream connection.")
    uri: UpstreamUri | None = option(
        None,
        "The whole upstream address, in place of `host`, `port` and `protocol`. `{path}` is the "
        "request's path, `{query}` its query with the question mark, `{name}` a parameter of the path, "
        "percent-encoded; `{protocol}`, `{host}` and `{port}` are those of this server.",
        examples=["http://users.internal/v2/{id}{query}"],
    )
    map_uri: Function | None = option(
        None, "`(request)` as module:attribute, which returns the whole upstream address, or `{uri, headers}`."
    )
    pass_through: bool = option(
        False,
        "Forwards the headers of requests and of upstream responses. Otherwise, only the status, the "
        "bodies and their media types are forwarded.",
    )
    local_state_pass_through: bool = option(
        False, "Forwards cookies that the table declares, unless their own `passThrough` says otherwise."
    )
    accept_encoding: bool = option(True, "Forwards the client's Accept-Encoding with the other headers.")
    reject_unauthorized: bool = option(True, "Requires a valid certificate of the upstream server.")
    xforward: bool = option(False, "Sends X-Forwarded-For, -Port, -Proto and -Host to the upstream server.")
    redirects: Annotated[int, Range(0, 20)] | Literal[False] = option(
        False,
        "The maximum number of redirects that the proxy follows; false: clients get the redirects.",
        wanted="false or a number",
    )
    timeout: TimeSpan | Literal[False] = option(
        Duration(180000),
        "The maximum time for the upstream server to respond, then 504; false: no limit.",
        examples=["10s"],
        wanted='false, milliseconds, or text such as "10s"',
    )
    on_request: Function | None = option(
        None, "`(outgoing)` as module:attribute, called with the httpx request before it is sent, which it may change."
    )
    on_response: Function | None = option(
        None,
        "`(request, h, upstream, error, ttl)` as module:attribute, which returns the response. "
        "`upstream` has `status_code`, `headers` and `read()`, or is returned to stream it; it is null "
        "if there is an `error`.",
    )
    ttl: Literal["upstream"] | None = option(
        None, "`upstream`: the response may be cached as long as the Cache-Control of the upstream response says."
    )
    max_sockets: Annotated[int, Range(1, LARGEST)] | Literal[False] = option(
        False, "The maximum number of open connections; false: no limit.", wanted="false or a number"
    )
    downstream_response_time: bool = option(
        False, "Logs the response time of the upstream server, with the tags h2o2 and success or error."
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
