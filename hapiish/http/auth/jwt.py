"""The scheme `jwt`: a signed token in a header (RFC 6750) or a cookie, with the options of @hapi/jwt.

A token's signature is verified once and cached; its times are checked and the user's function is called on every
request.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache, partial
from time import time
from typing import Any

from hapiish import boom, codec
from hapiish.declare import units
from hapiish.declare.option import camel
from hapiish.http.auth.keys import RemoteKeys, keys_for, make_key, signing_key
from hapiish.http.auth.signing import Signer, SigningKey
from hapiish.http.auth.tokens import Key, Token, TokenError, UnknownKeyError, Verifier
from hapiish.http.exchange.request import Auth, Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.server import HttpServer
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.exchange.verdict import Authenticated, Unauthenticated, ValidateResult
from hapiish.types import Json

NO_KEY = "public keys, certificates and keys of others (uri, method) only verify"
CACHED_TOKENS = 4096
"""Number of verified tokens cached per strategy; the least recently used is evicted."""


def jwt_scheme(server: HttpServer, options: Mapping[str, Json]) -> "JwtScheme":
    """The scheme for these options. `validate` and functions among the keys must be awaitable.

    Raises ValueError for a key that is too short or does not
    fit its algorithms, for `verify: false` without `validate`, and for `sign` without a signing key.
    """
    option = options.get("keys")
    sources = option if isinstance(option, list) else [] if option is None else [option]
    changing = [source for source in sources if callable(source) or (isinstance(source, Mapping) and "uri" in source)]
    own = [source for source in sources if source not in changing]
    fixed = [make_key(source) for source in own]
    signing = [key for key in map(signing_key, own) if key is not None]
    if options.get("sign") is not None and not signing:
        raise ValueError(f"sign needs a secret or a private key: {NO_KEY}")
    if options.get("verify") is False:
        if not options.get("validate"):
            raise ValueError("verify: false needs a validate function; otherwise any token would be accepted")
        return JwtScheme(options, None, signing)
    if changing:
        return ChangingKeysScheme(options, fixed, changing, signing)
    return JwtScheme(options, fixed, signing)


class JwtScheme:
    """Authenticates by tokens with fixed keys; without keys (None) the user's function checks the tokens."""

    def __init__(
        self, options: Mapping[str, Json], keys: Sequence[Key] | None, signing: Sequence[SigningKey] = ()
    ) -> None:
        verify = options.get("verify") or {}
        self._verifier = Verifier(
            keys,
            aud=_several(verify.get("aud")),
            iss=_several(verify.get("iss")),
            sub=_several(verify.get("sub")),
            exp=verify.get("exp", True),
            nbf=verify.get("nbf", True),
            max_age=verify.get("maxAgeSec", 0),
            skew=verify.get("timeSkewSec", 0),
            headless=_headless(options.get("headless")),
        )
        self._signer = Signer(
            signing,
            self._verifier,
            ttl=_seconds((options.get("sign") or {}).get("ttl", "1h")),
            claims={name: given[0] for name in ("aud", "iss") if (given := _several(verify.get(name)))},
            headless=_headless(options.get("headless")),
        )
        self._validate = options.get("validate") or None
        self._cookie: str | None = options.get("cookieName")
        self._header = (options.get("headerName") or "authorization").lower().encode("latin-1")
        self._word = options.get("httpAuthScheme", "Bearer")
        self._attributes = options.get("unauthorizedAttributes") or {}
        claim = options.get("scopeClaim")
        self._scope_claim = claim.split(".") if claim else None
        self._token = lru_cache(CACHED_TOKENS)(self._read)
        # A socket's handshake passes its token as this header.
        self.token_header = None if self._cookie else (self._header, f"{self._word} ".encode("latin-1"))

    async def authenticate(self, request: Request, h: Toolkit) -> Authenticated | Unauthenticated | Response:
        """Authenticates by the token's claims or the user's function; without a token the next strategy is tried."""
        try:
            token = self._token(request.header(self._header) if self._cookie is None else self._crumb(request))
            claims = token.claims()
            now = time()
            if not token.since <= now < token.until:
                self._verifier.check_times(claims, now)
        except TokenError as error:
            raise self._unauthorized(error) from None
        artifacts = token.artifacts(claims)
        if self._scope_claim is not None:
            claims = {**claims, "scope": _scopes(claims, self._scope_claim)}
        if self._validate is None:
            return Authenticated(claims, artifacts, token.until)
        answer = ValidateResult(await self._ask_validate(artifacts, request, h))
        return answer.verdict(h, lambda: self._refusal("Invalid credentials"), claims, artifacts, token.until)

    async def _ask_validate(self, artifacts: dict[str, Json], request: Request, h: Toolkit) -> Json:
        """Calls the user's function; a boom below 500 is a refusal, regardless of its status (hapi)."""
        assert self._validate is not None
        try:
            return await self._validate(artifacts, request, h)
        except boom.Boom as error:
            if error.status >= 500 or error.status == 401:
                raise
            raise self._refusal(error.message, error.code or "unauthorized") from error

    @property
    def signs(self) -> bool:
        """Returns whether the scheme has a signing key."""
        return bool(self._signer.keys)

    def sign(self, claims: Mapping[str, Json], **options: Any) -> str:
        """Signs a token with these claims, see `Signer.sign`. Raises ValueError without a signing key."""
        if not self.signs:
            raise ValueError(f"it has no key to sign with: {NO_KEY}")
        return self._signer.sign(claims, **options)

    def verify(self, auth: Auth) -> None:
        """Raises 401 for a token that has expired since the request came."""
        try:
            self._verifier.check_times(auth.artifacts["decoded"]["payload"], time())
        except TokenError as error:
            raise self._unauthorized(error) from None

    def _crumb(self, request: Request) -> str | None:
        value = request.state.get(self._cookie or "")
        return f"{self._word} {value}" if value and isinstance(value, str) else None

    def _read(self, header: str | None) -> Token:
        return self._verifier.verify(self._text(header))

    def _text(self, header: str | None) -> str:
        parts = (header or "").split()
        if not parts or parts[0].lower() != self._word.lower():
            raise UnknownKeyError("No token")
        if len(parts) != 2:
            raise TokenError("Bad HTTP authentication header format")
        return parts[1]

    def _unauthorized(self, error: TokenError) -> boom.Unauthorized:
        if isinstance(error, UnknownKeyError):
            return boom.Unauthorized(None, scheme=self._word, attributes=self._attributes)
        return self._refusal(str(error), "token_expired" if error.is_expired else "unauthorized")

    def _refusal(self, message: str, code: str = "unauthorized") -> boom.Unauthorized:
        return boom.Unauthorized(message, scheme=self._word, attributes=self._attributes, code=code)


