"""Cookies of RFC 6265 as hapi treats them (`@hapi/statehood`): the `Cookie` header to values, values to `Set-Cookie`.

A cookie that the table declares is judged strictly and decoded; any other never fails a request: it arrives as it is
when it is well-formed, and not at all when it is not.
"""

import base64
import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from time import time
from typing import Any, Final, Literal
from urllib.parse import quote

from hapiish import boom, codec
from hapiish.http import query
from hapiish.http.request import Request
from hapiish.http.response import CLEAR, Response
from hapiish.types import AsyncHandler

_NAME = re.compile(r'[^\x00-\x20()<>@,;:\\"/\[\]?={}\x7f]+')
_VALUE = re.compile(r'[^\x00-\x20",;\\\x7f]*')
_LOOSE_VALUE = re.compile(r'"[^"\x00-\x1f\x7f]*"|[^;\x00-\x1f\x7f]*')
_PATH = re.compile(r"/[^\x00-\x1f;\x7f]*")
_DOMAIN = re.compile(r"\.?[a-z\d]+(?:-[a-z\d]+)*(?:\.[a-z\d]+(?:-[a-z\d]+)*)*", re.ASCII)
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_EPOCH: Final = "Thu, 01 Jan 1970 00:00:00 GMT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """How one cookie is read and written; the defaults are hapi's, and those of cookies that no table declares.

    `ttl` is in milliseconds, None makes a session cookie. A `ValueError` says which attribute no browser would take.
    `attributes` is what follows name, value and lifetime in `Set-Cookie`, in hapi's order.
    """

    ttl: int | None = None
    is_secure: bool = True
    is_http_only: bool = True
    is_same_site: Literal["Strict", "Lax", "None", False] = "Strict"
    is_partitioned: bool = False
    path: str | None = None
    domain: str | None = None
    encoding: Literal["none", "base64", "base64json", "form"] = "none"
    strict_header: bool = True
    ignore_errors: bool = False
    clear_invalid: bool = False

    attributes: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.is_partitioned and not (self.is_secure and self.is_same_site == "None"):
            raise ValueError("a partitioned cookie must be secure and have SameSite=None")
        if self.domain is not None and not _is_domain(self.domain.lower()):
            raise ValueError(f"{self.domain!r} is no cookie domain")
        if self.path is not None and not _PATH.fullmatch(self.path):
            raise ValueError(f"{self.path!r} is no cookie path; it starts with a slash and has no semicolon")
        parts = (
            "; Secure" if self.is_secure else "",
            "; HttpOnly" if self.is_http_only else "",
            f"; SameSite={self.is_same_site}" if self.is_same_site else "",
            "; Partitioned" if self.is_partitioned else "",
            f"; Domain={self.domain.lower()}" if self.domain else "",
            f"; Path={self.path}" if self.path else "",
        )
        object.__setattr__(self, "attributes", "".join(parts))


_PLAIN: Final = Definition()


@dataclass(frozen=True, slots=True)
class Failure:
    """A declared cookie that was refused, and what its definition says about that."""

    name: str
    reason: str
    definition: Definition


class Cookies:
    """The declared cookies by name; `definitions` have the attributes of `Definition`."""

    __slots__ = ("_definitions",)

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        names = [known.name for known in dataclasses.fields(Definition) if known.init]
        self._definitions = {
            cookie: Definition(**{name: getattr(given, name) for name in names})
            for cookie, given in definitions.items()
        }

    def parse(self, header: str) -> tuple[dict[str, Any], list[Failure]]:
        """The cookies of a `Cookie` header, a repeated one as a list, and those declared ones that were refused."""
        values: dict[str, Any] = {}
        failures: list[Failure] = []
        for name, texts in _pairs(header).items():
            definition = self._definitions.get(name)
            if definition is None:
                if _NAME.fullmatch(name) and all(map(_VALUE.fullmatch, texts)):
                    values[name] = _one_or_all(texts)
            elif definition.strict_header and not all(map(_VALUE.fullmatch, texts)):
                failures.append(Failure(name, "characters that a cookie cannot have", definition))
            elif definition.encoding == "none":
                values[name] = _one_or_all(texts)
            else:
                decode = _DECODERS[definition.encoding]
                try:
                    values[name] = _one_or_all([decode(text) for text in texts])
                except ValueError as error:
                    failures.append(Failure(name, f"is not {definition.encoding}: {error}", definition))
        return values, failures

    def format(self, name: str, value: Any, options: Mapping[str, Any] | None = None) -> str:
        """One `Set-Cookie` header. `options` replace attributes of the definition (`TypeError` on one there is not).

        A name or value that breaks RFC 6265 is a `ValueError`: the server's own mistake.
        """
        definition = self._definitions.get(name, _PLAIN)
        if options:
            definition = dataclasses.replace(definition, **options)
        text = _encoded(value, definition.encoding)
        return self._header(name, text, definition)

    def clear(self, name: str, options: Mapping[str, Any] | None = None) -> str:
        """The `Set-Cookie` header that makes a browser forget `name`: the same attributes, a lifetime of nothing."""
        definition = dataclasses.replace(self._definitions.get(name, _PLAIN), **{**(options or {}), "ttl": 0})
        return self._header(name, "", definition)

    def _header(self, name: str, text: str, definition: Definition) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"invalid cookie name: {name!r}")
        if not (_VALUE if definition.strict_header else _LOOSE_VALUE).fullmatch(text):
            raise ValueError(f"invalid value of the cookie {name}")
        lifetime = ""
        if definition.ttl is not None:
            expires = formatdate(time() + definition.ttl / 1000, usegmt=True) if definition.ttl else _EPOCH
            lifetime = f"; Max-Age={definition.ttl // 1000}; Expires={expires}"
        return f"{name}={text}{lifetime}{definition.attributes}"


def cookies_step(cookies: Cookies, parse: bool, fail_action: str | AsyncHandler) -> Callable[[Request], Any]:
    """The step that fills `request.state`, with nothing unless `parse`; a refused cookie is a 400.

    `fail_action` is hapi's: error, log, ignore or a function, which makes the step async. A cookie that is declared
    with `clear_invalid` is cleared on the response, whatever it will be.
    """

    def skip(request: Request) -> None:
        request.state = {}

    def judge(request: Request) -> None:
        error = _read(cookies, request)
        if error is None or fail_action == "ignore":
            return
        if fail_action == "error":
            raise error
        request.log(["state", "error"], error)

    async def ask(request: Request) -> Response | None:
        error = _read(cookies, request)
        if error is None:
            return None
        assert callable(fail_action)
        return await fail_action(request, error)  # type: ignore[no-any-return]

    if not parse:
        return skip
    return ask if callable(fail_action) else judge


def _read(cookies: Cookies, request: Request) -> boom.Boom | None:
    header = request.headers.get("cookie")
    request.state, failures = cookies.parse(header) if header else ({}, [])
    for failure in failures:
        if failure.definition.clear_invalid:
            request.set_cookie(failure.name, CLEAR, {})
    refused = [failure.name for failure in failures if not failure.definition.ignore_errors]
    return boom.BadRequest("Invalid cookie value", data={"cookies": refused}) if refused else None


def _pairs(header: str) -> dict[str, list[str]]:
    """Names and all their texts, without the double quotes around a text; a part without "=" is no cookie."""
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


def _one_or_all(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _from_base64(text: str) -> bytes:
    """Standard or URL-safe alphabet, padded or not."""
    data = text.encode().translate(_URL_SAFE).rstrip(b"=")
    return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)


_DECODERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "base64": lambda text: _from_base64(text).decode(),
    "base64json": lambda text: codec.decode(_from_base64(text)),
    "form": query.parse,
}


def _encoded(value: Any, encoding: str) -> str:
    if encoding == "base64json":
        return base64.b64encode(codec.encode(value)).decode()
    if value is None:
        return ""
    if encoding == "form" and isinstance(value, Mapping):
        return "&".join(f"{_component(name)}={_component(text)}" for name in value for text in _form_texts(value[name]))
    if encoding == "base64" and isinstance(value, str | bytes):
        return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
    if encoding == "none" and isinstance(value, str):
        return value
    raise TypeError(
        f"a cookie with the encoding {encoding} cannot hold {type(value).__name__}; base64json holds any JSON"
    )


def _form_texts(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [text for item in value for text in _form_texts(item)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return ["" if value is None else str(value)]


def _component(text: str) -> str:
    """encodeURIComponent, which Node writes form cookies with."""
    return quote(text, safe="!'()*")


def _is_domain(text: str) -> bool:
    return bool(_DOMAIN.fullmatch(text)) and all(len(label) <= 63 for label in text.split("."))
