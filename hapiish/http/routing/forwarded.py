"""Reads address, scheme and host from `X-Forwarded-For`, `-Proto` and `-Host` of trusted proxies.

Changes the scope, so that later code sees the client instead of the proxy. Headers of an untrusted peer are ignored.

uvicorn's ProxyHeadersMiddleware does not read `X-Forwarded-Host`.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from hapiish.http.syntax.message_head import is_host
from hapiish.types import Scope

UNIX = "unix"
"""The name for peers that connect over a Unix socket and have no address."""

PROXIED = "hapiish.proxied"
"""The key of a scope that came through a trusted proxy."""

_SECURE = {"https": "https", "wss": "https"}


class Forwarding:
    """The trusted proxies: addresses, networks (`10.0.0.0/8`), or `unix`. Raises ValueError for anything else."""

    __slots__ = ("_networks", "_unix")

    def __init__(self, trusted: Iterable[str]) -> None:
        names = list(trusted)
        self._unix = UNIX in names
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(name) for name in names if name != UNIX]

    def step(self, request: Any) -> None:
        """Applies the trusted headers to a request before routing."""
        self.apply(request.scope)

    def apply(self, scope: Scope) -> None:
        """Applies the headers of trusted proxies to the scope of a request or WebSocket."""
        client = scope.get("client")
        if not self.trusts(client[0] if client else ""):
            return
        scope[PROXIED] = True
        address, hops = self._client(_parts(scope, b"x-forwarded-for"))
        if address is not None:
            scope["client"] = (address, 0)
        protocol = _part_of(_parts(scope, b"x-forwarded-proto"), hops)
        if protocol is not None and protocol.lower() in ("http", "https", "ws", "wss"):
            secure = protocol.lower() in _SECURE
            scope["scheme"] = ("wss" if secure else "ws") if scope["type"] == "websocket" else protocol.lower()
        host = _part_of(_parts(scope, b"x-forwarded-host"), hops)
        if host and is_host(host.encode("latin-1")):
            others = [pair for pair in scope["headers"] if pair[0] != b"host"]
            scope["headers"] = [(b"host", host.encode("latin-1")), *others]

    def _client(self, addresses: list[str]) -> tuple[str | None, int]:
        """The last address that is not a trusted proxy's, and the number of proxies passed."""
        client, hops = None, 0
        for text in reversed(addresses):
            address = _address(text)
            if address is None:
                break
            client, hops = address, hops + 1
            if not self.trusts(address):
                break
        return client, max(hops, 1)

    def trusts(self, text: str) -> bool:
        """Returns whether an address (`""` for a Unix socket) belongs to a trusted proxy."""
        if not text:
            return self._unix
        try:
            address = ip_address(text)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self._networks)


def _parts(scope: Scope, name: bytes) -> list[str]:
    """The parts of all headers of that name, in the order in which proxies appended them."""
    texts = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return [part.strip() for part in ",".join(texts).split(",")] if texts else []


def _part_of(parts: list[str], hops: int) -> str | None:
    """The part of the outermost trusted proxy; proxies that replace the header instead of appending leave one part."""
    return parts[-hops] if len(parts) >= hops else (parts[0] if parts else None)


def _address(text: str) -> str | None:
    """An address without its port (`203.0.113.7:4711`, `[2001:db8::7]:4711`); None for an invalid one."""
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text.partition("%")[0]))  # an IPv6 zone is local to the machine that wrote it
    except ValueError:
        return None
