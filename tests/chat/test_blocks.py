"""The block list over HTTP, and the effects of a block."""

import pytest

from tests.chat.callers import Caller, Join

pytestmark = pytest.mark.anyio

NOBODY = "0" * 24


async def block(who: Caller, whom: Caller) -> None:
    answer = await who.call("PUT", f"/blocks/{whom.id}")
    assert (answer.status_code, answer.payload) == (204, b"")


async def test_blocking_and_unblocking_can_be_repeated(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    await block(ann, bob)
    await block(ann, bob)
    assert (await ann.call("GET", "/blocks")).json == [{"_id": bob.id, "fullName": "Bob"}]
    assert (await bob.call("GET", "/blocks")).json == []
    for _ in range(2):
        assert (await ann.call("DELETE", f"/blocks/{bob.id}")).status_code == 204
    assert (await ann.call("GET", "/blocks")).json == []


async def test_one_cannot_block_oneself_or_nobody(join: Join) -> None:
    ann = await join("ann")
    for user, status, code in [(ann.id, 409, "self"), (NOBODY, 404, "not_found")]:
        answer = await ann.call("PUT", f"/blocks/{user}")
        assert (answer.status_code, answer.json["code"]) == (status, code)
    assert (await ann.call("PUT", "/blocks/ann")).status_code == 400


@pytest.mark.parametrize("blocker", [0, 1])
async def test_between_two_of_whom_one_blocked_the_other_nothing_new_happens(join: Join, blocker: int) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    await ann.say(conversation, "before")
    two = (ann, bob)
    await block(two[blocker], two[1 - blocker])
    for who, whom in (two, two[::-1]):
        for method, url, payload in [
            ("POST", "/friends", {"email": whom.email}),
            ("POST", "/conversations", {"friendId": whom.id}),
            ("PUT", f"/conversations/direct/{whom.id}", None),
            ("POST", f"/messages/{conversation}", {"text": "after"}),
        ]:
            answer = await who.call(method, url, payload)
            assert (answer.status_code, answer.json["code"]) == (403, "blocked"), url
        assert await who.read(conversation) == ["before"]
    await two[blocker].call("DELETE", f"/blocks/{two[1 - blocker].id}")
    assert (await ann.say(conversation, "after")).status_code == 201
