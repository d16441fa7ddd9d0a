"""Parses query strings as hapi does (`application/x-www-form-urlencoded` of the WHATWG URL standard).

Values are text; schemas convert them to numbers and lists and add defaults.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from hapiish import boom
from hapiish.http.syntax.charset import UTF_8, decoder
from hapiish.types import Json

_CODES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})++")

Decoded = Callable[[re.Match[str]], str]
Parser = Callable[[dict[str, Json]], dict[str, Json]]


def parse(raw: bytes | str) -> dict[str, str | list[str]]:
    """Names to texts, a repeated name to the list of its texts in order.

    `+` is a space, a name without `=` is "", invalid percent codes are kept, bytes that are not UTF-8 become U+FFFD: a
    query never fails to parse.
    """
    return _pairs(raw if isinstance(raw, str) else raw.decode("utf-8", "replace"), _replaced)


def form(body: bytes, charset: str = UTF_8) -> dict[str, str | list[str]]:
    """Parses a form in that charset, percent codes included; raises BadRequest for bytes invalid in it."""
    decode = decoder(charset)
    if charset == UTF_8:
        return _pairs(decode(body), lambda codes: decode(_bytes(codes)))
    pairs = _pairs(body.decode("latin-1"), lambda codes: _bytes(codes).decode("latin-1"))
    values: dict[str, str | list[str]] = {}
    for name, value in pairs.items():
        texts = [decode(text.encode("latin-1")) for text in ([value] if isinstance(value, str) else value)]
        values[decode(name.encode("latin-1"))] = texts[0] if isinstance(value, str) else texts
    return values


def _pairs(text: str, decoded: Decoded) -> dict[str, str | list[str]]:
    query: dict[str, str | list[str]] = {}
    if not text:
        return query
    if "+" in text:
        text = text.replace("+", " ")
    coded = "%" in text
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if coded:
            name, value = _CODES.sub(decoded, name), _CODES.sub(decoded, value)
        if name not in query:
            query[name] = value
            continue
        present = query[name]
        if isinstance(present, list):
            present.append(value)
        else:
            query[name] = [present, value]
    return query


def _bytes(codes: re.Match[str]) -> bytes:
    """The bytes of percent codes. `urllib.parse.unquote` takes quadratic time if many are invalid."""
    return bytes.fromhex(codes[0].replace("%", ""))


def _replaced(codes: re.Match[str]) -> str:
    return _bytes(codes).decode("utf-8", "replace")


def query_step(parse: Parser) -> Callable[[Any], None]:
    """Returns the step that applies the table's own parser to the query of a request (`server.query.parser`)."""

    def step(request: Any) -> None:
        request.query = parse(request.query)

    return step


def parser(function: Callable[[dict[str, Json]], Json]) -> Parser:
    """Wraps `query.parser`, which receives the result of `parse`; any result but a dictionary is a 500 (hapi)."""

    def call(query: dict[str, Json]) -> dict[str, Json]:
        parsed = function(query)
        if not isinstance(parsed, dict):
            raise boom.InternalServerError(f"query.parser must return a dictionary, not {type(parsed).__name__}")
        return parsed

    return call
