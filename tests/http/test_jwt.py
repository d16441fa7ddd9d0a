"""The scheme jwt: from the Authorization header to credentials, and its errors."""

import asyncio
import time
from math import inf
from typing import Any

import jwt
import pytest

from hapiish import boom
from hapiish.http.auth.jwt import JwtScheme, jwt_scheme
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.exchange.verdict import Authenticated, Unauthenticated
from tests.http.support import make_request

SECRET = "a secret of thirty-two bytes, or more"
CLAIMS = {"sub": "ann", "scope": ["a"]}


def bearer(claims: dict[str, Any], word: str = "Bearer") -> str:
    return f"{word} {jwt.encode(claims, SECRET, algorithm='HS256')}"


def authenticated(scheme: JwtScheme, authorization: str | None) -> Any:
    request = make_request(headers={"authorization": authorization} if authorization is not None else None)
    return asyncio.run(scheme.authenticate(request, Toolkit(request)))


def refused(scheme: JwtScheme, authorization: str | None) -> boom.Boom:
    with pytest.raises(boom.Boom) as caught:
        authenticated(scheme, authorization)
    return caught.value


def scheme(**options: Any) -> JwtScheme:
    server: Any = None
    return jwt_scheme(server, {"keys": SECRET, **options})


def test_the_claims_of_a_good_token_are_the_credentials() -> None:
    for authorization in (bearer(CLAIMS), bearer(CLAIMS, "bearer"), bearer(CLAIMS, " Bearer  ")):
        verdict = authenticated(scheme(), authorization)
        assert isinstance(verdict, Authenticated)
        assert verdict.credentials == CLAIMS
        assert verdict.artifacts["decoded"]["payload"] is verdict.credentials


@pytest.mark.parametrize("authorization", [None, "", "Basic abc", "Bearerabc"])
def test_without_a_bearer_token_the_credentials_are_missing(authorization: str | None) -> None:
    error = refused(scheme(), authorization)
    assert error.missing
    assert error.headers == {"www-authenticate": "Bearer"}


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        ("Bearer", "Bad HTTP authentication header format"),
        ("Bearer a b", "Bad HTTP authentication header format"),
        ("Bearer a.b", "Invalid token structure"),
        ("Bearer x, Bearer y", "Bad HTTP authentication header format"),
        (bearer(CLAIMS)[:-4] + "AAAA", "Invalid token signature"),
    ],
    ids=["no token", "two tokens", "no structure", "two headers", "another signature"],
)
def test_a_bad_token_is_a_401_with_a_reason(authorization: str, message: str) -> None:
    error = refused(scheme(), authorization)
    assert not error.missing
    assert (error.status, error.message, error.code) == (401, message, "unauthorized")
    assert error.headers == {"www-authenticate": f'Bearer error="{message}"'}


def test_an_expired_token_has_a_code_of_its_own() -> None:
    error = refused(scheme(), bearer({"exp": 1}))
    assert (error.message, error.code) == ("Token expired", "token_expired")


def test_a_remembered_token_still_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = scheme()
    authorization = bearer({"sub": "ann", "exp": int(time.time()) + 1000})
    assert isinstance(authenticated(judge, authorization), Authenticated)
    monkeypatch.setattr("hapiish.http.auth.jwt.time", lambda: time.time() + 2000)
    assert refused(judge, authorization).code == "token_expired"


def test_what_a_request_does_to_its_credentials_is_not_seen_by_the_next() -> None:
    judge, authorization = scheme(), bearer(CLAIMS)
    first = authenticated(judge, authorization)
    first.credentials["scope"].append("admin")
    first.artifacts["decoded"]["header"]["alg"] = "none"
    second = authenticated(judge, authorization)
    assert second.credentials == CLAIMS
    assert second.artifacts["decoded"]["header"]["alg"] == "HS256"


def test_the_word_and_the_attributes_of_the_challenge_can_be_chosen() -> None:
    judge = scheme(httpAuthScheme="Token", unauthorizedAttributes={"realm": "chat"})
    assert isinstance(authenticated(judge, bearer(CLAIMS, "Token")), Authenticated)
    assert refused(judge, bearer(CLAIMS)).headers == {"www-authenticate": 'Token realm="chat"'}


