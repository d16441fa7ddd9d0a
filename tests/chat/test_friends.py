"""The friend list over HTTP."""

import asyncio

import pytest

from tests.chat.callers import Join

pytestmark = pytest.mark.anyio


async def test_a_friend_is_added_by_email_and_listed_by_id(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    answer = await ann.call("POST", "/friends", {"email": "BOB@example.org"})
    person = {"_id": bob.id, "fullName": "Bob"}
    assert (answer.status_code, answer.json) == (200, {"friend": person})
    assert (await ann.call("GET", "/friends")).json == {bob.id: person}
    assert (await bob.call("GET", "/friends")).json == {}


async def test_conflicts_and_unknown_users_are_told_apart(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    await ann.call("POST", "/friends", {"email": bob.email})
    for email, status, code in [
        ("nobody@example.org", 404, "not_found"),
        (ann.email, 409, "self"),
        (bob.email, 409, "already_friend"),
    ]:
        answer = await ann.call("POST", "/friends", {"email": email})
        assert (answer.status_code, answer.json["code"]) == (status, code)


async def test_a_friend_added_many_times_at_once_is_added_once(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    answers = await asyncio.gather(*(ann.call("POST", "/friends", {"email": bob.email}) for _ in range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 15


@pytest.mark.parametrize("payload", [{}, {"email": 1}, {"email": "x" * 255}, {"email": "a@b", "id": "1"}, [], "bob"])
async def test_a_bad_payload_adds_nobody(join: Join, payload: object) -> None:
    ann = await join("ann")
    assert (await ann.call("POST", "/friends", payload)).status_code in (400, 415)
    assert (await ann.call("GET", "/friends")).json == {}
