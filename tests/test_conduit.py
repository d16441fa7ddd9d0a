"""RealWorld's Conduit, `tests/projects/conduit`: its main flows, on a real MongoDB."""

from asyncio import gather
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hapiish import Application, create_app
from hapiish.testing import Injected, inject

pytestmark = pytest.mark.anyio

TABLE = Path(__file__).parent / "projects" / "conduit" / "routes.yaml"
SECRET = "a secret of at least thirty-two bytes"
ARTICLE = {
    "title": "How to train your dragon",
    "description": "Ever wonder?",
    "body": "Carefully.",
    "tagList": ["b", "a"],
}


class Client:
    """Requests with somebody's token, or without one."""

    def __init__(self, app: Application, token: str | None = None) -> None:
        self.app = app
        self.token = token

    async def send(self, method: str, path: str, payload: Any = None, **headers: str) -> Injected:
        """The answer as it is."""
        if self.token is not None:
            headers["authorization"] = f"Token {self.token}"
        return await inject(self.app, method=method, url=f"/api{path}", payload=payload, headers=headers)

    async def __call__(self, method: str, path: str, payload: Any = None, status: int = 200) -> Any:
        """The JSON of an answer with that status."""
        answer = await self.send(method, path, payload)
        assert answer.status_code == status, answer.text
        return answer.json if answer.payload else None


@pytest.fixture
async def nobody(mongo_uri: str, anyio_backend: str) -> AsyncIterator[Client]:
    app = create_app(TABLE, env={"JWT_SECRET": SECRET}, database_uri=mongo_uri)
    await app.server.start()
    for name in app.server.models:
        await app.server.pool.call(emptied, getattr(app.server.models, name))
    yield Client(app)
    await app.server.stop()


def emptied(model: Any) -> None:
    model.drop_collection()
    model.ensure_indexes()


async def registered(nobody: Client, name: str) -> Client:
    account = {"username": name, "email": f"{name}@example.com", "password": "secret"}
    answer = await nobody("POST", "/users", {"user": account}, 201)
    return Client(nobody.app, answer["user"]["token"])


@pytest.fixture
async def ann(nobody: Client) -> Client:
    return await registered(nobody, "ann")


@pytest.fixture
async def bob(nobody: Client) -> Client:
    return await registered(nobody, "bob")


async def test_an_account_is_made_used_and_changed(nobody: Client, ann: Client) -> None:
    given = {"email": "ann@example.com", "password": "secret"}
    user = (await nobody("POST", "/users/login", {"user": given}))["user"]
    assert (user["username"], user["bio"], user["image"]) == ("ann", None, None)
    changed = await Client(nobody.app, user["token"])("PUT", "/user", {"user": {"bio": "I write", "password": "other"}})
    assert changed["user"]["bio"] == "I write"
    assert (await ann("GET", "/user"))["user"]["bio"] == "I write"
    await nobody("POST", "/users/login", {"user": given}, 422)
    await nobody("POST", "/users/login", {"user": {**given, "password": "other"}})


async def test_every_error_has_the_same_envelope(nobody: Client, ann: Client) -> None:
    taken = {"username": "ann", "email": "other@example.com", "password": "secret"}
    expected: list[tuple[str, str, Any, int, list[str]]] = [
        ("POST", "/users", {"user": {"email": "x"}}, 422, ["email", "password", "username"]),
        ("POST", "/users", {"email": "x"}, 422, ["user"]),
        ("POST", "/users", {"user": taken}, 422, ["username"]),
        ("POST", "/users", "{", 400, ["body"]),
        ("GET", "/user", None, 401, ["body"]),
        ("GET", "/articles?limit=many", None, 422, ["limit"]),
        ("GET", "/articles/none", None, 404, ["body"]),
        ("GET", "/nowhere", None, 404, ["body"]),
        ("PATCH", "/user", None, 405, ["body"]),
    ]
    for method, path, payload, status, keys in expected:
        assert sorted((await nobody(method, path, payload, status))["errors"]) == keys
    await ann("POST", "/articles", {"article": ARTICLE}, 201)
    assert (await ann("POST", "/articles", {"article": ARTICLE}, 422))["errors"] == {"slug": ["has already been taken"]}
    assert list((await ann("POST", "/articles", {"article": {**ARTICLE, "title": "!"}}, 422))["errors"]) == ["title"]


