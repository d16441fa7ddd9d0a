"""Verifies JSON Web Tokens (RFC 7519); requests are handled in `jwt`.

Messages are those of @hapi/jwt. A key is tried with its own algorithms only, and `none` is never accepted.
"""

import re
from collections.abc import Mapping, Sequence
from copy import copy
from math import inf
from typing import TypeGuard

import jwt

from hapiish import codec
from hapiish.types import Json

_PART = re.compile(r"[\w-]*", re.ASCII)
_SIGNATURES = jwt.PyJWS()
_TIMES = ("nbf", "exp", "iat")
"""Claims that must be numbers if present: null is not accepted as unlimited (RFC 7519 §4.1)."""


class TokenError(Exception):
    """A token that is refused; `is_expired` if it was valid before."""

    def __init__(self, message: str, *, is_expired: bool = False) -> None:
        super().__init__(message)
        self.is_expired = is_expired


class UnknownKeyError(TokenError):
    """A token that no key is for; another strategy may have the key."""


class Key:
    """A secret or public key and its algorithms. Raises ValueError if it is too short or does not fit an algorithm."""

    __slots__ = ("algorithms", "kid", "material")

    def __init__(self, material: Json, algorithms: Sequence[str] = ("HS256",), kid: str | None = None) -> None:
        self.material = material
        self.algorithms = tuple(algorithms)
        self.kid = kid
        for name in self.algorithms:
            try:
                algorithm = _SIGNATURES.get_algorithm_by_name(name)
                complaint = algorithm.check_key_length(algorithm.prepare_key(material))
            except NotImplementedError:
                complaint = f'the algorithm {name} needs the package cryptography: pip install "hapiish[auth]"'
            except (jwt.InvalidKeyError, ValueError, TypeError) as error:
                complaint = f"the key is not one for {name}: {error}"
            if complaint:
                raise ValueError(complaint)

    def is_for(self, header: Mapping[str, Json]) -> bool:
        """Returns whether a token with this header may be signed with the key."""
        kid = header.get("kid")
        return header["alg"] in self.algorithms and (kid is None or self.kid is None or kid == self.kid)


class Token:
    """A verified token. Its claims are returned as copies, so that requests cannot change those of others.

    Between `since` and `until`, in seconds since the epoch, its times need no check.
    """

    __slots__ = ("_claims", "_is_flat", "header", "parts", "since", "text", "until")

    def __init__(self, text: str, parts: tuple[str, ...], header: Mapping[str, Json], claims: dict[str, Json]) -> None:
        self.text = text
        self.parts = parts
        self.header = header
        self._claims = claims
        self._is_flat = not any(isinstance(value, dict | list) for value in claims.values())
        self.since, self.until = inf, -inf

    def claims(self) -> dict[str, Json]:
        """A new copy of the payload."""
        return self._claims.copy() if self._is_flat else _object(self.parts[1]) or {}

    def artifacts(self, claims: dict[str, Json]) -> dict[str, Json]:
        """The argument of `validate` functions, in the form of @hapi/jwt, with `claims` as the decoded payload."""
        header, payload, signature = self.parts
        return {
            "token": self.text,
            "decoded": {"header": dict(self.header), "payload": claims, "signature": signature},
            "raw": {"header": header, "payload": payload, "signature": signature},
        }