def test_verify_names_the_claims_that_a_token_must_have() -> None:
    judge = scheme(verify={"aud": "api", "iss": ["me", "you"], "sub": False, "timeSkewSec": 60, "maxAgeSec": 3600})
    now = int(time.time())
    good = {"aud": "api", "iss": "you", "sub": "anybody", "iat": now, "exp": now - 30}
    assert isinstance(authenticated(judge, bearer(good)), Authenticated)
    assert refused(judge, bearer({**good, "aud": "web"})).message == "Token audience is not allowed"
    assert refused(judge, bearer({**good, "iat": now - 4000})).message == "Token maximum age exceeded"


# The user's function


def asked(returned: Any, authorization: str | None = None) -> Any:
    async def validate(artifacts: Any, request: Any, h: Any) -> Any:
        if isinstance(returned, Exception):
            raise returned
        return returned(artifacts, request, h) if callable(returned) else returned

    return authenticated(scheme(validate=validate), authorization or bearer(CLAIMS))


def test_the_function_is_asked_with_the_artifacts_and_may_replace_the_credentials() -> None:
    def look_up(artifacts: Any, request: Any, h: Any) -> Any:
        return {"isValid": True, "credentials": {"user": artifacts["decoded"]["payload"]["sub"]}}

    assert asked(look_up).credentials == {"user": "ann"}
    assert asked({"is_valid": True}).credentials == CLAIMS


def test_the_function_is_asked_on_every_request() -> None:
    calls = []

    async def validate(artifacts: Any, request: Any, h: Any) -> Any:
        calls.append(artifacts["token"])
        return {"isValid": len(calls) == 1}

    judge, authorization = scheme(validate=validate), bearer(CLAIMS)
    assert isinstance(authenticated(judge, authorization), Authenticated)
    assert isinstance(authenticated(judge, authorization), Unauthenticated)


def test_a_no_is_a_401_that_keeps_the_credentials_for_mode_try() -> None:
    verdict = asked({"isValid": False})
    assert isinstance(verdict, Unauthenticated)
    assert (verdict.error.message, verdict.error.code) == ("Invalid credentials", "unauthorized")
    assert verdict.credentials == CLAIMS


def test_a_response_is_taken_over() -> None:
    response = asked(lambda artifacts, request, h: {"response": h.redirect("/login")})
    assert response.taken_over
    assert response.status_code == 302


@pytest.mark.parametrize(
    "returned", [None, True, {}, {"isValid": 1}, {"isValid": "yes"}, {"credentials": {"a": 1}}], ids=str
)
def test_what_is_no_clear_yes_is_a_500(returned: Any) -> None:
    with pytest.raises(boom.InternalServerError):
        asked(returned)


def test_a_boom_of_the_function_is_its_no_and_other_failures_are_not() -> None:
    gone = boom.NotFound("No such account", code="account_gone")
    with pytest.raises(boom.Unauthorized) as caught:
        asked(gone)
    assert (caught.value.message, caught.value.code) == ("No such account", "account_gone")
    for failure in (
        boom.Unauthorized("Revoked", code="token_revoked"),
        boom.ServerUnavailable("down"),
        KeyError("bug"),
    ):
        with pytest.raises(type(failure)) as raised:
            asked(failure)
        assert raised.value is failure


def test_the_function_is_not_asked_about_a_bad_token() -> None:
    with pytest.raises(boom.Unauthorized, match="Token expired"):
        asked(AssertionError("asked"), bearer({"exp": 1}))


@pytest.mark.parametrize(
    ("claims", "options", "expires"),
    [
        ({"exp": 4102444800}, {}, 4102444800),
        ({"exp": 4102444800}, {"verify": {"timeSkewSec": 5}}, 4102444805),
        ({"exp": 4102444800}, {"verify": {"exp": False}}, inf),
        ({}, {}, inf),
    ],
)
def test_a_verdict_says_when_its_credentials_end(
    claims: dict[str, Any], options: dict[str, Any], expires: float
) -> None:
    assert authenticated(scheme(**options), bearer(claims)).expires == expires


# Options


def test_a_weak_secret_is_refused_when_the_scheme_is_made() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        scheme(keys="too short")
    with pytest.raises(ValueError, match="32 bytes"):
        scheme(keys=[SECRET, {"key": "too short"}])
