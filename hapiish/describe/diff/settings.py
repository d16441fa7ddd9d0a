"""Compares the settings of tables that reach beyond single routes: the router, cookies, and limits of Socket.IO."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hapiish.describe.diff.change import ChangeSubject, TableChange, Verdict
from hapiish.describe.diff.parts import ChangeReporter
from hapiish.describe.surface import Surface
from hapiish.options import Cookie, Sockets


def compare_settings(old: Surface, new: Surface) -> Iterator[TableChange]:
    """Yields the changes of the router, of cookies and of Socket.IO's limits."""
    yield from _router(old, new)
    yield from _cookies(old.cookies, new.cookies)
    if old.sockets is not None and new.sockets is not None:
        yield from _sockets(old.sockets, new.sockets)


def _router(old: Surface, new: Surface) -> Iterator[TableChange]:
    to = ChangeReporter(ChangeSubject("server", "server.router"), None, None)
    before, after = old.router, new.router
    for name, was_lenient, is_lenient in (
        ("the case of paths", not before.is_case_sensitive, not after.is_case_sensitive),
        ("a trailing slash", before.strip_trailing_slash, after.strip_trailing_slash),
    ):
        if was_lenient and not is_lenient:
            yield to.change("router-stricter", "breaking", f"{name} counts", direction="sent")
        elif is_lenient and not was_lenient:
            yield to.change("router-looser", "safe", f"{name} no longer counts", direction="sent")


def _cookies(old: Mapping[str, Cookie], new: Mapping[str, Cookie]) -> Iterator[TableChange]:
    for name in {**old, **new}:
        before, after = old.get(name), new.get(name)
        marks = [each.mark if each is not None else None for each in (before, after)]
        to = ChangeReporter(ChangeSubject("cookie", name), *marks)
        if before is None:
            yield to.change("cookie-added", "safe", "the cookie is declared")
        elif after is None:
            yield to.change("cookie-removed", "unknown", "the cookie is no longer declared")
        elif before.encoding != after.encoding or (before.sign is None) != (after.sign is None):
            text = "the encoding or the signature changes, so that the values that clients have are invalid"
            yield to.change("cookie-form", "breaking", text)
        elif replace(before, mark=after.mark) != after:
            yield to.change("cookie-changed", "unknown", "the attributes of the cookie change")


def _sockets(old: Sockets, new: Sockets) -> Iterator[TableChange]:
    to = ChangeReporter(ChangeSubject("sockets", "sockets"), old.mark, new.mark)
    if old.max_bytes != new.max_bytes:
        is_lower = new.max_bytes < old.max_bytes
        verdict: Verdict = "breaking" if is_lower else "safe"
        text = f"messages of at most {int(new.max_bytes)} bytes, and {int(old.max_bytes)} before"
        yield to.change("size-lowered" if is_lower else "size-raised", verdict, text, direction="sent")
    if old.origins != new.origins:
        yield _origins(to, old.origins, new.origins)


def _origins(to: ChangeReporter, old: Any, new: Any) -> TableChange:
    if new == "*" or (old != "*" and None not in (old, new) and set(old) <= set(new)):
        return to.change("cors-widened", "safe", "browsers of more origins may connect", direction="sent")
    if old is None or new is None or any("*" in origin for origin in new):
        return to.change("origins-changed", "unknown", "the permitted origins change", direction="sent")
    return to.change("cors-narrowed", "breaking", "browsers of an origin may not connect", direction="sent")
