"""Hostile JSON in a resource is never a 500: it is stored unchanged, or a 4xx gives the reason."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hapiish import Application
from hapiish.codec import DEEPEST
from hapiish.kinds.model.values import LEVELS, Unfit, number, shallow, text, whole
from hapiish.kinds.model.values import json as stored
from hapiish.testing import Injected, inject
from tests.kinds.test_documents import write

pytestmark = pytest.mark.anyio

TABLE = """
    models: {Thing: "shop:Thing"}
    database: {}
    server: {routes: {payload: {maxBytes: 40MB}}}
    routes:
      - {resource: things, path: /things, handler: {model: {name: Thing, filters: {text: [eq, contains], number: [], moment: []}}}}
"""  # noqa: E501 - a route a line


@pytest.fixture
async def shop(tmp_path: Path, mongo_uri: str, anyio_backend: str) -> AsyncIterator[Application]:
    app = write(tmp_path, TABLE, mongo_uri)
    await app.server.start()
    yield app
    await app.server.stop()


async def sent(app: Application, method: str, url: str, body: str) -> Injected:
    return await inject(app, method=method, url=url, payload=body, headers={"content-type": "application/json"})


def nested(levels: int, left: str, right: str) -> str:
    return left * levels + "1" + right * levels


DEEP = [
    ("bag", '{"a":', "}"),
    ("anything", '{"a":', "}"),
    ("anything", "[", "]"),
    ("anything", '[{"a":', "}]"),
    ("parts", "[", "]"),
    ("table", '{"a":', "}"),
]


@pytest.mark.parametrize(("field", "left", "right"), DEEP)
async def test_what_is_nested_deeper_than_mongodb_stores_is_a_400_with_its_place(
    shop: Application, field: str, left: str, right: str
) -> None:
    made = (await inject(shop, method="POST", url="/things", payload={})).json["_id"]
    for levels in (LEVELS, 200, 253):
        body = f'{{"{field}": {nested(levels, left, right)}}}'
        for method, url in (("POST", "/things"), ("PATCH", f"/things/{made}"), ("PUT", f"/things/{made}")):
            response = await sent(shop, method, url, body)
            assert response.status_code == 400, response.text
            if response.json.get("validation"):
                assert response.json["validation"]["errors"][0]["path"].startswith(f"/{field}")


@pytest.mark.parametrize(("field", "left", "right"), DEEP[:3])
async def test_what_is_as_deep_as_json_is_read_is_stored(shop: Application, field: str, left: str, right: str) -> None:
    value = json.loads(nested(DEEPEST - 1, left, right))
    response = await inject(shop, method="POST", url="/things", payload={field: value})
    assert response.status_code == 201, response.text
    assert (await inject(shop, url=f"/things/{response.json['_id']}")).json[field] == value


NASTY = [
    *("null", "true", "0", "-1", "1e400", "-1e400", "1e308", "5e-324", "9223372036854775807", "9223372036854775808"),
    *("99999999999999999999999", "0.1", '""', '"\\u0000"', '"\\ud83c"', '"\\ud800x"', '"x\\u0000y"', '"NaN"'),
    *('"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59-14:00"', '"9999-12-31"', '"0000-00-00"'),
    *("[]", "[[]]", "[null]", "{}", '{"": 1}', '{"$ne": 1}', '{"a.b": 1}', '{"a\\u0000": 1}', '{"\\ud800": 1}'),
    *('{"_cls": "Thing"}', '{"a": [{"_cls": "Nope", "_ref": 1}]}', '{"_id": 1}', '{"a": 1e400}'),
    *('{"a": 18446744073709551616}', '{"a": -9223372036854775809}'),
    *('{"$ref": "x", "$id": 1}', '{"0": 1, "1": 2}', '{"a": {"$oid": "x"}}', '["x", 1, {"a": null}]'),
    '{"toString": "x", "items": 5, "__class__": "x", "pk": 1, "to_mongo": 1}',
    f'"{"9" * 5000}"',
    "9" * 4000,
    "0." + "9" * 400,
    f"1{'0' * 308}.5",
]  # fmt: skip


async def test_no_json_value_of_any_field_is_a_500(shop: Application) -> None:
    fields = [name for name in (await inject(shop, method="POST", url="/things", payload={})).json if name != "_id"]
    assert len(fields) > 20
    for field in fields:
        made = (await inject(shop, method="POST", url="/things", payload={})).json["_id"]
        for value in NASTY:
            response = await sent(shop, "POST", "/things", f'{{"{field}": {value}}}')
            assert response.status_code in (201, 400, 409), (field, value, response.text)
            if response.status_code == 201:
                changed = await sent(shop, "PATCH", f"/things/{made}", f'{{"{field}": {value}}}')
                assert (changed.status_code, changed.json[field]) == (200, response.json[field])
                assert (await inject(shop, url=f"/things/{made}")).json == changed.json
    assert (await inject(shop, url="/things?limit=100")).status_code == 200


@pytest.mark.parametrize("value", NASTY)
async def test_no_body_is_a_500(shop: Application, value: str) -> None:
    made = (await inject(shop, method="POST", url="/things", payload={})).json["_id"]
    for method, url in (("POST", "/things"), ("PATCH", f"/things/{made}"), ("PUT", f"/things/{made}")):
        response = await sent(shop, method, url, value)
        assert response.status_code in (200, 201, 400), response.text


@pytest.mark.parametrize("name", ["_cls", "$where", "a.b", "", "a\0"])
async def test_a_name_that_means_something_to_the_database_is_a_400(shop: Application, name: str) -> None:
    response = await inject(shop, method="POST", url="/things", payload={"bag": {"a": [{name: "Author"}]}})
    assert response.status_code == 400
    assert response.json["validation"]["errors"][0]["path"] == "/bag/a/0"


async def test_a_document_that_would_be_too_large_is_a_413(shop: Application) -> None:
    half = "x" * 9_000_000
    response = await inject(shop, method="POST", url="/things", payload={"bag": {"a": half, "b": half}})
    assert (response.status_code, response.json["code"]) == (413, "too_large")
    made = (await inject(shop, method="POST", url="/things", payload={"bag": {"a": half}})).json["_id"]
    response = await inject(shop, method="PATCH", url=f"/things/{made}", payload={"anything": half})
    assert (response.status_code, response.json["code"]) == (413, "too_large")
    response = await inject(shop, method="PATCH", url=f"/things/{made}", payload={"anything": half + half})
    assert response.status_code == 413
    assert (await inject(shop, url=f"/things/{made}")).json["anything"] is None


@pytest.mark.parametrize(
    "query",
    [
        *("text=%00", "text=%ED%A0%80", "text[contains]=%00", "text[contains]=%ED%A0%80", "text[contains]=("),
        "number=1e999",
        *("number=nan", "number=" + "9" * 400, "moment=9999-12-31T23:59:59-14:00", "cursor=W10", "cursor=%00"),
        *("limit=99999999999999999999", "sort=-", "text=a&text=b", "text[$ne]=a"),
    ],
)  # fmt: skip
async def test_no_query_is_a_500(shop: Application, query: str) -> None:
    assert (await inject(shop, url=f"/things?{query}")).status_code in (200, 400)


async def test_the_levels_of_a_value_are_looked_at_once_each() -> None:
    seen = 0

    class Counted(list[Any]):
        def __iter__(self) -> Any:
            nonlocal seen
            seen += 1
            return super().__iter__()

    assert shallow(Counted([Counted([1])] * 1000)) is not None
    assert seen == 1001


@pytest.mark.parametrize(
    ("convert", "value"),
    [
        (text, "\ud83c"),
        (number, 10**400),
        (number, float("inf")),
        (whole, float("inf")),
        (whole, 2**63),
        (stored, {"a": ["\ud83c"]}),
        (stored, {"\ud83c": 1}),
        (stored, [float("nan")]),
        (stored, {"a": 2**63}),
    ],
)
async def test_what_bson_does_not_have_does_not_fit(convert: Any, value: Any) -> None:
    with pytest.raises(Unfit):
        convert(value)
