"""Validates header fields to send (RFC 9110 §5.5), encodes `Location`, and recognises local redirects."""

import re
from functools import lru_cache
from typing import Final, TypeGuard
from urllib.parse import quote

Pair = tuple[bytes, bytes]

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_LOCAL: Final = re.compile(r"/(?![/\\])[^\x00-\x20\x7f]*")
_SET_BY_SERVER: Final = frozenset({"transfer-encoding"})
_HOP_BY_HOP: Final = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade"),
    }
)
_BARE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_URI: Final = "!#$%&'()*+,/:;=?@[]~"
"""Characters that `Location` keeps: those of RFC 3986, and the percent sign."""


def pair(name: str, value: str) -> Pair:
    """A header as a pair of bytes, `name` in lower case. Raises ValueError, naming the header, for an invalid one."""
    if name in _SET_BY_SERVER:
        raise ValueError(f'the header "{name}" is set by the server, which frames the body')
    if name == "content-length" and not (value.isascii() and value.isdecimal()):
        raise ValueError(f'the header "content-length" cannot be {value!a}: it is a number of bytes')
    if name == "location":
        value = encoded(value)
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError as error:
        odd = ascii(value[error.start])
        raise ValueError(f'the header "{name}" cannot carry {odd}: only Latin-1 is sent in headers') from None
    if not value.isprintable() and (control := _CONTROL.search(value)) is not None:
        raise ValueError(f'the header "{name}" cannot carry the control character {control[0]!a}')
    return _key(name), raw


@lru_cache(maxsize=256)
def _key(name: str) -> bytes:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a header")
    return name.encode("ascii")


def encoded(uri: str) -> str:
    """`uri` with percent codes for every character that a URI cannot hold (RFC 3986 §2.1)."""
    return quote(_BARE_PERCENT.sub("%25", uri), safe=_URI, errors="replace")


def hop_by_hop(connection: str) -> frozenset[str]:
    """The headers that an intermediary does not forward, given the value of `Connection` (RFC 9110 §7.6.1)."""
    return _HOP_BY_HOP.union(name.strip().lower() for name in connection.split(","))


def is_local(target: object) -> TypeGuard[str]:
    """Returns whether `target` is a path of this server in every browser.

    Two slashes, or a slash and a backslash, begin the name of another server; browsers drop tabs and line ends first.
    """
    return isinstance(target, str) and _LOCAL.fullmatch(target) is not None