class ChangingKeysScheme(JwtScheme):
    """The scheme for keys that an issuer publishes, or that a function returns per token."""

    def __init__(
        self,
        options: Mapping[str, Json],
        fixed: Sequence[Key],
        changing: Sequence[Mapping[str, Json]],
        signing: Sequence[SigningKey] = (),
    ) -> None:
        super().__init__(options, fixed, signing)
        self._fixed = tuple(fixed)
        self._current = self._fixed
        cache = _rules(options.get("cache") or {})
        self._remotes = [_remote(each, cache) for each in changing if isinstance(each, Mapping)]
        self._functions: list[Callable[..., Awaitable[Json]]] = [each for each in changing if callable(each)]

    async def authenticate(self, request: Request, h: Toolkit) -> Authenticated | Unauthenticated | Response:
        """Authenticates with the current keys."""
        try:
            text = self._text(request.header(self._header) if self._cookie is None else self._crumb(request))
            token = self._verifier.read(text)
        except TokenError as error:
            raise self._unauthorized(error) from None
        asked = [partial(function, token.artifacts(token.claims()), request) for function in self._functions]
        keys = (*self._fixed, *await keys_for(token.header, self._remotes, asked))
        if keys != self._current:
            self._current, self._verifier = keys, self._verifier.under(keys)
            self._token.cache_clear()
        return await super().authenticate(request, h)


def _remote(settings: Mapping[str, Json], cache: Mapping[str, int]) -> RemoteKeys:
    return RemoteKeys(
        settings["uri"],
        headers=settings.get("headers"),
        algorithms=settings.get("algorithms"),
        verify=settings.get("rejectUnauthorized", True),
        cache=cache,
    )


def _headless(header: Json) -> str | None:
    """The header of tokens sent without one, encoded as the text before the first dot."""
    if header is None or isinstance(header, str):
        return header
    return codec.to_base64url(codec.encode(header))


def _scopes(claims: Json, path: Sequence[str]) -> list[str]:
    """The scopes of a claim, which OAuth writes as one text with spaces."""
    for name in path:
        claims = claims.get(name) if isinstance(claims, Mapping) else None
    if isinstance(claims, str):
        return claims.split()
    return [each for each in claims if isinstance(each, str)] if isinstance(claims, list) else []


def _seconds(ttl: Json) -> Json:
    return ttl if ttl is False else units.duration(ttl) / 1000


def _rules(cache: Mapping[str, Json]) -> dict[str, int]:
    """The rules of a cache, named as Python does and in milliseconds."""
    given = [(name, cache.get(camel(name))) for name in ("expires_in", "stale_in", "stale_timeout", "generate_timeout")]
    return {name: units.duration(value) for name, value in given if value is not None}


def _several(accepted: Json) -> list[str] | None:
    """The accepted values of a claim; None (from false) accepts any."""
    return [accepted] if isinstance(accepted, str) else accepted or None
