"""The kind `model` and resources: a complete service from a table, on a real MongoDB."""

from pathlib import Path
from shutil import copytree
from typing import Any
from urllib.parse import quote

import pytest

from hapiish import Application, create_app
from tests.kinds.conftest import PROJECT, Client, emptied

pytestmark = pytest.mark.anyio

TODOS = "/boards/home/todos"


async def test_a_document_lives_from_its_creation_to_its_deletion(ann: Client) -> None:
    made = await ann.send("POST", TODOS, {"title": "Milk", "tags": ["shop"], "dueAt": "2030-01-02T03:04:05.678+01:00"})
    todo = made.json
    place = f"{TODOS}/{todo['_id']}"
    assert made.headers["location"] == place
    assert todo == {
        "_id": todo["_id"],
        "title": "Milk",
        "done": False,
        "priority": None,
        "dueAt": "2030-01-02T02:04:05.678Z",
        "tags": ["shop"],
        "place": None,
        "board": "home",
        "userId": "ann",
        "createdAt": todo["createdAt"],
    }
    assert await ann("GET", place) == todo
    changed = await ann("PATCH", place, {"done": True, "place": {"name": "Market"}})
    assert changed == {**todo, "done": True, "place": {"name": "Market", "street": None}}
    assert await ann("GET", place) == changed
    replaced = await ann("PUT", place, {"title": "Oat milk"})
    assert replaced == {**todo, "title": "Oat milk", "tags": [], "dueAt": None}
    assert await ann("GET", place) == replaced
    assert (await ann("DELETE", place)).payload == b""
    for method, payload in (("GET", None), ("PUT", {"title": "x"}), ("PATCH", {}), ("DELETE", None)):
        await ann(method, place, payload, status=404)


WRONG: list[tuple[Any, list[tuple[str, str]]]] = [
    ({}, [("/title", "is required")]),
    ({"title": "x" * 101}, [("/title", "must have at most 100 characters")]),
    ({"title": 5}, [("/title", "must be string")]),
    ({"title": None}, [("/title", "must be string")]),
    ({"title": "x", "done": "yes"}, [("/done", "must be boolean or null")]),
    ({"title": "x", "priority": 10}, [("/priority", "must be at most 9")]),
    ({"title": "x", "priority": 1.5}, [("/priority", "must be integer or null")]),
    ({"title": "x", "dueAt": "soon"}, [("/dueAt", "must be a valid date-time")]),
    ({"title": "x", "dueAt": "2030-06-30T23:59:60Z"}, [("/dueAt", "must be a valid date-time")]),
    ({"title": "x", "tags": ["a"] * 6}, [("/tags", "must have at most 5 items")]),
    ({"title": "x", "tags": [1]}, [("/tags/0", "must be string")]),
    ({"title": "x", "place": {"street": "y"}}, [("/place/name", "is required")]),
    ({"title": "x", "place": {"name": "y", "z": 1}}, [("/place/z", "is not allowed")]),
    ({"title": "x", "$set": {"userId": "bob"}}, [("/$set", "is not allowed")]),
    ({"title": "x", "title.y": 1}, [("/title.y", "is not allowed")]),
    ({"title": {"$ne": None}}, [("/title", "must be string")]),
    ({"title": "x", "userId": "bob"}, [("/userId", "is not allowed")]),
    ({"title": "x", "board": "bobs"}, [("/board", "is not allowed")]),
    ({"title": "x", "createdAt": "2030-01-01T00:00:00Z"}, [("/createdAt", "is not allowed")]),
    ({"title": "x", "_id": "0" * 24}, [("/_id", "is not allowed")]),
    ({"title": "nothing", "done": True}, [("", "nothing cannot be done")]),
    ([], [("", "must be object")]),
]


@pytest.mark.parametrize(("payload", "errors"), WRONG)
async def test_what_does_not_fit_the_document_is_told_with_its_place(ann: Client, payload: Any, errors: Any) -> None:
    answer = await ann("POST", TODOS, payload, status=400)
    assert answer["message"] == "Invalid request payload input"
    assert [(error["path"], error["message"]) for error in answer["validation"]["errors"]] == errors
    todo = await ann("POST", TODOS, {"title": "nothing"})
    await ann("PUT", f"{TODOS}/{todo['_id']}", payload, status=400)


