"""`hapiish types`: TypeScript that tsc compiles with a client, and TypedDicts that mypy checks handlers by."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from hapiish.cli import main
from hapiish.describe.surface import surface
from hapiish.describe.types.client import client_module
from hapiish.describe.types.handlers import handlers_module
from hapiish.table import load
from tests import javascript
from tests.describe.plain_chat import plain_chat

ROOT = Path(__file__).parents[2]
ENV = {"JWT_SECRET": "x" * 40}


def tsc(folder: Path, **files: str) -> list[str]:
    """The errors of the TypeScript compiler for some modules."""
    javascript.install()
    (folder / "node_modules").symlink_to(javascript.FOLDER / "node_modules")
    for name, text in files.items():
        (folder / f"{name}.ts").write_text(text)
    command = ("node_modules/typescript/bin/tsc", *javascript.TSC, *(f"{name}.ts" for name in files))
    done = subprocess.run([javascript.NODE, *command], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def mypy(folder: Path, **files: str) -> list[str]:
    """The errors of mypy --strict for some modules."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    cache = f"--cache-dir={ROOT / '.mypy_cache' / 'types'}"
    options = ("--strict", "--no-error-summary", "--follow-imports=silent", cache)
    command = [sys.executable, "-m", "mypy", *options, *(f"{name}.py" for name in files)]
    env = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=env)
    return [*done.stdout.splitlines(), *done.stderr.splitlines()]


def chat(folder: Path) -> Any:
    return surface(load(plain_chat(folder), ENV))


CLIENT = """
import { io, type Socket } from "socket.io-client";
import type {
  Answer, ClientToServerEvents, Failure, Message, Namespaces, Params, Payload, Query, RouteIds, RouteKey,
  ServerToClientEvents,
} from "./api";

declare function call<K extends RouteKey>(
  route: K, given: { params?: Params<K>; query?: Query<K>; payload?: Payload<K> },
): Promise<Answer<K>>;

async function client(): Promise<void> {
  const params = { conversationId: "a" };
  const sent: Message = await call("POST /messages/{conversationId}", { params, payload: { text: "hi" } });
  sent.seq.toFixed();
  // @ts-expect-error a misspelt member of the payload
  await call("POST /messages/{conversationId}", { params, payload: { txet: "hi" } });
  // @ts-expect-error a member of another type
  await call("POST /messages/{conversationId}", { params, payload: { text: 5 } });
  // @ts-expect-error a misspelt parameter
  await call("POST /messages/{conversationId}", { params: { conversation: "a" } });
  // @ts-expect-error no such route
  await call("POST /message/{conversationId}", {});
  // @ts-expect-error a GET route has no payload
  await call("GET /friends", { payload: { a: 1 } });
  const page = await call("GET /messages/{conversationId}", { params, query: { limit: 5 } });
  page.messages[0]?.seq.toFixed();
  // @ts-expect-error a misspelt member of the answer
  page.messages[0]?.sqe;
  const failure: Failure<"POST /login", 429> = { statusCode: 429, error: "x", message: "y" };
  failure.code?.trim();
  // @ts-expect-error a status that the route never sends
  const never: Failure<"POST /login", 418> = failure;
  const login: RouteIds["accounts.login"]["payload"] = { email: "a", password: "b" };
  login.email.trim();

  const auth: Namespaces["/"]["auth"] = { token: "x" };
  const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io({ auth });
  socket.on("message", (message) => {
    message.text.trim();
    // @ts-expect-error a misspelt member
    message.txet;
  });
  // @ts-expect-error an event that the server does not emit
  socket.on("massage", () => {});
  socket.emit("message", { conversationId: "a", text: "b" }, (answer) => {
    if (answer.ok) {
      answer.message.seq.toFixed();
      // @ts-expect-error a success has no error
      answer.error;
    } else {
      answer.error.message.trim();
      // @ts-expect-error a failure has no message
      answer.message;
    }
  });
  // @ts-expect-error a payload without a required member
  socket.emit("message", { conversationId: "a" }, () => {});
  // @ts-expect-error an event that the server does not know
  socket.emit("massage", {}, () => {});
  const answer = await socket.timeout(1000).emitWithAck("message", { conversationId: "a", text: "b" });
  if (answer.ok) answer.duplicate satisfies boolean;
}
void client;
"""


