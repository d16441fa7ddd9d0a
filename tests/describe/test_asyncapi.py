"""`hapiish asyncapi` describes a table's Socket.IO events, and its documents are valid by AsyncAPI's own schema."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from hapiish.cli import main
from hapiish.describe.asyncapi import document
from hapiish.describe.asyncapi.draft07 import draft07
from hapiish.table import check, load
from tests.describe.plain_chat import plain_chat

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ENV = {"JWT_SECRET": "0123456789abcdef0123456789abcdef"}
PROJECTS = sorted((ROOT / "tests" / "projects").glob("*/routes.yaml"))
ASYNCAPI = jsonschema.Draft7Validator(json.loads((HERE / "asyncapi-3.0.0.json").read_text()))


def valid(found: dict[str, Any]) -> None:
    assert [f"{error.json_path} {error.message}" for error in ASYNCAPI.iter_errors(found)] == []
    for operation in found["operations"].values():
        assert_resolves(found, operation)


def assert_resolves(found: dict[str, Any], value: Any) -> None:
    """Asserts that every reference in a value leads to a part of the document."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            target: Any = found
            for step in value["$ref"].removeprefix("#/").split("/"):
                target = target[step]
        for inner in value.values():
            assert_resolves(found, inner)
    elif isinstance(value, list):
        for inner in value:
            assert_resolves(found, inner)


def made(tmp_path: Path, sockets: str, more: str = "") -> dict[str, Any]:
    (tmp_path / "routes.yaml").write_text(f"sockets: {{namespaces: [{sockets}]}}\n{more}")
    found = document(load(tmp_path / "routes.yaml", ENV))
    valid(found)
    assert_resolves(found, found)
    return found


def event(tmp_path: Path, options: str = "{}", keys: str = "", more: str = "") -> dict[str, Any]:
    """Returns the messages of a namespace with one event, `in`."""
    events = f"[{{event: in, handler: 'my:f', options: {options}{keys}}}]"
    found: dict[str, Any] = made(tmp_path, f"{{namespace: /, events: {events}}}", more)["channels"]["root"]["messages"]
    return found


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return document(load(plain_chat(tmp_path_factory.mktemp("chat")), ENV))


def test_the_chat_has_a_valid_document(chat: dict[str, Any]) -> None:
    valid(chat)
    assert_resolves(chat, chat)
    assert list(chat["channels"]) == ["root"]
    actions = {name: each["action"] for name, each in chat["operations"].items()}
    assert actions["connect"] == "receive"
    for name, action in actions.items():
        assert action == {"socket": "receive", "emit": "send", "connect": "receive"}[name.partition(".")[0]]
    assert {"socket.init", "socket.message", "emit.message", "emit.server.draining"} <= actions.keys()


@pytest.mark.parametrize("file", PROJECTS, ids=lambda file: file.parent.name)
def test_every_table_that_checks_has_a_valid_document(file: Path) -> None:
    table, _ = check(file, {**ENV})
    if table is not None:
        valid(document(table))


def test_an_event_has_its_payload_and_its_acknowledgements(chat: dict[str, Any]) -> None:
    messages = chat["channels"]["root"]["messages"]
    assert messages["message"]["payload"] == {"$ref": "#/components/schemas/MessageEvent"}
    assert messages["message.ok"]["payload"]["title"] == "MessageAck"
    assert messages["message.ok"]["payload"]["required"] == ["ok", "message", "duplicate"]
    refused = messages["message.error"]
    assert refused["payload"]["properties"]["error"] == {"$ref": "#/components/schemas/EventError"}
    assert [each["name"] for each in refused["examples"]] == [
        "400-unreadable",
        "400-payload",
        "400-arguments",
        "401-expired",
        "415-attachments",
        "429-limit",
        "500-internal",
        "503-database",
    ]
    assert chat["operations"]["socket.message"]["reply"]["messages"] == [
        {"$ref": "#/channels/root/messages/message.ok"},
        {"$ref": "#/channels/root/messages/message.error"},
    ]


def test_an_emit_of_the_same_name_is_another_message(chat: dict[str, Any]) -> None:
    emitted = chat["channels"]["root"]["messages"]["emit.message"]
    assert (emitted["name"], emitted["payload"]) == ("message", {"$ref": "#/components/schemas/LiveMessage"})


def test_the_handshake_is_an_operation_with_its_refusals(chat: dict[str, Any]) -> None:
    connect = chat["operations"]["connect"]
    assert connect["security"] == [{"$ref": "#/components/securitySchemes/session"}]
    messages = chat["channels"]["root"]["messages"]
    assert messages["connect"]["payload"] == {"$ref": "#/components/schemas/Handshake"}
    refusals = [each["payload"]["data"] for each in messages["connect_error"]["examples"]]
    assert "unauthorized" in [each.get("code") for each in refusals]


@pytest.mark.parametrize(
    ("response", "ok"),
    [
        ("{schema: {type: object, properties: {a: {}}}}", [{"ok", "a"}]),
        ("{schema: {type: string}}", [{"ok", "data"}]),
        ("{schema: {type: [string, 'null']}}", [{"ok"}, {"ok", "data"}]),
        ("{schema: false}", [{"ok"}]),
        ("{}", [{"ok"}, {"ok"}, {"ok", "data"}]),
    ],
)
def test_the_envelope_follows_the_type_of_the_answer(tmp_path: Path, response: str, ok: list[set[str]]) -> None:
    payload = event(tmp_path, f"{{response: {response}}}")["in.ok"]["payload"]
    forms = payload.get("anyOf", [payload])
    named = [set(form["properties"]) | set(form.get("allOf", [{}])[0].get("properties", {})) for form in forms]
    assert named == ok


