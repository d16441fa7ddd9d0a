"""Socket.IO 5: the cases of its public test suite (socket.io, docs/socket.io-protocol), with a table."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hapiish import create_app
from tests.realtime.support import member, raw, serving
from tests.realtime.test_polling import Polling

pytestmark = pytest.mark.anyio

TABLE = """
sockets:
  transports: [polling, websocket]
  pingInterval: 25s
  connectTimeout: 300
  maxBytes: 100KB
  namespaces:
    - &echo
      namespace: /
      ack: raw
      arguments: true
      binary: true
      onConnect: "my:connect"
      events:
        - {event: message, handler: "my:message"}
        - {event: message-with-ack, handler: "my:answer"}
        - {event: fail, handler: "my:fail"}
        - {event: one, arguments: false, handler: "my:one"}
        - {event: enveloped, ack: envelope, handler: "my:answer"}
        - {event: plain, binary: false, handler: "my:answer"}
        - event: move
          handler: "my:answer"
          options:
            validate:
              payload:
                type: array
                prefixItems: [{type: integer}, {type: integer, minimum: 0}]
                minItems: 2
                items: false
      emits: [{event: auth}, {event: message-back}]
    - {<<: *echo, namespace: /custom}
    - namespace: /files
      binary: true
      events:
        - event: upload
          handler: "my:upload"
          options:
            validate:
              payload:
                type: object
                properties:
                  name: {type: string}
                  data: {type: string, format: binary, maxLength: 10}
                  more: {type: object}
                  tags: {type: array, items: {type: string}, default: []}
                required: [name, data]
                additionalProperties: false
      emits:
        - {event: saved, payload: {type: object, properties: {data: {type: string, format: binary, maxLength: 3}}}}
"""
CODE = """
from hapiish import boom

async def connect(request, h):
    await request.socket.emit("auth", request.payload or {})

async def message(request, h):
    await request.socket.emit("message-back", tuple(request.payload))

async def answer(request, h):
    return tuple(request.payload)

async def one(request, h):
    return request.payload

async def fail(request, h):
    raise boom.Conflict("Twice", code="twice")

async def upload(request, h):
    data = request.payload["data"]
    assert isinstance(data, bytes)
    await request.socket.emit("saved", {"data": data[:3]})
    return {"size": len(data), "tags": request.payload["tags"], "copy": data}
