"""The steps that validate inputs and responses."""

import asyncio
import logging
from typing import Any

import pytest

from hapiish import boom
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.validation.coerce import compile_coercer, compile_defaults
from hapiish.http.validation.failure import OnFailure
from hapiish.http.validation.inputs import Source, validate_step
from hapiish.http.validation.schema import SchemaError
from hapiish.http.validation.validator import compile_schema
from tests.http.support import make_request

AGE = {"type": "object", "required": ["age"], "properties": {"age": {"type": "integer", "default": 3}}}
CLOSED = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}


def request_with(source: Source, value: Any, method: str = "POST") -> Request:
    return make_request(method=method, **{source: value})


def judged(source: Source, schema: Any, value: Any, **settings: Any) -> Request:
    request = request_with(source, value)
    step = validate_step(
        source,
        compile_schema(schema, {}),
        coerce=compile_coercer(schema, {}),
        defaults=compile_defaults(schema, {}),
        on_failure=OnFailure(**settings),
    )
    assert step(request) is None
    return request


def test_an_input_is_replaced_by_its_coerced_form_and_the_original_is_kept() -> None:
    given = {"age": "7"}
    request = judged("query", AGE, given)
    assert request.query == {"age": 7}
    assert request.orig["query"] is given
    assert given == {"age": "7"}


def test_a_default_satisfies_required() -> None:
    assert judged("query", AGE, {}).query == {"age": 3}
    assert judged("payload", AGE, {}).payload == {"age": 3}


def test_a_json_body_is_never_coerced_but_a_form_is() -> None:
    with pytest.raises(boom.BadRequest):
        judged("payload", AGE, {"age": "7"})
    request = request_with("payload", {"age": "7"})
    request.mime = "application/x-www-form-urlencoded"
    validate_step("payload", compile_schema(AGE, {}), coerce=compile_coercer(AGE, {}))(request)
    assert request.payload == {"age": 7}


def test_an_empty_body_is_validated_like_any_other() -> None:
    with pytest.raises(boom.BadRequest):
        judged("payload", AGE, None)
    request = request_with("payload", None)
    request.mime = "application/x-www-form-urlencoded"
    with pytest.raises(boom.BadRequest):
        validate_step("payload", compile_schema(AGE, {}), coerce=compile_coercer(AGE, {}))(request)


def test_a_body_of_bytes_is_validated_without_a_crash() -> None:
    with pytest.raises(boom.BadRequest) as caught:
        judged("payload", CLOSED, b"\xff\x00")
    assert caught.value.extra["validation"]["errors"] == [{"path": "", "message": "must be object", "keyword": "type"}]


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(boom.BadRequest):
        judged("query", {"properties": {"a": {"pattern": "^x"}}}, {"a": "\udcff"})


def test_a_failure_states_path_and_reason_but_never_the_value() -> None:
    with pytest.raises(boom.BadRequest) as caught:
        judged("query", CLOSED, {"a": "<script>", "<b>": "secret"})
    assert caught.value.payload() == {
        "statusCode": 400,
        "error": "Bad Request",
        "message": "Invalid request query input",
        "validation": {
            "source": "query",
            "keys": ["&lt;b&gt;", "a"],
            "errors": [
                {"path": "/<b>", "message": "is not allowed", "keyword": "additionalProperties"},
                {"path": "/a", "message": "must be integer", "keyword": "type"},
            ],
        },
    }


def test_keys_are_dotted_paths_without_duplicates() -> None:
    schema = {"properties": {"a": {"items": {"type": "integer", "minLength": 9, "enum": [1]}}}}
    with pytest.raises(boom.BadRequest) as caught:
        judged("payload", schema, {"a": ["x"]})
    assert caught.value.extra["validation"]["keys"] == ["a.0"]
    assert len(caught.value.extra["validation"]["errors"]) == 3


def test_detail_none_leaves_the_three_keys_and_error_fields_are_added_either_way() -> None:
    with pytest.raises(boom.BadRequest) as caught:
        judged("params", CLOSED, {"b": "1"}, detail="none")
    assert caught.value.payload().keys() == {"statusCode", "error", "message"}
    for detail in ("none", "full"):
        with pytest.raises(boom.BadRequest) as caught:
            judged("params", CLOSED, {"b": "1"}, detail=detail, error_fields={"help": "see docs"})
        assert caught.value.payload()["help"] == "see docs"


