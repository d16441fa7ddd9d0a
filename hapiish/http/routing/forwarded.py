"""What trusted proxies say of a request: address, protocol and host from `X-Forwarded-For`, `-Proto` and `-Host`.

Changes the scope, so that everything after it sees the client instead of the proxy. Whoever is not trusted is not
believed: the headers of a client that connects itself are left where they are, unread.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from hapiish.http.syntax.message_head import is_host
from hapiish.types import Scope

UNIX = "unix"
"""Stands for whoever connects by a Unix socket and so has no address."""

PROXIED = "hapiish.proxied"
"""The key of a scope that came through a trusted proxy."""

_SECURE = {"https": "https", "wss": "https"}


class Forwarding:
    """`trusted` are addresses and networks (`10.0.0.0/8`), or `unix`. Raises ValueError for anything else."""

    __slots__ = ("_networks", "_unix")

    def __init__(self, trusted: Iterable[str]) -> None:
        names = list(trusted)
        self._unix = UNIX in names
        self._networks: list[IPv4Network | IPv6Network] = [ip_network(name) for name in names if name != UNIX]

    def apply(self, scope: Scope) -> None:
        """Puts what trusted proxies say into the scope of a request or WebSocket."""
        client = scope.get("client")
        if not self.trusts(client[0] if client else ""):
            return
        scope[PROXIED] = True
        address, hops = self._client(_listed(scope, b"x-forwarded-for"))
        if address is not None:
            scope["client"] = (address, 0)
        protocol = _said(_listed(scope, b"x-forwarded-proto"), hops)
        if protocol is not None and protocol.lower() in ("http", "https", "ws", "wss"):
            secure = protocol.lower() in _SECURE
            scope["scheme"] = ("wss" if secure else "ws") if scope["type"] == "websocket" else protocol.lower()
        host = _said(_listed(scope, b"x-forwarded-host"), hops)
        if host and is_host(host.encode("latin-1")):
            others = [pair for pair in scope["headers"] if pair[0] != b"host"]
            scope["headers"] = [(b"host", host.encode("latin-1")), *others]

    def _client(self, addresses: list[str]) -> tuple[str | None, int]:
        """The first address, seen from us, that is not a trusted proxy's, and how many proxies there were."""
        found, hops = None, 0
        for text in reversed(addresses):
            address = _address(text)
            if address is None:
                break
            found, hops = address, hops + 1
            if not self.trusts(address):
                break
        return found, max(hops, 1)

    def trusts(self, text: str) -> bool:
        """Whether an address (`""` for none, as over a Unix socket) is one of the proxies."""
        if not text:
            return self._unix
        try:
            address = ip_address(text)
        except ValueError:
            return False
        plain = getattr(address, "ipv4_mapped", None) or address
        return any(plain in network for network in self._networks)


def _listed(scope: Scope, name: bytes) -> list[str]:
    """The parts of all headers of that name, in the order in which proxies have added them."""
    texts = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return [part.strip() for part in ",".join(texts).split(",")] if texts else []


def _said(parts: list[str], hops: int) -> str | None:
    """What the outermost trusted proxy has said; proxies that replace the header instead of adding leave one part."""
    return parts[-hops] if len(parts) >= hops else (parts[0] if parts else None)


def _address(text: str) -> str | None:
    """`203.0.113.7`, `203.0.113.7:4711`, `[2001:db8::7]:4711` without the port; None for what is no address."""
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text.partition("%")[0]))  # a zone means something only to who wrote it
    except ValueError:
        return None
