"""`server.auth`: strategies for use outside of a route's own authentication (hapi's server.auth)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from hapiish import boom
from hapiish.bridge import anywhere
from hapiish.http.auth.access import access_step
from hapiish.http.auth.strategy import asked
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.route import Route, caller
from hapiish.http.exchange.verdict import Authenticated, Unauthenticated
from hapiish.options import RouteAuth
from hapiish.types import Json, Run, Scheme


class AuthService:
    """The strategies' API; `api` holds what schemes publish, by strategy; `default` the default settings of routes."""

    __slots__ = ("_run", "_strategies", "api", "default")

    def __init__(self, strategies: Mapping[str, Scheme], run: Run, default: RouteAuth | None = None) -> None:
        self._strategies = strategies
        self._run = run
        self.default = default
        apis = {name: getattr(scheme, "api", None) for name, scheme in strategies.items()}
        self.api = {name: api for name, api in apis.items() if api is not None}

    @anywhere
    async def test(self, strategy: str, request: Request) -> Authenticated:
        """Authenticates a request with a strategy, regardless of its route's authentication.

        Ignores mode and access, and leaves `request.auth` unchanged. Raises a boom for invalid or missing credentials,
        and KeyError for an unknown strategy.
        """
        verdict = await asked(strategy, self._strategies[strategy], request, self._run)
        if isinstance(verdict, Unauthenticated):
            raise verdict.error
        if isinstance(verdict, Authenticated):
            return verdict
        raise boom.Unauthorized("Authentication requires a response of the scheme", code="unauthorized")

    @anywhere
    async def verify(self, request: Request) -> None:
        """Verifies the request's credentials again, for long streams; raises if they have expired."""
        auth = request.auth
        if auth.error is not None:
            raise auth.error
        verify = getattr(self._strategies.get(auth.strategy or ""), "verify", None)
        if auth.is_authenticated and verify is not None:
            await caller(verify, self._run)(auth)

    def sign(
        self,
        claims: Mapping[str, Json],
        strategy: str | None = None,
        *,
        expires_in: float | timedelta | Literal[False] | None = None,
        kid: str | None = None,
    ) -> str:
        """Signs a token that the strategy accepts, with its first signing key or the one named `kid`.

        Without a strategy, uses the first default strategy that can sign. The token expires in `expires_in` seconds;
        without that, at `exp` of the claims or after `sign.ttl` of the strategy; False never. Missing `iat`, `aud` and
        `iss` are added. Not a coroutine, so that any function can call it.

        Raises ValueError for a strategy without a signing key, for claims that it would refuse, and for an unknown
        strategy or key.
        """
        name = strategy or self._signing()
        scheme = self._strategies.get(name)
        if scheme is None:
            raise ValueError(f'no strategy "{name}"; known: {", ".join(self._strategies) or "none"}')
        if not hasattr(scheme, "sign"):
            raise ValueError(f'the strategy "{name}" cannot sign: tokens are for strategies of the scheme jwt')
        try:
            token: str = scheme.sign(claims, expires_in=expires_in, kid=kid)
        except ValueError as error:
            raise ValueError(f'the strategy "{name}" cannot sign: {error}') from None
        return token

    def _signing(self) -> str:
        default = self.default.strategies if self.default is not None else ()
        for name in (*default, *self._strategies):
            scheme = self._strategies.get(name)
            if hasattr(scheme, "sign") and getattr(scheme, "signs", True):
                return str(name)
        raise ValueError("no strategy can sign tokens: it takes the scheme jwt with a secret or a private key")

    def access(self, request: Request, route: Route) -> bool:
        """Returns whether the access rules of `route` admit this request's caller."""
        settings = route.settings.auth
        if settings is None or not settings.access:
            return True
        before = request.auth.is_authorized
        try:
            access_step(settings.access, settings.mode)(request)
        except boom.Forbidden:
            return False
        else:
            return request.auth.is_authorized
        finally:
            request.auth.is_authorized = before

    def lookup(self, route: Route) -> RouteAuth | None:
        """The effective authentication settings of a route; None without authentication."""
        return route.settings.auth
