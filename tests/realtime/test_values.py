"""Values in events: exact integers, bounded nesting, and QuerySets as lists."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hapiish import Application, create_app
from tests.realtime.support import member, raw, serving

pytestmark = pytest.mark.anyio

CODE = """
import threading
from datetime import timedelta
import mongoengine as me

class Note(me.Document):
    text = me.StringField()
    meta = {"collection": "notes_of_events"}

class Watched(me.QuerySet):
    threads = set()
    def _iter_results(self):
        self.threads.add(threading.current_thread() is threading.main_thread())
        return super()._iter_results()

Note._meta["queryset_class"] = Watched

def notes(request):
    return request.models.Note.objects.order_by("text").only("text").exclude("id")

def show(request, h):
    n = request.payload["n"]
    return {"type": type(n).__name__, "twice": n * 2, "took": timedelta(seconds=1)}

def echo(request, h):
    return [[request.payload]]

def whole(request, h):
    return notes(request)

async def inside(request, h):
    await request.socket.emit("news", {"items": notes(request)})
    await request.server.emit("all", notes(request))
    return {"items": notes(request)}

async def greet(request, h):
    await request.socket.emit("all", notes(request))
"""
TABLE = """
server: {json: {maxDigits: 25}}
database: {uri: ""}
models: {Note: "my:Note"}
sockets:
  namespaces:
  - onConnect: my:greet
    events:
    - {event: show, handler: "my:show", options: {validate: {payload: {properties: {n: {type: integer}}}}}}
    - {event: echo, handler: "my:echo"}
    - {event: whole, handler: "my:whole"}
    - {event: inside, handler: "my:inside"}
    emits:
    - {event: news, payload: {properties: {items: {type: array, items: {required: [text]}}}}}
    - {event: all}
"""
NOTES = [{"text": "a"}, {"text": "b"}]


@pytest.fixture
async def port(tmp_path: Path, mongo_uri: str) -> AsyncIterator[int]:
    (tmp_path / "my.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(TABLE)
    app: Application = create_app(tmp_path / "routes.yaml", env={}, database_uri=mongo_uri)
    await app.server.start()
    note = app.server.models.Note

    def fill() -> None:
        note.drop_collection()
        for text in ("a", "b"):
            note(text=text).save()

    await app.server.pool.call(fill)
    note._meta["queryset_class"].threads.clear()
    async with serving(app) as port:
        yield port
    assert True not in note._meta["queryset_class"].threads
    await app.server.stop()


async def ask(client: Any, event: str, payload: str) -> Any:
    await client.send(f'421["{event}",{payload}]')
    return json.loads(await client.until("431"))[0]


async def test_an_integer_of_an_event_is_exact_both_ways_and_bounded(port: int) -> None:
    async with member(port) as client:
        for written in ("99999999999999999999999", "3.0", "3e0"):
            number = json.loads(written)
            answer = await ask(client, "show", f'{{"n":{written}}}')
            assert answer == {"ok": True, "type": "int", "twice": int(number) * 2, "took": "PT1S"}
        answer = await ask(client, "show", f'{{"n":{"9" * 26}}}')
        assert answer["error"]["statusCode"] == 400
        assert (await ask(client, "show", '{"n":1}'))["ok"]


async def test_an_event_that_is_nested_too_deep_is_refused_and_the_connection_stays(port: int) -> None:
    async with member(port) as client:
        # One level is that of the arguments.
        assert (await ask(client, "echo", "[" * 127 + "]" * 127))["ok"]
        for levels in (128, 255, 1000):
            assert (await ask(client, "echo", "[" * levels + "]" * levels))["error"]["statusCode"] == 400
        assert (await ask(client, "echo", "1"))["ok"]


async def test_a_queryset_is_a_list_of_documents_in_acknowledgements_and_emits(port: int) -> None:
    async with raw(port) as client:
        await client.send("40")
        await client.until("40")
        assert json.loads(await client.until("42")) == ["all", NOTES]
        assert await ask(client, "whole", "null") == {"ok": True, "data": NOTES}
        await client.send('421["inside",null]')
        assert json.loads(await client.until("42")) == ["news", {"items": NOTES}]
        assert json.loads(await client.until("42")) == ["all", NOTES]
        assert json.loads(await client.until("431")) == [{"ok": True, "items": NOTES}]
