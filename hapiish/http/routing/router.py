"""Finds routes as hapi's router (`@hapi/call`), with one dictionary and one trie per method and host.

Maps parsed paths to opaque targets and returns a target and the decoded parameters. Handlers, OPTIONS, CORS and the
response without a match are the caller's.

Starlette's Router tries routes in the order of declaration; hapi's order is by specificity.
"""

import re
from typing import Final, Generic
from urllib.parse import quote_from_bytes, unquote_to_bytes

from hapiish import boom
from hapiish.grammar.path import UNENCODED, LiteralText, Param, Path, Segment, occupies
from hapiish.http.routing.trie import Leaf, Node, T, expanded, names_of, search

Match = tuple[T, dict[str, str] | None]
"""A target and its parameters; None instead of an empty dictionary."""

ANY: Final = "*"
_METHODS: Final = {"HEAD": ("GET", "*"), "CONNECT": ("CONNECT",), "*": ("*",)}
"""The methods of the routes that answer a method, if they are not its own and `*`."""
_Orders = dict[str, tuple["_Table[T]", ...]]
_ASCII = bytes(range(128))
_CODE = re.compile("%[0-9A-Fa-f]{2}")
_BROKEN = re.compile("%(?![0-9A-Fa-f]{2})")
_DECODED = {f"%{ord(character):02X}": character for character in UNENCODED}
_UNRESERVED = {code: character for code, character in _DECODED.items() if character.isalnum() or character in "-._~"}


def normalise(raw: bytes | str, strip_trailing_slash: bool = False, *, faithful: bool = False) -> str:
    """Normalizes a path for matching: RFC 3986 §6.2.2 as hapi applies it, always ASCII.

    Percent codes are upper-cased, those of characters that need none are decoded, dot segments and a fragment removed.
    An absolute target loses its scheme and host; any other target without a leading "/" raises BadRequest. A `faithful`
    path keeps the percent codes of reserved characters, which an upstream server may distinguish (RFC 3986 §2.2); its
    segments are the same.
    """
    text = raw if isinstance(raw, str) else raw.decode("latin-1")
    if not text.startswith("/"):
        text = _origin_form(text)
    if "#" in text:
        text = text.partition("#")[0]
    if not text.isascii():
        text = quote_from_bytes(text.encode("utf-8" if isinstance(raw, str) else "latin-1", "surrogatepass"), _ASCII)
    if "%" in text:
        text = _CODE.sub(_recode_unreserved if faithful else _recode, text)
    if "/." in text:
        text = _without_dots(text)
    if strip_trailing_slash and text.endswith("/") and len(text) > 1:
        text = text[:-1]
    return text


def hostname(host: str) -> str:
    """Normalizes a `Host` header for virtual hosts: without port and final dot, in lower case."""
    name = host.lower()
    if not name.endswith("]"):
        name = name.rpartition(":")[0] or name
    return name.removesuffix(".")


