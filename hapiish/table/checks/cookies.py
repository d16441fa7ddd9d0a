"""Checks cookies: browsers that reject them, sealing, automatic values that the encoding cannot hold, duplicates."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from hapiish.table.draft import Draft
from hapiish.table.merging.realms import RealmDraft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import section

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
    """The encoding iron without a password, and a password without the encoding iron."""
    for name, cookie, place in _cookies(draft):
        if cookie.get("encoding") == "iron" and cookie.get("password") is None:
            if not draft.was_pruned(*place("password")):
                message = f'the cookie "{name}" cannot be sealed without a password'
                yield Problem(draft.mark(*place("encoding")), Code.COOKIE, message, "set a password")
        elif cookie.get("encoding") != "iron" and not draft.was_pruned(*place("encoding")):
            for key in ("password", "iron"):
                if cookie.get(key) and place(key)[-3] == "state":
                    message = f'"{key}" has no effect: the cookie "{name}" is not sealed'
                    yield Problem(draft.key_mark(*place(key)), Code.COOKIE, message, "write encoding: iron")


def session_cookie(draft: Draft) -> Iterator[Problem]:
    """A cookie under `state` with the name of the session cookie."""
    sessions = draft.outermost("session")
    name = section(sessions.value, "session").get("name") or "session"
    for _, at, declared in draft.sections("state"):
        if section(sessions.value, "session") and name in declared:
            related = ((draft.key_mark(*sessions.at, "session", "name"), "the session cookie"),)
            message = f'the cookie "{name}" is already used for sessions'
            yield Problem(draft.key_mark(*at, name), Code.COOKIE, message, "rename one of the two", related)


def automatic(draft: Draft) -> Iterator[Problem]:
    """Automatic values that the encoding of the cookie cannot hold, or that are set for all cookies."""
    for _, at, settings in draft.sections("server", "state"):
        if settings.get("autoValue") is None:
            continue
        mark = draft.key_mark(*at, "autoValue")
        yield Problem(mark, Code.COOKIE, '"autoValue" belongs to a single cookie', 'move it to a cookie under "state"')
    for name, cookie, place in _cookies(draft):
        value, encoding = cookie.get("autoValue"), cookie.get("encoding") or "none"
        if value is None or _is_function(value) or draft.was_pruned(*place("autoValue")):
            continue
        message = ""
        if encoding in ("none", "base64") and not isinstance(value, str):
            message = f'"autoValue" must be text with the encoding {encoding}'
        elif encoding == "form" and not isinstance(value, Mapping):
            message = '"autoValue" must be a mapping with the encoding form'
        elif encoding == "none" and cookie.get("strictHeader") is not False and not _VALUE.fullmatch(value):
            message = f'the cookie "{name}" cannot contain spaces, quotes, commas, semicolons or backslashes'
        if message:
            hint = "the encoding base64json takes any value"
            yield Problem(draft.mark(*place("autoValue")), Code.COOKIE, message, hint)


def _is_function(value: Any) -> bool:
    return isinstance(value, Mapping) and "method" in value


def _cookies(draft: Draft) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
    """The name and the effective settings of each cookie, and a function that returns the path of a setting."""
    for realm, _, declared in draft.sections("state"):
        for name in declared:
            yield name, draft.cookie(name, realm), partial(_place, draft, realm, name)
    sessions = draft.outermost("session")
    options = section(sessions.value, "session", "cookieOptions")
    if options:
        name = section(sessions.value, "session").get("name") or "session"
        yield name, {"encoding": "iron", **options}, lambda key: (*sessions.at, "session", "cookieOptions", key)


def _place(draft: Draft, realm: RealmDraft, name: str, key: str) -> Path:
    for around in (realm, draft.realms[0]):
        if key not in section(realm.value, "state", name) and key in section(around.value, "server", "state"):
            return (*around.at, "server", "state", key)
    return (*realm.at, "state", name, key)


def clashes(draft: Draft) -> Iterator[Problem]:
    """Cookies that two tables declare differently; equal declarations are one cookie."""
    taken: dict[str, tuple[RealmDraft, Path]] = {}
    for realm, at, declared in draft.sections("state"):
        for name in declared:
            first, place = taken.setdefault(name, (realm, (*at, name)))
            if first is not realm and draft.cookie(name, first) != draft.cookie(name, realm):
                related = ((draft.key_mark(*place), "the first one"),)
                message = f'the cookie "{name}" is declared differently by another table; tables share cookies'
                yield Problem(draft.key_mark(*at, name), Code.DUPLICATE_COOKIE, message, related=related)
