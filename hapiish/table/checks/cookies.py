"""Cookies that no browser would take, that nobody could open, or whose value does not fit its encoding."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.table.codes import Code
from hapiish.table.draft import Draft
from hapiish.table.marks import Path
from hapiish.table.problems import Problem

_VALUE: Final = re.compile(r'[^\x00-\x20",;\\\x7f]*')


def partitioned(draft: Draft) -> Iterator[Problem]:
    """Partitioned cookies that browsers refuse."""
    for name, cookie, place in _cookies(draft):
        if cookie.get("isPartitioned") is not True:
            continue
        if cookie.get("isSecure") is False or cookie.get("isSameSite", "Strict") != "None":
            message = f'the partitioned cookie "{name}" must be Secure with SameSite=None'
            hint = 'write isSecure: true, isSameSite: "None"'
            yield Problem(draft.key_mark(*place("isPartitioned")), Code.PARTITIONED, message, hint)


def sealed(draft: Draft) -> Iterator[Problem]:
    """The encoding iron without a password, and a password that nothing would be sealed with."""
    for name, cookie, place in _cookies(draft):
        if cookie.get("encoding") == "iron" and cookie.get("password") is None:
            if not draft.lost(*place("password")):
                message = f'the cookie "{name}" cannot be sealed without a password'
                yield Problem(draft.mark(*place("encoding")), Code.COOKIE, message, "give it a password")
        elif cookie.get("encoding") != "iron" and not draft.lost(*place("encoding")):
            for key in ("password", "iron"):
                if cookie.get(key) and place(key)[0] == "state":
                    message = f'"{key}" of the cookie "{name}", which is not sealed'
                    yield Problem(draft.key_mark(*place(key)), Code.COOKIE, message, "write encoding: iron")


def twice(draft: Draft) -> Iterator[Problem]:
    """The cookie of sessions declared once more."""
    name = draft.section("session").get("name") or "session"
    if draft.section("session") and name in draft.section("state"):
        related = ((draft.key_mark("session", "name"), "sessions use it"),)
        message = f'the cookie "{name}" is that of the sessions'
        yield Problem(draft.key_mark("state", name), Code.COOKIE, message, "rename one of the two", related)


def automatic(draft: Draft) -> Iterator[Problem]:
    """Automatic values that the encoding of their cookie cannot hold, or that belong to no cookie."""
    if draft.section("server", "state").get("autoValue") is not None:
        mark = draft.key_mark("server", "state", "autoValue")
        yield Problem(mark, Code.COOKIE, "an automatic value belongs to one cookie", "declare the cookie under state")
    for name, cookie, place in _cookies(draft):
        value, encoding = cookie.get("autoValue"), cookie.get("encoding") or "none"
        if value is None or _is_function(value) or draft.lost(*place("autoValue")):
            continue
        message = ""
        if encoding in ("none", "base64") and not isinstance(value, str):
            message = f"a cookie with the encoding {encoding} holds text"
        elif encoding == "form" and not isinstance(value, Mapping):
            message = "a cookie with the encoding form holds a mapping"
        elif encoding == "none" and cookie.get("strictHeader") is not False and not _VALUE.fullmatch(value):
            message = f'the cookie "{name}" cannot hold spaces, quotes, commas, semicolons and backslashes'
        if message:
            hint = "base64json holds any value"
            yield Problem(draft.mark(*place("autoValue")), Code.COOKIE, message, hint)


def _is_function(value: Any) -> bool:
    return isinstance(value, Mapping) and "method" in value


def _cookies(draft: Draft) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    """Names, settings in effect, and where a setting of theirs is written."""
    for name, given in draft.section("state").items():
        own = given if isinstance(given, Mapping) else {}

        def place(key: str, own: Mapping[str, Any] = own, name: str = name) -> Path:
            inherited = key not in own and key in draft.section("server", "state")
            return ("server", "state", key) if inherited else ("state", name, key)

        yield name, draft.cookie(name), place
    options = draft.section("session", "cookieOptions")
    if options:
        name = draft.section("session").get("name") or "session"
        yield name, {"encoding": "iron", **options}, lambda key: ("session", "cookieOptions", key)
