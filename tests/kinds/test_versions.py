"""Preconditions of resources on a real MongoDB: entity tags, 412, 428, and no lost update."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent
from typing import Any

import httpx
import pytest

from hapiish import Application, TableError, create_app
from hapiish.testing import Injected, inject
from tests.cli.serving import Run

pytestmark = pytest.mark.anyio

CODE = """
from mongoengine import *

class Page(Document):
    slug = StringField(required=True, unique=True)
    text = StringField(default="")
    lines = ListField(StringField())
    count = IntField(default=0)
    secret = StringField()
    rev = IntField(db_field="revision")
    meta = {"collection": "versions_page"}

class Kept(Document):
    text = StringField()
    gone = BooleanField(default=False)
    rev = IntField(default=1)
    meta = {"collection": "versions_kept"}

    def delete(self, *args, **kwargs):
        self.gone = True
        self.save()

async def viewer(document, request):
    return request.headers.get("x-viewer")

def load(document, request):
    return len(document.get("text", ""))
"""
TABLE = """
    models: {Page: "pages:Page", Kept: "pages:Kept"}
    database: {}
    routes:
      - {resource: counted, path: /counted, handler: {model: {name: Page, version: revision, projection: true}}}
      - {resource: hashed, path: /hashed, handler: {model: {name: Page, projection: true, hidden: [revision]}}}
      - {resource: strict, path: /strict, handler: {model: {name: Page, version: revision, requireMatch: true, lookup: slug}}}
      - {resource: seen, path: /seen, handler: {model: {name: Page, version: revision, computed: {viewer: "pages:viewer", size: "pages:load"}}}}
      - {resource: kept, path: /kept, handler: {model: {name: Kept, version: rev}}}