def test_a_client_of_the_chat_compiles_and_its_mistakes_do_not(tmp_path: Path) -> None:
    assert tsc(tmp_path, api=client_module(chat(tmp_path)), client=CLIENT) == []


Case = tuple[Any, list[Any], list[Any]]
CASES: dict[str, Case] = {
    "enum": ({"enum": ["a", 1, True, None]}, ["a", 1, True, None], ["b", 2, False]),
    "typed enum": ({"type": "string", "enum": ["a", 1]}, ["a"], [1]),
    "const": ({"const": {"a": [1, "x"]}}, [{"a": [1, "x"]}], [{"a": [2, "x"]}, {"a": [1]}]),
    "nullable": ({"type": ["string", "null"]}, ["a", None], [1]),
    "integers": ({"type": ["integer", "boolean"]}, [1, True], ["a"]),
    "any": (True, [1, "a", None, [], {}], []),
    "nothing": (False, [], [1, None]),
    "not anything": ({"not": {}}, [], [1]),
    "closed": (
        {
            "type": "object",
            "required": ["a"],
            "properties": {"a": {}, "b": {"type": "number"}},
            "additionalProperties": False,
        },
        [{"a": 1}, {"a": None, "b": 2}],
        [{"b": 1}, {"a": 1, "b": "x"}, {"a": 1, "c": 1}],
    ),
    "empty": ({"type": "object", "additionalProperties": False}, [{}], [{"a": 1}]),
    "open": (
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True},
        [{"a": "x", "b": 1}],
        [{"a": 1}],
    ),
    "map": ({"type": "object", "additionalProperties": {"type": "number"}}, [{}, {"a": 1}], [{"a": "x"}]),
    "map with members": (
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "number"}},
        [{"a": "x", "b": 1}, {"b": 1}],
        [{"a": "x", "b": True}],
    ),
    "prefix": (
        {"type": "object", "patternProperties": {"^x-": {"type": "number"}}, "additionalProperties": False},
        [{"x-a": 1}],
        [{"x-a": "b"}],
    ),
    "pattern": ({"type": "object", "patternProperties": {"[0-9]$": {"type": "number"}}}, [{"a1": 1}], [{"a1": "b"}]),
    "names of members": (
        {"type": "object", "propertyNames": {"enum": ["a", "b-c"]}, "additionalProperties": {"type": "number"}},
        [{}, {"a": 1, "b-c": 2}],
        [{"a": "x"}, {"d": 1}],
    ),
    "required without a schema": ({"type": "object", "required": ["a"]}, [{"a": 1}], [{}]),
    "odd names": (
        {
            "type": "object",
            "required": ["a-b", "1", "é", "x y"],
            "properties": {"a-b": {"type": "number"}, '"': {"type": "null"}},
        },
        [{"a-b": 1, "1": 1, "é": 1, "x y": 1, '"': None}],
        [{"a-b": "x", "1": 1, "é": 1, "x y": 1}],
    ),
    "list": ({"type": "array", "items": {"type": ["string", "null"]}}, [[], ["a", None]], [[1]]),
    "no items": ({"type": "array", "items": False}, [[]], [[1]]),
    "tuple": (
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "items": False, "minItems": 2},
        [["a", 1]],
        [["a"], ["a", 1, 2], [1, "a"]],
    ),
    "open tuple": (
        {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "number"}},
        [[], ["a"], ["a", 1, 2]],
        [["a", "b"], [1]],
    ),
    "alternatives": (
        {"oneOf": [{"type": "object", "required": ["a"], "properties": {"a": {"const": 1}}}, {"type": "string"}]},
        [{"a": 1}, "x"],
        [{"a": 2}, 1],
    ),
    "one of two members": (
        {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        [{"a": "x"}, {"b": "x"}, {"a": "x", "b": "y"}],
        [{}, {"a": 1}],
    ),
    "together": (
        {
            "allOf": [
                {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
                {"type": "object", "required": ["b"], "properties": {"b": {"type": ["number", "null"]}}},
            ]
        },
        [{"a": "x", "b": None}],
        [{"a": "x"}, {"b": 1}, {"a": "x", "b": "y"}],
    ),
    "union in a list": (
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "number"}]}},
        [["a", 1]],
        [[True]],
    ),
    "tree": (
        {"$ref": "#/schemas/Tree"},
        [{"value": 1, "children": [{"value": 2}]}],
        [{"value": 1, "children": [{"value": "x"}]}],
    ),
    "own definitions": (
        {
            "type": "object",
            "properties": {"next": {"$ref": "#/$defs/link"}},
            "$defs": {"link": {"type": "object", "properties": {"to": {"$ref": "#"}, "n": {"type": "number"}}}},
        },
        [{"next": {"to": {"next": {"n": 1}}, "n": 1}}],
        [{"next": {"to": {"next": {"n": "x"}}}}],
    ),
    "part of a named schema": ({"$ref": "#/schemas/Tree/properties/value"}, [1], ["x"]),
    "reference and more": (
        {"$ref": "#/schemas/Tree", "required": ["children"]},
        [{"value": 1, "children": []}],
        [{"value": 1}],
    ),
    "named oddly": ({"$ref": "#/schemas/2 odd-name*"}, ["a"], [1]),
    "reserved": ({"$ref": "#/schemas/string"}, [True], ["a"]),
}
SCHEMAS: dict[str, Any] = {
    "Tree": {
        "type": "object",
        "description": "Ends */ a comment",
        "required": ["value"],
        "properties": {
            "value": {"type": "integer", "deprecated": True, "default": 1},
            "children": {"type": "array", "items": {"$ref": "#/schemas/Tree"}},
        },
        "additionalProperties": False,
    },
    "2 odd-name*": {"type": "string"},
    "2_odd_name_": {"type": "boolean"},
    "string": {"type": "boolean", "title": "Reserved"},
    "Routes": {"type": "string"},
    "Directed": {
        "type": "object",
        "required": ["id", "name", "password"],
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "name": {"type": "string"},
            "password": {"type": "string", "writeOnly": True},
        },
        "additionalProperties": False,
    },
}


