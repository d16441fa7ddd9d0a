"""The scheme `jwt`: tokens (RFC 7519)."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from hapiish.declare.manifest import SchemeManifest, StrategyFault
from hapiish.declare.option import As, Form, Items, Range, option, settings
from hapiish.declare.types import (
    IS_SECRET,
    LARGEST,
    AnyText,
    CookieName,
    Duration,
    Function,
    HeaderName,
    HttpUri,
    Json,
    TimeSpan,
)
from hapiish.options.schemes.common import Attributes

Claim = Annotated[
    tuple[str, ...] | Literal[False], As(Annotated[tuple[AnyText, ...], Items(min=1, one=True)] | Literal[False])
]
PublicAlgorithm = Literal["ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]
Algorithm = PublicAlgorithm | Literal["HS256", "HS384", "HS512"]
_HEADLESS: Final = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "object", "required": ["alg"]}]}


@settings(strict=True, also=(False,), wanted="false, or settings")
class JwtVerify:
    """The claims that a token must have."""

    aud: Claim = option(False, "The accepted audiences; false accepts any.", wanted="false, a text or a list of texts")
    iss: Claim = option(False, "The accepted issuers; false accepts any.", wanted="false, a text or a list of texts")
    sub: Claim = option(False, "The accepted subjects; false accepts any.", wanted="false, a text or a list of texts")
    exp: bool = option(True, "Refuses expired tokens.")
    nbf: bool = option(True, "Refuses tokens that are not valid yet.")
    max_age_sec: Annotated[int, Range(0, LARGEST)] = option(0, "The maximum age in seconds; 0: no limit.")
    time_skew_sec: Annotated[int, Range(0, LARGEST)] = option(0, "The permitted clock skew, in seconds.")


@settings(strict=True)
class JwtSign:
    """Settings of signed tokens."""

    ttl: TimeSpan | Literal[False] = option(
        Duration(3_600_000),
        "The lifetime of a token, unless the call sets `expires_in`. `false` makes tokens that never expire.",
        wanted="false or a duration",
    )


@settings(strict=True)
class JwtCache:
    """The cache of published keys."""

    expires_in: TimeSpan = option(Duration(604800000), "The lifetime of the keys.")
    stale_in: TimeSpan | None = option(
        None,
        "The age at which keys become stale: they are renewed while they stay in use; needs `staleTimeout`.",
        examples=["1h"],
    )
    stale_timeout: TimeSpan | None = option(
        None,
        "The time that a request waits for the renewal before it uses the stale keys; needs `staleIn`.",
        examples=[500],
    )
    generate_timeout: TimeSpan = option(Duration(120000), "The maximum time for the issuer to respond.")


@settings(name="jwtSecret", strict=True)
class JwtKey:
    """A single key."""

    key: Annotated[str, IS_SECRET] = option(
        description="A secret, or a public key, private key or certificate in PEM, which needs `hapiish[auth]`."
    )
    algorithms: Annotated[tuple[Algorithm, ...], Items(min=1)] | None = option(
        None,
        "The algorithms permitted with this key. The default is HS256 for a secret, and those of its kind for a PEM.",
    )
    kid: AnyText | None = option(None, "The id of the key; it does not verify tokens that name another one.")


@settings(strict=True)
class JwtKeySet:
    """The keys that an issuer publishes (JWKS)."""

    uri: HttpUri = option(
        description="The URI where an issuer publishes its keys (JWKS); needs `hapiish[auth]`.",
        examples=["https://issuer.example.com/.well-known/jwks.json"],
    )
    headers: Mapping[str, Annotated[AnyText, IS_SECRET]] = option({}, "Headers of the request for the keys.")
    reject_unauthorized: bool = option(True, "Requires a valid certificate of the issuer.")
    algorithms: Annotated[tuple[PublicAlgorithm, ...], Items(min=1)] | None = option(
        None, "The algorithms permitted with these keys. The default is those of each key."
    )


@settings(strict=True)
class JwtKeyFunction:
    """A function that returns the key of a token."""

    method: Function = option(
        description="`(artifacts, request)` as module:attribute, returns a key in one of the forms above, a list of "
        "them or None; `artifacts` is the decoded, unverified token."
    )


Key = Annotated[
    Json,
    As(Annotated[str, IS_SECRET] | JwtKey | JwtKeySet | JwtKeyFunction),
    Form(name="jwtKey", wanted="a secret, {key}, {uri} or {method}"),
]


@settings(strict=True)
class JwtOptions:
    """Options of the scheme `jwt` (RFC 7519)."""

    keys: Annotated[Json, As(Annotated[tuple[Key, ...], Items(min=1, one=True)])] | None = option(
        None,
        "A secret of at least 32 bytes, a PEM, `{key, algorithms, kid}`, `{uri, headers, algorithms}` "
        "for the published keys of an issuer, `{method}` for a function, or a list of these. Required "
        "unless `verify` is false.",
        examples=["${JWT_SECRET}"],
        wanted="a secret, {key}, {uri}, {method}, or a list of them",
    )
    verify: JwtVerify = option(
        JwtVerify(), "The claims that a token must have; false leaves signature, times and claims to `validate`."
    )
    validate: Function | Literal[False] = option(
        False,
        "`(artifacts, request, h)` as module:attribute, returns `{isValid, credentials}` or `{response}`; the "
        'claims are `artifacts["decoded"]["payload"]`. false: the claims are the credentials.',
        wanted='false, or a function "module:attribute"',
    )
    sign: JwtSign = option(
        JwtSign(),
        "Settings of the tokens that `server.auth.sign(claims)` signs for this strategy. It signs with the "
        "first of `keys` that is a secret or a private key.",
    )
    scope_claim: str | None = option(
        None,
        "The claim that becomes `scope` of the credentials, a text with spaces (OAuth) or a list; a dot "
        "selects a member of an object.",
        examples=["scope", "realm_access.roles"],
    )
    header_name: HeaderName = option("authorization", "The header that carries the token, after `httpAuthScheme`.")
    cookie_name: CookieName | None = option(None, "The cookie that carries the token, in place of a header.")
    headless: Annotated[Json, Form(_HEADLESS)] | None = option(
        None,
        "The header of tokens that are sent without one: base64url text, or `{alg, typ}`. Tokens with a "
        "header are then refused.",
        examples=[{"alg": "HS256", "typ": "JWT"}],
        wanted='text or a mapping with "alg"',
    )
    cache: JwtCache = option(
        JwtCache(),
        "The cache of published keys. By default, keys are cached for 7 days, and become stale after an hour.",
    )
    http_auth_scheme: AnyText = option(
        "Bearer", "The authentication scheme before the token, also used in the challenge in WWW-Authenticate."
    )
    unauthorized_attributes: Attributes = option({}, "Attributes of the challenge in WWW-Authenticate, such as realm.")


def _packages(options: Mapping[str, Any]) -> Iterator[str]:
    keys = options.get("keys")
    for key in keys if isinstance(keys, list) else [keys]:
        text = key.get("key") if isinstance(key, Mapping) else key
        if text is None or "-----BEGIN " in text:
            yield "cryptography"
        if isinstance(key, Mapping) and "uri" in key:
            yield "httpx"


def _faults(options: Mapping[str, Any]) -> Iterator[StrategyFault]:
    if options.get("verify") is False:
        if not options.get("validate"):
            yield StrategyFault("verify: false without validate would accept any token", "verify")
    elif "keys" not in options:
        yield StrategyFault("needs keys")


JWT: Final = SchemeManifest(
    options=JwtOptions,
    implementation="hapiish.http.auth.jwt:jwt_scheme",
    extra="auth",
    packages=_packages,
    at_most_one=(("headerName", "cookieName"),),
    faults=_faults,
)
