"""Cookies of RFC 6265 as in @hapi/statehood: parses the `Cookie` header and formats `Set-Cookie`.

A declared cookie is validated strictly and decoded. An undeclared one never fails a request: it is passed on as text if
it is well-formed, else ignored.

No library has statehood's rules: Starlette's and Python's parsers accept malformed and repeated cookies silently.
"""

import dataclasses
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time
from typing import Final

from hapiish import boom
from hapiish.declare.types import Duration
from hapiish.http.cookies.encodings import decoded, encoded
from hapiish.http.cookies.iron import Password, check_password, seal, sign, unseal, unsign
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import CLEAR, Response
from hapiish.http.exchange.route import Step
from hapiish.options.cookies import Cookie
from hapiish.types import AsyncHandler, Value

_NAME = re.compile(r'[^\x00-\x20()<>@,;:\\"/\[\]?={}\x7f]+')
_VALUE = re.compile(r'[^\x00-\x20",;\\\x7f]*')
_LOOSE_VALUE = re.compile(r'"[^"\x00-\x1f\x7f]*"|[^;\x00-\x1f\x7f]*')
_PATH = re.compile(r"/[^\x00-\x1f;\x7f]*")
_DOMAIN = re.compile(r"\.?[a-z\d]+(?:-[a-z\d]+)*(?:\.[a-z\d]+(?:-[a-z\d]+)*)*", re.ASCII)
_EPOCH: Final = "Thu, 01 Jan 1970 00:00:00 GMT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition(Cookie):
    """A cookie's settings with their functions resolved: how it is read and written.

    `auto_value` is a value or an async function of the request, `contextualize` an async function of settings and
    request. `attributes` is the part of `Set-Cookie` after name, value and lifetime, in hapi's order. Raises ValueError
    for an attribute that browsers refuse and for a missing or short password.
    """

    password: Password | None = field(default=None, repr=False)
    contextualize: Callable[[dict[str, Value], Request], Awaitable[Value]] | None = None  # type: ignore[assignment]

    attributes: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.is_partitioned and not (self.is_secure and self.is_same_site == "None"):
            raise ValueError("a partitioned cookie must be secure and have SameSite=None")
        if self.domain is not None and not _is_domain(self.domain.lower()):
            raise ValueError(f"{self.domain!r} is no cookie domain")
        if self.path is not None and not _PATH.fullmatch(self.path):
            raise ValueError(f"{self.path!r} is not a cookie path: a path starts with a slash and has no semicolon")
        if self.encoding == "iron" and self.password is None:
            raise ValueError("a cookie with the encoding iron needs a password")
        for password in (self.password, self.sign.password if self.sign is not None else None):
            if password is not None:
                check_password(password)
        parts = (
            "; Secure" if self.is_secure else "",
            "; HttpOnly" if self.is_http_only else "",
            f"; SameSite={self.is_same_site}" if self.is_same_site else "",
            "; Partitioned" if self.is_partitioned else "",
            f"; Domain={self.domain.lower()}" if self.domain else "",
            f"; Path={self.path}" if self.path else "",
        )
        object.__setattr__(self, "attributes", "".join(parts))

    def sealed_for(self, milliseconds: int) -> "Definition":
        """A copy of this definition whose sealed values are valid for that time."""
        return dataclasses.replace(self, iron=dataclasses.replace(self.iron, ttl=Duration(milliseconds)))


_SETTINGS: Final = tuple(each.name for each in dataclasses.fields(Definition) if each.init and each.name != "mark")


@dataclass(frozen=True, slots=True)
class Failure:
    """A declared cookie that was refused, with its definition."""

    name: str
    reason: str
    definition: Definition


class Cookies:
    """The declared cookies by name; `defaults` are the settings of undeclared ones."""

    __slots__ = ("declared", "defaults")

    def __init__(self, declared: Mapping[str, Definition], defaults: Definition = Definition()) -> None:
        self.declared = dict(declared)
        self.defaults = defaults

    def parse(self, header: str) -> tuple[dict[str, Value], list[Failure]]:
        """Parses a `Cookie` header: values by name (a list if repeated), and the declared cookies that were refused."""
        values: dict[str, Value] = {}
        failures: list[Failure] = []
        for name, texts in _pairs(header).items():
            definition = self.declared.get(name)
            try:
                values[name] = _one_or_all([_read(name, text, definition or self.defaults) for text in texts])
            except ValueError as error:
                if definition is not None:
                    failures.append(Failure(name, str(error), definition))
        return values, failures

    def format(self, name: str, value: Value, options: Mapping[str, Value] | None = None) -> str:
        """Formats a `Set-Cookie` header. `options` override the definition; an unknown one raises TypeError.

        A name or value that RFC 6265 forbids raises ValueError: it is a fault of the server.
        """
        definition = self.declared.get(name, self.defaults)
        if options:
            definition = dataclasses.replace(definition, **options)
        return _header(name, _value_text(name, value, definition), definition)

    def clear(self, name: str, options: Mapping[str, Value] | None = None) -> str:
        """The `Set-Cookie` header that deletes `name`: the same attributes, lifetime zero."""
        definition = self.declared.get(name, self.defaults)
        return _header(name, "", dataclasses.replace(definition, **{**(options or {}), "ttl": 0}))

    def lines(self, cookies: Sequence[tuple[str, Value, Value]], *, clearings_only: bool) -> list[str]:
        """The `Set-Cookie` headers of a response; for a repeated name the last value is sent.

        On a 500 only the clearing of declared cookies is sent (hapi).
        """
        last = {name: (value, options) for name, value, options in cookies}
        if not clearings_only:
            return [
                self.clear(name, options) if value is CLEAR else self.format(name, value, options)
                for name, (value, options) in last.items()
            ]
        return [self.clear(name) for name, (value, _) in last.items() if value is CLEAR and name in self.declared]

    def pass_through(self, header: str, fallback: bool) -> str:
        """Removes declared cookies without `pass_through` from a `Cookie` header; `fallback` where it is undecided."""
        kept = {
            name
            for name, definition in self.declared.items()
            if not (fallback if definition.pass_through is None else definition.pass_through)
        }
        parts = (part.strip() for part in header.split(";"))
        return "; ".join(part for part in parts if part and part.partition("=")[0].rstrip() not in kept)

    async def complete(self, request: Request, response: Response, *, parsed: bool) -> None:
        """Finalizes a response's cookies: adds automatic values, unless nothing was `parsed`, and context."""
        if response.status_code == 500:
            return
        pending = request.pending_cookies or []
        if parsed:
            present = {name for name, _, _ in (*pending, *response.cookies)}
            for name, definition in self.declared.items():
                if definition.auto_value is None or name in present or name in request.state:
                    continue
                value = definition.auto_value
                value = await value(request) if callable(value) else value
                if value is not None:
                    pending.append((name, value, {}))
        pending += response.cookies
        response.cookies = []
        request.pending_cookies = [
            (name, value, await self._contextual(name, options, request)) for name, value, options in pending
        ] or None

    async def _contextual(self, name: str, options: dict[str, Value], request: Request) -> dict[str, Value]:
        definition = self.declared.get(name, self.defaults)
        if definition.contextualize is None:
            return options
        settings = {each: getattr(definition, each) for each in _SETTINGS} | options
        changed = await definition.contextualize(settings, request)
        return settings if changed is None else {**options, **changed}

    @property
    def need_completion(self) -> bool:
        """Returns whether any cookie needs `complete`."""
        known = (self.defaults, *self.declared.values())
        return any(each.auto_value is not None or each.contextualize is not None for each in known)


