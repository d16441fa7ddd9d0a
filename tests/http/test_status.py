"""`validate.status`: the status of failed validation, at every place that validates."""

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hapiish import TableError, create_app
from hapiish.testing import inject
from tests.http.conftest import Make
from tests.realtime.support import raw, serving

pytestmark = pytest.mark.anyio

CODE = """
def show(request, h):
    return {"ok": True}

def refuse(value, options):
    raise ValueError("never")

def of_its_own(value, options):
    raise boom.Conflict("mine")

def shown(request, h, err):
    raise err

def default(request, h, err):
    raise err.default_error
"""
NUMBER = "{type: object, properties: {n: {type: integer}}}"

FORM = {"content-type": "application/x-www-form-urlencoded"}

SOURCES = [
    ("params", f"params: {NUMBER}", {}),
    ("query", f"query: {NUMBER}", {}),
    ("headers", f"headers: {NUMBER}", {"headers": {"n": "x"}}),
    ("payload", f"payload: {NUMBER}", {"payload": {"n": "x"}}),
    ("payload", f"payload: {NUMBER}", {"payload": b"n=x", "headers": FORM}),
    ("state", f"state: {NUMBER}", {"headers": {"cookie": "n=x"}}),
    ("query", f"all: {{properties: {{query: {NUMBER}}}}}", {}),
    ("all", "all: {not: {}}", {}),
    ("payload", 'payload: "my:refuse"', {"payload": {}}),
    ("query", f"query: {NUMBER}, failAction: 'my:shown'", {}),
    ("query", f"query: {NUMBER}, failAction: 'my:default'", {}),
]  # fmt: skip


def table(rules: str, defaults: str = "{}") -> str:
    return f"""
server: {{routes: {{validate: {defaults}}}}}
state: {{n: {{encoding: none}}}}
routes:
  - {{method: POST, path: "/{{n}}", handler: "my:show", options: {{validate: {{{rules}}}}}}}
"""


@pytest.mark.parametrize(("source", "rules", "request_"), SOURCES)
async def test_every_input_is_refused_with_the_status_of_the_table(
    make: Make, source: str, rules: str, request_: dict[str, Any]
) -> None:
    answer = await inject(make(table(f"{rules}, status: 422"), CODE), method="POST", url="/x?n=x", **request_)
    assert answer.status_code == 422
    assert (answer.json["statusCode"], answer.json["error"]) == (422, "Unprocessable Entity")
    assert answer.json["validation"]["source"] == source


@pytest.mark.parametrize(
    ("own", "status"), [("", 422), (", status: 404", 404), (", status: null", 400), (", detail: none", 422)]
)
async def test_the_server_has_a_default_that_a_route_changes(make: Make, own: str, status: int) -> None:
    app = make(table(f"query: {NUMBER}{own}", "{status: 422}"), CODE)
    assert (await inject(app, method="POST", url="/1?n=x")).status_code == status


async def test_what_a_function_refuses_by_a_boom_keeps_its_status(make: Make) -> None:
    app = make(table('query: "my:of_its_own"', "{status: 422}"), CODE)
    assert (await inject(app, method="POST", url="/1")).status_code == 409


async def test_what_cannot_be_read_at_all_stays_a_400(make: Make) -> None:
    app = make(table(f"payload: {NUMBER}", "{status: 422}"), CODE)
    headers = {"content-type": "application/json"}
    assert (await inject(app, method="POST", url="/1", payload=b"{", headers=headers)).status_code == 400


@pytest.mark.parametrize("status", ["200", "500", "often", "401"])
async def test_only_statuses_that_say_what_is_meant_are_taken(make: Make, status: str) -> None:
    with pytest.raises(TableError, match="400, 403, 404, 406, 409, 410 or 422"):
        make(table(f"query: {NUMBER}, status: {status}"), CODE)


async def test_a_group_and_an_event_have_it_too(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text("from hapiish import boom\n" + CODE)
    (tmp_path / "routes.yaml").write_text(f"""
server: {{routes: {{validate: {{status: 422}}}}}}
groups:
  - prefix: /group
    options: {{validate: {{status: 404}}}}
    routes: [{{method: GET, path: /one, handler: "my:show", options: {{validate: {{query: {NUMBER}}}}}}}]
sockets:
  namespaces:
    - namespace: /
      events:
        - {{event: default, handler: "my:show", options: {{validate: {{payload: {NUMBER}}}}}}}
        - {{event: own, handler: "my:show", options: {{validate: {{payload: {NUMBER}, status: 409}}}}}}
    - {{namespace: "/room-{{n}}", validate: {{params: {NUMBER}, status: 404}}}}
""")
    app = create_app(tmp_path / "routes.yaml", env={})
    assert (await inject(app, url="/group/one?n=x")).status_code == 404
    async with serving(app) as port, raw(port) as client:
        await client.join("/")
        for event, status in (("default", 422), ("own", 409)):
            error = (await client.ask(event, {"n": "x"}))["error"]
            assert (error["statusCode"], error["validation"]["source"]) == (status, "payload")
        await client.send("40/room-x")
        assert json.loads(await client.until("44/room-x,"))["data"]["statusCode"] == 404


async def test_a_resource_and_its_documents_refuse_with_it(tmp_path: Path, mongo_uri: str) -> None:
    (tmp_path / "shop.py").write_text(
        dedent("""
        from mongoengine import Document, IntField, StringField, ValidationError

        class Thing(Document):
            count = IntField(min_value=0)
            name = StringField()
            meta = {"collection": "status_thing"}

            def clean(self):
                if self.name == "bad":
                    raise ValidationError("no such name")

        def by_hand(request, h):
            request.models.Thing(count="x").save()
        """)
    )
    (tmp_path / "routes.yaml").write_text("""
server: {routes: {validate: {status: 422}}}
database: {}
models: {Thing: "shop:Thing"}
routes:
  - {resource: things, path: /things, handler: {model: {name: Thing, filters: {count: [eq]}}}}
  - {method: POST, path: /by-hand, handler: "shop:by_hand"}
""")
    app = create_app(tmp_path / "routes.yaml", env={}, database_uri=mongo_uri)
    await app.server.start()
    made: list[tuple[str, str, Any]] = [
        ("POST", "/things", {"count": -1}),
        ("POST", "/things", {"name": "bad"}),
        ("GET", "/things?count=x", None),
        ("GET", "/things?cursor=wrong", None),
        ("POST", "/by-hand", {}),
    ]
    answers = [await inject(app, method=method, url=url, payload=payload) for method, url, payload in made]
    assert [answer.status_code for answer in answers] == [422] * 5
    await app.server.stop()
