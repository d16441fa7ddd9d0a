"""A QuerySet that a handler returns is evaluated in a thread, never on the event loop."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hapiish import Application, create_app
from hapiish.testing import inject

CODE = """
import threading
import mongoengine as me

class Note(me.Document):
    text = me.StringField()
    meta = {"collection": "notes_of_querysets"}

class Watched(me.QuerySet):
    threads = set()
    def _iter_results(self):
        self.threads.add(threading.current_thread() is threading.main_thread())
        return super()._iter_results()

Note._meta["queryset_class"] = Watched

class Kept(me.Document):
    value = me.DynamicField()

def notes(request):
    return request.models.Note.objects.order_by("text").only("text").exclude("id")

def whole(request, h):
    return notes(request)

def inside(request, h):
    return {"count": 2, "items": notes(request)}

async def unwaited(request, h):
    return notes(request)

async def unwaited_inside(request, h):
    return h.response({"items": notes(request)}).code(203).header("x-a", "b")

def store(request, h):
    request.models.Kept(value=request.payload).save()
    return h.response(None).code(204)

def find(request, h):
    return request.models.Kept.objects(value=request.payload)

def none(request, h):
    return request.models.Note.objects(text="nothing")

def unsendable(request, h):
    return {"items": notes(request), "rest": b"x"}
"""
ITEM = "{type: array, items: {required: [text]}}"
TABLE = f"""
database: {{uri: ""}}
models: {{Note: "my:Note", Kept: "my:Kept"}}
routes:
- {{method: GET, path: /whole, handler: "my:whole"}}
- {{method: GET, path: /judged, handler: "my:whole", options: {{response: {{schema: {ITEM}}}}}}}
- {{method: GET, path: /modified, handler: "my:whole", options: {{response: {{schema: {ITEM}, modify: true}}}}}}
- {{method: GET, path: /refused, handler: "my:whole", options: {{response: {{schema: {{maxItems: 1}}}}}}}}
- {{method: GET, path: /inside, handler: "my:inside"}}
- {{method: GET, path: /unwaited, handler: "my:unwaited"}}
- {{method: GET, path: /unwaited-inside, handler: "my:unwaited_inside"}}
- {{method: POST, path: /store, handler: "my:store"}}
- {{method: POST, path: /find, handler: "my:find"}}
- {{method: GET, path: /none, handler: "my:none"}}
- {{method: GET, path: /formatted, handler: "my:whole", options: {{json: {{suffix: "!"}}}}}}
- {{method: GET, path: /unsendable, handler: "my:unsendable"}}
"""


@pytest.fixture
async def app(tmp_path: Path, mongo_uri: str, anyio_backend: str) -> AsyncIterator[Application]:
    (tmp_path / "my.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(TABLE)
    app = create_app(tmp_path / "routes.yaml", env={}, database_uri=mongo_uri)
    await app.server.start()
    note = app.server.models.Note

    def fill() -> None:
        note.drop_collection()
        for text in ("a", "b"):
            note(text=text).save()

    await app.server.pool.call(fill)
    note._meta["queryset_class"].threads.clear()
    yield app
    assert True not in note._meta["queryset_class"].threads
    await app.server.stop()


NOTES = [{"text": "a"}, {"text": "b"}]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "status", "sent"),
    [
        ("/whole", 200, NOTES),
        ("/judged", 200, NOTES),
        ("/modified", 200, NOTES),
        ("/inside", 200, {"count": 2, "items": NOTES}),
        ("/unwaited", 200, NOTES),
        ("/unwaited-inside", 203, {"items": NOTES}),
        ("/none", 200, []),
    ],
)
async def test_a_queryset_is_a_list_of_documents(app: Application, path: str, status: int, sent: object) -> None:
    answer = await inject(app, url=path)
    assert (answer.status_code, answer.json) == (status, sent)
    assert ("x-a" in answer.headers) == (status == 203)


@pytest.mark.anyio
async def test_the_rules_for_answers_hold_for_a_queryset(app: Application, caplog: pytest.LogCaptureFixture) -> None:
    assert (await inject(app, url="/refused")).status_code == 500
    assert "must have at most 1 item" in caplog.text
    assert (await inject(app, url="/formatted")).text == '[{"text":"a"},{"text":"b"}]!'
    assert (await inject(app, url="/unsendable")).status_code == 500
    assert "cannot send bytes at /rest" in caplog.text
    await asyncio.sleep(0)


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/store", "/find"])
@pytest.mark.parametrize("payload", [{"n": 2**64}, {"a": [-(2**63) - 1]}])
async def test_an_integer_that_the_database_cannot_keep_is_a_400(app: Application, path: str, payload: object) -> None:
    answer = await inject(app, method="POST", url=path, payload=payload)
    assert answer.status_code == 400, answer.text
    assert "64 bits" in answer.json["message"]
