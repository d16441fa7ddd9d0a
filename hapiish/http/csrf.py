"""Requests that another site makes a browser send (`options.csrf`, crumb's keys): a double-submit token.

The token is in a cookie, which other sites cannot read, and must come a second time: in the body or the query, from
which it is removed, or under `restful` in a header. `request.plugins["crumb"]` is the token, for a form to carry.
"""

import hmac
import secrets
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from hapiish import boom
from hapiish.http.lifecycle import Step
from hapiish.http.request import Request
from hapiish.http.toolkit import Toolkit
from hapiish.types import AsyncHandler

_FORMS: Final = frozenset({"post"})
_CHANGES: Final = frozenset({"post", "put", "patch", "delete"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Csrf:
    """The settings of one route; `cookie` are attributes that replace those of every cookie, `header` is lower case."""

    key: str = "crumb"
    size: int = 43
    auto_generate: bool = True
    cookie: Mapping[str, Any] = field(default_factory=dict)
    header: str = "x-csrf-token"
    restful: bool = False
    source: Literal["payload", "query"] = "payload"
    enforce: bool = True
    log_unauthorized: bool = False
    skip: AsyncHandler | None = None


def csrf_step(settings: Csrf) -> Step:
    """The step that sees to the token's cookie and refuses with 403 what comes without the token, or with another."""
    guarded = _CHANGES if settings.restful else _FORMS

    async def judge(request: Request) -> None:
        if settings.skip is not None and await settings.skip(request, Toolkit(request)):
            return
        token = _token(settings, request)
        if token is not None:
            request.plugins["crumb"] = token
        if request.method not in guarded or _matches(token, _submitted(settings, request)):
            return
        if settings.log_unauthorized:
            request.note(["crumb", "unauthorized"], "validation failed", printed=True)
        if settings.enforce:
            raise boom.Forbidden(code="csrf")

    return judge


def _token(settings: Csrf, request: Request) -> str | None:
    """The token of the cookie; else a new one, but none for pages of origins that the route does not know."""
    token = request.state.get(settings.key)
    if isinstance(token, str) and len(token) == settings.size:
        return token
    cors, origin = request.route.responder.cors, request.header(b"origin")
    if not settings.auto_generate or (cors is not None and origin is not None and not cors.allows(origin)):
        return None
    token = secrets.token_urlsafe(settings.size)[: settings.size]
    request.set_cookie(settings.key, token, dict(settings.cookie))
    return token


def _submitted(settings: Csrf, request: Request) -> Any:
    if settings.restful:
        return request.headers.get(settings.header)
    holder = request.payload if settings.source == "payload" else request.query
    return holder.pop(settings.key, None) if isinstance(holder, MutableMapping) else None


def _matches(token: str | None, submitted: Any) -> bool:
    if token is None or not isinstance(submitted, str):
        return False
    return hmac.compare_digest(token.encode(), submitted.encode("utf-8", "surrogatepass"))