async def test_an_article_is_everybodys_to_read_and_its_authors_to_change(
    nobody: Client, ann: Client, bob: Client
) -> None:
    made = (await ann("POST", "/articles", {"article": ARTICLE}, 201))["article"]
    assert (made["slug"], made["tagList"], made["author"]["username"]) == (
        "how-to-train-your-dragon",
        ["a", "b"],
        "ann",
    )
    path = f"/articles/{made['slug']}"
    assert (await nobody("GET", path))["article"]["body"] == "Carefully."
    for method in ("PUT", "DELETE"):
        await nobody(method, path, {"article": {"body": "x"}} if method == "PUT" else None, 401)
        await bob(method, path, {"article": {"body": "x"}} if method == "PUT" else None, 403)
    changed = (await ann("PUT", path, {"article": {"title": "Dragons", "authorId": "x"}}))["article"]
    assert (changed["slug"], changed["body"], changed["author"]["username"]) == ("dragons", "Carefully.", "ann")
    assert (await nobody("GET", "/tags"))["tags"] == ["a", "b"]
    await ann("DELETE", "/articles/dragons", None, 204)
    await nobody("GET", "/articles/dragons", None, 404)


async def test_lists_are_filtered_counted_and_paged(nobody: Client, ann: Client, bob: Client) -> None:
    for number in range(3):
        given = {**ARTICLE, "title": f"Part {number}", "tagList": ["odd" if number % 2 else "even"]}
        await (bob if number else ann)("POST", "/articles", {"article": given}, 201)
    await ann("POST", "/articles/part-1/favorite")
    for query, count, titles in (
        ("", 3, ["Part 2", "Part 1", "Part 0"]),
        ("?limit=1&offset=1", 3, ["Part 1"]),
        ("?tag=even", 2, ["Part 2", "Part 0"]),
        ("?author=bob&tag=odd", 1, ["Part 1"]),
        ("?author=none", 0, []),
        ("?favorited=ann", 1, ["Part 1"]),
        ("?favorited=none", 0, []),
    ):
        page = await nobody("GET", f"/articles{query}")
        assert (page["articlesCount"], [each["title"] for each in page["articles"]]) == (count, titles), query
    assert (await ann("GET", "/articles/feed"))["articlesCount"] == 0
    assert (await ann("POST", "/profiles/bob/follow"))["profile"]["following"]
    feed = await ann("GET", "/articles/feed")
    assert [each["favorited"] for each in feed["articles"]] == [False, True]
    assert all(each["author"]["following"] for each in feed["articles"])
    assert not (await ann("DELETE", "/profiles/bob/follow"))["profile"]["following"]
    assert not (await nobody("GET", "/profiles/bob"))["profile"]["following"]


async def test_favorites_are_counted_once_for_each_reader(nobody: Client, ann: Client, bob: Client) -> None:
    path = "/articles/how-to-train-your-dragon"
    await ann("POST", "/articles", {"article": ARTICLE}, 201)
    await gather(*(who("POST", f"{path}/favorite") for who in (ann, bob) for _ in range(4)))
    assert (await nobody("GET", path))["article"]["favoritesCount"] == 2
    article = (await ann("DELETE", f"{path}/favorite"))["article"]
    assert (article["favorited"], article["favoritesCount"]) == (False, 1)


async def test_of_writers_who_saw_the_same_article_one_succeeds(ann: Client) -> None:
    await ann("POST", "/articles", {"article": ARTICLE}, 201)
    path = "/articles/how-to-train-your-dragon"
    tag = str((await ann.send("GET", path)).headers["etag"])
    given = [{"article": {"body": str(number)}} for number in range(8)]
    answers = await gather(*(ann.send("PUT", path, each, **{"if-match": tag}) for each in given))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]


async def test_comments_are_deleted_by_who_wrote_them(nobody: Client, ann: Client, bob: Client) -> None:
    await ann("POST", "/articles", {"article": ARTICLE}, 201)
    path = "/articles/how-to-train-your-dragon/comments"
    made = (await bob("POST", path, {"comment": {"body": "Thank you"}}, 201))["comment"]
    assert (await nobody("GET", path))["comments"] == [made]
    assert (made["body"], made["author"]["username"]) == ("Thank you", "bob")
    await ann("DELETE", f"{path}/{made['id']}", None, 403)
    await bob("DELETE", f"{path}/{made['id']}", None, 204)
    assert (await nobody("GET", path))["comments"] == []


async def test_who_guesses_passwords_is_slowed_down(nobody: Client, ann: Client) -> None:
    given = {"user": {"email": "ann@example.com", "password": "wrong"}}
    statuses = [(await nobody.send("POST", "/users/login", given)).status_code for _ in range(12)]
    assert statuses == [*[422] * 10, 429, 429]
    assert (await ann("GET", "/user"))["user"]["username"] == "ann"