def table_of(folder: Path, routes: Iterable[dict[str, Any]], **more: Any) -> Any:
    table = {"schemas": SCHEMAS, "routes": list(routes), **more}
    (folder / "routes.yaml").write_text(json.dumps(table, ensure_ascii=False))
    return surface(load(folder / "routes.yaml", {}))


def route(number: int, schema: Any) -> dict[str, Any]:
    options = {"validate": {"payload": schema}, "response": {"schema": schema}} if schema is not True else {}
    return {"method": "POST", "path": f"/{number}", "id": f"case.{number}", "handler": "h:f", "options": options}


def test_the_types_accept_the_valid_values_of_a_schema_and_refuse_others(tmp_path: Path) -> None:
    given = [(name, *case) for name, case in CASES.items() if case[0] is not False]
    text = client_module(table_of(tmp_path, (route(number, schema) for number, (_, schema, _, _) in enumerate(given))))
    lines = ['import type { Payload } from "./api";']
    for number, (name, schema, valid, invalid) in enumerate(given):
        for value in valid:
            document = {**schema, "schemas": SCHEMAS} if isinstance(schema, dict) else schema
            assert Draft202012Validator(document).is_valid(value), (name, value)
            lines.append(f'({json.dumps(value)}) satisfies Payload<"POST /{number}">; // {name}')
        for value in invalid:
            lines += [f"// @ts-expect-error {name}", f'({json.dumps(value)}) satisfies Payload<"POST /{number}">;']
    assert tsc(tmp_path, api=text, cases="\n".join(lines)) == [], text


