"""Offset paging with a count, and computed fields, on a real MongoDB."""

from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hapiish import Application, create_app
from hapiish.cli import main
from hapiish.testing import inject

pytestmark = pytest.mark.anyio

CODE = """
from mongoengine import *
from hapiish import boom

class Person(Document):
    first = StringField()
    last = StringField()
    likes = ListField(StringField())
    meta = {"collection": "offsets_person"}

def full_name(document, request):
    return f"{document['first']} {document.get('last', '')}".strip()

async def liked(document, request):
    return request.pre.get("viewer") in document.get("likes", ())

def identity(document, request):
    return document["_id"]

def broken(document, request):
    raise boom.Teapot("no")

def viewer(request, h):
    return request.query.get("last")
"""
TABLE = """
    models: {Person: "people:Person"}
    database: {}
    routes:
      - resource: people
        path: /people
        handler:
          model:
            name: Person
            paging: offset
            maxOffset: 8
            count: true
            limit: 3
            projection: true
            filters: [last]
            sort: [first]
            hidden: [likes]
            computed: {fullName: "people:full_name", liked: "people:liked", self: "people:identity"}
        options: {pre: [{method: "people:viewer", assign: viewer}]}
      - {method: GET, path: /cursor, handler: {model: {name: Person, action: list, limit: 4, count: true}}}
      - {method: GET, path: /broken, handler: {model: {name: Person, action: list, computed: {x: "people:broken"}}}}
"""


def written(folder: Path, table: str = TABLE, uri: str = "mongodb://127.0.0.1:1/x") -> Application:
    (folder / "people.py").write_text(CODE)
    (folder / "routes.yaml").write_text(dedent(table))
    return create_app(folder / "routes.yaml", env={}, database_uri=uri)


@pytest.fixture
async def people(tmp_path: Path, mongo_uri: str, anyio_backend: str) -> AsyncIterator[Application]:
    app = written(tmp_path, uri=mongo_uri)
    await app.server.start()
    model = app.server.models.Person
    await app.server.pool.call(model.drop_collection)
    rows = [{"first": f"p{index}", "last": "odd" if index % 2 else "even", "likes": ["odd"]} for index in range(10)]
    await app.server.pool.call(lambda: model.objects.insert([model(**row) for row in rows]))
    yield app
    await app.server.stop()


async def get(app: Application, url: str, status: int = 200) -> Any:
    response = await inject(app, url=url)
    assert response.status_code == status, response.text
    return response.json


async def test_pages_by_offset_say_how_many_there_are_and_where_the_next_begins(people: Application) -> None:
    page = await get(people, "/people?sort=first")
    assert [item["first"] for item in page["items"]] == ["p0", "p1", "p2"]
    assert (page["total"], page["next"]) == (10, 3)
    response = await inject(people, url="/people?sort=first&offset=3")
    assert [item["first"] for item in response.json["items"]] == ["p3", "p4", "p5"]
    assert response.headers["link"] == '</people?sort=first&offset=6&limit=3>; rel="next"'
    page = await get(people, "/people?sort=first&offset=8")
    assert ([item["first"] for item in page["items"]], page["next"]) == (["p8", "p9"], None)
    page = await get(people, "/people?last=odd&limit=2")
    assert (page["total"], page["next"], len(page["items"])) == (5, 2, 2)
    assert await get(people, "/people?last=none") == {"items": [], "next": None, "total": 0}


@pytest.mark.parametrize("query", ["offset=9", "offset=-1", "offset=x", "offset=1.5", "offset=1&offset=2", "cursor=x"])
async def test_an_offset_that_is_none_or_too_great_is_a_400(people: Application, query: str) -> None:
    await get(people, f"/people?{query}", 400)


async def test_no_page_is_offered_that_nobody_may_ask_for(people: Application) -> None:
    page = await get(people, "/people?offset=6&limit=3")
    assert (len(page["items"]), page["next"]) == (3, None)


async def test_pages_by_cursor_may_be_counted_too(people: Application) -> None:
    page = await get(people, "/cursor")
    assert (page["total"], len(page["items"])) == (10, 4)
    page = await get(people, f"/cursor?cursor={page['next']}")
    assert (page["total"], len(page["items"])) == (10, 4)
    await get(people, "/cursor?offset=1", 400)


async def test_a_computed_field_sees_the_document_as_it_is_stored_and_the_caller(people: Application) -> None:
    item = (await get(people, "/people?sort=first"))["items"][0]
    assert item == {
        "_id": item["_id"],
        "first": "p0",
        "last": "even",
        "fullName": "p0 even",
        "liked": False,
        "self": item["_id"],
    }
    place = f"/people/{item['_id']}"
    assert await get(people, place) == item
    assert [each["liked"] for each in (await get(people, "/people?last=odd"))["items"]] == [True] * 3
    answer = await inject(people, method="PATCH", url=place, payload={"last": "x"})
    assert answer.json["fullName"] == "p0 x"
    answer = await inject(people, method="POST", url="/people", payload={"first": "new"})
    assert (answer.status_code, answer.json["fullName"]) == (201, "new")
    answer = await inject(people, method="PATCH", url=place, payload={"fullName": "x"})
    assert answer.status_code == 400


async def test_a_client_may_choose_among_computed_fields_too(people: Application) -> None:
    assert (await get(people, "/people?sort=first&fields=liked,first"))["items"][0] == {"liked": False, "first": "p0"}
    assert (await get(people, "/people?sort=first&fields=first"))["items"][0] == {"first": "p0"}
    await get(people, "/people?fields=full_name", 400)


async def test_an_error_of_a_computed_field_is_the_answer(people: Application) -> None:
    await get(people, "/broken", 418)


async def test_a_function_that_is_not_there_is_told_at_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(dedent(TABLE).replace("people:full_name", "people:ful_name"))
    assert main(["check", "--import", str(tmp_path / "routes.yaml")]) == 1
    assert 'HA0401 "people:ful_name"' in capsys.readouterr().out
