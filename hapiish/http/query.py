"""A query string to a dictionary as hapi reads it (`application/x-www-form-urlencoded` of the WHATWG URL standard).

Only text comes out; numbers, lists and defaults are the business of a schema.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from hapiish import boom

_CODES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})++")

Parser = Callable[[dict[str, Any]], dict[str, Any]]


def parse(raw: bytes | str) -> dict[str, str | list[str]]:
    """Names to texts, a repeated name to the list of its texts in order.

    `+` is a space, a name without `=` is "", percent codes that are none stay as they are, bytes that are not UTF-8
    become U+FFFD: a query never fails to parse.
    """
    query: dict[str, str | list[str]] = {}
    if not raw:
        return query
    text = raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
    if "+" in text:
        text = text.replace("+", " ")
    coded = "%" in text
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if coded:
            name, value = _CODES.sub(_decoded, name), _CODES.sub(_decoded, value)
        if name not in query:
            query[name] = value
            continue
        known = query[name]
        if isinstance(known, list):
            known.append(value)
        else:
            query[name] = [known, value]
    return query


def _decoded(codes: re.Match[str]) -> str:
    """The text of percent codes. `urllib.parse.unquote` says the same, in quadratic time where many are none."""
    return bytes.fromhex(codes[0].replace("%", "")).decode("utf-8", "replace")


def parser(function: Callable[[dict[str, Any]], Any]) -> Parser:
    """A parser of one's own, which is given what `parse` returns; one that returns no dictionary is a 500 (hapi)."""

    def call(query: dict[str, Any]) -> dict[str, Any]:
        parsed = function(query)
        if not isinstance(parsed, dict):
            raise boom.InternalServerError(f"query.parser must return a dictionary, not {type(parsed).__name__}")
        return parsed

    return call