def test_a_raw_acknowledgement_has_no_envelope(tmp_path: Path) -> None:
    messages = event(tmp_path, "{response: {schema: {type: string}}}", ", ack: raw")
    assert messages["in.ok"]["payload"] == {"type": "string"}
    assert messages["in.error"]["payload"] == {"$ref": "#/components/schemas/EventError"}


def test_a_namespace_with_parameters_is_a_channel_with_parameters(tmp_path: Path) -> None:
    found = made(
        tmp_path,
        "{namespace: '/room-{id}', validate: {params: {properties: {id: {description: The room}}}, "
        "query: {properties: {lang: {type: string}}, required: [lang]}}, x-kind: room}",
    )
    channel = found["channels"]["room-.id"]
    assert channel["address"] == "/room-{id}"
    assert channel["parameters"] == {"id": {"description": "The room"}}
    assert channel["bindings"]["ws"]["query"]["required"] == ["lang"]
    assert channel["x-kind"] == "room"


def test_limits_access_and_deprecation_are_told(tmp_path: Path) -> None:
    more = "auth: {strategies: {s: {scheme: basic, options: {validate: 'my:v'}}}, default: s}"
    options = "{limit: 5/second, auth: {scope: ['!guest']}, deprecated: {since: 2026-01-31}}"
    events = f"[{{event: in, id: e, handler: 'my:f', options: {options}, x-own: 1}}]"
    found = made(tmp_path, f"{{namespace: /, events: {events}}}", more)["operations"]["e"]
    assert found["description"] == (
        "More than 5 requests in 1 second, by user: 429 with `retryAfter`, in seconds.\n\n"
        "Callers with the scope `guest` are refused."
    )
    assert (found["x-deprecated"], found["x-own"]) == ({"since": "2026-01-31"}, 1)


def test_the_event_for_all_others_and_odd_names_have_keys(tmp_path: Path) -> None:
    events = "[{event: '*', handler: 'my:f'}, {event: 'a b', handler: 'my:f'}, {event: 'a/b', handler: 'my:f'}]"
    messages = made(tmp_path, f"{{namespace: /, events: {events}}}")["channels"]["root"]["messages"]
    assert [messages[key]["name"] for key in ("any", "a.b", "a.b_")] == ["*", "a b", "a/b"]


def test_a_public_address_is_the_server(tmp_path: Path) -> None:
    found = made(tmp_path, "{namespace: /}", "server: {uri: 'https://chat.example.com/api'}")["servers"]["main"]
    assert (found["host"], found["pathname"], found["protocol"]) == ("chat.example.com", "/api/socket.io", "wss")


def test_schemas_are_in_the_words_of_draft_07() -> None:
    assert draft07({"prefixItems": [{"type": "string"}], "items": False}) == {
        "items": [{"type": "string"}],
        "additionalItems": False,
    }
    assert draft07({"$ref": "#/a", "description": "d"}) == {"allOf": [{"$ref": "#/a"}], "description": "d"}
    assert draft07({"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"a": {"$ref": "#/x"}, "c": True}}) == {
        "dependencies": {"a": {"allOf": [{"$ref": "#/x"}, {"required": ["b"]}]}, "c": True}
    }
    assert draft07({"properties": {"prefixItems": {"prefixItems": [True]}}}) == {
        "properties": {"prefixItems": {"items": [True]}}
    }


def test_a_table_without_sockets_has_a_document_without_channels(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text("routes: [{method: GET, path: /, handler: 'my:f'}]")
    found = document(load(tmp_path / "routes.yaml", ENV))
    valid(found)
    assert found["channels"] == {}


def test_the_command_writes_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes.yaml").write_text("sockets: {namespaces: [{namespace: /, emits: [{event: out}]}]}")
    assert main(["asyncapi", "--output", "asyncapi.json"]) == 0
    valid(json.loads((tmp_path / "asyncapi.json").read_text()))
    assert main(["asyncapi", "--output", "asyncapi.json", "--check"]) == 0


def test_every_option_of_an_event_has_a_valid_document(tmp_path: Path) -> None:
    given = yaml.safe_load((ROOT / "tests" / "realtime" / "event_options.yaml").read_text())
    auth = {"strategies": {"s": {"scheme": "basic", "options": {"validate": "my:v"}}}, "default": "s"}
    presets: dict[str, Any] = {}
    events = []
    for number, exercise in enumerate(given.values()):
        options = {key: dict(value) if isinstance(value, dict) else value for key, value in exercise["options"].items()}
        for key, value in exercise.get("with", {}).items():
            options[key] = {**value, **options.get(key, {})}
        presets |= exercise.get("table", {}).get("presets", {})
        events.append({"event": f"e{number}", "handler": "my:f", "options": options})
    table = {"auth": auth, "presets": presets, "sockets": {"namespaces": [{"namespace": "/", "events": events}]}}
    (tmp_path / "routes.yaml").write_text(yaml.safe_dump(table))
    loaded, problems = check(tmp_path / "routes.yaml", ENV)
    assert loaded is not None, problems
    found = document(loaded)
    valid(found)
    assert_resolves(found, found)
    assert len(found["operations"]) == len(given) + 1


@pytest.mark.parametrize("name", ["/日本", "/a//b", "/a%zz", "/x'y", "/a/", "/#", "/a|b"])
def test_a_namespace_without_parameters_may_have_every_character(tmp_path: Path, name: str) -> None:
    found = made(tmp_path, json.dumps({"namespace": name, "events": [{"event": "in", "handler": "my:f"}]}))
    (channel,) = found["channels"].values()
    assert (channel["address"], "parameters" in channel) == (name, False)
