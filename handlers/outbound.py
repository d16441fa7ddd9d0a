"""Requests to addresses that users have chosen. They never reach the network of the server itself.

A name is resolved once. Each of its addresses must be public, and the connection goes to one of them. Redirects are not
followed. Time and size have a limit for the whole exchange, so a receiver that answers byte by byte costs no more.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import SOCK_STREAM
from typing import Final
from urllib.parse import urlsplit

SECONDS: Final = 10.0
"""The longest time of a request."""
HEAD: Final = 16 * 1024
"""The most bytes of the head of a response. Its body is not read."""
_ADDRESSES: Final = 4
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: |\r)")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_GLOBAL: Final = IPv6Network("2000::/3")
"""The only addresses that IANA gives to networks of the internet; the others are local, reserved or not in use."""


class RefusedAddressError(OSError):
    """The address is not public, or is no address at all."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of a response, and its Retry-After as text, empty if it has none."""

    status: int
    retry_after: str


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a URL; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _port_of(self.scheme) else f"{host}:{self.port}"


def parse(url: str, *, insecure: bool = False) -> Target:
    """Returns the parts of a URL; `insecure` also accepts http. Raises ValueError for a URL that is not allowed."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ValueError("the address has characters that a URL cannot have")
    parts = urlsplit(url)
    if parts.scheme != "https" and not (insecure and parts.scheme == "http"):
        raise ValueError("the address must begin with https://")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("the address must have neither a user nor a fragment")
    if not parts.hostname:
        raise ValueError("the address has no host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, parts.port or _port_of(parts.scheme), path)


async def post(url: str, body: bytes, headers: Mapping[str, str], *, insecure: bool = False) -> Answer:
    """Sends a POST and returns its answer. `insecure` allows http and addresses that are not public.

    Raises OSError for a refused address and for any failure of the network, ValueError for a response that is not
    HTTP, TimeoutError after `SECONDS`.
    """
    target = parse(url, insecure=insecure)
    async with asyncio.timeout(SECONDS):
        addresses = await _resolved(target, insecure=insecure)
        reader, writer = await _connected(target, addresses)
        try:
            lines = {"Host": target.authority, "Content-Length": str(len(body)), "Connection": "close", **headers}
            head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
            writer.write(f"POST {target.path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body)
            await writer.drain()
            return await _answer(reader)
        finally:
            writer.transport.abort()


def is_public(address: str) -> bool:
    """Returns True for an address of the public internet. An IPv4 address within an IPv6 address is judged itself."""
    found: IPv4Address | IPv6Address | None = ip_address(address.partition("%")[0])
    while isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = IPv4Address(found.packed[-4:])
        if inner is None:
            return found in _GLOBAL and found.is_global
        found = inner
    return found is not None and found.is_global and not found.is_multicast


async def _resolved(target: Target, *, insecure: bool) -> list[str]:
    """Returns the addresses of the host. One address that is not public refuses all: such a mixture is an attack."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(target.host, target.port, type=SOCK_STREAM)
    except UnicodeError as error:
        raise RefusedAddressError("the host is not a name") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not addresses or (not insecure and not all(map(is_public, addresses))):
        raise RefusedAddressError("the host has an address that is not public")
    return addresses[:_ADDRESSES]


async def _connected(target: Target, addresses: Sequence[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    secure = target.scheme == "https"
    failure: OSError | None = None
    for address in addresses:
        try:
            async with asyncio.timeout(SECONDS / len(addresses)):
                return await asyncio.open_connection(
                    address,
                    target.port,
                    limit=HEAD,
                    ssl=_context() if secure else None,
                    server_hostname=target.host if secure else None,
                )
        except OSError as error:  # TimeoutError is one
            failure = error
    assert failure is not None
    raise failure


async def _answer(reader: asyncio.StreamReader) -> Answer:
    """Reads the head of the response; skips informational responses (1xx)."""
    size = 0
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ValueError("the response is not HTTP") from error
        size += len(head)
        status = _STATUS.match(head)
        if status is None or size > HEAD:
            raise ValueError("the response is not HTTP")
        if not status[1].startswith(b"1"):
            found = re.search(rb"\r\nretry-after:[ \t]*([\x21-\x7e][\x20-\x7e]{0,60})", head, re.IGNORECASE)
            return Answer(int(status[1]), found[1].decode().strip() if found else "")


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _port_of(scheme: str) -> int:
    return 443 if scheme == "https" else 80