async def test_an_update_judges_what_is_sent_and_asks_for_nothing_else(ann: Client) -> None:
    todo = await ann("POST", TODOS, {"title": "Milk", "priority": 3})
    place = f"{TODOS}/{todo['_id']}"
    assert await ann("PATCH", place, {}) == todo
    assert await ann("PATCH", place, {"priority": None}) == {**todo, "priority": None}
    assert (await ann("PATCH", place, {"title": None}, status=400))["validation"]["keys"] == ["title"]
    assert (await ann("PATCH", place, {"userId": "bob"}, status=400))["validation"]["keys"] == ["userId"]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
async def test_what_belongs_to_somebody_else_is_not_there(ann: Client, bob: Client, method: str) -> None:
    todo = await ann("POST", TODOS, {"title": "Milk"})
    place = f"{TODOS}/{todo['_id']}"
    await bob(method, place, {"title": "x"} if method != "GET" else None, status=404)
    assert (await bob("GET", TODOS))["items"] == []
    assert await ann("GET", place) == todo


async def test_a_constant_of_the_path_is_part_of_what_exists(ann: Client) -> None:
    todo = await ann("POST", TODOS, {"title": "Milk"})
    await ann("GET", f"/boards/work/todos/{todo['_id']}", status=404)
    assert (await ann("GET", "/boards/work/todos"))["items"] == []


async def test_credentials_that_name_no_owner_are_refused(todos: Application) -> None:
    nameless = Client(todos, None)
    nameless.credentials = {"name": "?"}
    for method, url in (("GET", TODOS), ("POST", TODOS), ("GET", f"{TODOS}/{'0' * 24}")):
        await nameless(method, url, {"title": "x"} if method == "POST" else None, status=403)
    assert (await Client(todos, None).send("GET", TODOS)).status_code == 401


async def test_documents_may_be_looked_up_by_a_field_of_their_own(ann: Client, bob: Client) -> None:
    board = await ann("POST", "/boards", {"slug": "home", "title": "Home"})
    assert (await ann.send("POST", "/boards", {"slug": "work", "title": "Work"})).headers["location"] == "/boards/work"
    assert await ann("GET", "/boards/home") == board
    await bob("GET", "/boards/home", status=404)
    await bob("POST", "/boards", {"slug": "home", "title": "Bob's"})
    assert await ann("GET", "/boards/home") == board
    await ann("PUT", "/boards/home", {"slug": "home", "title": "x"}, status=405)


async def test_a_second_document_of_a_unique_kind_is_a_conflict(ann: Client) -> None:
    await ann("POST", "/boards", {"slug": "home", "title": "Home"})
    answer = await ann("POST", "/boards", {"slug": "home", "title": "Again"}, status=409)
    assert answer["code"] == "not_unique"
    assert answer["data"] == {"fields": ["slug", "userId"]}
    await ann("POST", "/boards", {"slug": "work", "title": "Work"})
    await ann("PATCH", "/boards/work", {"slug": "home"}, status=409)
    assert (await ann("GET", "/boards/work"))["slug"] == "work"


async def test_a_client_chooses_among_the_fields_that_go_out(ann: Client) -> None:
    todo = await ann("POST", TODOS, {"title": "Milk"})
    assert await ann("GET", f"{TODOS}/{todo['_id']}?fields=title,done") == {"title": "Milk", "done": False}
    assert (await ann("GET", f"{TODOS}?fields=title"))["items"] == [{"title": "Milk"}]
    assert (await ann("GET", f"{TODOS}?fields=title,_cls", status=400))["validation"]["keys"] == ["fields"]


