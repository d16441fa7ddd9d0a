"""Commands and documents that the actions of a resource read: its class's own manager counts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hapiish import Application, create_app
from hapiish.testing import inject
from tests.commands import recorded

pytestmark = pytest.mark.anyio

CODE = """
import mongoengine as me

class Plain(me.Document):
    title = me.StringField(db_field="t")
    rank = me.IntField()
    meta = {"collection": "plain_of_reading"}

class Managed(me.Document):
    title = me.StringField(db_field="t")
    rank = me.IntField()
    meta = {"collection": "managed_of_reading"}

    @me.queryset_manager
    def objects(cls, queryset):
        return queryset.filter(rank__gte=100)

class Visible(me.QuerySet):
    def __call__(self, *args, **named):
        return super().__call__(me.Q(rank__gte=100), *args, **named)

class Queried(me.Document):
    title = me.StringField(db_field="t")
    rank = me.IntField()
    meta = {"collection": "queried_of_reading", "queryset_class": Visible}

class Ordered(me.Document):
    title = me.StringField(db_field="t")
    rank = me.IntField()
    meta = {"collection": "ordered_of_reading", "ordering": ["-rank"]}
"""
NAMES = ("Plain", "Managed", "Queried", "Ordered")
TABLE = "database: {uri: ''}\nmodels: {" + ", ".join(f'{name}: "my:{name}"' for name in NAMES) + "}\nroutes:\n"
for name in NAMES:
    TABLE += f"""
- {{method: GET, path: /{name}, handler: {{model: {{name: {name}, action: list, limit: 1000, maxLimit: 1000}}}}}}
- {{method: GET, path: "/{name}/{{t}}", handler: {{model: {{name: {name}, action: get, lookup: t}}}}}}
- {{method: PATCH, path: "/{name}/{{t}}", handler: {{model: {{name: {name}, action: update, lookup: t}}}}}}
- {{method: DELETE, path: "/{name}/{{t}}", handler: {{model: {{name: {name}, action: delete, lookup: t}}}}}}
"""


@pytest.fixture
async def app(tmp_path: Path, mongo_uri: str, anyio_backend: str) -> AsyncIterator[Application]:
    (tmp_path / "my.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(TABLE)
    app = create_app(tmp_path / "routes.yaml", env={}, database_uri=mongo_uri)

    def fill() -> None:
        for name in NAMES:
            collection = getattr(app.server.models, name)._get_collection()
            collection.drop()
            collection.insert_many([{"t": f"n{n}", "rank": n} for n in range(250)])
            collection.insert_one({"t": "n7", "rank": 300})

    async with app.router.lifespan_context(app):
        await app.server.pool.call(fill)
        yield app


@pytest.mark.parametrize("name", NAMES)
async def test_a_list_of_250_is_one_command(app: Application, name: str) -> None:
    with recorded() as commands:
        response = await inject(app, url=f"/{name}")
    assert commands == ["find"]
    hidden = 100 if name in ("Managed", "Queried") else 0
    assert len(response.json["items"]) == 251 - hidden
    assert all(set(item) == {"_id", "t", "rank"} for item in response.json["items"])


@pytest.mark.parametrize(("name", "rank"), [("Plain", 7), ("Managed", 300), ("Queried", 300), ("Ordered", 300)])
async def test_one_document_is_read_through_the_manager_and_order_of_its_class(
    app: Application, name: str, rank: int
) -> None:
    with recorded() as commands:
        assert (await inject(app, url=f"/{name}/n7")).json["rank"] == rank
    assert commands == ["find"]


@pytest.mark.parametrize("name", ["Managed", "Queried"])
async def test_a_document_that_the_manager_hides_is_not_found(app: Application, name: str) -> None:
    for method, payload in (("GET", None), ("PATCH", {"rank": 1}), ("DELETE", None)):
        response = await inject(app, method=method, url=f"/{name}/n8", payload=payload)
        assert response.status_code == 404, method
