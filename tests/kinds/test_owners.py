"""Documents with public reads and owner-only writes, and fields that a class sets itself."""

from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hapiish import Application, TableError, create_app
from hapiish.testing import Injected, inject

pytestmark = pytest.mark.anyio

CODE = """
from mongoengine import *

class Article(Document):
    slug = StringField(required=True, unique=True)
    title = StringField(required=True)
    tenant = StringField(required=True)
    author = StringField(required=True)
    meta = {"collection": "owners_article"}

    def clean(self):
        self.slug = self.title.lower().replace(" ", "-")

class Judged(Document):
    text = StringField(db_field="words", max_length=3)

    def clean(self):
        if self.text == "one":
            raise ValidationError("is not for today", field_name="text")
        if self.text == "all":
            raise ValidationError("", errors={"text": ValidationError("is said by all"), "x": {"y": "z"}})
        if self.text == "doc":
            raise ValidationError("comes at a bad time")

def save(request, h):
    return request.models.Judged(text=request.payload["words"]).save()

class Saved(Document):
    slug = StringField(required=True)

    def save(self, *args, **kwargs):
        self.slug = "saved"
        return super().save(*args, **kwargs)

class Bare(Document):
    slug = StringField(required=True)
"""
TABLE = """
    models: {Article: "shop:Article", Saved: "shop:Saved", Bare: "shop:Bare"}
    database: {}
    auth:
      strategies: {caller: {scheme: jwt, options: {keys: a secret of at least thirty-two bytes}}}
      default: caller
    routes:
      - resource: articles
        path: /{tenant}/articles
        handler:
          model:
            name: Article
            lookup: slug
            readOnly: [slug]
            where: {tenant: "{params.tenant}"}
            owner: {value: credentials.sub, field: author, reads: all}
        options: {validate: {options: OPTIONS}}
        actions: {list: {options: {auth: false}}, get: {options: {auth: false}}}
"""


def written(folder: Path, table: str, uri: str = "mongodb://127.0.0.1:1/x", options: str = "{}") -> Application:
    (folder / "shop.py").write_text(CODE)
    (folder / "routes.yaml").write_text(dedent(table).replace("OPTIONS", options))
    return create_app(folder / "routes.yaml", env={}, database_uri=uri)


@pytest.fixture(params=["{}", "{stripUnknown: true}", "{allowUnknown: false}"])
async def shop(
    tmp_path: Path, mongo_uri: str, anyio_backend: str, request: pytest.FixtureRequest
) -> AsyncIterator[Application]:
    app = written(tmp_path, TABLE, mongo_uri, request.param)
    await app.server.start()
    await app.server.pool.call(app.server.models.Article.drop_collection)
    await app.server.pool.call(app.server.models.Article.ensure_indexes)
    yield app
    await app.server.stop()


async def send(app: Application, method: str, url: str, payload: Any = None, name: str | None = None) -> Injected:
    credentials = {"sub": name} if name is not None else None
    return await inject(app, method=method, url=url, payload=payload, credentials=credentials)


async def test_everybody_reads_and_the_owner_alone_changes(shop: Application) -> None:
    made = await send(shop, "POST", "/one/articles", {"title": "Hello World"}, "ann")
    assert (made.status_code, made.json["slug"], made.json["author"]) == (201, "hello-world", "ann")
    path = "/one/articles/hello-world"
    for name in (None, "ann", "bob"):
        assert (await send(shop, "GET", path, name=name)).json["title"] == "Hello World"
        assert len((await send(shop, "GET", "/one/articles", name=name)).json["items"]) == 1
    for method, payload in (("PATCH", {"title": "x"}), ("PUT", {"title": "x"}), ("DELETE", None)):
        refused = await send(shop, method, path, payload, "bob")
        assert (refused.status_code, refused.json["code"]) == (403, "not_owner")
        assert (await send(shop, method, path, payload)).status_code == 401
        assert (await send(shop, method, "/two/articles/hello-world", payload, "bob")).status_code == 404
        assert (await send(shop, method, "/one/articles/none", payload, "bob")).status_code == 404
    changed = await send(shop, "PATCH", path, {"title": "Again"}, "ann")
    assert (changed.status_code, changed.json["slug"]) == (200, "again")
    await send(shop, "PATCH", "/one/articles/again", {"author": "bob"}, "ann")  # refused or stripped
    assert (await send(shop, "GET", "/one/articles/again")).json["author"] == "ann"
    assert (await send(shop, "DELETE", "/one/articles/again", name="ann")).status_code == 204


async def test_what_the_class_sets_needs_nobody_else_to_set_it(tmp_path: Path) -> None:
    table = 'models: {X: "shop:NAME"}\ndatabase: {}\nroutes: [{resource: x, path: /x, handler: HANDLER}]'
    handler = "{model: {name: X, readOnly: [slug]}}"
    for name in ("Article", "Saved"):
        written(tmp_path, table.replace("NAME", name).replace("HANDLER", handler))
    with pytest.raises(TableError, match='nothing sets the field "slug"'):
        written(tmp_path, table.replace("NAME", "Bare").replace("HANDLER", handler))


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("one", {"/text": "is not for today"}),
        ("all", {"/text": "is said by all", "/x/y": "z"}),
        ("doc", {"": "comes at a bad time"}),
        ("long", {"/text": "is refused by the model"}),
    ],
)
async def test_a_client_reads_what_clean_says_and_where(tmp_path: Path, text: str, faults: dict[str, str]) -> None:
    table = """
        models: {Judged: "shop:Judged"}
        database: {}
        routes:
          - method: POST
            path: /kind
            handler: {model: {name: Judged, action: create}}
            options: {validate: {payload: true}}
          - {method: POST, path: /hand, handler: "shop:save"}
    """
    app = written(tmp_path, table)
    for path, name in (("/kind", "/words"), ("/hand", "/text")):
        answer = await send(app, "POST", path, {"words": text})
        assert answer.status_code == 400
        found = {each["path"]: each["message"] for each in answer.json["validation"]["errors"]}
        assert found == {key.replace("/text", name): words for key, words in faults.items()}
    await app.server.stop()


async def test_who_writes_is_asked_for_even_where_everybody_reads(tmp_path: Path) -> None:
    table = TABLE.replace("actions: {list", "actions: {delete: {options: {auth: false}}, list")
    with pytest.raises(TableError) as caught:
        written(tmp_path, table)
    assert [problem.message for problem in caught.value.problems] == [
        "the documents depend on the caller, but this route has no authentication"
    ]


async def test_parameters_of_a_path_are_neither_strange_nor_stripped(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("def both(request, h):\n    return dict(request.params)\n")
    for options in ("{stripUnknown: true}", "{allowUnknown: false}"):
        rules = f"{{params: {{properties: {{id: {{type: integer}}}}}}, options: {options}}}"
        route = f'{{method: GET, path: "/{{name}}/{{id}}", handler: "shop:both", options: {{validate: {rules}}}}}'
        (tmp_path / "routes.yaml").write_text(f"routes: [{route}]")
        app = create_app(tmp_path / "routes.yaml", env={})
        assert (await inject(app, url="/a/5")).json == {"name": "a", "id": 5}