def test_ignore_and_log_continue_with_the_original_input(caplog: pytest.LogCaptureFixture) -> None:
    given = {"age": "7", "name": 5}
    schema = {"properties": {**AGE["properties"], "name": {"type": "string"}}}  # type: ignore[dict-item]
    assert judged("query", schema, given, fail_action="ignore").query is given
    assert caplog.records == []
    with caplog.at_level(logging.INFO, "hapiish"):
        assert judged("query", schema, given, fail_action="log").query is given
    assert "[validation error query] /name must be string" in caplog.text


def test_a_line_break_in_a_name_makes_no_second_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "hapiish"):
        judged("query", CLOSED, {"a\nforged line": "1"}, fail_action="log")
    assert "forged line" in caplog.text
    assert "\nforged" not in caplog.text


def test_a_fail_action_function_handles_a_failure() -> None:
    seen: list[boom.Boom] = []
    taken = Response("taken").takeover()

    async def act(request: Request, error: boom.Boom) -> Response | None:
        seen.append(error)
        return taken if request.query.get("take") else None

    on_failure = OnFailure(fail_action=act, error_fields={"help": "me"})
    step = validate_step("query", compile_schema(CLOSED, {}), on_failure=on_failure)
    assert asyncio.run(step(request_with("query", {"a": 1}))) is None
    assert not seen
    assert asyncio.run(step(request_with("query", {"b": 1}))) is None
    assert asyncio.run(step(request_with("query", {"b": 1, "take": "1"}))) is taken
    assert seen[0].extra["validation"]["keys"] == ["b"]
    assert seen[0].extra["help"] == "me"


@pytest.mark.parametrize(("value", "good"), [({}, True), (None, True), ({"a": 1}, False), ([], False), ("", False)])
def test_the_schema_false_accepts_only_empty_values(value: Any, *, good: bool) -> None:
    if good:
        assert judged("payload", False, value).payload == value
    else:
        with pytest.raises(boom.BadRequest):
            judged("payload", False, value)


def test_a_route_for_any_method_validates_no_body_of_get_and_head() -> None:
    step = validate_step("payload", compile_schema(AGE, {}), any_method=True)
    for method in ("GET", "HEAD"):
        step(request_with("payload", None, method))
    with pytest.raises(boom.BadRequest):
        step(request_with("payload", None, "POST"))


def test_a_body_nested_beyond_the_recursion_limit_is_a_bad_request() -> None:
    schemas = {"Tree": {"type": "object", "properties": {"n": {"default": 1}, "kid": {"$ref": "#/schemas/Tree"}}}}
    value: Any = {}
    for _ in range(1000):
        value = {"kid": value}
    schema = {"$ref": "#/schemas/Tree"}
    step = validate_step("payload", compile_schema(schema, schemas), defaults=compile_defaults(schema, schemas))
    with pytest.raises(boom.BadRequest) as caught:
        step(request_with("payload", value))
    assert caught.value.extra["validation"]["errors"][0]["keyword"] == "depth"


# Compiling


def test_equal_schemas_share_one_validator_and_unequal_ones_do_not() -> None:
    first = compile_schema({"type": "integer", "minimum": 1}, {})
    assert compile_schema({"minimum": 1, "type": "integer"}, {"Unused": {}}) is first
    assert compile_schema({"minimum": True, "type": "integer"} and {"minimum": 1.0, "type": "integer"}, {}) is not first
    assert compile_schema({"$ref": "#/schemas/A"}, {"A": {"type": "null"}}) is not compile_schema(
        {"$ref": "#/schemas/A"}, {"A": {"type": "string"}}
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "text"},
        {"pattern": "("},
        {"minLength": -1},
        {"$ref": "#/$defs/absent"},
        {"$ref": "#/schemas/Absent"},
        {"$ref": "https://elsewhere.example/schema.json"},
        {"properties": {"a": {"$ref": "file:///etc/hosts"}}},
        {"$id": "https://elsewhere.example/", "properties": {"a": {"$ref": "b.json"}}},
    ],
)
def test_an_invalid_schema_is_refused_when_it_is_compiled(schema: Any) -> None:
    with pytest.raises(SchemaError):
        compile_schema(schema, {})


def test_a_recursive_schema_validates_at_every_depth() -> None:
    tree = {"type": "object", "required": ["n"], "properties": {"kids": {"items": {"$ref": "#/schemas/Tree"}}}}
    validator = compile_schema({"$ref": "#/schemas/Tree"}, {"Tree": tree})
    assert validator.is_valid({"n": 1, "kids": [{"n": 2, "kids": []}]})
    assert validator.errors({"n": 1, "kids": [{"n": 2, "kids": [{}]}]})[0]["path"] == "/kids/0/kids/0/n"
