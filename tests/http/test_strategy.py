"""Authentication strategies: order, the three modes, and refusal of unexpected results."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hapiish import boom
from hapiish.http.auth.strategy import Mode, authenticate_step
from hapiish.http.exchange.request import Auth, Request
from hapiish.http.exchange.response import Response
from tests.http.support import make_request

Say = Callable[[Any, Any], Any]

MISSING = boom.Unauthorized(None, scheme="Token", attributes={"realm": "x"})
BAD = boom.Unauthorized("Bad token", scheme="Token")


class Scheme:
    """Says what it was made to say."""

    def __init__(self, say: Say) -> None:
        self.say = say

    async def authenticate(self, request: Any, h: Any) -> Any:
        return self.say(request, h)


class BlockingScheme:
    def authenticate(self, request: Any, h: Any) -> Any:
        return h.authenticated(credentials={"user": "blocking"}, artifacts="a")


def good(request: Any, h: Any) -> Any:
    return h.authenticated(credentials={"user": "ann"}, artifacts={"raw": 1})


def missing(request: Any, h: Any) -> Any:
    return h.unauthenticated(MISSING)


def raises_missing(request: Any, h: Any) -> Any:
    raise boom.Unauthorized(None, scheme="Other")


def bad(request: Any, h: Any) -> Any:
    return h.unauthenticated(BAD)


def raises_bad(request: Any, h: Any) -> Any:
    raise BAD


def bad_but_known(request: Any, h: Any) -> Any:
    return h.unauthenticated(BAD, credentials={"user": "bad"}, artifacts="a")


def login_page(request: Any, h: Any) -> Any:
    return h.redirect("/login").takeover()


async def in_a_thread(function: Any, *args: Any) -> Any:
    return await asyncio.to_thread(function, *args)


def authenticated(mode: Mode, *say: Say | Any, request: Request | None = None) -> tuple[Auth, Any]:
    request = request or make_request()
    schemes = [(f"s{at}", Scheme(each) if callable(each) else each) for at, each in enumerate(say)]
    result: Any = asyncio.run(authenticate_step(schemes, mode, in_a_thread)(request))  # type: ignore[arg-type]
    return request.auth, result


def refused(mode: Mode, *say: Say) -> boom.Boom:
    with pytest.raises(boom.Boom) as caught:
        authenticated(mode, *say)
    return caught.value


@pytest.mark.parametrize("mode", ["required", "optional", "try"])
def test_good_credentials_go_on_in_every_mode(mode: Mode) -> None:
    auth, result = authenticated(mode, good)
    assert result is None
    assert (auth.is_authenticated, auth.credentials, auth.artifacts) == (True, {"user": "ann"}, {"raw": 1})
    assert (auth.strategy, auth.mode, auth.error, auth.is_authorized) == ("s0", mode, None, False)


def test_a_scheme_written_as_def_runs_in_the_pool() -> None:
    auth, _ = authenticated("required", BlockingScheme())
    assert auth.credentials == {"user": "blocking"}


def test_without_credentials_a_required_route_is_a_401_with_every_challenge() -> None:
    error = refused("required", missing, raises_missing)
    assert error.payload() == {
        "statusCode": 401,
        "error": "Unauthorized",
        "message": "Missing authentication",
        "code": "unauthorized",
    }
    assert error.headers["www-authenticate"] == 'Token realm="x", Other'


@pytest.mark.parametrize("mode", ["optional", "try"])
def test_without_credentials_the_other_modes_go_on_as_nobody(mode: Mode) -> None:
    auth, _ = authenticated(mode, missing, raises_missing)
    assert (auth.is_authenticated, auth.credentials, auth.strategy) == (False, None, None)
    assert isinstance(auth.error, boom.Unauthorized)


@pytest.mark.parametrize("say", [bad, raises_bad, bad_but_known])
@pytest.mark.parametrize("mode", ["required", "optional"])
def test_bad_credentials_are_the_schemes_401_unless_the_mode_is_try(say: Say, mode: Mode) -> None:
    error = refused(mode, say, good)
    assert error is BAD
    assert error.headers["www-authenticate"] == 'Token error="Bad token"'


def test_bad_credentials_go_on_in_mode_try_with_what_the_scheme_read() -> None:
    auth, _ = authenticated("try", bad, good)
    assert (auth.is_authenticated, auth.credentials, auth.strategy, auth.error) == (False, None, "s0", BAD)
    auth, _ = authenticated("try", bad_but_known, good)
    assert (auth.is_authenticated, auth.credentials, auth.artifacts) == (False, {"user": "bad"}, "a")


def test_the_next_strategy_is_asked_only_when_the_one_before_found_nothing() -> None:
    auth, _ = authenticated("required", missing, good)
    assert (auth.strategy, auth.is_authenticated, auth.error) == ("s1", True, None)
    assert refused("required", bad, good) is BAD


@pytest.mark.parametrize("mode", ["required", "optional", "try"])
def test_a_response_of_the_scheme_is_sent_whatever_the_mode(mode: Mode) -> None:
    auth, result = authenticated(mode, login_page)
    assert isinstance(result, Response)
    assert result.headers["location"] == "/login"
    assert not auth.is_authenticated


@pytest.mark.parametrize("mode", ["required", "optional", "try"])
@pytest.mark.parametrize(
    "returned",
    [
        None,
        True,
        {"isValid": True, "credentials": {"user": "ann"}},
        lambda h: h.continue_,
        lambda h: h.authenticated(credentials=None),
        lambda h: h.unauthenticated(None),
        lambda h: h.unauthenticated(Exception("no boom")),
    ],
    ids=["none", "true", "dict", "continue", "without credentials", "without error", "with another error"],
)
def test_what_is_no_verdict_is_a_500_and_never_a_pass(mode: Mode, returned: Any) -> None:
    error = refused(mode, lambda request, h: returned(h) if callable(returned) else returned)
    assert error.status == 500
    assert 'strategy "s0"' in error.message


@pytest.mark.parametrize("mode", ["required", "optional", "try"])
@pytest.mark.parametrize("status", [500, 503])
def test_a_scheme_that_fails_itself_says_nothing_of_the_credentials(mode: Mode, status: int) -> None:
    def broken(request: Any, h: Any) -> Any:
        raise boom.of(status)("down")

    assert refused(mode, broken).status == status

    def crashed(request: Any, h: Any) -> Any:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        authenticated(mode, crashed)


def test_a_returned_boom_is_as_good_as_a_raised_one() -> None:
    assert refused("required", lambda request, h: BAD) is BAD


def test_a_challenge_without_a_scheme_leaves_no_empty_header() -> None:
    assert "www-authenticate" not in refused("required").headers


def test_forged_credentials_of_a_test_skip_the_strategies() -> None:
    request = make_request()
    request.auth = Auth({"user": "forged"}, strategy="session")
    request.auth.is_injected = request.auth.is_authenticated = True
    auth, result = authenticated("required", bad, request=request)
    assert result is None
    assert (auth.credentials, auth.mode, auth.strategy) == ({"user": "forged"}, "required", "session")
