"""Templates in `where` on a real MongoDB: sources, and exact matching of their values."""

from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hapiish import Application, create_app
from hapiish.testing import inject

pytestmark = pytest.mark.anyio

CODE = """
from mongoengine import *

class Note(Document):
    text = StringField(required=True)
    tenant = StringField()
    level = IntField()
    article = ObjectIdField()
    meta = {"collection": "templates_note"}

class Article(Document):
    slug = StringField()
    meta = {"collection": "templates_article"}

def load(request, h):
    return request.models.Article.objects(slug=request.params["slug"]).first()

def given(request, h):
    return request.payload
"""
TABLE = """
    models: {Note: "notes:Note", Article: "notes:Article"}
    database: {}
    auth: {strategies: {s: {scheme: basic, options: {validate: "notes:load"}}}}
    routes:
      - {resource: own, path: /own, handler: {model: {name: Note, where: {tenant: "u-{credentials.sub}"}}}, options: {auth: s}}
      - {resource: pairs, path: "/pairs/{a}/{b?}", handler: {model: {name: Note, where: {tenant: "{params.a}/{params.b}"}}}, actions: {get: false, replace: false, update: false, delete: false}}
      - {resource: levels, path: /levels, handler: {model: {name: Note, where: {level: "{query.level}"}}}}
      - {resource: keyed, path: /keyed, handler: {model: {name: Note, where: {level: "{headers.X-Level}", tenant: "{state.tenant}"}}}}
      - {resource: literal, path: /literal, handler: {model: {name: Note, where: {tenant: "{{credentials.sub}}"}}}}
      - resource: remarks
        path: "/articles/{slug}/remarks"
        handler: {model: {name: Note, where: {article: "{pre.article.id}"}}}
        options: {pre: [{method: "notes:load", assign: article}]}
      - {method: POST, path: /injected, handler: {model: {name: Note, action: create, where: {tenant: "{payload.text}"}}}, options: {validate: {payload: true}}}
      - {method: POST, path: /before, handler: {model: {name: Note, action: list, where: {tenant: "{pre.given.tenant}"}}}, options: {pre: [{method: "notes:given", assign: given}]}}
"""  # noqa: E501 - a route a line


@pytest.fixture
async def notes(tmp_path: Path, mongo_uri: str, anyio_backend: str) -> AsyncIterator[Application]:
    (tmp_path / "notes.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(dedent(TABLE))
    app = create_app(tmp_path / "routes.yaml", env={}, database_uri=mongo_uri)
    await app.server.start()
    for name in app.server.models:
        await app.server.pool.call(getattr(app.server.models, name).drop_collection)
    yield app
    await app.server.stop()


async def listed(app: Application, url: str, **given: Any) -> Any:
    """The texts of a list, the status of an answer without one."""
    response = await inject(app, url=url, **given)
    return [item["text"] for item in response.json["items"]] if response.status_code == 200 else response.status_code


async def made(app: Application, url: str, text: str, **given: Any) -> Any:
    response = await inject(app, method="POST", url=url, payload={"text": text}, **given)
    return response.json if response.status_code == 201 else response.status_code


async def test_text_around_a_value_tells_tenants_apart(notes: Application) -> None:
    ann, bob = {"sub": "ann"}, {"sub": "bob"}
    assert (await made(notes, "/own", "a", credentials=ann))["tenant"] == "u-ann"
    await made(notes, "/own", "b", credentials=bob)
    assert await listed(notes, "/own", credentials=ann) == ["a"]
    assert await listed(notes, "/own", credentials=bob) == ["b"]


@pytest.mark.parametrize("sub", [None, "", {"$ne": ""}, ["ann"], ...])
async def test_credentials_without_the_value_find_nothing_and_make_nothing(notes: Application, sub: Any) -> None:
    await made(notes, "/own", "a", credentials={"sub": "ann"})
    credentials = {"other": 1} if sub is ... else {"sub": sub}
    assert await listed(notes, "/own", credentials=credentials) == 403
    assert await made(notes, "/own", "x", credentials=credentials) == 403


async def test_several_values_make_one(notes: Application) -> None:
    assert (await made(notes, "/pairs/x/y", "a"))["tenant"] == "x/y"
    assert await listed(notes, "/pairs/x/y") == ["a"]
    assert await listed(notes, "/pairs/x/z") == []
    assert await listed(notes, "/pairs/x/") == 404


async def test_what_a_query_or_a_header_says_is_of_the_type_of_its_field(notes: Application) -> None:
    assert (await made(notes, "/levels?level=5", "a"))["level"] == 5
    assert await listed(notes, "/levels?level=5") == ["a"]
    assert await listed(notes, "/levels?level=6") == []
    assert await listed(notes, "/levels") == 404
    assert await listed(notes, "/levels?level=x") == 400
    headers = {"x-level": "7", "cookie": "tenant=t"}
    assert (await made(notes, "/keyed", "b", headers=headers))["level"] == 7
    assert await listed(notes, "/keyed", headers=headers) == ["b"]
    assert await listed(notes, "/keyed", headers={**headers, "x-level": "seven"}) == 404
    assert await listed(notes, "/keyed", headers={"x-level": "7"}) == 404


async def test_twice_a_brace_is_a_brace(notes: Application) -> None:
    assert (await made(notes, "/literal", "a"))["tenant"] == "{credentials.sub}"
    assert await listed(notes, "/literal") == ["a"]


async def test_what_a_prerequisite_found_decides_which_documents_there_are(notes: Application) -> None:
    articles = notes.server.models.Article
    await notes.server.pool.call(lambda: [articles(slug=slug).save() for slug in ("one", "two")])
    await made(notes, "/articles/one/remarks", "a")
    remark = await made(notes, "/articles/two/remarks", "b")
    assert await listed(notes, "/articles/one/remarks") == ["a"]
    assert await listed(notes, "/articles/two/remarks") == ["b"]
    assert await listed(notes, "/articles/three/remarks") == 404
    assert await made(notes, "/articles/three/remarks", "x") == 404
    response = await inject(notes, url=f"/articles/one/remarks/{remark['_id']}")
    assert response.status_code == 404


@pytest.mark.parametrize("value", [{"$ne": ""}, {"$gt": ""}, ["a"], None, "", True, 5])
async def test_json_is_never_an_operator(notes: Application, value: Any) -> None:
    await made(notes, "/own", "a", credentials={"sub": "ann"})
    response = await inject(notes, method="POST", url="/before", payload={"tenant": value})
    assert response.status_code == 404
    response = await inject(notes, method="POST", url="/injected", payload={"text": value})
    assert response.status_code in (400, 404)
