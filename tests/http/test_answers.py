"""Response validation of the serialized value."""

import asyncio
import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from hapiish import boom
from hapiish.http.exchange.response import Response, from_error
from hapiish.http.validation.outputs import by_schema, validate_response_step
from hapiish.http.validation.validator import compile_schema
from tests.http.support import make_request

CLOSED = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}


def answered(response: Response, *, sample: int = 100, fail_action: Any = "error", **schemas: Any) -> Response | None:
    default = by_schema(compile_schema(schemas["schema"], {})) if "schema" in schemas else None
    by_status = {
        status: schema and by_schema(compile_schema(schema, {})) for status, schema in schemas.get("status", {}).items()
    }
    empty = schemas.get("empty", 204)
    step = validate_response_step(default, by_status, empty=empty, sample=sample, fail_action=fail_action)
    return asyncio.run(step(make_request(method="POST"), response))  # type: ignore[arg-type]


def test_an_invalid_response_is_a_500_that_names_route_request_and_path() -> None:
    with pytest.raises(boom.InternalServerError) as caught:
        answered(Response({"a": "secret"}), schema=CLOSED)
    assert "200 answer of users.create" in caught.value.message
    assert "/a must be integer" in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.payload()["message"] == "An internal server error occurred"


def test_the_schema_of_a_status_takes_precedence() -> None:
    status = {201: {"type": "string"}}
    assert answered(Response("made").code(201), schema=CLOSED, status=status) is None
    with pytest.raises(boom.InternalServerError):
        answered(Response({"a": 1}).code(201), schema=CLOSED, status=status)
    assert answered(Response("anything").code(202), schema=CLOSED, status={202: None}) is None


def test_errors_are_validated_only_by_the_schema_of_their_status() -> None:
    error = from_error(boom.Conflict("taken"))
    assert answered(error, schema=CLOSED) is None
    assert answered(error, status={409: {"required": ["message"]}}) is None
    with pytest.raises(boom.InternalServerError):
        answered(error, status={409: {"required": ["code"]}})


class Document:
    def to_mongo(self) -> Any:
        return SimpleNamespace(to_dict=lambda: {"at": datetime(2026, 1, 2, tzinfo=UTC)})


def test_a_response_is_validated_in_its_serialized_form() -> None:
    schema = {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}, "required": ["at"]}
    assert answered(Response({"at": datetime(2026, 1, 2, tzinfo=UTC)}), schema=schema) is None
    assert answered(Response(Document()), schema=schema) is None
    with pytest.raises(boom.InternalServerError, match="/at must be"):
        answered(Response({"at": 5}), schema=schema)


@pytest.mark.parametrize("source", [b"bytes", object(), {"a": {"b": b"x"}}])
def test_a_response_that_is_not_json_matches_no_schema(source: Any) -> None:
    with pytest.raises(boom.InternalServerError, match="is not JSON"):
        answered(Response(source), schema={"type": "object", "properties": {"a": {"required": ["c"]}}})


@pytest.mark.parametrize("source", [None, "", b""], ids=["None", "text", "bytes"])
def test_an_empty_response_is_validated_by_the_status_that_is_sent(source: Any) -> None:
    empty = Response(source)
    assert answered(empty, schema=CLOSED, status={200: CLOSED}) is None  # a 204, which has no body
    with pytest.raises(boom.InternalServerError, match="the 202 answer"):
        answered(empty, status={202: CLOSED}, empty=202)
    cases: list[tuple[Response, dict[str, Any]]] = [
        (Response(source).code(200), {}),
        (empty, {"empty": 200}),
        (empty, {"empty": None}),
    ]
    for response, settings in cases:
        with pytest.raises(boom.InternalServerError, match="the 200 answer"):
            answered(response, schema=CLOSED, **settings)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_a_body_is_not_validated(status: int) -> None:
    assert answered(Response(5).code(status), schema=CLOSED) is None


def test_a_sample_of_zero_validates_nothing_and_of_a_hundred_everything() -> None:
    for _ in range(50):
        assert answered(Response(5), schema=CLOSED, sample=0) is None
        with pytest.raises(boom.InternalServerError):
            answered(Response(5), schema=CLOSED, sample=100)


def test_an_invalid_response_may_be_ignored_logged_or_replaced(caplog: pytest.LogCaptureFixture) -> None:
    assert answered(Response(5), schema=CLOSED, fail_action="ignore") is None
    assert caplog.records == []
    with caplog.at_level(logging.INFO, "hapiish"):
        assert answered(Response(5), schema=CLOSED, fail_action="log") is None
    assert "[validation response error]" in caplog.text
    assert "must be object" in caplog.text

    async def replace(request: Any, h: Any, error: boom.Boom) -> Any:
        return {"replaced": error.status}

    async def keep(request: Any, h: Any, error: boom.Boom) -> Any:
        return h.continue_

    replaced = answered(Response(5), schema=CLOSED, fail_action=replace)
    assert replaced is not None
    assert replaced.source == {"replaced": 500}
    assert answered(Response(5), schema=CLOSED, fail_action=keep) is None
