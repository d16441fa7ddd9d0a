"""The scheme `oauth2`: login at a third party by the authorization code flow (RFC 6749, OpenID Connect; @hapi/bell).

The route is both ends of the flow: without a code it redirects to the provider, which redirects back to the same path.
State, nonce and PKCE verifier are kept in a sealed cookie meanwhile. A successful login authenticates one request; the
handler starts a session.
"""

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from functools import partial
from time import time
from typing import Any, Final

from hapiish import boom
from hapiish.http.auth.keys import KeysError
from hapiish.http.auth.providers import Issuer, Provider, own_provider
from hapiish.http.auth.tokens import TokenError
from hapiish.http.cookies.cookies import Definition
from hapiish.http.exchange import log
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import CLEAR, Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.exchange.verdict import Authenticated, Unauthenticated
from hapiish.options.schemes.providers import ISSUERS, PROVIDERS
from hapiish.outages import Service
from hapiish.types import Json

PATIENCE: Final = 10.0
"""Timeout of a provider's response in seconds."""

MINUTES: Final = 10 * 60_000
"""Default lifetime of a login's cookie in milliseconds."""

_OURS: Final = frozenset(
    {"client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"}
)
"""Parameters of the login page that options cannot override."""

_WRONG_CLAIMS: Final = {
    "exp": "exp or sub is missing",
    "sub": "exp or sub is missing",
    "nonce": "nonce does not match",
    "azp": "azp is another client",
    "at_hash": "at_hash does not match",
}
"""Messages for claims of an ID token that authlib refuses."""

_NONCE: Final = 22  # length of the state's random part; the application's part follows


