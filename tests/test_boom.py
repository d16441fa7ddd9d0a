from typing import Any

import pytest

from hapiish import boom


@pytest.mark.parametrize(
    ("kind", "status", "phrase"),
    [
        (boom.BadRequest, 400, "Bad Request"),
        (boom.ClientTimeout, 408, "Request Time-out"),
        (boom.EntityTooLarge, 413, "Request Entity Too Large"),
        (boom.Teapot, 418, "I'm a teapot"),
        (boom.GatewayTimeout, 504, "Gateway Time-out"),
    ],
)
def test_a_class_has_hapis_status_and_phrase(kind: type[boom.Boom], status: int, phrase: str) -> None:
    assert kind().payload() == {"statusCode": status, "error": phrase, "message": phrase}


def test_code_data_and_further_keys_follow_the_three_of_hapi() -> None:
    error = boom.Conflict("taken", code="email_taken", data={"retryable": False}, extra={"validation": {}})
    assert list(error.payload()) == ["statusCode", "error", "message", "code", "data", "validation"]


def test_the_text_of_a_500_is_never_shown() -> None:
    body = boom.InternalServerError("the password is x", code="secret", data={"a": 1}).payload()
    assert body == {"statusCode": 500, "error": "Internal Server Error", "message": boom.HIDDEN}


def test_a_503_shows_its_text() -> None:
    assert boom.ServerUnavailable("later").payload()["message"] == "later"


@pytest.mark.parametrize(
    ("given", "challenge", "missing"),
    [
        ({"scheme": "Basic"}, "Basic", True),
        ({"message": "m", "scheme": "Basic", "attributes": {"realm": "r"}}, 'Basic realm="r", error="m"', False),
        ({"message": 'a "b"', "scheme": "Basic"}, 'Basic error="a \\"b\\""', False),
        ({"scheme": ["Basic", "Bearer"]}, "Basic, Bearer", True),
        ({"message": "m"}, None, False),
    ],
)
def test_a_401_builds_its_challenge(given: dict[str, Any], challenge: str | None, missing: bool) -> None:
    error = boom.Unauthorized(given.pop("message", None), **given)
    assert error.headers.get("www-authenticate") == challenge
    assert error.missing is missing


def test_a_405_lists_the_methods_that_are_allowed() -> None:
    assert boom.MethodNotAllowed(allow=["GET", "HEAD"]).headers == {"allow": "GET, HEAD"}


def test_a_class_is_found_by_its_status() -> None:
    assert boom.of(405) is boom.MethodNotAllowed
    assert boom.of(401) is boom.Unauthorized
    assert boom.of(599) is boom.InternalServerError