class Router(Generic[T]):
    """Routes by method, path and virtual host: call `add` for each, `freeze`, then `find`.

    Methods are upper case, `*` matches any. The order of `add` does not matter.
    """

    __slots__ = ("_case_sensitive", "_general", "_hosts", "_strip_trailing_slash", "_tables", "_taken")

    def __init__(self, case_sensitive: bool = True, strip_trailing_slash: bool = False) -> None:
        self._case_sensitive = case_sensitive
        self._strip_trailing_slash = strip_trailing_slash
        self._tables: dict[tuple[str | None, str], _Table[T]] = {}
        self._taken: dict[tuple[str | None, str, str], str] = {}
        self._general: dict[str, tuple[_Table[T], ...]] = {}
        self._hosts: dict[str, dict[str, tuple[_Table[T], ...]]] = {}

    def add(self, method: str, path: Path, target: T, vhost: str | None = None) -> None:
        """Adds a route; raises ValueError for a conflict, a HEAD route or a trailing slash that requests lose."""
        if method == "HEAD":
            raise ValueError(f"HEAD {path.text}: GET routes serve HEAD, it cannot be declared")
        if self._strip_trailing_slash and path.text.endswith("/") and path.text != "/":
            raise ValueError(
                f"{method} {path.text}: requests lose their trailing slash (stripTrailingSlash), so it never matches"
            )
        host = None if vhost is None else vhost.lower()
        for key in map(self._fold, occupies(path)):
            other = self._taken.get((host, method, key))
            if other is not None:
                raise ValueError(f"{method} {path.text} conflicts with {other}")
            self._taken[host, method, key] = path.text
        if (host, method) not in self._tables:
            self._tables[host, method] = _Table(method)
        self._tables[host, method].add(path, target, self._case_sensitive)

    def freeze(self) -> "Router[T]":
        """Computes the order of tables for every host and method and frees the data that only `add` needs."""
        self._taken.clear()
        for table in self._tables.values():
            table.freeze()
        self._general = self._orders_of(None)
        self._hosts = {host: self._orders_of(host) for host, _ in self._tables if host is not None}
        return self

    def find(self, method: str, path: str, host: str | None = None) -> Match[T] | None:
        """Finds the route of a normalised `path`; raises BadRequest for a parameter that is not percent-coded UTF-8.

        `host` is the request's `Host` header, with or without port. Routes of any method do not match CONNECT, which
        asks for a tunnel and not for a resource (RFC 9110 §9.3.6).
        """
        folded = path if self._case_sensitive else path.lower()
        orders = self._orders_for(host)
        segments: list[str] = []
        raw = segments
        for table in orders.get(method) or (orders[ANY] if method != "CONNECT" else ()):
            exact = table.literals.get(folded)
            if exact is not None:
                return exact
            if table.root is None:
                continue
            if not segments:
                segments = folded.split("/")
                raw = segments if self._case_sensitive else path.split("/")
            values: list[str] = []
            leaf = search(table.root, segments, raw, 1, values)
            if leaf is not None:
                return leaf.target, _params(leaf, values, "%" in path)
        return None

    def allowed(self, path: str, host: str | None = None) -> tuple[str, ...]:
        """The methods with a route for `path`, sorted, for `Allow`; routes of any method do not count."""
        folded = self._fold(path)
        segments = folded.split("/")
        methods = {
            method
            for method, tables in self._orders_for(host).items()
            if method != ANY and any(table.answers(folded, segments) for table in tables if table.method != ANY)
        }
        return tuple(sorted(methods))

    def methods(self) -> tuple[str, ...]:
        """All methods of the table, sorted."""
        named = {method for _, method in self._tables if method != ANY}
        return tuple(sorted(named | {"OPTIONS"} | ({"HEAD"} if "GET" in named else set())))

    def _fold(self, text: str) -> str:
        return text if self._case_sensitive else text.lower()

    def _orders_for(self, host: str | None) -> "_Orders[T]":
        if host is None or not self._hosts:
            return self._general
        return self._hosts.get(hostname(host), self._general)

    def _orders_of(self, host: str | None) -> "_Orders[T]":
        """The tables to try for each method, in order: its own, for HEAD those of GET, then those of any method."""
        owners = (None,) if host is None else (host, None)
        orders: _Orders[T] = {}
        for method in {ANY, "HEAD", *(method for owner, method in self._tables if owner in owners)}:
            methods = _METHODS.get(method, (method, ANY))
            pairs = [(owner, name) for name in methods for owner in owners]
            orders[method] = tuple(self._tables[pair] for pair in pairs if pair in self._tables)
        return orders


class _Table(Generic[T]):
    """The routes of one method and host: literal paths in a dictionary, others in a trie by segment."""

    __slots__ = ("literals", "method", "root")

    def __init__(self, method: str) -> None:
        self.method = method
        self.literals: dict[str, Match[T]] = {}
        self.root: Node[T] | None = None

    def add(self, path: Path, target: T, case_sensitive: bool) -> None:
        segments = list(expanded(path, case_sensitive))
        leaf = Leaf(target, tuple(names_of(path)))
        self._put(segments, leaf)
        last = segments[-1]
        if isinstance(last, Param) and last.optional:
            self._put(segments[:-1], leaf)

    def freeze(self) -> None:
        if self.root is not None:
            self.root.freeze()

    def answers(self, folded: str, segments: list[str]) -> bool:
        if folded in self.literals:
            return True
        return self.root is not None and search(self.root, segments, segments, 1, []) is not None

    def _put(self, segments: list[Segment], leaf: Leaf[T]) -> None:
        if all(isinstance(segment, LiteralText) for segment in segments):
            text = "/" + "/".join(segment.text for segment in segments if isinstance(segment, LiteralText))
            self.literals[text] = (leaf.target, None)
            return
        if self.root is None:
            self.root = Node()
        self.root.put(segments, leaf)


def _params(leaf: Leaf[T], values: list[str], coded: bool) -> dict[str, str] | None:
    if not values:
        return None
    names = leaf.names
    if coded:
        values = [_decoded(value) if "%" in value else value for value in values]
    if len(values) == 1:
        return {names[0]: values[0]}
    if not leaf.counted:
        return dict(zip(names, values, strict=False))
    parts: dict[str, list[str]] = {}
    for name, value in zip(names, values, strict=False):
        parts.setdefault(name, []).append(value)
    return {name: "/".join(texts) for name, texts in parts.items()}


def _decoded(value: str) -> str:
    if _BROKEN.search(value):
        raise boom.BadRequest
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise boom.BadRequest from None


def _origin_form(target: str) -> str:
    scheme, found, rest = target.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        raise boom.BadRequest("Invalid URL")
    return "/" + rest.partition("/")[2]


def _recode(code: re.Match[str]) -> str:
    upper = code[0].upper()
    return _DECODED.get(upper, upper)


def _recode_unreserved(code: re.Match[str]) -> str:
    upper = code[0].upper()
    return _UNRESERVED.get(upper, upper)


def _without_dots(path: str) -> str:
    segments = path[1:].split("/")
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)
