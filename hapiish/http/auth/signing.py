"""Signs tokens (RFC 7515, RFC 7519): the counterpart of `tokens`, with the same keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import isfinite
from time import time
from typing import Final, Literal

import jwt

from hapiish import codec
from hapiish.http.auth.tokens import TokenError, Verifier
from hapiish.types import Json

HOUR: Final = 3600.0
_SIGNATURES = jwt.PyJWS()
_TIMES = ("exp", "iat", "nbf")


class SigningKey:
    """A secret or a private key with its signature algorithm."""

    __slots__ = ("_algorithm", "_material", "kid", "name")

    def __init__(self, material: Json, algorithm: str, kid: str | None = None) -> None:
        self.name = algorithm
        self.kid = kid
        self._algorithm = _SIGNATURES.get_algorithm_by_name(algorithm)
        self._material = self._algorithm.prepare_key(material)

    def sign(self, text: bytes) -> bytes:
        """The signature of `text`."""
        return self._algorithm.sign(text, self._material)


class Signer:
    """Signs tokens that `verifier` accepts, with the first of `keys` or the one named `kid`.

    A token expires after `ttl` seconds by default; False never. `headless` is the header of tokens that are sent
    without one. `claims` are defaults for every token.
    """

    def __init__(
        self,
        keys: Sequence[SigningKey],
        verifier: Verifier,
        *,
        ttl: float | Literal[False] = HOUR,
        claims: Mapping[str, Json] | None = None,
        headless: str | None = None,
    ) -> None:
        self.keys = tuple(keys)
        self.ttl = ttl
        self._verifier = verifier
        self._claims = dict(claims or {})
        self._headless = headless

    def sign(
        self,
        claims: Mapping[str, Json],
        *,
        expires_in: float | timedelta | Literal[False] | None = None,
        kid: str | None = None,
    ) -> str:
        """The token of `claims`, with default `iat` and `exp`; `expires_in` is in seconds.

        Raises ValueError for claims that the strategy would refuse, and for an unknown key.
        """
        key = self._key(kid)
        complete = self._complete(claims, expires_in)
        header = self._headless or _part({"alg": key.name, "typ": "JWT", **({"kid": key.kid} if key.kid else {})})
        payload = _part(complete)
        signature = codec.to_base64url(key.sign(f"{header}.{payload}".encode()))
        text = f"{payload}.{signature}" if self._headless else f"{header}.{payload}.{signature}"
        try:
            claims = self._verifier.verify(text).claims()
            # A token that is not active yet is valid.
            self._verifier.check_times(claims, max(time(), claims.get("nbf", 0)))
        except TokenError as error:
            raise ValueError(f"the strategy would refuse this token: {error}") from None
        return text

    def _key(self, kid: str | None) -> SigningKey:
        signing_key = next((key for key in self.keys if kid is None or key.kid == kid), None)
        if signing_key is None:
            names = ", ".join(key.kid for key in self.keys if key.kid) or "none"
            raise ValueError(f'no key called "{kid}" signs here; those that do: {names}')
        return signing_key

    def _complete(self, claims: Mapping[str, Json], expires_in: Json) -> dict[str, Json]:
        now = int(time())
        complete = {**self._claims, "iat": now, **claims}
        for name in _TIMES:
            if isinstance(complete.get(name), datetime):
                complete[name] = int(complete[name].timestamp())
        if expires_in is not None or "exp" not in complete:
            lasting = self.ttl if expires_in is None else expires_in
            complete.pop("exp", None)
            if lasting is not False:
                seconds = lasting.total_seconds() if isinstance(lasting, timedelta) else lasting
                if not isfinite(seconds):
                    raise ValueError("expires_in must be a number of seconds, or False for a token that never expires")
                complete["exp"] = now + int(seconds)
        return complete


def _part(value: Mapping[str, Json]) -> str:
    return codec.to_base64url(codec.encode(value))
