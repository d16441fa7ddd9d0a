"""Opening and listing conversations over HTTP."""

import asyncio

import pytest

from hapiish import Application
from models.conversation import Conversation
from tests.chat.callers import Join

pytestmark = pytest.mark.anyio

NOBODY = "0" * 24


async def test_a_conversation_is_opened_once_and_then_a_conflict_that_names_it(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    opened = await ann.call("POST", "/conversations", {"friendId": bob.id})
    assert opened.status_code == 200
    assert opened.json["friendId"] == bob.id
    for who, friend in ((ann, bob), (bob, ann)):
        again = await who.call("POST", "/conversations", {"friendId": friend.id})
        assert (again.status_code, again.json["code"]) == (422, "conversation_exists")
        assert again.json["data"] == {"id": opened.json["id"], "friendId": friend.id}


async def test_get_or_create_answers_201_and_then_200(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    made = await ann.call("PUT", f"/conversations/direct/{bob.id}")
    found = await bob.call("PUT", f"/conversations/direct/{ann.id}")
    assert (made.status_code, found.status_code) == (201, 200)
    assert made.json["id"] == found.json["id"]


async def test_a_hundred_parallel_creates_of_one_conversation_give_one(app: Application, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    answers = await asyncio.gather(
        *(who.call("POST", "/conversations", {"friendId": friend.id}) for who, friend in ((ann, bob), (bob, ann)) * 50)
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 99
    ids = {answer.json["id"] if answer.status_code == 200 else answer.json["data"]["id"] for answer in answers}
    assert len(ids) == 1
    assert await asyncio.to_thread(Conversation.objects(members=ann.id).count) == 1


@pytest.mark.parametrize(("method", "url"), [("POST", "/conversations"), ("PUT", "/conversations/direct/{}")])
async def test_a_friend_must_exist_and_be_somebody_else(join: Join, method: str, url: str) -> None:
    ann = await join("ann")
    for friend, status in [(ann.id, 409), (NOBODY, 404), ("ann", 400), ("", 400 if method == "POST" else 404)]:
        payload = {"friendId": friend} if method == "POST" else None
        assert (await ann.call(method, url.format(friend), payload)).status_code == status
    assert (await ann.call("GET", "/conversations")).json == []


async def test_the_list_is_an_array_that_tells_each_user_the_friend(join: Join) -> None:
    ann, bob, cat = await join("ann"), await join("bob"), await join("cat")
    with_bob, with_cat = await ann.open(bob), await ann.open(cat)
    await bob.say(with_bob, "hi")
    listed = (await ann.call("GET", "/conversations")).json
    assert [(entry["id"], entry["friendId"]) for entry in listed] == [(with_bob, bob.id), (with_cat, cat.id)]
    assert (listed[0]["lastSeq"], listed[0]["lastMessage"]["text"]) == (1, "hi")
    assert (listed[1]["lastSeq"], listed[1]["lastMessage"]) == (0, None)
    assert [entry["friendId"] for entry in (await bob.call("GET", "/conversations")).json] == [ann.id]


async def test_the_list_is_paged_by_a_cursor_in_a_header(join: Join) -> None:
    ann = await join("ann")
    opened = {await ann.open(await join(name)) for name in ("bob", "cat", "dan")}
    first = await ann.call("GET", "/conversations?limit=2")
    cursor = first.headers["x-next-cursor"]
    rest = await ann.call("GET", f"/conversations?limit=2&cursor={cursor}")
    assert "x-next-cursor" not in rest.headers
    assert len(first.json) == 2
    assert {entry["id"] for entry in first.json + rest.json} == opened


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=ten", "cursor=1", "cursor=1-x", "offset=1"])
async def test_a_bad_query_is_refused(join: Join, query: str) -> None:
    ann = await join("ann")
    answer = await ann.call("GET", f"/conversations?{query}")
    assert (answer.status_code, answer.json["validation"]["source"]) == (400, "query")
