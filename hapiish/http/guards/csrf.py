"""Requests that another site makes a browser send (`options.csrf`, crumb's keys): where they come from, and a token.

A browser says from which site a request comes, in `Sec-Fetch-Site` or `Origin`. Another origin is refused, unless the
route's `cors` allows it. The token is in a cookie, which other sites cannot read, and must come a second time: in the
body or the query, from which it is removed, or under `restful` in a header. It is signed, and bound to the session
where there is one, so that a cookie that somebody else has planted is no token. `request.plugins["crumb"]` is the
token, for a form to carry.

No library has crumb's tokens with checks of the origin.
"""

import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Final

from hapiish import boom, options
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.route import Step
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.types import AsyncHandler

RUN_SECRET: Final = "HAPIISH_RUN_SECRET"  # noqa: S105 - the name of a variable
"""What the workers of one `hapiish run` sign with, where the table has no password."""

_FORMS: Final = frozenset({"post"})
_CHANGES: Final = frozenset({"post", "put", "patch", "delete"})
_LONGEST_SIGNATURE: Final = 43  # characters of base64 of SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class Csrf(options.Csrf):
    """The settings of one route with its function resolved, and the tokens that they describe.

    The first password signs tokens; tokens signed with the others are still accepted. Without a password, a secret of
    this run signs them, which no other server knows.
    """

    skip: AsyncHandler | None = None  # type: ignore[assignment]

    @property
    def passwords(self) -> Sequence[str]:
        """The passwords, the signing one first."""
        if isinstance(self.password, Mapping):
            return tuple(self.password.values())
        return () if self.password is None else (self.password,)

    def generate(self, request: Request) -> str:
        """Makes a token and sets its cookie; `request.plugins["csrf"]` offers it where `autoGenerate` is false."""
        nonce = secrets.token_urlsafe(self.size)[: self.size - self._signature_length]
        token = nonce + next(self._signatures(nonce, request))
        request.set_cookie(self.key, token, _attributes(self.cookie_options))
        request.plugins["crumb"] = token
        return token

    def knows(self, token: Any, request: Request) -> bool:
        """Whether `token` was made here, for this session."""
        if not isinstance(token, str) or len(token) != self.size or not token.isascii():
            return False
        nonce = token[: self.size - self._signature_length]
        given = token[len(nonce) :]
        return any(hmac.compare_digest(given, signature) for signature in self._signatures(nonce, request))

    @property
    def _signature_length(self) -> int:
        return min(self.size // 2, _LONGEST_SIGNATURE)

    def _signatures(self, nonce: str, request: Request) -> Iterator[str]:
        session = request.session
        text = f"{self.key}\n{nonce}\n{session.id if session is not None else ''}".encode()
        for password in self.passwords or (_run_secret(),):
            key = hmac.digest(password.encode(), b"hapiish csrf", "sha256")  # no signature of a cookie is one of these
            yield urlsafe_b64encode(hmac.digest(key, text, "sha256")).decode()[: self._signature_length]


def _attributes(cookie: options.CsrfCookie) -> dict[str, Any]:
    """Returns the attributes that differ from those of every cookie."""
    attributes = {each.name: getattr(cookie, each.name) for each in fields(cookie)}
    return {name: value for name, value in attributes.items() if value is not None}


@cache
def _run_secret() -> str:
    return os.environ.get(RUN_SECRET) or secrets.token_hex(32)


def csrf_step(settings: Csrf) -> Step:
    """The step that sees to the token's cookie, and refuses with 403 what another site sends or has no such token."""
    guarded = _CHANGES if settings.restful else _FORMS

    async def judge(request: Request) -> None:
        if settings.skip is not None and await settings.skip(request, Toolkit(request)):
            return
        request.plugins["csrf"] = settings
        token = _token(settings, request)
        if token is not None:
            request.plugins["crumb"] = token
        if request.method not in guarded:
            return
        submitted = _submitted(settings, request)
        if not _is_foreign(request) and _matches(token, submitted):
            return
        if settings.log_unauthorized:
            request.note(["crumb", "unauthorized"], "validation failed", printed=True)
        if settings.enforce:
            raise boom.Forbidden(code="csrf")

    return judge


def _token(settings: Csrf, request: Request) -> str | None:
    """The token of the cookie; else a new one, but none for pages of origins that the route does not know."""
    token = request.state.get(settings.key)
    if settings.knows(token, request):
        return token
    cors, origin = request.route.responder.cors, request.header(b"origin")
    if not settings.auto_generate or (cors is not None and origin is not None and not cors.allows(origin)):
        return None
    return settings.generate(request)


def _is_foreign(request: Request) -> bool:
    """Whether a browser says that a page of another origin sends this, one that the route's `cors` does not know.

    A client that says nothing is no browser of today, and has the token to bring.
    """
    site, origin = request.header(b"sec-fetch-site"), request.header(b"origin")
    if site is not None:
        if site in ("same-origin", "none"):
            return False
    elif origin is None or _is_own(origin, request):
        return False
    cors = request.route.responder.cors
    return cors is None or origin is None or not cors.allows(origin)


def _is_own(origin: str, request: Request) -> bool:
    """Whether `origin` is this server's; behind a proxy that is not trusted it may be https where we see http."""
    scheme, _, authority = origin.partition("://")
    return authority == request.info.host.lower() and (scheme == "https" or request.scope.get("scheme") == "http")


def _submitted(settings: Csrf, request: Request) -> Any:
    if settings.restful:
        return request.headers.get(settings.header_name.lower())
    holder = request.payload if settings.source == "payload" else request.query
    return holder.pop(settings.key, None) if isinstance(holder, MutableMapping) else None


def _matches(token: str | None, submitted: Any) -> bool:
    if token is None or not isinstance(submitted, str):
        return False
    return hmac.compare_digest(token.encode(), submitted.encode("utf-8", "surrogatepass"))