"""  # noqa: E501 - a route a line


@pytest.fixture
async def pages(tmp_path: Path, mongo_uri: str, anyio_backend: str) -> AsyncIterator[Application]:
    app = written(tmp_path, TABLE, mongo_uri)
    await app.server.start()
    for name in app.server.models:
        model = getattr(app.server.models, name)
        await app.server.pool.call(model.drop_collection)
        await app.server.pool.call(model.ensure_indexes)
    yield app
    await app.server.stop()


def written(folder: Path, table: str, uri: str = "mongodb://127.0.0.1:1/x") -> Application:
    (folder / "pages.py").write_text(CODE)
    (folder / "routes.yaml").write_text(dedent(table))
    return create_app(folder / "routes.yaml", env={}, database_uri=uri)


async def send(app: Application, method: str, url: str, payload: Any = None, **headers: str) -> Injected:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await inject(app, method=method, url=url, payload=payload, headers=named)


async def made(app: Application, path: str, slug: str = "a", **more: Any) -> tuple[str, str]:
    """The place and the tag of a new page."""
    response = await send(app, "POST", path, {"slug": slug, **more})
    assert response.status_code == 201, response.text
    return str(response.headers["location"]), tag_of(response)


def tag_of(response: Injected) -> str:
    """Its entity tag."""
    return str(response.headers["etag"])


async def test_a_version_counts_the_writes_and_is_the_etag(pages: Application) -> None:
    place, tag = await made(pages, "/counted")
    assert tag == '"1"'
    answer = await send(pages, "GET", place)
    assert (tag_of(answer), answer.json["revision"]) == ('"1"', 1)
    assert tag_of(await send(pages, "PATCH", place, {"text": "b"})) == '"2"'
    answer = await send(pages, "PUT", place, {"slug": "c"})
    assert (tag_of(answer), answer.json["revision"]) == ('"3"', 3)
    assert tag_of(await send(pages, "GET", f"{place}?fields=text")) == '"3"'
    assert tag_of(await send(pages, "HEAD", place)) == '"3"'
    assert (await send(pages, "PATCH", place, {"revision": 9})).status_code == 400
    assert (await send(pages, "POST", "/counted", {"slug": "z", "revision": 9})).status_code == 400


async def test_without_a_version_the_etag_is_a_hash_of_what_goes_out(pages: Application) -> None:
    place, tag = await made(pages, "/hashed", text="a")
    assert tag_of(await send(pages, "GET", place)) == tag
    assert tag_of(await send(pages, "GET", f"{place}?fields=text")) == tag
    changed = await send(pages, "PATCH", place, {"text": "b"})
    assert tag_of(changed) != tag
    assert tag_of(await send(pages, "PATCH", place, {"text": "a"})) == tag


@pytest.mark.parametrize("path", ["/counted", "/hashed"])
async def test_what_the_client_has_already_is_not_sent_again(pages: Application, path: str) -> None:
    place, tag = await made(pages, path)
    for header in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = await send(pages, "GET", place, if_none_match=header)
        assert (answer.status_code, answer.payload) == (304, b"")
    assert (await send(pages, "GET", place, if_none_match='"x"')).status_code == 200


@pytest.mark.parametrize("path", ["/counted", "/hashed", "/seen"])
@pytest.mark.parametrize(
    ("method", "payload"), [("PATCH", {"text": "b"}), ("PATCH", {}), ("PUT", {"slug": "a"}), ("DELETE", None)]
)
async def test_a_precondition_that_fails_changes_nothing(
    pages: Application, path: str, method: str, payload: Any
) -> None:
    place, tag = await made(pages, path, text="a")
    before = (await send(pages, "GET", place)).json
    for header in ('"nope"', "nope", "", f"W/{tag}", '"1x"', '"*"', ", ,"):
        answer = await send(pages, method, place, payload, if_match=header)
        assert (answer.status_code, answer.json["code"]) == (412, "changed"), header
    for header in ("*", tag, f"W/{tag}"):
        answer = await send(pages, method, place, payload, if_none_match=header)
        assert (answer.status_code, answer.json["code"]) == (412, "exists"), header
    assert (await send(pages, "GET", place)).json == before


@pytest.mark.parametrize("path", ["/counted", "/hashed", "/seen"])
@pytest.mark.parametrize(
    ("method", "payload", "status"), [("PATCH", {"text": "b"}, 200), ("PUT", {"slug": "a"}, 200), ("DELETE", None, 204)]
)
async def test_a_precondition_that_holds_lets_the_write_through(
    pages: Application, path: str, method: str, payload: Any, status: int
) -> None:
    place, tag = await made(pages, path)
    answer = await send(pages, method, place, payload, if_match=f'"x", {tag}')
    assert answer.status_code == status, answer.text
    if method == "DELETE":
        place, tag = await made(pages, path)
    else:
        assert (await send(pages, method, place, payload, if_match=tag)).status_code in (412, 200)
        tag = tag_of(answer)
    compressed = f'{tag[:-1]}-gzip"'
    assert (await send(pages, method, place, payload, if_match=compressed)).status_code == status
    if method != "DELETE":
        assert (await send(pages, method, place, payload, if_match="*")).status_code == status
        assert (await send(pages, method, place, payload, if_none_match='"x"')).status_code == status


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
async def test_a_document_that_is_not_there_is_a_404_whatever_is_asked_for(pages: Application, method: str) -> None:
    payload = None if method == "DELETE" else {"slug": "a"}
    for headers in ({"if_match": "*"}, {"if_match": '"1"'}, {"if_none_match": "*"}):
        answer = await send(pages, method, f"/counted/{'0' * 24}", payload, **headers)
        assert answer.status_code == 404


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
async def test_a_table_may_ask_for_a_precondition(pages: Application, method: str) -> None:
    place, tag = await made(pages, "/strict")
    payload = None if method == "DELETE" else {"slug": "a"}
    answer = await send(pages, method, place, payload)
    assert (answer.status_code, answer.json["code"]) == (428, "match_required")
    # A tag that no state has says nothing of the state that is meant.
    assert (await send(pages, method, place, payload, if_none_match='"9"')).status_code == 428
    assert (await send(pages, method, place, payload, if_none_match="*")).status_code == 412
    assert (await send(pages, method, place, payload, if_match='"9"')).status_code == 412
    assert (await send(pages, method, place, payload, if_match=tag)).status_code in (200, 204)


async def test_documents_from_before_they_had_versions_are_version_0(pages: Application) -> None:
    collection = pages.server.models.Page._get_collection
    key = await pages.server.pool.call(lambda: str(collection().insert_one({"slug": "old"}).inserted_id))
    place = f"/counted/{key}"
    assert tag_of(await send(pages, "GET", place)) == '"0"'
    assert tag_of(await send(pages, "PATCH", place, {"text": "a"}, if_match='"0"')) == '"1"'
    assert (await send(pages, "PATCH", place, {"text": "b"}, if_match='"0"')).status_code == 412
    kept = pages.server.models.Kept._get_collection
    key = await pages.server.pool.call(lambda: str(kept().insert_one({"text": "old"}).inserted_id))
    assert tag_of(await send(pages, "PATCH", f"/kept/{key}", {"text": "a"}, if_match='"0"')) == '"1"'
    assert (await send(pages, "PATCH", f"/kept/{key}", {"text": "b"}, if_match='"0"')).status_code == 412


async def test_a_class_that_deletes_in_its_own_way_is_asked_to(pages: Application) -> None:
    answer = await send(pages, "POST", "/kept", {"text": "a"})
    place, tag = str(answer.headers["location"]), tag_of(answer)
    assert (await send(pages, "DELETE", place, if_match='"9"')).status_code == 412
    assert (await send(pages, "GET", place)).json["gone"] is False
    assert (await send(pages, "DELETE", place, if_match=tag)).status_code == 204
    assert (await send(pages, "GET", place)).json["gone"] is True


@pytest.mark.parametrize("path", ["/counted", "/hashed", "/strict"])
async def test_fifty_writers_lose_no_update(pages: Application, path: str) -> None:
    place, _ = await made(pages, path)

    async def add(name: str) -> int:
        tries = 0
        while True:
            tries += 1
            read = await send(pages, "GET", place)
            payload = {"lines": [*read.json["lines"], name], "count": read.json["count"] + 1}
            answer = await send(pages, "PATCH", place, payload, if_match=tag_of(read))
            if answer.status_code == 200:
                return tries
            assert answer.status_code == 412, answer.text

    tries = await asyncio.gather(*(add(f"w{index}") for index in range(50)))
    page = (await send(pages, "GET", place)).json
    assert page["count"] == 50
    assert sorted(page["lines"]) == sorted(f"w{index}" for index in range(50))
    assert sum(tries) > 50, "they never met"


def test_fifty_writers_of_two_servers_lose_no_update_over_http(tmp_path: Path, mongo_uri: str) -> None:
    (tmp_path / "pages.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(dedent(TABLE).replace("database: {}", "database: {uri: '${MONGODB_URI}'}"))
    table = tmp_path / "routes.yaml"
    with Run(table, MONGODB_URI=mongo_uri) as one, Run(table, MONGODB_URI=mongo_uri) as two, httpx.Client() as client:
        made = client.post(f"{one.address.rstrip('/')}/counted", json={"slug": "http"})
        assert made.status_code == 201, made.text
        places = [server.address.rstrip("/") + made.headers["location"] for server in (one, two)]

        def add(index: int) -> None:
            place = places[index % 2]
            while True:
                read = client.get(place)
                lines = [*read.json()["lines"], str(index)]
                answer = client.patch(place, json={"lines": lines}, headers={"if-match": read.headers["etag"]})
                if answer.status_code == 200:
                    return
                assert answer.status_code == 412, answer.text

        with ThreadPoolExecutor(50) as pool:
            list(pool.map(add, range(50)))
        page = client.get(places[0])
        assert sorted(page.json()["lines"], key=int) == [str(index) for index in range(50)]
        assert page.headers["etag"] == '"51"'


async def test_writers_without_preconditions_are_counted_too(pages: Application) -> None:
    place, _ = await made(pages, "/counted")
    answers = await asyncio.gather(*(send(pages, "PATCH", place, {"text": str(index)}) for index in range(30)))
    assert sorted(int(answer.json["revision"]) for answer in answers) == list(range(2, 32))


@pytest.mark.parametrize("path", ["/counted", "/hashed"])
async def test_of_those_who_delete_the_same_state_one_succeeds(pages: Application, path: str) -> None:
    place, tag = await made(pages, path)
    answers = await asyncio.gather(
        *(send(pages, "DELETE", place, if_match=tag) for _ in range(5)),
        *(send(pages, "PATCH", place, {"text": str(index)}, if_match=tag) for index in range(5)),
    )
    statuses = [answer.status_code for answer in answers]
    assert len([status for status in statuses if status < 300]) == 1, statuses
    assert {status for status in statuses if status >= 300} <= {404, 412}


@pytest.mark.parametrize("path", ["/counted", "/hashed"])
async def test_a_write_that_comes_between_reading_and_writing_is_not_lost(
    pages: Application, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, tag = await made(pages, path)
    model = pages.server.models.Page
    validate = model.validate
    done: list[int] = []

    def disturbed(self: Any, *args: Any, **kwargs: Any) -> None:
        if not done:
            done.append(1)
            model._get_collection().update_one({}, {"$set": {"secret": "other"}, "$inc": {"revision": 1}})
        validate(self, *args, **kwargs)

    monkeypatch.setattr(model, "validate", disturbed)
    answer = await send(pages, "PATCH", place, {"text": "mine"}, if_match=tag)
    # What changed is no part of what goes out by the hash, so the state is the same one, and the write is done over.
    assert answer.status_code == (412 if path == "/counted" else 200)
    read = await send(pages, "GET", place)
    assert read.json["text"] == ("" if path == "/counted" else "mine")


async def test_what_is_computed_for_a_caller_is_part_of_the_tag_and_not_of_the_state(pages: Application) -> None:
    place, _ = await made(pages, "/seen")
    ann, bob = [await send(pages, "GET", place, x_viewer=name) for name in ("ann", "bob")]
    assert tag_of(ann) != tag_of(bob)
    assert (await send(pages, "GET", place, x_viewer="bob", if_none_match=tag_of(ann))).status_code == 200
    assert (await send(pages, "GET", place, x_viewer="bob", if_none_match=tag_of(bob))).status_code == 304
    assert (await send(pages, "PATCH", place, {"text": "x"}, if_match=tag_of(ann))).status_code == 200
    assert (await send(pages, "PATCH", place, {"text": "y"}, if_match=tag_of(bob))).status_code == 412


WRONG = [
    ("{name: Page, version: rev}", 'Page has no field "rev"'),
    ("{name: Page, version: text}", 'the field "text" cannot count writes: it is not an IntField'),
    ("{name: Page, version: revision, where: {revision: 1}}", 'the field "revision" has a fixed value'),
    ("{name: Page, computed: {text: 'pages:viewer'}}", 'Page has a field "text"; give the computed field another name'),
    ("{name: Page, owner: {value: credentials.sub, field: text}, where: {text: a}}", '"text" has its value from'),
]


@pytest.mark.parametrize(("settings", "message"), WRONG)
async def test_what_cannot_be_a_version_is_told_when_the_table_is_loaded(
    tmp_path: Path, settings: str, message: str
) -> None:
    table = f"""
        database: {{}}
        models: {{Page: "pages:Page"}}
        auth: {{strategies: {{s: {{scheme: basic, options: {{validate: "pages:load"}}}}}}, default: s}}
        routes: [{{resource: t, path: /t, handler: {{model: {settings}}}}}]
    """
    with pytest.raises(TableError) as caught:
        written(tmp_path, table)
    assert [problem.message[: len(message)] for problem in caught.value.problems] == [message]
