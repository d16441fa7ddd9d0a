"""The functions that a table can name, by key, with their signatures: the page `functions` of the reference."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from hapiish.types import SERVER_POINTS

FORMS: Final = frozenset({"function", "functionOrCall", "failAction", "rule"})
"""The definitions of values that may be functions."""

PARAMETERS: Final[Mapping[str, str]] = {
    "request": "the [request](../python/request.md), or the event of a socket",
    "h": "the [toolkit](../python/h.md) for responses",
    "server": "the [server](../python/server.md); in the factory of a scheme, a kind or a cache while the table loads",
    "options": "of a factory: the options of the table; of a rule: `allow_unknown`, `strip_unknown`, `abort_early`, "
    "and `context`",
    "route": "the compiled route: `id`, `method`, `path`, `settings`",
    "error": "the [error](../python/boom.md); of a proxy, None unless the upstream failed",
    "value": "the value to judge or to convert",
    "key": "the key that the client sent; of `replacer`, the name of the member",
    "username": "the name that the client sent",
    "password": "the password that the client sent",
    "session": "the content of the sealed cookie",
    "artifacts": "the token, not yet validated: `{token, decoded: {header, payload, signature}, raw}`",
    "credentials": "the credentials so far: token, provider, query and so on",
    "token": "the access token of the provider",
    "get": "`await get(uri, params)` requests JSON with the caller's token",
    "body": "`{statusCode, error, message}`, with `code`, `data` and `validation` if the error has them",
    "settings": "the settings of the cookie, which the function may change",
    "stored": "the time at which the value was stored, in milliseconds since the epoch",
    "ttl": "the lifetime, in milliseconds",
    "document": "the stored document, as a mapping",
    "outgoing": "the request to the upstream, of httpx",
    "upstream": "the response of the upstream: `status_code`, `headers`, `read()`",
    "change": "`id`, `online`, and `at` in milliseconds since the epoch",
    "query": "the parsed query, a mapping",
    "args": "the arguments of the call",
}
"""The meaning of each parameter of the signatures."""

_REQUEST_H: Final = "(request, h)"
_BY_KEY: Final[Mapping[str, str]] = {
    "generateKey": "(*args)",
    "helpers": "(*args)",
    "filters": "(value, *args)",
    "parser": "(query)",
    "listeners": "(*args)",
    "pre": _REQUEST_H,
}
"""The signatures of keys whose descriptions name none."""
_OF_METHODS: Final = "(*args)"
_REPEATED: Final = (
    "server.routes",
    "sockets.namespaces[].options",
    "sockets.namespaces[].events[].options",
    "options.ext.",
)
"""Sections whose functions are those of route options."""
_OTHERS: Final = ("add", "bind", "models")
"""Keys that name an object or a class, or that only continue a list."""

_TEXT: Final = """\
# Functions that a table names

Each key below takes the name of a Python function, `module:attribute`. The module is looked up beside the table first.

- An `async def` function runs in the event loop. A `def` function runs in a thread, so that it may block, unless its
  row says otherwise.
- Each function may also declare the keyword-only parameters `models` and `server` (after a `*`): the models of its
  table, and the server.
- An exception that is not an error of [`boom`](../python/boom.md) becomes a 500, and its traceback is logged.

## By place

Events and namespaces of sockets have the functions of `options` too, with the same signatures.
"""


@dataclass(frozen=True, slots=True)
class NamedFunction:
    """A place of a table that names a function: `path` is its key, `link` the section that describes it."""

    path: str
    signature: str
    meaning: str
    link: str


@dataclass(frozen=True, slots=True)
class Place:
    """A key of the reference: its section, the definitions of its values and their description."""

    section: str
    key: str
    forms: frozenset[str]
    text: str
    link: str


def functions(places: Iterable[Place]) -> Iterator[NamedFunction]:
    """Yields the functions among the keys of the reference."""
    for place in places:
        named = place.forms & FORMS or "module:attribute" in place.text
        if not named or place.key in _OTHERS or place.section.startswith(_REPEATED):
            continue
        yield NamedFunction(f"{place.section}.{place.key}", signature(place), place.text, place.link)


def signature(place: Place) -> str:
    """Returns the signature of the function of a key; empty if neither its description nor its form tells it."""
    stated = re.search(r"`(\([^`]*\))`", place.text)
    if stated is not None:
        return stated[1]
    if place.key in _BY_KEY:
        return _BY_KEY[place.key]
    if "failAction" in place.forms:
        return "(request, h, error)"
    if place.section.endswith("validate") or place.key in ("status", "schema"):
        return "(value, options)"
    if place.key.startswith("on") or place.key == "handler":
        return "(server)" if place.key in SERVER_POINTS else _REQUEST_H
    if place.section.startswith("methods"):
        return _OF_METHODS
    if "function of the request" in place.text:
        return "(request)"
    return "(body, request)" if place.section.endswith("response.errors") else ""


def page(places: Iterable[Place]) -> str:
    """Returns the page as Markdown."""
    found = list(functions(places))
    lines = [_TEXT, "| key | signature | meaning |", "| --- | --- | --- |"]
    lines += [
        f"| [`{each.path}`]({each.link}) | `{each.signature}` | {each.meaning} |" for each in found if each.signature
    ]
    lines += ["", "## Parameters", "", "| parameter | meaning |", "| --- | --- |"]
    lines += [f"| `{name}` | {PARAMETERS[name]} |" for name in PARAMETERS if name in parameters(found)]
    return "\n".join(lines) + "\n"


def parameters(found: Iterable[NamedFunction]) -> frozenset[str]:
    """Returns the names of all parameters of the signatures."""
    return frozenset(name for each in found for name in re.findall(r"\w+", each.signature))
