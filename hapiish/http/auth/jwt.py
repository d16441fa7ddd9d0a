"""The scheme `jwt`: a signed token in the Authorization header (RFC 6750), with the options of @hapi/jwt.

A token's signature is verified once and remembered; its times are judged, and the user's function is asked, on every
request.
"""

from collections.abc import Mapping
from functools import lru_cache
from time import time
from typing import Any, ClassVar

from hapiish import boom
from hapiish.http.auth.tokens import Key, Token, TokenError, UnknownKeyError, Verifier
from hapiish.http.auth.verdict import Answer, Authenticated, Unauthenticated
from hapiish.http.request import Request
from hapiish.http.response import Response

REMEMBERED = 4096
"""So many verified tokens are remembered for each strategy; the one unused for longest goes first."""

ALGORITHMS = (
    *("ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"),
    *("PS256", "PS384", "PS512", "RS256", "RS384", "RS512"),
)


def _accepted(what: str) -> dict[str, Any]:
    several = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    return {
        "description": f"The accepted {what}; false accepts any.",
        "default": False,
        "anyOf": [{"type": "string"}, several, {"const": False}],
    }


_KEY: tuple[dict[str, Any], ...] = (
    {"type": "string", "minLength": 1},
    {
        "type": "object",
        "required": ["key"],
        "additionalProperties": False,
        "properties": {
            "key": {"description": "A secret, or a public key as PEM.", "type": "string", "minLength": 1},
            "algorithms": {
                "description": "The only algorithms tried with this key.",
                "default": ["HS256"],
                "type": "array",
                "items": {"enum": list(ALGORITHMS)},
                "minItems": 1,
            },
            "kid": {"description": "A token that names another key is not tried with this one.", "type": "string"},
        },
    },
)
_VERIFY: dict[str, Any] = {
    "aud": _accepted("audiences"),
    "iss": _accepted("issuers"),
    "sub": _accepted("subjects"),
    "exp": {"description": "Whether an expired token is refused.", "default": True, "type": "boolean"},
    "nbf": {"description": "Whether a token is refused before its time.", "default": True, "type": "boolean"},
    "maxAgeSec": {"description": "The greatest age in seconds; 0: any.", "default": 0, "type": "integer", "minimum": 0},
    "timeSkewSec": {"description": "Tolerance for clocks, seconds.", "default": 0, "type": "integer", "minimum": 0},
}
OPTIONS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["keys"],
    "additionalProperties": False,
    "properties": {
        "keys": {
            "description": "A secret of at least 32 bytes, {key, algorithms, kid}, or a list of these.",
            "anyOf": [*_KEY, {"type": "array", "items": {"anyOf": list(_KEY)}, "minItems": 1}],
        },
        "verify": {
            "description": "The claims that a token must have.",
            "default": {},
            "type": "object",
            "additionalProperties": False,
            "properties": _VERIFY,
        },
        "validate": {
            "description": "module:function called with (artifacts, request, h), returns {isValid, credentials} or "
            "{response}; false: the claims are the credentials.",
            "default": False,
            "anyOf": [{"type": "string"}, {"const": False}],
        },
        "httpAuthScheme": {"description": "The word before the token.", "default": "Bearer", "type": "string"},
        "unauthorizedAttributes": {
            "description": "Attributes of the challenge in WWW-Authenticate, such as realm.",
            "default": {},
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
    },
}


class JwtScheme:
    """`validate` must be awaitable. Raises ValueError for a key that is too short or not one for its algorithms."""

    options_schema: ClassVar = OPTIONS_SCHEMA
    references: ClassVar = ("validate",)

    def __init__(self, server: Any, options: Mapping[str, Any]) -> None:
        given = options["keys"] if isinstance(options["keys"], list) else [options["keys"]]
        verify = options.get("verify") or {}
        self._verifier = Verifier(
            [Key(each) if isinstance(each, str) else _key(each) for each in given],
            aud=_several(verify.get("aud")),
            iss=_several(verify.get("iss")),
            sub=_several(verify.get("sub")),
            exp=verify.get("exp", True),
            nbf=verify.get("nbf", True),
            max_age=verify.get("maxAgeSec", 0),
            skew=verify.get("timeSkewSec", 0),
        )
        self._validate = options.get("validate") or None
        self._word = options.get("httpAuthScheme", "Bearer")
        self._attributes = options.get("unauthorizedAttributes") or {}
        self._token = lru_cache(REMEMBERED)(self._read)

    async def authenticate(self, request: Request, h: Any) -> Authenticated | Unauthenticated | Response:
        """The claims, or what the user's function makes of them, as credentials; without such a header the next
        strategy is tried.
        """
        try:
            token = self._token(request.header(b"authorization"))
            claims = token.claims()
            now = time()
            if not token.since <= now < token.until:
                self._verifier.judge_times(claims, now)
        except TokenError as error:
            raise self._unauthorized(error) from None
        artifacts = token.artifacts(claims)
        if self._validate is None:
            return Authenticated(claims, artifacts, token.until)
        answer = Answer(await self._asked(artifacts, request, h))
        if answer.response is not None:
            response: Response = h.response(answer.response)
            return response.takeover()
        credentials = claims if answer.credentials is None else answer.credentials
        if not answer.is_valid:
            return Unauthenticated(self._refusal("Invalid credentials"), credentials, artifacts)
        return Authenticated(credentials, artifacts, token.until)

    async def _asked(self, artifacts: dict[str, Any], request: Request, h: Any) -> Any:
        """What the user's function returns; a boom below 500 that it raises is its no, whatever the status (hapi)."""
        assert self._validate is not None
        try:
            return await self._validate(artifacts, request, h)
        except boom.Boom as error:
            if error.status >= 500 or error.status == 401:
                raise
            raise self._refusal(error.message, error.code or "unauthorized") from error

    def _read(self, header: str | None) -> Token:
        parts = (header or "").split()
        if not parts or parts[0].lower() != self._word.lower():
            raise UnknownKeyError("No token")
        if len(parts) != 2:
            raise TokenError("Bad HTTP authentication header format")
        return self._verifier.verify(parts[1])

    def _unauthorized(self, error: TokenError) -> boom.Unauthorized:
        if isinstance(error, UnknownKeyError):
            return boom.Unauthorized(None, scheme=self._word, attributes=self._attributes)
        return self._refusal(str(error), "token_expired" if error.is_expired else "unauthorized")

    def _refusal(self, message: str, code: str = "unauthorized") -> boom.Unauthorized:
        return boom.Unauthorized(message, scheme=self._word, attributes=self._attributes, code=code)


def _key(options: Mapping[str, Any]) -> Key:
    return Key(options["key"], options.get("algorithms", ("HS256",)), options.get("kid"))


def _several(accepted: Any) -> list[str] | None:
    """The accepted values of a claim; None (from false) for any."""
    return [accepted] if isinstance(accepted, str) else accepted or None
