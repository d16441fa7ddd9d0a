"""Document fields of every type between JSON and a real MongoDB, and problems of unsupported fields."""

from collections.abc import AsyncIterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hapiish import Application, TableError, create_app
from hapiish.cli import main
from hapiish.kinds.model.fields import is_secret
from hapiish.testing import inject

pytestmark = pytest.mark.anyio

CODE = """
from enum import Enum
from mongoengine import *

class Colour(Enum):
    RED = "red"
    BLUE = "blue"

class Author(Document):
    name = StringField(required=True)
    meta = {"collection": "kinds_author"}

class Part(EmbeddedDocument):
    name = StringField(required=True, db_field="partName")
    size = IntField(default=1)
    token = StringField()

class Thing(Document):
    text = StringField(min_length=2, max_length=5, regex="[a-z]+$")
    kind = StringField(choices=["a", "b"], default="a")
    level = IntField(choices=((1, "one"), (2, "two")))
    mail = EmailField()
    link = URLField()
    number = FloatField(min_value=-1, max_value=1e3)
    long = LongField()
    price = DecimalField(min_value=0, precision=2)
    money = Decimal128Field(max_value=100)
    flag = BooleanField()
    moment = DateTimeField()
    exact = ComplexDateTimeField()
    day = DateField()
    key = ObjectIdField()
    code = UUIDField()
    colour = EnumField(Colour, default=Colour.RED)
    author = ReferenceField(Author, reverse_delete_rule=DENY)
    lazy = LazyReferenceField(Author)
    self_ref = ReferenceField("self", db_field="selfRef")
    authors = ListField(ReferenceField(Author))
    part = EmbeddedDocumentField(Part)
    parts = EmbeddedDocumentListField(Part)
    table = MapField(IntField())
    bag = DictField()
    anything = DynamicField()
    counter = SequenceField(collection_name="kinds_counters")
    password = StringField()
    raw = BinaryField()
    place = PointField()
    meta = {"collection": "kinds_thing"}

class Strict(Document):
    slug = StringField(primary_key=True)
    raw = BinaryField(required=True)
    api_key = StringField(required=True)
    title = StringField()
    meta = {"collection": "kinds_strict"}

class Base(Document):
    name = StringField()
    meta = {"allow_inheritance": True, "collection": "kinds_base"}

class Child(Base):
    age = IntField()

class Note:
    pass
"""
TABLE = """
    models: {Thing: "shop:Thing", Author: "shop:Author", Child: "shop:Child", Base: "shop:Base"}
    database: {}
    routes:
      - {resource: things, path: /things, handler: {model: Thing}}
      - {resource: authors, path: /authors, handler: {model: {name: Author, hidden: [name]}}}
      - {resource: children, path: /children, handler: {model: Child}}
      - {resource: bases, path: /bases, handler: {model: {name: Base, fields: [name]}}}
"""


@pytest.fixture
async def shop(tmp_path: Path, mongo_uri: str, anyio_backend: str) -> AsyncIterator[Application]:
    app = write(tmp_path, TABLE, mongo_uri)
    await app.server.start()
    for name in app.server.models:
        await app.server.pool.call(getattr(app.server.models, name).drop_collection)
    yield app
    await app.server.stop()


def write(folder: Path, table: str, uri: str = "mongodb://127.0.0.1:1/x") -> Application:
    (folder / "shop.py").write_text(CODE)
    (folder / "routes.yaml").write_text(dedent(table))
    return create_app(folder / "routes.yaml", env={}, database_uri=uri)


async def made(app: Application, path: str, payload: Any) -> Any:
    response = await inject(app, method="POST", url=path, payload=payload)
    assert response.status_code == 201, response.text
    found = await inject(app, url=f"{path}/{response.json['_id']}")
    assert found.json == response.json  # what is told of a new document is what is read later
    return found.json


ID = "0123456789abcdef01234567"
GOOD = [
    ("text", "abc", "abc"),
    ("kind", "b", "b"),
    ("level", 2, 2),
    ("mail", "ann@example.com", "ann@example.com"),
    ("link", "https://example.com/a?b", "https://example.com/a?b"),
    ("number", 0.1, 0.1),
    ("number", 3, 3.0),
    ("long", 2**63 - 1, 2**63 - 1),
    ("long", 5.0, 5),
    ("price", 9.95, 9.95),
    ("price", "9.95", 9.95),
    ("money", "12.3400", "12.3400"),
    ("money", 1.5, "1.5"),
    ("flag", False, False),
    ("moment", "2030-01-02T03:04:05.6789+02:00", "2030-01-02T01:04:05.678Z"),
    ("exact", "2030-01-02T03:04:05.678Z", "2030-01-02T03:04:05.678Z"),
    ("day", "2030-02-28", "2030-02-28"),
    ("key", ID.upper(), ID),
    ("code", "12345678-1234-5678-1234-567812345678", "12345678-1234-5678-1234-567812345678"),
    ("colour", "blue", "blue"),
    ("author", ID, ID),
    ("lazy", ID, ID),
    ("selfRef", ID, ID),
    ("authors", [ID, ID], [ID, ID]),
    ("part", {"partName": "x"}, {"partName": "x", "size": 1}),
    ("parts", [{"partName": "x", "size": 2}], [{"partName": "x", "size": 2}]),
    ("table", {"a": 1}, {"a": 1}),
    ("bag", {"a": {"b": [1, None, {"c": "d"}]}}, {"a": {"b": [1, None, {"c": "d"}]}}),
    ("anything", [1, "two", {"three": 3}], [1, "two", {"three": 3}]),
    *((name, None, None) for name in ("text", "moment", "price", "author", "part", "level")),
]