async def test_pages_follow_each_other_by_cursor_and_link(ann: Client) -> None:
    for number in range(5):
        await ann("POST", TODOS, {"title": f"todo {number}", "priority": number % 2})
    url, seen = f"{TODOS}?sort=priority,-title&limit=2&fields=title", []
    while url:
        page = await ann.send("GET", url)
        seen += [item["title"] for item in page.json["items"]]
        link = page.headers.get("link")
        assert (link is None) == (page.json["next"] is None)
        url = str(link).partition("<")[2].partition(">")[0] if link else ""
    assert seen == ["todo 4", "todo 2", "todo 0", "todo 3", "todo 1"]


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("owner=bob", "owner"),
        ("userId=bob", "userId"),
        ("title[$ne]=x", "title[$ne]"),
        ("title[ne]=x", "title[ne]"),
        ("priority[gte]=high", "priority[gte]"),
        ("priority[gte]=99999999999999999999", "priority[gte]"),
        ("dueAt[gte]=2030", "dueAt[gte]"),
        ("done=1", "done"),
        ("title[prefix]=", "title[prefix]"),
        ("title[contains]=" + "x" * 257, "title[contains]"),
        ("title[contains]=a%00b", "title[contains]"),
        ("sort=userId", "sort"),
        ("sort=priority,", "sort"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=" + "e30", "cursor"),
    ],
)
async def test_a_list_takes_no_parameter_that_the_table_does_not_declare(ann: Client, query: str, key: str) -> None:
    answer = await ann("GET", f"{TODOS}?{query}", status=400)
    assert answer["validation"]["keys"] == [key]


@pytest.mark.parametrize("text", ["100%", ".*", "a.c", "(", "\\", "^a", "$where", "a|b", "[x]", "ü", "#", " "])
async def test_text_is_searched_for_as_it_is(ann: Client, text: str) -> None:
    for title in (text, f"{text} first", f"last {text}", "abbc"):
        await ann("POST", TODOS, {"title": title})
    found = await ann("GET", f"{TODOS}?title[prefix]={quote(text)}&sort=title&fields=title")
    assert [item["title"] for item in found["items"]] == sorted([text, f"{text} first"])
    found = await ann("GET", f"{TODOS}?title[contains]={quote(text)}&fields=title")
    assert {item["title"] for item in found["items"]} >= {text, f"{text} first", f"last {text}"}
    assert "abbc" not in [item["title"] for item in found["items"]]


async def test_a_cursor_of_another_order_is_refused(ann: Client) -> None:
    for number in range(3):
        await ann("POST", TODOS, {"title": f"todo {number}"})
    cursor = (await ann("GET", f"{TODOS}?limit=1&sort=title"))["next"]
    assert (await ann("GET", f"{TODOS}?limit=1&sort=-title&cursor={cursor}", status=400))["validation"]["keys"] == [
        "cursor"
    ]


async def test_routes_of_a_resource_have_ids_and_options_of_their_own(todos: Application) -> None:
    lookup = todos.server.lookup
    assert lookup("boards.replace") is None
    route = lookup("todos.delete")
    assert route is not None
    assert (route.method, route.path) == ("delete", f"{TODOS.replace('home', '{board}')}/{{id}}")
    assert route.settings.tags == ("todos",)
    assert route.settings.description == "Removes a todo for good"


OWN_RULES = """\
database: {}
models: {Todo: "models.todo:Todo"}
routes:
  - method: GET
    path: /all
    handler: {model: {name: Todo, action: list, fields: [title], sort: {fields: [title], default: [priority]}}}
    options: {validate: {query: true}}
"""


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("limit=2", None),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=abc", "limit"),
        ("limit=1&limit=2", "limit"),
        ("limit=\u0662", "limit"),
        ("sort=-title", None),
        ("sort=priority", "sort"),
        ("sort=nothing", "sort"),
        ("sort=title&sort=title", "sort"),
        ("cursor=x", "cursor"),
    ],
)
async def test_a_list_whose_query_the_route_judges_itself_still_asks_only_what_it_can(
    tmp_path: Path, mongo_uri: str, query: str, wrong: str | None
) -> None:
    (tmp_path / "routes.yaml").write_text(OWN_RULES)
    copytree(PROJECT / "models", tmp_path / "models")
    app = create_app(tmp_path / "routes.yaml", env={}, database_uri=mongo_uri)
    await app.server.start()
    try:
        await app.server.pool.call(emptied, app.server.models.Todo)
        for title in "abc":
            await app.server.pool.call(app.server.models.Todo(title=title, user_id="ann", board="home").save)
        answer = await Client(app, None).send("GET", f"/all?{query}")
    finally:
        await app.server.stop()
    if wrong is None:
        assert [each["title"] for each in answer.json["items"]] == (["a", "b"] if "limit" in query else ["c", "b", "a"])
    else:
        assert (answer.status_code, answer.json["validation"]["keys"]) == (400, [wrong])