class OAuth2Scheme:
    """The scheme. Functions among the options must be awaitable."""

    handshake = False
    token_header = None

    def __init__(self, server: HttpServer, options: Mapping[str, Json]) -> None:
        self.cookie: str = options["cookie"]["name"]
        # A redirect from the provider is a cross-site request, without Strict cookies.
        definition = server.sealed_cookie(options["cookie"], is_same_site="Lax")
        self._secure: bool = definition.is_secure
        lifetime = definition.iron.ttl or definition.ttl or MINUTES
        self.cookies: Mapping[str, Definition] = {self.cookie: definition.sealed_for(lifetime)}
        self._options = options
        self._client_id: str = options["clientId"]
        self._issuer: Issuer | None = None
        self._provider: Provider | None = None
        known: Json = options.get("provider")
        if isinstance(known, Mapping):
            self._provider = own_provider(known)
        elif known in PROVIDERS:
            self._provider = own_provider({"name": known, **PROVIDERS[known]})
        else:
            issuer = options.get("issuer") or ISSUERS[known]
            name = known or options.get("name", "oidc")
            self._issuer = Issuer(name, issuer, self._client_id, fetch=partial(self._get, None, None))
        self.name = self._issuer.name if self._issuer is not None else self._provider.name if self._provider else ""
        self._service = Service(f"the login provider {self.name}", "a login with it is answered 502")

    async def authenticate(self, request: Request, h: Toolkit) -> Authenticated | Unauthenticated | Response:
        """Redirects to the provider, or converts the provider's redirect to credentials."""
        query = request.query
        if query.get("error") or query.get("denied"):
            why = query.get("error_description") or query.get("denied") or query.get("error")
            return self._refused(f"App rejected: {why}", {"query": query})
        base = await self._route_uri(request)
        if self._secure and not base.startswith("https:"):
            raise boom.InternalServerError(
                f"the login over {base} cannot keep its cookie, which is for https: set cookie.isSecure to false, "
                "or forceHttps or location where a proxy speaks https"
            )
        provider = await self._current_provider()
        if not query.get("code"):
            return await self._start_login(request, provider, base)
        return await self._finish_login(request, provider, base)

    async def _start_login(self, request: Request, provider: Provider, base: str) -> Response:
        options = self._options
        waiting: dict[str, Json] = {"nonce": secrets.token_urlsafe(16)[:_NONCE], "query": dict(request.query)}
        state = waiting["nonce"]
        if options.get("runtimeStateCallback"):
            state += str(await options["runtimeStateCallback"](request) or "")
        ours: dict[str, str] = {}
        if provider.verifier is not None:
            waiting["oidc"] = ours["nonce"] = secrets.token_urlsafe(16)
        if provider.pkce:
            waiting["codeVerifier"] = secrets.token_urlsafe(48)
        if provider.pkce == "plain":
            ours |= {"code_challenge": waiting["codeVerifier"], "code_challenge_method": "plain"}
        scope = await self._option("scope", request)
        wanted = provider.scope if scope is None else [scope] if isinstance(scope, str) else scope
        async with self._client(provider) as client:
            uri, _ = client.create_authorization_url(
                provider.auth,
                state=state,
                code_verifier=waiting.get("codeVerifier"),
                redirect_uri=base,
                scope=provider.scope_separator.join(wanted) or None,
                **ours,
            )
        uri = await self._with_params(request, uri)
        request.set_cookie(self.cookie, waiting, {})
        return Response("").redirect(uri).takeover()

    async def _with_params(self, request: Request, uri: str) -> str:
        """Adds the table's parameters to the URI of the login page; reserved ones are never replaced."""
        from authlib.common.urls import add_params_to_uri

        extra: dict[str, Json] = dict(await self._option("providerParams", request) or {})
        if self._options.get("allowRuntimeProviderParams"):
            extra = {**request.query, **extra}
        added = [(key, text) for key, text in extra.items() if isinstance(text, str) and key not in _OURS]
        return str(add_params_to_uri(uri, added)) if added else uri

    async def _finish_login(self, request: Request, provider: Provider, base: str) -> Authenticated | Unauthenticated:
        waiting = request.state.get(self.cookie)
        if not isinstance(waiting, Mapping):
            return self._refused(f"Missing {self.name} request token cookie", {"query": request.query})
        context: dict[str, Json] = {"provider": self.name, "query": waiting["query"]}
        request.set_cookie(self.cookie, CLEAR, {})
        state = request.query.get("state")
        if not isinstance(state, str) or not hmac.compare_digest(state[:_NONCE].encode(), waiting["nonce"].encode()):
            return self._refused(f"Incorrect {self.name} state parameter", context)
        token = await self._token(request, provider, base, waiting)
        if token is None:
            return self._refused(f"Failed obtaining {self.name} access token", context)
        claims: Mapping[str, Json] = {}
        if provider.verifier is not None:
            try:
                claims = await self._claims(provider, token, waiting)
            except TokenError as error:
                return self._refused(f"Invalid {self.name} ID token: {error}", context)
        credentials = {
            **context,
            "token": token["access_token"],
            "refreshToken": token.get("refresh_token"),
            "expiresIn": token.get("expires_in"),
        }
        if not self._options.get("skipProfile"):
            try:
                await self._profile(request, provider, credentials, token, claims)
            except TokenError as error:
                return self._refused(str(error), context)
        self._service.back()
        return Authenticated(credentials, dict(token))

    async def _token(
        self, request: Request, provider: Provider, base: str, waiting: Mapping[str, Json]
    ) -> Mapping[str, Json] | None:
        """Exchanges the code for tokens; None for a code that the provider refuses, which is the client's error."""
        from authlib.integrations.base_client import OAuthError

        token_params = await self._option("tokenParams", request) or {}
        verifier = {"code_verifier": waiting["codeVerifier"]} if "codeVerifier" in waiting else {}
        secret = await self._option("clientSecret", request)
        async with self._client(provider, secret) as client:
            try:
                async with asyncio.timeout(PATIENCE):
                    token: Mapping[str, Json] = await client.fetch_token(
                        provider.token,
                        grant_type="authorization_code",
                        code=request.query["code"],
                        redirect_uri=base,
                        headers={"Accept": "application/json", **provider.headers},
                        **verifier,
                        **token_params,
                    )
            except OAuthError as error:
                if error.error in ("invalid_grant", "bad_verification_code"):
                    return None
                raise self._unreachable("access token", error) from error
            except Exception as error:
                raise self._unreachable("access token", error) from error
        if not isinstance(token, Mapping) or not isinstance(token.get("access_token"), str):
            raise self._unreachable("access token", ValueError("the answer holds no access_token"))
        return token

    async def _claims(
        self, provider: Provider, token: Mapping[str, Json], waiting: Mapping[str, Json]
    ) -> Mapping[str, Json]:
        """Returns the claims of a verified ID token (OpenID Connect Core §3.1.3.7). Raises TokenError."""
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import ClaimError

        assert provider.verifier is not None
        assert provider.keys is not None
        text = token.get("id_token")
        if not isinstance(text, str):
            raise TokenError("it is missing")
        header = provider.verifier.read(text).header
        try:
            keys = await provider.keys.keys(header.get("kid"))
        except KeysError as error:
            raise boom.BadGateway(f"Failed obtaining {self.name} keys") from error
        verified = provider.verifier.under(keys).verify(text)
        claims, now = verified.claims(), time()
        provider.verifier.check_times(claims, now)
        expected = {
            "client_id": self._client_id,
            "nonce": str(waiting.get("oidc")),
            "access_token": token["access_token"],
        }
        try:
            CodeIDToken(claims, verified.header, params=expected).validate(int(now), provider.verifier.skew)
        except ClaimError as error:
            raise TokenError(_WRONG_CLAIMS.get(error.claim, error.description)) from None
        except (TypeError, ValueError):  # at_hash is not text
            raise TokenError(_WRONG_CLAIMS["at_hash"]) from None
        return claims

    async def _profile(
        self,
        request: Request,
        provider: Provider,
        credentials: dict[str, Json],
        token: Mapping[str, Json],
        claims: Mapping[str, Json],
    ) -> None:
        """Fills `credentials.profile`: from the user's function, else from the provider's profile.

        Raises TokenError for a profile of another subject.
        """
        import httpx

        get = partial(self._get, provider, credentials["token"])
        function = self._options.get("profile")
        try:
            if function is not None:
                profile = await function(credentials, token, get, request)
                if profile is not None:
                    credentials["profile"] = profile
                return
            raw: Json = claims
            if provider.profile is not None:
                raw = await get(provider.profile, await self._option("profileParams", request) or None)
        except boom.Boom:
            raise
        except Exception as error:
            if function is not None and not isinstance(error, httpx.HTTPError | OSError):  # the user's error
                log.event(request.id, ["auth", "error"], error)
                raise boom.BadGateway(f"Failed obtaining {self.name} user profile") from error
            raise self._unreachable("user profile", error) from error
        if not isinstance(raw, Mapping):
            raise self._unreachable("user profile", ValueError("the answer is no object"))
        if claims and raw.get("sub") != claims["sub"]:
            raise TokenError(f"The {self.name} profile has another subject")
        if raw:
            credentials["profile"] = provider.described({**claims, **raw})

    async def _current_provider(self) -> Provider:
        if self._provider is not None:
            return self._provider
        assert self._issuer is not None
        try:
            return await self._issuer.provider()
        except Exception as error:
            raise self._unreachable("endpoints", error) from error

    def _client(self, provider: Provider, secret: str | None = None) -> Any:
        from authlib.integrations.httpx_client import AsyncOAuth2Client

        method = "client_secret_post" if provider.use_params_auth else "client_secret_basic"
        return AsyncOAuth2Client(
            self._client_id,
            secret,
            token_endpoint_auth_method=method if secret else "none",
            code_challenge_method="S256" if provider.pkce == "S256" else None,
        )

    async def _get(
        self, provider: Provider | None, token: str | None, uri: str, params: Mapping[str, str] | None = None
    ) -> Json:
        """Fetches JSON, authorized by the token if given."""
        import httpx

        headers = {"Accept": "application/json", **(provider.headers if provider is not None else {})}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        target = httpx.URL(uri)
        async with httpx.AsyncClient(timeout=PATIENCE) as client:
            answer = await client.get(target.copy_merge_params(dict(params)) if params else target, headers=headers)
            return answer.raise_for_status().json()

    async def _option(self, name: str, request: Request) -> Json:
        """The value of an option, or the result of its function for this request."""
        option = self._options.get(name)
        return await option(request) if callable(option) else option

    async def _route_uri(self, request: Request) -> str:
        """The URI of this route as the provider knows it."""
        location = self._options.get("location")
        if callable(location):
            return str(await location(request))
        path = request.scope.get("root_path", "") + request.path
        if location:
            return f"{location.rstrip('/')}{path}"
        scheme = "https" if self._options.get("forceHttps") else request.scope["scheme"]
        return f"{scheme}://{request.info.host}{path}"

    def _refused(self, message: str, credentials: dict[str, Json]) -> Unauthenticated:
        error = boom.Unauthorized(message, code="unauthorized")
        return Unauthenticated(error, {"provider": self.name, **credentials})

    def _unreachable(self, what: str, error: Exception) -> boom.Boom:
        """A 502 for a failure of the provider, whose cause is only logged."""
        self._service.lost(f"{what}: {str(error) or type(error).__name__}")
        return boom.BadGateway(f"Failed obtaining {self.name} {what}")
