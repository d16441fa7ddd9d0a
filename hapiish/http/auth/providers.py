"""Login providers: known providers as data, explicit endpoints, and issuers with discovery.

A provider is plain OAuth 2.0, where the profile is fetched with the access token, or OpenID Connect, where an ID token
is verified with the issuer's keys.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from time import time
from typing import Final

from hapiish.http.auth.keys import RemoteKeys
from hapiish.http.auth.tokens import Verifier
from hapiish.types import Json

RENEWED: Final = 86_400.0
"""Lifetime of an issuer's endpoints in seconds; its keys are cached separately."""

RETRIED: Final = 60.0
"""Seconds until a retry after a failure."""

_CLAIMS: Final = {"id": "sub", "username": "preferred_username", "displayName": "name", "email": "email"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Endpoints and parameters of a provider. `fields` map profile names to paths with dots.

    `verifier` verifies ID tokens with `keys`; both None for plain OAuth 2.0.
    """

    name: str
    auth: str
    token: str
    profile: str | None = None
    scope: tuple[str, ...] = ()
    scope_separator: str = " "
    pkce: str | None = "S256"
    use_params_auth: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=lambda: _CLAIMS)
    keys: RemoteKeys | None = None
    verifier: Verifier | None = None

    def described(self, raw: Mapping[str, Json]) -> dict[str, Json]:
        """A profile with bell's names and the provider's response as `raw`."""
        named = {name: _at(raw, path) for name, path in self.fields.items()}
        return {**{name: value for name, value in named.items() if value is not None}, "raw": dict(raw)}


Fetch = Callable[[str], Awaitable[Json]]


class Issuer:
    """A provider of OpenID Connect that is configured by its issuer (OpenID Connect Discovery 1.0).

    `fetch` returns JSON of a URI. The discovery document is cached for a day, longer if it is unavailable.
    """

    def __init__(
        self,
        name: str,
        issuer: str,
        client_id: str,
        *,
        scope: tuple[str, ...] = ("openid", "profile", "email"),
        use_params_auth: bool = False,
        fetch: Fetch,
        clock: Callable[[], float] = time,
    ) -> None:
        self.name = name
        self.issuer = issuer
        self._client_id = client_id
        self._base = Provider(name=name, auth="", token="", scope=scope, use_params_auth=use_params_auth)
        self._fetch = fetch
        self._clock = clock
        self._known: Provider | None = None
        self._since = 0.0
        self._asking = asyncio.Lock()

    async def provider(self) -> Provider:
        """The provider by the issuer's current document. Raises ValueError for a document of another issuer."""
        if self._known is not None and self._clock() - self._since < RENEWED:
            return self._known
        async with self._asking:
            if self._known is not None and self._clock() - self._since < RENEWED:
                return self._known
            try:
                document = await self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
                self._known, self._since = self._read(document), self._clock()
            except Exception:
                if self._known is None:
                    raise
                self._since = self._clock() - RENEWED + RETRIED
            return self._known

    def _read(self, document: Json) -> Provider:
        wanted = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        if not isinstance(document, Mapping) or not all(isinstance(document.get(key), str) for key in wanted):
            raise ValueError(f"{self.issuer} does not describe a provider of OpenID Connect")
        if document["issuer"].rstrip("/") != self.issuer.rstrip("/"):
            raise ValueError(f"the document of {self.issuer} names another issuer, {document['issuer']}")
        uri = document["jwks_uri"]
        keys = self._known.keys if self._known is not None and self._known.keys is not None else None
        methods = document.get("token_endpoint_auth_methods_supported")
        only_post = (
            isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods
        )
        return replace(
            self._base,
            auth=document["authorization_endpoint"],
            token=document["token_endpoint"],
            profile=document.get("userinfo_endpoint"),
            use_params_auth=self._base.use_params_auth or only_post,
            keys=keys if keys is not None and keys.uri == uri else RemoteKeys(uri, fetch=lambda: self._fetch(uri)),
            verifier=Verifier((), iss=[document["issuer"]], aud=[self._client_id], skew=60),
        )


def own_provider(settings: Mapping[str, Json]) -> Provider:
    """The provider of a table's settings."""
    scope = settings.get("scope") or ()
    return Provider(
        name=settings["name"],
        auth=settings["auth"],
        token=settings["token"],
        profile=settings.get("profile"),
        scope=(scope,) if isinstance(scope, str) else tuple(scope),
        scope_separator=settings.get("scopeSeparator", " "),
        pkce=settings.get("pkce", "S256") or None,
        use_params_auth=settings.get("useParamsAuth", False),
        headers=settings.get("headers") or {},
        fields=settings.get("fields") or _CLAIMS,
    )


def _at(value: Json, path: str) -> Json:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