def test_read_only_and_write_only_members_occur_in_one_direction(tmp_path: Path) -> None:
    directed = {"$ref": "#/schemas/Directed"}
    text = client_module(table_of(tmp_path, [route(0, directed)]))
    lines = """
import type { Answer, Directed, DirectedInput, Payload } from "./api";
const sent: Payload<"POST /0"> = { name: "a", password: "b" };
sent satisfies DirectedInput;
const received: Answer<"POST /0"> = { id: 1, name: "a" };
received satisfies Directed;
// @ts-expect-error the server sets the id
({ id: 1, name: "a", password: "b" }) satisfies Payload<"POST /0">;
// @ts-expect-error the server never sends the password
received.password;
"""
    assert tsc(tmp_path, api=text, cases=lines) == []


def test_names_are_kept_and_clashes_and_comments_do_no_harm(tmp_path: Path) -> None:
    text = client_module(table_of(tmp_path, [route(0, {"$ref": "#/schemas/Tree"})]))
    assert "/** Ends *\\/ a comment */\nexport type Tree = {" in text
    assert "  /**\n   * @default 1\n   * @deprecated\n   */\n  value: number;" in text
    assert "export type _2_odd_name_ = string;" in text
    assert "export type _2_odd_name__2 = boolean;" in text
    assert "export type string_2 = boolean;" in text
    assert "export type Routes = string;" in text
    assert "export interface Routes_2 {" in text
    assert tsc(tmp_path, api=text) == []


SOCKETS = {
    "namespaces": [
        {
            "namespace": "/",
            "events": [
                {"event": "plain", "handler": "h:f"},
                {
                    "event": "raw",
                    "handler": "h:f",
                    "ack": "raw",
                    "options": {"response": {"schema": {"type": "number"}}},
                },
                {
                    "event": "list",
                    "handler": "h:f",
                    "options": {"response": {"schema": {"type": "array", "items": {"type": "number"}}}},
                },
                {
                    "event": "several",
                    "handler": "h:f",
                    "arguments": True,
                    "options": {
                        "validate": {
                            "payload": {
                                "type": "array",
                                "prefixItems": [{"type": "string"}, {"type": "number"}],
                                "items": False,
                                "minItems": 2,
                            }
                        }
                    },
                },
                {
                    "event": "file-part",
                    "handler": "h:f",
                    "binary": True,
                    "options": {
                        "validate": {
                            "payload": {
                                "type": "object",
                                "required": ["data"],
                                "properties": {"data": {"type": "string", "format": "binary"}},
                            }
                        }
                    },
                },
                {"event": "*", "handler": "h:f"},
            ],
            "emits": [{"event": "tick"}],
        },
        {
            "namespace": "/room-{id}",
            "events": [{"event": "say", "handler": "h:f"}],
            "emits": [{"event": "said", "payload": {"type": "string"}}],
        },
    ]
}
SOCKET_CLIENT = """
import { io, type Socket } from "socket.io-client";
import type { ClientToServerEvents, Namespaces, RoomIdClientToServerEvents, RoomIdServerToClientEvents } from "./api";
declare const socket: Socket<{}, ClientToServerEvents>;
socket.emit("plain", undefined, (answer) => answer.ok);
socket.emit("raw", 1, (answer) => { if (typeof answer === "number") answer.toFixed(); else answer.message; });
socket.emit("list", {}, (answer) => { if (answer.ok) answer.data[0]?.toFixed(); });
socket.emit("several", "a", 1, (answer) => answer.ok);
// @ts-expect-error arguments in another order
socket.emit("several", 1, "a", () => {});
socket.emit("file-part", { data: new Uint8Array(1) }, () => {});
// @ts-expect-error text is no attachment
socket.emit("file-part", { data: "x" }, () => {});
const room: Socket<RoomIdServerToClientEvents, RoomIdClientToServerEvents> = io("/room-1");
room.on("said", (text) => text.trim());
const params: Namespaces["/room-{id}"]["params"] = { id: "1" };
void params;
"""


def test_events_of_every_form_have_their_types(tmp_path: Path) -> None:
    text = client_module(table_of(tmp_path, [], sockets=SOCKETS))
    assert tsc(tmp_path, api=text, client=SOCKET_CLIENT) == [], text