async def test_values_come_back_as_json_says_them(shop: Application) -> None:
    for name, given, shown in GOOD:
        thing = await made(shop, "/things", {name: given})
        assert (name, thing[name]) == (name, shown)
        place = f"/things/{thing['_id']}"
        assert (await inject(shop, method="PATCH", url=place, payload={name: given})).json == thing
        assert (await inject(shop, method="PUT", url=place, payload={name: given})).json == thing


async def test_a_document_of_any_fields_is_compared_as_a_whole(shop: Application) -> None:
    payload = {name: given for name, given, _ in GOOD if given is not None}
    answer = await inject(shop, method="POST", url="/things", payload=payload)
    place, tag = str(answer.headers["location"]), str(answer.headers["etag"])
    read = await inject(shop, url=place)
    assert (read.headers["etag"], read.json) == (tag, answer.json)
    changed = await inject(shop, method="PATCH", url=place, payload={"text": "xyz"}, headers={"if-match": tag})
    assert (changed.status_code, changed.json) == (200, {**read.json, "text": "xyz"})
    tag = str(changed.headers["etag"])
    assert (await inject(shop, method="DELETE", url=place, headers={"if-match": tag})).status_code == 204


BAD = [
    ("text", "A"),
    ("text", "abcdef"),
    ("kind", "c"),
    ("level", 3),
    ("mail", "ann"),
    ("mail", "ann@nowhere"),
    ("link", "example"),
    ("link", "gopher://x.example"),
    ("number", 1e4),
    ("number", "1"),
    ("long", 2**63),
    ("long", 1e30),
    ("price", -1),
    ("price", "x"),
    ("price", "-0.01"),
    ("price", "1e999999"),
    ("money", "100.01"),
    ("flag", 0),
    ("moment", "2030-01-02"),
    ("moment", "0001-01-01T00:00:00+10:00"),
    ("day", "2030-02-30"),
    ("key", "xyz"),
    ("code", "1234"),
    ("colour", "green"),
    ("author", "x" * 24),
    ("author", {"$ref": "users", "$id": ID}),
    ("authors", [None]),
    ("part", {"size": 1}),
    ("part", {"partName": "x", "token": "y"}),
    ("part", {"name": "x"}),
    ("parts", [{"partName": "x"}, {}]),
    ("table", {"$a": 1}),
    ("table", {"a.b": 1}),
    ("table", {"a": "b"}),
    ("bag", {"a": {"$where": "1"}}),
    ("bag", {"": 1}),
    ("anything", {"$ne": 1}),
    ("counter", 5),
    ("password", "x"),
    ("raw", "x"),
    ("place", [1, 2]),
    ("self_ref", ID),
    ("_cls", "x"),
]


async def test_values_of_another_kind_are_a_400_that_says_where(shop: Application) -> None:
    for name, given in BAD:
        response = await inject(shop, method="POST", url="/things", payload={name: given})
        assert response.status_code == 400, (name, given, response.text)
        keys = response.json["validation"]["keys"]
        assert all(key == name or key.startswith(f"{name}.") for key in keys), keys


async def test_what_is_stored_without_a_value_is_shown_with_the_default_or_null(shop: Application) -> None:
    collection = shop.server.models.Thing._get_collection
    key = await shop.server.pool.call(lambda: str(collection().insert_one({"surplus": 1}).inserted_id))
    thing = (await inject(shop, url=f"/things/{key}")).json
    assert {name: value for name, value in thing.items() if value not in (None, [], {})} == {
        "_id": key,
        "kind": "a",
        "colour": "red",
    }
    assert (thing["authors"], thing["bag"]) == ([], {})
    assert not {"password", "raw", "place", "surplus", "_cls"} & thing.keys()


async def test_hidden_fields_are_taken_and_never_shown(shop: Application) -> None:
    response = await inject(shop, method="POST", url="/authors", payload={"name": "Ann"})
    assert (response.status_code, list(response.json)) == (201, ["_id"])
    assert await shop.server.pool.call(lambda: shop.server.models.Author.objects.first().name) == "Ann"