"""


@pytest.fixture
def app(tmp_path: Path) -> Any:
    table = TABLE.replace("&echo\n      ", "").replace("    - {<<: *echo, namespace: /custom}\n", _custom())
    (tmp_path / "routes.yaml").write_text(table)
    (tmp_path / "my.py").write_text(CODE)
    return create_app(tmp_path / "routes.yaml")


def _custom() -> str:
    start, end = TABLE.index("      ack: raw"), TABLE.index("    - {<<: *echo")
    return "    - namespace: /custom\n" + TABLE[start:end]


@pytest.mark.parametrize(
    ("packet", "head", "auth"),
    [
        ("40", "40", '42["auth",{}]'),
        ('40{"token":"123"}', "40", '42["auth",{"token":"123"}]'),
        ("40/custom,", "40/custom,", '42/custom,["auth",{}]'),
        ('40/custom,{"token":"abc"}', "40/custom,", '42/custom,["auth",{"token":"abc"}]'),
    ],
)
async def test_a_client_connects_to_a_namespace(app: Any, packet: str, head: str, auth: str) -> None:
    async with serving(app) as port, raw(port) as client:
        await client.send(packet)
        assert list(json.loads(await client.until(head))) == ["sid"]
        assert await client.receive() == auth


async def test_an_unknown_namespace_is_refused(app: Any) -> None:
    async with serving(app) as port, raw(port) as client:
        await client.send("40/random")
        assert await client.receive() == '44/random,{"message":"Invalid namespace"}'


async def test_a_client_that_opens_no_namespace_in_time_is_closed(app: Any) -> None:
    async with serving(app) as port, raw(port) as client:
        assert (await client.closed())[0] == 1000


@pytest.mark.parametrize("packet", ["4abc", "42{}", '42abc["message-with-ack",1,"2",{"3":[false]}]'])
async def test_a_broken_packet_closes_the_connection(app: Any, packet: str) -> None:
    async with serving(app) as port, member(port) as client:
        await client.send(packet)
        assert (await client.closed())[0] == 1002


async def test_a_client_leaves_one_namespace_and_stays_in_another(app: Any) -> None:
    async with serving(app) as port, member(port) as client:
        await client.join("/custom")
        await client.send("41/custom", '42["message","to the main namespace"]')
        assert await client.until('42["message-back",') == '"to the main namespace"]'


HOLES = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (['42["message",1,"2",{"3":[true]}]'], ['42["message-back",1,"2",{"3":[true]}]']),
        (['42["message"]'], ['42["message-back"]']),
        (['42456["message-with-ack",1,"2",{"3":[false]}]'], ['43456[1,"2",{"3":[false]}]']),
        (['427["message-with-ack"]'], ["437[]"]),
        ([f'452-["message",{HOLES}]', b"\1\2\3", b"\4\5"], [f'452-["message-back",{HOLES}]', b"\1\2\3", b"\4\5"]),
        ([f'452-789["message-with-ack",{HOLES}]', b"\1", b""], [f"462-789[{HOLES}]", b"\1", b""]),
        (['427["one",1]'], ["437[1]"]),
        (['427["one"]'], ["437[]"]),
        (['427["enveloped",1,2]'], ['437[{"ok":true,"data":[1,2]}]']),
        (['427["move",1,2]'], ["437[1,2]"]),
    ],
)
async def test_arguments_attachments_and_acknowledgements_are_as_they_are_given(
    app: Any, sent: list[str | bytes], answer: list[str | bytes]
) -> None:
    async with serving(app) as port, member(port) as client:
        await client.until('42["auth"')
        await client.send(*sent)
        assert [await client.receive() for _ in answer] == answer


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (['427["fail"]'], 409),
        (['427["nowhere"]'], 404),
        (['427["connect"]'], 400),
        (['427["one",1,2]'], 400),
        (['427["move",1]'], 400),
        (['427["move",1,-2]'], 400),
        (['427["move",1,2,3]'], 400),
        (['451-7["plain",{"_placeholder":true,"num":0}]', b"x"], 415),
    ],
)
async def test_an_error_is_acknowledged_without_envelope(app: Any, sent: list[str | bytes], status: int) -> None:
    async with serving(app) as port, member(port) as client:
        await client.send(*sent)
        assert json.loads(await client.until("437"))[0]["statusCode"] == status


async def test_polling_carries_attachments_too(app: Any) -> None:
    async with serving(app) as port, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port}/socket.io/?EIO=4&transport=polling"
        _, (opening,) = await Polling(http, url).get()
        client = Polling(http, f"{url}&sid={json.loads(opening[1:])['sid']}")
        await client.post("40")
        await client.get()
        assert await client.post(f'452-7["message-with-ack",{HOLES}]', "bAQID", "b") == (200, "ok")
        assert (await client.get())[1] == [f"462-7[{HOLES}]", "bAQID", "b"]


def upload(**payload: Any) -> str:
    hole = {"_placeholder": True, "num": 0}
    return "451-/files,7" + json.dumps(["upload", {"name": "a", "data": hole, **payload}])


async def test_an_attachment_is_judged_by_the_schema_and_reaches_the_handler_as_bytes(app: Any) -> None:
    async with serving(app) as port, member(port, "/files") as client:
        await client.send(upload(), b"0123456789")
        assert await client.receive() == '451-/files,["saved",{"data":{"_placeholder":true,"num":0}}]'
        assert await client.receive() == b"012"
        head = str(await client.receive())
        assert head.startswith("461-/files,7")
        answer = json.loads(head.partition("7")[2])[0]
        assert answer == {"ok": True, "size": 10, "tags": [], "copy": {"_placeholder": True, "num": 0}}
        assert await client.receive() == b"0123456789"


HOLE = {"_placeholder": True, "num": 0}


@pytest.mark.parametrize(
    ("packets", "path"),
    [
        ([upload(), b"x" * 11], "/data/size"),
        ([upload(data="text")], "/data"),
        ([upload(name=HOLE), b"x"], "/name"),
        ([upload(more=HOLE), b"x"], "/more/_placeholder"),
        ([upload(tags=[HOLE]), b"x"], "/tags/0"),
        ([upload(other=HOLE), b"x"], "/other"),
    ],
)
async def test_an_attachment_where_none_belongs_is_a_bad_request(
    app: Any, packets: list[str | bytes], path: str
) -> None:
    if len(packets) == 1:
        packets = [str(packets[0]), b"unused"]
    async with serving(app) as port, member(port, "/files") as client:
        await client.send(*packets)
        (answer,) = json.loads(await client.until("43/files,7"))
        assert answer["error"]["statusCode"] == 400
        assert path in [fault["path"] for fault in answer["error"]["validation"]["errors"]]


async def test_a_placeholder_without_its_attachment_is_a_bad_request(app: Any) -> None:
    async with serving(app) as port, member(port, "/files") as client:
        await client.send("42/files,7" + json.dumps(["upload", {"name": "a", "data": {**HOLE, "size": 1}}]))
        (answer,) = json.loads(await client.until("43/files,7"))
        assert (answer["error"]["statusCode"], answer["error"]["code"]) == (400, "attachments")


ANSWERS = """
schemas:
  Picture:
    type: object
    properties: {data: {type: string, format: binary, maxLength: 3}, n: {type: integer, default: 7}}
sockets:
  namespaces:
    - namespace: /
      events:
        - event: picture
          handler: "my:picture"
          options: {response: {schema: {$ref: "#/schemas/Picture"}, modify: true}}
        - event: several
          ack: raw
          handler: "my:several"
          options: {response: {schema: {type: array, items: {type: string, format: binary}}}}
routes: []
"""
ANSWERING = """
async def picture(request, h):
    return request.payload if request.payload is not None else {"data": b"abc"}
async def several(request, h):
    return b"a", b"b"
"""


async def test_an_answer_with_attachments_is_judged_by_its_schema(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(ANSWERS)
    (tmp_path / "my.py").write_text(ANSWERING)
    async with serving(create_app(tmp_path / "routes.yaml")) as port, member(port) as client:
        await client.send('427["picture"]')
        assert await client.receive() == '461-7[{"ok":true,"data":{"_placeholder":true,"num":0},"n":7}]'
        assert await client.receive() == b"abc"
        await client.send('427["several"]')
        assert await client.receive() == '462-7[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
        assert [await client.receive(), await client.receive()] == [b"a", b"b"]
        for wrong in ({"data": "text"}, {"data": {"_placeholder": True, "num": 0}}):
            assert (await client.ask("picture", wrong))["error"]["statusCode"] == 500


async def test_an_answer_whose_attachment_is_too_big_is_an_error_of_the_server(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(ANSWERS)
    (tmp_path / "my.py").write_text(ANSWERING.replace("abc", "abcd"))
    async with serving(create_app(tmp_path / "routes.yaml")) as port, member(port) as client:
        assert (await client.ask("picture"))["error"]["statusCode"] == 500
