"""The scheme `cookie`: a session sealed into a cookie, checked by an optional function of the user (@hapi/cookie).

Route handlers set and clear the session by `request.cookie_auth`, or the name in `requestDecoratorName`.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from hapiish import boom
from hapiish.http.cookies.cookies import Definition
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import CLEAR, Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.exchange.verdict import Authenticated, Unauthenticated, ValidateResult
from hapiish.http.syntax.header import is_local
from hapiish.types import Json

DECORATION = "cookie_auth"


class CookieAuth:
    """`request.cookie_auth`: sets and clears the session of the request's caller."""

    __slots__ = ("_request", "_scheme")

    def __init__(self, request: Request, scheme: "CookieScheme") -> None:
        self._request = request
        self._scheme = scheme

    def set(self, session: Any, value: Json = ...) -> None:
        """Starts a session, a mapping; with two arguments, sets one key of the current session."""
        if value is not ...:
            session = {**self._present("apply a key to"), session: value}
        if not isinstance(session, Mapping):
            raise TypeError(f"a session is a mapping, not {type(session).__name__}")
        self._request.auth.artifacts = session
        self._request.set_cookie(self._scheme.name, session, {})

    def clear(self, key: str | None = None) -> None:
        """Ends the session, or removes one key of it."""
        if key is None:
            self._request.auth.artifacts = None
            self._request.set_cookie(self._scheme.name, CLEAR, {})
        else:
            self.set({name: value for name, value in self._present("clear a key from").items() if name != key})

    def ttl(self, milliseconds: int) -> None:
        """Sets the remaining lifetime of the session."""
        session = self._present("give another lifetime")
        self._request.set_cookie(
            self._scheme.name,
            session,
            {"ttl": milliseconds, "iron": self._scheme.definition.sealed_for(milliseconds).iron},
        )

    def next(self, default: str = "/") -> str:
        """The return path after a login: the query parameter of `appendNext`, if it is a path of this server."""
        target = self._request.query.get(self._scheme.next or "next")
        return target if is_local(target) else default

    def _present(self, purpose: str) -> Mapping[str, Json]:
        session = self._request.auth.artifacts
        if isinstance(session, Mapping):
            return session
        raise RuntimeError(f"no session to {purpose}")


class CookieScheme:
    """The scheme. `validate` and `redirectTo.method` must be awaitable.

    A session expires with its cookie, unless `iron.ttl` is set. Raises ValueError for `keepAlive` without a `ttl`.
    """

    token_header = None

    def __init__(self, server: HttpServer, options: Mapping[str, Json]) -> None:
        self.name: str = options["cookie"]["name"]
        definition = server.sealed_cookie(options["cookie"])
        if definition.iron.ttl is None and definition.ttl:
            definition = definition.sealed_for(definition.ttl)
        self.definition: Definition = definition
        self.cookies = {self.name: definition}
        self.decorations: Mapping[str, Callable[[Request], CookieAuth]] = {
            options.get("requestDecoratorName") or DECORATION: lambda request: CookieAuth(request, self)
        }
        self._keep_alive = options.get("keepAlive", False)
        if self._keep_alive and not definition.ttl:
            raise ValueError("keepAlive needs cookie.ttl, which it renews")
        self._redirect_to = options.get("redirectTo")
        append = options.get("appendNext")
        given = append if isinstance(append, Mapping) else {}
        self.next: str | None = given.get("name", "next") if append is True or append is given else append or None
        self._raw = given.get("raw", False)
        self._validate = options.get("validate")

    async def authenticate(self, request: Request, h: Toolkit) -> Authenticated | Unauthenticated | Response:
        """The session, or the credentials that the user's function returns for it."""
        session = request.state.get(self.name)
        if not isinstance(session, Mapping) or not session:
            return await self._refused(request, h, _unauthorized(None))
        credentials: Json = session
        if self._validate is not None:
            answer = await self._ask_validate(request, session, h)
            if isinstance(answer, boom.Boom):
                if self.definition.clear_invalid:
                    request.set_cookie(self.name, CLEAR, {})
                return await self._refused(request, h, answer)
            if answer.response is not None:
                response: Response = h.response(answer.response)
                return response.takeover()
            credentials = session if answer.credentials is None else answer.credentials
        if self._keep_alive:
            request.set_cookie(self.name, session, {})
        return Authenticated(credentials, session)

    async def _ask_validate(
        self, request: Request, session: Mapping[str, Json], h: Toolkit
    ) -> ValidateResult | boom.Boom:
        """Calls the user's function; a refusal, or a boom below 500 that it raises, is returned as an error."""
        assert self._validate is not None
        try:
            answer = ValidateResult(await self._validate(request, session, h))
        except boom.Boom as error:
            if error.status >= 500:
                raise
            return error if error.status == 401 else _unauthorized("Invalid cookie")
        return answer if answer.is_valid or answer.response is not None else _unauthorized(None)

    async def _refused(self, request: Request, h: Toolkit, error: boom.Boom) -> Unauthenticated | Response:
        """Redirects to the login if authentication is required and a browser can follow, else returns the verdict."""
        uri = self._redirect_to
        override = request.route.settings.plugins.get("cookie")
        if isinstance(override, Mapping) and "redirectTo" in override:
            uri = override["redirectTo"]
        if request.auth.mode != "required" or request.socket is not None:
            return Unauthenticated(error)
        if callable(uri):
            uri = await uri(request)
        if not uri:
            return Unauthenticated(error)
        if self.next:
            uri = f"{uri}{'&' if '?' in uri else '?'}{self.next}={quote(self._target(request), safe='')}"
        response: Response = h.response("You are being redirected...")
        return response.redirect(uri).takeover()

    def _target(self, request: Request) -> str:
        """The path of the request, for the login page to return to; always a path of this server."""
        query = request.scope["query_string"].decode("latin-1")
        raw = request.scope.get("raw_path")
        here = request.scope.get("root_path", "") + request.path
        path = raw.decode("latin-1") if self._raw and raw else quote(here, safe="%/:@!$&'()*+,;=~")
        target = f"{path}?{query}" if query else path
        return "/" + target.lstrip("/\\")


def _unauthorized(message: str | None) -> boom.Unauthorized:
    return boom.Unauthorized(message, scheme="cookie", code="unauthorized")