async def test_what_others_refer_to_is_not_deleted(shop: Application) -> None:
    author = await made(shop, "/authors", {"name": "Ann"})
    thing = await made(shop, "/things", {"author": author["_id"]})
    response = await inject(shop, method="DELETE", url=f"/authors/{author['_id']}")
    assert (response.status_code, response.json["code"]) == (409, "referenced")
    await inject(shop, method="DELETE", url=f"/things/{thing['_id']}")
    assert (await inject(shop, method="DELETE", url=f"/authors/{author['_id']}")).status_code == 204


async def test_a_subclass_sees_its_own_documents(shop: Application) -> None:
    child = await made(shop, "/children", {"name": "Kim", "age": 3})
    response = await inject(shop, method="POST", url="/bases", payload={"name": "Sam"})
    assert response.json == {"name": "Sam"}
    assert [item["name"] for item in (await inject(shop, url="/children")).json["items"]] == ["Kim"]
    assert sorted(item["name"] for item in (await inject(shop, url="/bases")).json["items"]) == ["Kim", "Sam"]
    assert child["age"] == 3


async def test_a_store_that_is_away_is_a_503(tmp_path: Path) -> None:
    app = write(tmp_path, TABLE.replace("database: {}", "database: {timeout: 50ms}"))
    await app.server.start()
    for method, url, payload in (
        ("GET", "/things", None),
        ("GET", f"/things/{ID}", None),
        ("POST", "/things", {}),
        ("PATCH", f"/things/{ID}", {}),
        ("DELETE", f"/things/{ID}", None),
    ):
        response = await inject(app, method=method, url=url, payload=payload)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1"), response.text
    await app.server.stop()


WRONG = [
    ("{name: Thing, filters: [prize]}", ['Thing has no field "prize"; did you mean "price"?']),
    ("{name: Thing, filters: {kind: [lt]}}", ['values of "kind" cannot be filtered with "lt"']),
    (
        "{name: Thing, filters: [password]}",
        ['the field "password" is hidden, so a list cannot be filtered or sorted by it'],
    ),
    ("{name: Thing, filters: [bag]}", ['values of the field "bag" cannot be compared']),
    ("{name: Thing, filters: [part.nam]}", ['Thing has no field "part.nam"; did you mean']),
    ("{name: Thing, sort: [authors]}", ['the field "authors" has no order to sort by']),
    ("{name: Thing, sort: [parts.size]}", ['the field "parts.size" has no order to sort by']),
    ("{name: Thing, sort: {default: [-momnt]}}", ['Thing has no field "momnt"; did you mean "moment"?']),
    ("{name: Thing, fields: [raw]}", ['the field "raw" cannot be used: BinaryField has no JSON']),
    ("{name: Thing, fields: [text], hidden: [text]}", ['the field "text" cannot be hidden and in "fields"']),
    ("{name: Thing, readOnly: [tekst]}", ['Thing has no field "tekst"; did you mean "text"?']),
    ("{name: Thing, where: {flag: maybe}}", ['"flag" must be boolean']),
    ("{name: Thing, where: {bag: 1}}", ['values of the field "bag" cannot be compared']),
    ("{name: Thing, where: {long: 'n-{query.id}'}}", ['"long" is integer, and a template with']),
    ("{name: Thing, where: {key: 'x-{query.id}'}}", ['"key" cannot hold the value of this template']),
    ("{name: Thing, where: {kind: 'c{query.id}'}}", ['"kind" is not a value of this field']),
    ("{name: Thing, where: {kind: c}}", ['"kind" must be']),
    ("{name: Thing, where: {text: abcdef}}", ['"text" must have at most 5 characters']),
    ("{name: Thing, lookup: nam}", ['Thing has no field "nam"']),
    ("{name: Strict}", ['nothing sets the field "api_key"', 'nothing sets the field "raw", which is required']),
    ("{name: Note}", ['"Note" is not a MongoEngine document']),
]


@pytest.mark.parametrize(("settings", "messages"), WRONG)
async def test_names_that_the_class_does_not_have_are_told_with_their_places(
    tmp_path: Path, settings: str, messages: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    table = f"""
        database: {{}}
        models: {{Thing: "shop:Thing", Strict: "shop:Strict", Note: "shop:Note"}}
        routes: [{{resource: t, path: /t, handler: {{model: {settings}}}}}]
    """
    with pytest.raises(TableError) as caught:
        write(tmp_path, table)
    problems = caught.value.problems
    assert len(problems) == len(messages), problems
    for problem, message in zip(problems, messages, strict=True):
        assert problem.message.startswith(message)
        assert (problem.mark.line, problem.mark.column > 47) == (4, True)
    assert main(["check", "--import", str(tmp_path / "routes.yaml")]) == 1
    said = capsys.readouterr().out
    assert all(f"4:{problem.mark.column}: HA0407 {problem.message}" in said for problem in problems)


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("password", True),
        ("passwordHash", True),
        ("api_key", True),
        ("APIKey", True),
        ("resetToken", True),
        ("client_secret", True),
        ("title", False),
        ("compass", False),
        ("hashtag", False),
        ("keyword", False),
    ],
)
async def test_names_that_speak_of_secrets(name: str, secret: bool) -> None:
    assert is_secret(name) is secret