def test_routes_of_several_hosts_and_of_any_method_have_keys_of_their_own(tmp_path: Path) -> None:
    text = client_module(
        table_of(
            tmp_path,
            [
                {"method": "GET", "path": "/a", "handler": "h:f", "vhost": ["one.test", "two.test"], "id": "theirs"},
                {"method": "GET", "path": "/a", "handler": "h:f", "id": "ours"},
                {"method": "*", "path": "/b/{c*}", "handler": "h:f"},
                {"method": "PUT", "path": "/b/{c*}", "handler": "h:f"},
                {"method": "GET", "path": "/secret", "handler": "h:f", "options": {"isInternal": True}},
            ],
        )
    )
    keys = [
        line.strip().partition(": {")[0] for line in text.splitlines() if line.startswith('  "') and line.endswith("{")
    ]
    assert keys == [
        *('"GET /a (one.test)"', '"GET /a (two.test)"', '"GET /a"'),
        *('"GET /b/{c*}"', '"POST /b/{c*}"', '"PATCH /b/{c*}"', '"DELETE /b/{c*}"', '"PUT /b/{c*}"'),
    ]
    assert tsc(tmp_path, api=text) == []


HANDLERS = """
from typing import Any
from hapiish import Toolkit
from api_types import ConversationsIndex, MessageEmit, MessagesCreate, MessagesCreateAnswer, SocketMessage


async def create(request: MessagesCreate, h: Toolkit) -> Any:
    text: str = request.payload["text"]
    msg_id: str | None = request.payload.get("msgId")
    conversation: str = request.params["conversationId"]
    request.log(["sent"], {"text": text, "id": msg_id, "in": conversation})
    return h.response({}).code(201)


def index(request: ConversationsIndex, h: Toolkit) -> int:
    limit: int = request.query["limit"]
    cursor: str | None = request.query.get("cursor")
    return limit if cursor is None else 0


async def either(request: MessagesCreate | SocketMessage, h: Toolkit) -> MessageEmit | MessagesCreateAnswer | str:
    return request.payload["text"]
"""
MISTAKES = {
    'request.payload["txet"]': 'TypedDict "NewMessage" has no key "txet"',
    'request.params["conversation"]': 'has no key "conversation"',
    'request.payload["text"] + 1': "Unsupported operand types",
    'request.payload["msgId"].trim()': 'has no attribute "trim"',
    "request.nosuch": 'has no attribute "nosuch"',
}


def test_a_handler_is_checked_by_mypy_and_its_mistakes_are_errors(tmp_path: Path) -> None:
    lines = "\n".join(f"    {mistake}" for mistake in MISTAKES)
    wrong = f"from api_types import MessagesCreate\n\ndef create(request: MessagesCreate) -> None:\n{lines}\n"
    found = mypy(tmp_path, api_types=handlers_module(chat(tmp_path)), handlers=HANDLERS, wrong=wrong)
    for (mistake, message), number in zip(MISTAKES.items(), range(4, 4 + len(MISTAKES)), strict=True):
        assert any(line.startswith(f"wrong.py:{number}: error") and message in line for line in found), (mistake, found)
    assert [line for line in found if "error" in line and not line.startswith("wrong.py")] == []


PYTHON_CASES = {
    "enum": 'Literal["a", 1, True, None]',
    "const": "dict[str, Any]",
    "nullable": "str | None",
    "any": "Any",
    "map": "dict[str, float]",
    "list": "list[str | None]",
    "tuple": "list[str | float]",
    "union in a list": "list[str | float]",
    "tree": "Tree",
}


def test_python_types_of_schemas(tmp_path: Path) -> None:
    given = [(name, case[0]) for name, case in CASES.items() if case[0] is not False]
    text = handlers_module(
        table_of(tmp_path, (route(number, schema) for number, (_, schema) in enumerate(given)), sockets=SOCKETS)
    )
    classes = {block.split("(")[0]: block for block in text.split("\n\n\nclass ")[1:]}
    for number, (name, _) in enumerate(given):
        if name in PYTHON_CASES:
            lines = classes[f"Case{number}"].splitlines()
            made = next(line.partition(": ")[2] for line in lines if line.startswith("    payload: "))
            assert made.removesuffix(" | None") == PYTHON_CASES[name].removesuffix(" | None"), name
    assert mypy(tmp_path, api_types=text) == [], text


