"""Keys of tokens: secrets, PEM, and key sets that an issuer publishes (JWKS, RFC 7517).

A fetched set is cached (fresh, stale, expired) and fetched again when a token names an unknown key: one fetch at a
time, and at most one in half a minute for unknown keys.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from time import time
from typing import Any, Final

import jwt

from hapiish import boom
from hapiish.caches.policy import Policy
from hapiish.caches.rules import Rules
from hapiish.caches.store import Entry
from hapiish.http.auth.signing import SigningKey
from hapiish.http.auth.tokens import Key
from hapiish.outages import Service
from hapiish.types import Json

_ALWAYS: Final = {"expires_in": 7 * 24 * 3_600_000, "generate_timeout": 120_000}
_STALE: Final = {"stale_in": 3_600_000, "stale_timeout": 500}
COOLDOWN: Final = 30.0
"""Minimum seconds between two fetches for unknown keys."""

_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_BY_CURVE: Final = {
    "P-256": ("ES256",),
    "P-384": ("ES384",),
    "P-521": ("ES512",),
    "secp256r1": ("ES256",),
    "secp384r1": ("ES384",),
    "secp521r1": ("ES512",),
    "Ed25519": ("EdDSA",),
    "Ed448": ("EdDSA",),
}


class KeysError(Exception):
    """Keys that are unavailable."""


def make_key(source: Json) -> Key:
    """Makes a key from a secret, a PEM text or `{key, algorithms, kid}`; a PEM's default algorithms fit its type.

    Raises ValueError for an invalid key, or one that does not fit its algorithms.
    """
    options = source if isinstance(source, Mapping) else {"key": source}
    return _made(options["key"], tuple(options.get("algorithms") or ()), options.get("kid"))


def signing_key(source: Json) -> SigningKey | None:
    """The signing counterpart of `make_key`; None for a public key or a certificate.

    It signs with the first of its algorithms.
    """
    options = source if isinstance(source, Mapping) else {"key": source}
    material = options["key"]
    if "-----BEGIN " in material:
        if "PRIVATE" not in material:
            return None
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        material = load_pem_private_key(material.encode(), None)
    return SigningKey(material, make_key(source).algorithms[0], options.get("kid"))


@lru_cache(256)
def _made(material: str, algorithms: tuple[str, ...], kid: str | None) -> Key:
    if "-----BEGIN " not in material:
        return Key(material, algorithms or ("HS256",), kid)
    public = _public(material)
    return Key(public, algorithms or _algorithms(public), kid)


def _public(pem: str) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    data = pem.encode()
    try:
        if "CERTIFICATE" in pem:
            return load_pem_x509_certificate(data).public_key()
        return load_pem_private_key(data, None).public_key() if "PRIVATE" in pem else load_pem_public_key(data)
    except (TypeError, ValueError):
        raise ValueError("the PEM text is not a readable key") from None


def _algorithms(public: Any) -> tuple[str, ...]:
    curve = getattr(getattr(public, "curve", None), "name", type(public).__name__.removesuffix("PublicKey"))
    return _BY_CURVE.get(curve, _RSA)


class _LocalStore:
    """Stores a key set in this process, since keys are objects."""

    is_ready = True

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._entry: Entry | None = None

    async def start(self) -> None:
        """Does nothing."""

    async def stop(self) -> None:
        """Does nothing."""

    async def get(self, segment: str, id: str) -> Entry | None:
        return self._entry

    async def set(self, segment: str, id: str, value: Json, ttl: int) -> None:
        self._entry = Entry(value, round(self._clock() * 1000), ttl)

    async def drop(self, segment: str, id: str) -> None:
        self._entry = None


class RemoteKeys:
    """The cached keys of a URI; durations are in milliseconds, `clock` returns seconds.

    `fetch` returns the document, by default with httpx.
    """

    def __init__(
        self,
        uri: str,
        *,
        headers: Mapping[str, str] | None = None,
        algorithms: Sequence[str] | None = None,
        verify: bool = True,
        cache: Mapping[str, int] | None = None,
        clock: Callable[[], float] = time,
        fetch: Callable[[], Awaitable[Json]] | None = None,
    ) -> None:
        self.uri = uri
        self._headers = dict(headers or {})
        self._algorithms = frozenset(algorithms or ())
        self._verify = verify
        self._clock = clock
        self._fetch = fetch or self._get
        self._tried = -COOLDOWN
        self._asking = asyncio.Lock()
        given: dict[str, Json] = {**_ALWAYS, **(cache or _STALE)}
        rules = Rules(generate_func=self._generate, drop_on_error=False, **given)
        self._policy = Policy(rules, _LocalStore(clock), "keys", clock=clock)
        self._service = Service(f"the issuer of the keys at {uri}", "no new key is known")

    async def keys(self, kid: str | None = None) -> tuple[Key, ...]:
        """The current keys, including `kid` if the issuer has it. Raises KeysError."""
        try:
            keys: tuple[Key, ...] = await self._policy.get(self.uri)
            if kid is not None and all(key.kid != kid for key in keys):
                keys = await self._refetch(kid, keys)
        except Exception as error:
            raise KeysError(f"no keys from {self.uri}: {str(error) or type(error).__name__}") from error
        return keys

    async def _refetch(self, kid: str, keys: tuple[Key, ...]) -> tuple[Key, ...]:
        """Fetches the keys for an unknown `kid`, once for concurrent callers, unless that was done just now."""
        async with self._asking:
            if self._clock() - self._tried >= COOLDOWN:
                keys = await self._generate(self.uri, None)
                await self._policy.set(self.uri, keys)
                return keys
        return await self._policy.get(self.uri) or keys

    async def _generate(self, key: object, flags: object) -> tuple[Key, ...]:
        self._tried = self._clock()
        try:
            keys = tuple(self._read(await self._fetch()))
        except Exception as error:
            self._service.lost(error)
            raise
        self._service.back()
        return keys

    def _read(self, document: Json) -> list[Key]:
        listed = document.get("keys") if isinstance(document, Mapping) else None
        keys = [key for jwk in listed or () if (key := self._key(jwk)) is not None]
        if not keys:
            raise ValueError("the document has no keys for signatures")
        return keys

    def _key(self, jwk: Json) -> Key | None:
        """A public signature key; None for other keys and unknown types."""
        if not isinstance(jwk, Mapping) or jwk.get("use", "sig") != "sig" or jwk.get("kty") == "oct":
            return None
        named = (jwk["alg"],) if isinstance(jwk.get("alg"), str) else _BY_CURVE.get(jwk.get("crv", ""), _RSA)
        algorithms = [name for name in named if not self._algorithms or name in self._algorithms]
        try:
            return Key(jwt.PyJWK.from_dict(dict(jwk)).key, algorithms, jwk.get("kid")) if algorithms else None
        except (jwt.PyJWTError, ValueError):
            return None

    async def _get(self) -> Json:
        import httpx

        async with httpx.AsyncClient(verify=self._verify) as client:
            answer = await client.get(self.uri, headers=self._headers)
            return answer.raise_for_status().json()


async def keys_for(
    header: Mapping[str, Json], remotes: Sequence[RemoteKeys], functions: Sequence[Callable[[], Awaitable[Json]]]
) -> list[Key]:
    """The keys of every source for a token with this header; failures matter only if no source has a key.

    Raises ServerUnavailable in that case.
    """
    keys: list[Key] = []
    failures: list[Exception] = []
    for remote in remotes:
        try:
            keys += await remote.keys(header.get("kid"))
        except KeysError as error:
            failures.append(error)
    for function in functions:
        result = await function()
        several = result if isinstance(result, list | tuple) else [] if result is None else [result]
        keys += [make_key(each) for each in several]
    if failures and not any(key.is_for(header) for key in keys):
        raise boom.ServerUnavailable("Failed to obtain keys", code="keys_unavailable") from failures[0]
    return keys
