"""Refuses cross-site request forgery (`options.csrf`, crumb's keys): checks the origin of a request, and a token.

A browser sends the origin in `Sec-Fetch-Site` or `Origin`; a foreign one is refused, unless the route's `cors` allows
it. The token is in a cookie, which other sites cannot read, and must be repeated in the body or the query, from which
it is removed, or under `restful` in a header. It is signed and bound to the session, so that a planted cookie is no
token. Forms get it from `request.plugins["crumb"]`.

No library has crumb's tokens with checks of the origin.
"""

import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Final

from hapiish import boom, options
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.route import Step
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.types import AsyncHandler, Value

RUN_SECRET: Final = "HAPIISH_RUN_SECRET"  # noqa: S105 - the name of a variable
"""The secret that the workers of one `hapiish run` sign with, if the table has no password."""

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

    header: str = field(init=False, compare=False)
    passwords: tuple[str, ...] = field(init=False, compare=False, repr=False)
    """The passwords, the signing one first."""
    cookie: Mapping[str, Value] = field(init=False, compare=False)
    """The attributes that differ from those of every cookie."""

    def __post_init__(self) -> None:
        secret, cookie = self.password, self.cookie_options
        several = tuple(secret.values()) if isinstance(secret, Mapping) else () if secret is None else (secret,)
        attributes = {each.name: getattr(cookie, each.name) for each in fields(cookie)}
        object.__setattr__(self, "header", self.header_name.lower())
        object.__setattr__(self, "passwords", several)
        object.__setattr__(self, "cookie", {key: value for key, value in attributes.items() if value is not None})

    def generate(self, request: Request) -> str:
        """Generates a token and sets its cookie; `request.plugins["csrf"]` provides this if `autoGenerate` is false."""
        nonce = secrets.token_urlsafe(self.size)[: self.size - self._signature_length]
        token = nonce + next(self._signatures(nonce, request))
        request.set_cookie(self.key, token, dict(self.cookie))
        request.plugins["crumb"] = token
        return token

    def knows(self, token: Value, request: Request) -> bool:
        """Returns whether `token` was generated here, for this session."""
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
            key = hmac.digest(password.encode(), b"hapiish csrf", "sha256")  # differs from the signatures of cookies
            yield urlsafe_b64encode(hmac.digest(key, text, "sha256")).decode()[: self._signature_length]


@cache
def _run_secret() -> str:
    return os.environ.get(RUN_SECRET) or secrets.token_hex(32)


def csrf_step(settings: Csrf) -> Step:
    """The step that sets the token's cookie and refuses foreign or tokenless requests with 403."""
    guarded = _CHANGES if settings.restful else _FORMS

    async def check(request: Request) -> None:
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

    return check


def _token(settings: Csrf, request: Request) -> str | None:
    """The token of the cookie, or a new one; None for pages of origins that the route does not allow."""
    token = request.state.get(settings.key)
    if settings.knows(token, request):
        return token
    cors, origin = request.route.responder.cors, request.header(b"origin")
    if not settings.auto_generate or (cors is not None and origin is not None and not cors.allows(origin)):
        return None
    return settings.generate(request)


def _is_foreign(request: Request) -> bool:
    """Returns whether the browser reports a page of another origin that the route's `cors` does not allow.

    A client that reports nothing is not a current browser and needs a token.
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
    """Returns whether `origin` is this server's; behind an untrusted proxy it may be https instead of http."""
    scheme, _, authority = origin.partition("://")
    return authority == request.info.host.lower() and (scheme == "https" or request.scope.get("scheme") == "http")


def _submitted(settings: Csrf, request: Request) -> Value:
    if settings.restful:
        return request.headers.get(settings.header)
    holder = request.payload if settings.source == "payload" else request.query
    return holder.pop(settings.key, None) if isinstance(holder, MutableMapping) else None


def _matches(token: str | None, submitted: Value) -> bool:
    if token is None or not isinstance(submitted, str):
        return False
    return hmac.compare_digest(token.encode(), submitted.encode("utf-8", "surrogatepass"))