class Verifier:
    """Verifies tokens by keys and required claims; None accepts any audience, issuer or subject.

    `headless` is the header of tokens sent without one. Without keys (None, not an empty list) signatures are not
    verified.
    """

    __slots__ = ("_accepted", "exp", "headless", "keys", "max_age", "nbf", "skew")

    def __init__(
        self,
        keys: Sequence[Key] | None,
        *,
        aud: Sequence[str] | None = None,
        iss: Sequence[str] | None = None,
        sub: Sequence[str] | None = None,
        exp: bool = True,
        nbf: bool = True,
        max_age: int = 0,
        skew: int = 0,
        headless: str | None = None,
    ) -> None:
        self.keys = None if keys is None else tuple(keys)
        self.headless = headless
        self._accepted = {name: frozenset(each) for name, each in (("aud", aud), ("iss", iss), ("sub", sub)) if each}
        self.exp = exp
        self.nbf = nbf
        self.max_age = max_age
        self.skew = skew

    def verify(self, text: str) -> Token:
        """Verifies the signature and the fixed claims of a token; `check_times` checks its times."""
        token = self.read(text)
        if self.keys is None:
            token.since, token.until = -inf, inf
            return token
        text = token.text
        keys = [key for key in self.keys if key.is_for(token.header)]
        if not keys and str(token.header["alg"]).lower() != "none":
            raise UnknownKeyError("No key for the token")
        claims = token.claims()
        for name, accepted in self._accepted.items():
            _check_claim(name, claims.get(name), accepted)
        if not any(_is_signed(text, key, token.header["alg"]) for key in keys):
            raise TokenError("Invalid token signature" if keys else "Unsupported algorithm")
        token.since, token.until = self._window(claims)
        return token

    def read(self, text: str) -> Token:
        """Parses a token without verification."""
        if self.headless is None:
            return _read(text)
        if text.count(".") == 2:
            raise TokenError("Token contains header")
        return _read(f"{self.headless}.{text}")

    def under(self, keys: Sequence[Key]) -> "Verifier":
        """The same verifier with other keys."""
        other = copy(self)
        other.keys = tuple(keys)
        return other

    def _window(self, claims: Mapping[str, Json]) -> tuple[float, float]:
        times = [claims.get(name) for name in _TIMES]
        if any(name in claims and not _is_number(claims[name]) for name in _TIMES) or (
            self.max_age and times[2] is None
        ):
            return inf, -inf
        nbf, exp, iat = times
        since = nbf - self.skew if self.nbf and nbf is not None else -inf
        until = exp + self.skew if self.exp and exp is not None else inf
        return since, min(until, iat + self.skew + self.max_age) if self.max_age and iat is not None else until

    def check_times(self, claims: Mapping[str, Json], now: float) -> None:
        """Raises TokenError for a token that is expired, too old or not active at `now` (seconds since the epoch)."""
        exp, nbf, iat = claims.get("exp"), claims.get("nbf"), claims.get("iat")
        if self.exp and "exp" in claims and _number("exp", exp) <= now - self.skew:
            raise TokenError("Token expired", is_expired=True)
        if self.max_age:
            if not _is_number(iat):
                raise TokenError("Missing or invalid payload iat value")
            if now - iat - self.skew > self.max_age:
                raise TokenError("Token maximum age exceeded", is_expired=True)
        if self.nbf and "nbf" in claims and _number("nbf", nbf) > now + self.skew:
            raise TokenError("Token not yet active")


def _read(text: str) -> Token:
    parts = tuple(text.split("."))
    if len(parts) != 3:
        raise TokenError("Invalid token structure")
    for name, part in zip(("header", "payload", "signature"), parts, strict=True):
        if not _PART.fullmatch(part):
            raise TokenError(f"Invalid token {name} part")
    header, claims = _object(parts[0]), _object(parts[1])
    if header is None:
        raise TokenError("Invalid token missing header")
    if claims is None:
        raise TokenError("Invalid token payload")
    if not header.get("alg"):
        raise TokenError("Token header missing alg attribute")
    return Token(text, parts, header, claims)


def _object(part: str) -> dict[str, Json] | None:
    try:
        value = codec.decode(codec.from_base64url(part))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _is_signed(text: str, key: Key, algorithm: str) -> bool:
    try:
        _SIGNATURES.decode_complete(text, key.material, algorithms=[algorithm])
    except jwt.PyJWTError:
        return False
    return True


def _check_claim(name: str, value: Json, accepted: frozenset[str]) -> None:
    if value is None:
        raise TokenError(f"Token missing payload {name} value")
    values = value if name == "aud" and isinstance(value, list) else [value]
    if not any(isinstance(each, str) and each in accepted for each in values):
        raise TokenError(
            "Token audience is not allowed" if name == "aud" else f"Token payload {name} value not allowed"
        )


def _number(name: str, value: Json) -> float:
    if not _is_number(value):
        raise TokenError(f"Invalid payload {name} value")
    return float(value)


def _is_number(value: Json) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
