"""The surface of a table says what routes and events accept, answer and fail with."""

from pathlib import Path

import pytest

from hapiish.describe.surface import RouteSurface, Surface, examples, standalone, surface
from hapiish.table import load
from tests.describe.plain_chat import plain_chat

ROOT = Path(__file__).parent.parent.parent
ENV = {"JWT_SECRET": "0123456789abcdef0123456789abcdef"}


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Surface:
    return surface(load(plain_chat(tmp_path_factory.mktemp("chat")), ENV))


def of(tmp_path: Path, text: str) -> Surface:
    (tmp_path / "routes.yaml").write_text(text)
    return surface(load(tmp_path / "routes.yaml", ENV))


def route(tmp_path: Path, options: str, *, method: str = "POST", path: str = "/a", more: str = "") -> RouteSurface:
    text = f"routes: [{{method: '{method}', path: '{path}', handler: 'my:f', options: {options}}}]\n{more}"
    return of(tmp_path, text).routes[0]


def test_a_route_has_its_inputs_with_types_and_names(chat: Surface) -> None:
    index = next(each for each in chat.routes if each.id == "messages.index")
    assert [(each.name, each.required) for each in index.params.members] == [("conversationId", True)]
    assert index.params.members[0].schema == {"$ref": "#/schemas/Id"}
    limit = next(each for each in index.query.members if each.name == "limit")
    assert limit.schema == {"type": "integer", "minimum": 1, "maximum": 200, "default": 200}
    assert not index.query.is_open
    assert index.body is None


def test_a_body_has_media_types_that_its_schema_can_accept(chat: Surface) -> None:
    create = next(each for each in chat.routes if each.id == "messages.create")
    assert create.body is not None
    assert create.body.media_types == ("application/json", "application/*+json", "application/x-www-form-urlencoded")
    assert (create.body.max_bytes, create.body.is_required) == (65536, True)


def test_the_failures_of_a_route_are_those_of_its_options(chat: Surface) -> None:
    found = {each.id: [failure.status for failure in each.failures] for each in chat.routes}
    assert found["messages.create"] == [400, 401, 403, 404, 408, 413, 415, 429, 500, 503]
    assert found["friends.index"] == [401, 500, 503]
    assert found["accounts.login"] == [400, 401, 403, 408, 413, 415, 429, 500, 503]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ("{auth: false}", None),
        ("{validate: {query: {type: object}, status: 422}}", 422),
        ("{validate: {query: {type: object}, status: 422, failAction: log}}", None),
        ("{limit: 5/second}", 429),
        ("{timeout: {server: 5s}}", 503),
        ("{csrf: true}", 403),
        ("{payload: {failAction: ignore}}", None),
        ("{response: {status: {404: {description: No such thing}}}}", 404),
    ],
)
def test_a_failure_comes_from_its_option(tmp_path: Path, options: str, status: int | None) -> None:
    usual = {500} if "ignore" in options else {400, 408, 413, 415, 500}
    expected = usual | ({status} if status else set())
    assert {each.status for each in route(tmp_path, options).failures} == expected


def test_a_declared_error_keeps_hapiishs_body_unless_its_schema_restricts_it(tmp_path: Path) -> None:
    given = route(tmp_path, "{response: {status: {404: {description: No such thing}, 409: {type: object}}}}")
    failure, other = given.failure(404), given.failure(409)
    assert failure is not None
    assert other is not None
    assert failure.schema is None
    assert [reason.text for reason in failure.reasons] == ["No such thing"]
    assert other.schema == {"type": "object"}


def test_examples_are_the_bodies_as_sent(tmp_path: Path) -> None:
    failure = route(tmp_path, "{limit: 5/second}").failure(429)
    assert failure is not None
    assert examples(failure) == {
        "limit": {
            "statusCode": 429,
            "error": "Too Many Requests",
            "message": "Too Many Requests",
            "code": "too_many_requests",
        }
    }


def test_an_event_has_its_acknowledgements_and_a_namespace_its_emits(chat: Surface) -> None:
    namespace = chat.namespaces[0]
    init, message = [next(each for each in namespace.events if each.event == name) for name in ("init", "message")]
    assert init.ok["required"] == ["ok", "userId", "socketId", "heads"]  # type: ignore[index]
    assert message.payload == {"$ref": "#/schemas/MessageEvent"}
    assert [failure.status for failure in message.failures] == [400, 401, 403, 404, 415, 429, 500, 503]
    assert {"message", "server:draining"} <= {each.event for each in namespace.emits}


def test_a_strategy_shows_no_secret(chat: Surface) -> None:
    assert chat.strategies["session"].kind == "bearer"
    assert ENV["JWT_SECRET"] not in repr(chat.strategies)


def test_a_star_route_has_the_methods_that_no_other_route_takes(tmp_path: Path) -> None:
    text = "routes: [{method: '*', path: /a, handler: 'my:f'}, {method: GET, path: /a, handler: 'my:f'}]"
    assert of(tmp_path, text).routes[0].methods == ("POST", "PUT", "PATCH", "DELETE")


def test_a_standalone_schema_has_the_schemas_that_it_refers_to(chat: Surface) -> None:
    schema = standalone({"$ref": "#/schemas/Person"}, chat.schemas)
    assert schema["$ref"] == "#/$defs/Person"  # type: ignore[index]
    assert set(schema["$defs"]) == {"Id", "Person"}  # type: ignore[index]
    assert schema["$defs"]["Person"]["properties"]["_id"] == {"$ref": "#/$defs/Id"}  # type: ignore[index]


def test_schemas_that_refer_to_themselves_have_an_end(tmp_path: Path) -> None:
    schemas = "schemas: {Tree: {anyOf: [{type: string}, {type: array, items: {$ref: '#/schemas/Tree'}}]}}"
    given = route(tmp_path, "{validate: {payload: {$ref: '#/schemas/Tree'}}}", more=schemas)
    assert given.body is not None