def _read(name: str, text: str, definition: Definition) -> Value:
    if definition.strict_header and not (_VALUE.fullmatch(text) and _NAME.fullmatch(name)):
        raise ValueError("characters that a cookie cannot have")
    if definition.sign is not None:
        text = unsign(name, text, definition.sign.password)
    if definition.encoding == "iron":
        assert definition.password is not None
        return unseal(text, definition.password, skew=definition.iron.timestamp_skew_sec * 1000)
    try:
        return decoded(text, definition.encoding)
    except ValueError as error:
        raise ValueError(f"is not {definition.encoding}: {error}") from error


def _value_text(name: str, value: Value, definition: Definition) -> str:
    if definition.encoding == "iron":
        assert definition.password is not None
        text = seal(value, definition.password, ttl=definition.iron.ttl)
    else:
        text = encoded(value, definition.encoding)
    return text if definition.sign is None else sign(name, text, definition.sign.password)


def _header(name: str, text: str, definition: Definition) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"invalid cookie name: {name!r}")
    if not (_VALUE if definition.strict_header else _LOOSE_VALUE).fullmatch(text):
        raise ValueError(f"invalid value of the cookie {name}")
    lifetime = ""
    if definition.ttl is not None:
        expires = formatdate(time() + definition.ttl / 1000, usegmt=True) if definition.ttl else _EPOCH
        lifetime = f"; Max-Age={definition.ttl // 1000}; Expires={expires}"
    return f"{name}={text}{lifetime}{definition.attributes}"


def cookies_step(cookies: Cookies, parse: bool, fail_action: str | AsyncHandler) -> Step:
    """The step that fills `request.state`, empty unless `parse`; a refused cookie is a 400.

    `fail_action` is hapi's: error, log, ignore or a function, which makes the step async. A refused cookie with
    `clear_invalid` is cleared on the response.
    """

    def skip(request: Request) -> None:
        request.state = {}

    def check(request: Request) -> None:
        for name, _ in request.scope["headers"]:
            if name == b"cookie":
                break
        else:
            return  # `state` stays empty
        error = _fill(cookies, request)
        if error is None or fail_action == "ignore":
            return
        if fail_action == "error":
            raise error
        request.note(["state", "error"], error, printed=True)

    async def ask(request: Request) -> Response | None:
        error = _fill(cookies, request)
        if error is None:
            return None
        assert callable(fail_action)
        return await fail_action(request, error)  # type: ignore[no-any-return]

    if not parse:
        return skip
    return ask if callable(fail_action) else check


def _fill(cookies: Cookies, request: Request) -> boom.Boom | None:
    header = request.headers.get("cookie")
    request.state, failures = cookies.parse(header) if header else ({}, [])
    for failure in failures:
        if failure.definition.clear_invalid:
            request.set_cookie(failure.name, CLEAR, {})
    refused = [failure.name for failure in failures if not failure.definition.ignore_errors]
    return boom.BadRequest("Invalid cookie value", data={"cookies": refused}) if refused else None


def _pairs(header: str) -> dict[str, list[str]]:
    """Parses names and all their texts, without surrounding double quotes; a part without "=" is ignored."""
    pairs: dict[str, list[str]] = {}
    for part in header.split(";"):
        name, found, text = part.partition("=")
        if not found:
            continue
        text = text.strip(" \t")
        if len(text) > 1 and text[0] == text[-1] == '"':
            text = text[1:-1]
        pairs.setdefault(name.strip(" \t"), []).append(text)
    return pairs


def _one_or_all(values: list[Value]) -> Value:
    return values[0] if len(values) == 1 else values


def _is_domain(text: str) -> bool:
    return bool(_DOMAIN.fullmatch(text)) and all(len(label) <= 63 for label in text.split("."))