def test_a_member_with_a_default_is_always_there_in_input_and_optional_in_output(tmp_path: Path) -> None:
    schemas = {"Page": {"type": "object", "properties": {"size": {"type": "integer", "default": 10}}}}
    page = {"$ref": "#/schemas/Page"}
    (tmp_path / "routes.yaml").write_text(json.dumps({"schemas": schemas, "routes": [route(0, page)]}))
    text = handlers_module(surface(load(tmp_path / "routes.yaml", {})))
    assert "class Page(TypedDict):\n    size: int\n" in text
    assert "class PageOut(TypedDict):\n    size: NotRequired[int]\n" in text


def test_invalid_input_that_reaches_a_handler_has_no_type(tmp_path: Path) -> None:
    given = route(0, {"type": "object", "properties": {"a": {"type": "string"}}})
    given["options"]["validate"]["failAction"] = "log"
    text = handlers_module(table_of(tmp_path, [given]))
    assert "    payload:" not in text


def test_the_command_prints_writes_and_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    table_of(tmp_path, [route(0, {"$ref": "#/schemas/Tree"})])
    assert main(["types"]) == 0
    printed = capsys.readouterr().out
    assert main(["types", "-o", "api.ts"]) == 0
    assert (tmp_path / "api.ts").read_text() == printed
    assert main(["types", "--check", "api.ts"]) == 0
    assert capsys.readouterr().err == ""
    table_of(tmp_path, [route(0, {"$ref": "#/schemas/Tree"}), route(1, True)])
    assert main(["types", "--check", "api.ts"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("api.ts:")
    assert "differs from the types of routes.yaml; run hapiish types routes.yaml -o api.ts" in message
    assert main(["types", "--check", "nosuch.ts"]) == 1
    assert "nosuch.ts cannot be read" in capsys.readouterr().err
    assert main(["types", "-o", "nosuch/api.ts"]) == 1
    assert "nosuch/api.ts cannot be written" in capsys.readouterr().err
    assert main(["types", "--python"]) == 0
    assert "class Case0(Request):" in capsys.readouterr().out
    (tmp_path / "routes.yaml").write_text("nosuch: 1")
    assert main(["types"]) == 1
    assert "1 error" in capsys.readouterr().err


def test_recursive_anchored_and_oddly_named_schemas_have_types_in_both_languages(tmp_path: Path) -> None:
    table = surface(load(ROOT / "tests/describe/odd_types.yaml", {}))
    text, module = client_module(table), handlers_module(table)
    assert tsc(tmp_path, api=text) == []
    assert mypy(tmp_path, api_types=module) == []
    assert "export type Deep = (null | Deep)[][];" in text
    assert 'Deep: TypeAlias = "list[list[Deep | None]]"' in module
    assert "export type Ext = {\n  data?: unknown;\n  children?: Ext[];\n};" in text
    assert "class Derived(TypedDict):" in module
    assert '    "from": "NotRequired[str]",\n    "flag": "bool",' in module
    assert "    b: int\n    c: NotRequired[str]" in module


def test_a_named_schema_of_several_kinds_is_their_union_in_python(tmp_path: Path) -> None:
    item = {"type": "object", "properties": {"a": {"type": "integer"}}}
    schemas = {
        "Maybe": {**item, "type": ["object", "null"]},
        "Either": {**item, "type": ["array", "object"], "items": {"$ref": "#/schemas/Either"}},
    }
    routes = [{**route(number, {"$ref": f"#/schemas/{name}"})} for number, name in enumerate(schemas)]
    text = handlers_module(table_of(tmp_path, routes, schemas=schemas))
    use = 'import api\none: api.Maybe = None\ntwo: api.Maybe = {"a": 1}\nthree: api.Either = [{"a": 1}]\n'
    wrong = 'import api\none: api.Maybe = {"a": "x"}\n'
    assert mypy(tmp_path, api=text, use=use) == [], text
    assert len(mypy(tmp_path, api=text, wrong=wrong)) == 1
