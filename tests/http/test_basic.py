"""The scheme basic: header parsing, the user function and its result."""

import asyncio
from base64 import b64encode
from typing import Any

import pytest

from hapiish import boom
from hapiish.http.auth.basic import BasicScheme
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.exchange.verdict import Authenticated, Unauthenticated
from tests.http.support import make_request


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


def authenticated(authorization: str | None, returned: Any = None, **options: Any) -> Any:
    async def validate(request: Any, username: str, password: str, h: Any) -> Any:
        good = {"isValid": password == "secret", "credentials": {"user": username, "password": password}}
        return returned(h) if callable(returned) else returned if returned is not None else good

    request = make_request(headers={"authorization": authorization} if authorization is not None else None)
    server: Any = None
    scheme = BasicScheme(server, {"validate": validate, **options})
    return asyncio.run(scheme.authenticate(request, Toolkit(request)))


def refused(authorization: str | None, returned: Any = None, **options: Any) -> boom.Boom:
    with pytest.raises(boom.Boom) as caught:
        authenticated(authorization, returned, **options)
    return caught.value


@pytest.mark.parametrize("password", ["secret", ""])
def test_name_and_password_are_what_the_function_is_asked_about(password: str) -> None:
    verdict = authenticated(basic(f"ann:{password}"), {"isValid": True, "credentials": {"user": "ann"}})
    assert isinstance(verdict, Authenticated)
    assert verdict.credentials == {"user": "ann"}


def test_everything_after_the_first_colon_is_the_password() -> None:
    verdict = authenticated(basic("änn:a:b"))
    assert isinstance(verdict, Unauthenticated)
    assert verdict.credentials == {"user": "änn", "password": "a:b"}


def test_a_header_without_padding_or_in_another_case_is_read() -> None:
    assert isinstance(authenticated("bAsIc " + basic("ann:secret").partition(" ")[2].rstrip("=")), Authenticated)


@pytest.mark.parametrize("authorization", [None, "", "Bearer abc", "Basicabc"])
def test_without_such_a_header_the_credentials_are_missing(authorization: str | None) -> None:
    error = refused(authorization, unauthorizedAttributes={"realm": 'the "chat"'})
    assert error.missing
    assert error.headers == {"www-authenticate": 'Basic realm="the \\"chat\\""'}


@pytest.mark.parametrize(
    ("authorization", "status", "message"),
    [
        ("Basic", 400, "Bad HTTP authentication header format"),
        ("Basic a b", 400, "Bad HTTP authentication header format"),
        (basic("no colon"), 400, "Bad header internal syntax"),
        ("Basic a", 400, "Bad header internal syntax"),
        (basic(":secret"), 401, "HTTP authentication header missing username"),
    ],
)
def test_a_malformed_header_is_refused_in_hapi_words(authorization: str, status: int, message: str) -> None:
    error = refused(authorization)
    assert (error.status, error.message, error.missing) == (status, message, False)


def test_an_empty_name_may_be_allowed() -> None:
    assert isinstance(authenticated(basic(":secret"), allowEmptyUsername=True), Authenticated)


def test_a_no_is_a_401_that_keeps_the_credentials_for_mode_try() -> None:
    verdict = authenticated(basic("ann:wrong"))
    assert isinstance(verdict, Unauthenticated)
    assert (verdict.error.message, verdict.error.code) == ("Bad username or password", "unauthorized")
    assert verdict.error.headers == {"www-authenticate": 'Basic error="Bad username or password"'}


def test_a_response_is_taken_over() -> None:
    assert authenticated(basic("a:b"), lambda h: {"response": h.redirect("/login")}).taken_over


@pytest.mark.parametrize("returned", [True, {}, {"isValid": 1}, {"credentials": {"user": "ann"}}, []], ids=str)
def test_what_is_no_clear_yes_is_a_500(returned: Any) -> None:
    assert refused(basic("ann:secret"), returned).status == 500
