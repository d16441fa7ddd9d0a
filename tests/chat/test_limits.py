"""Rate limits of the chat."""

import asyncio

import pytest

from hapiish import Application
from hapiish.testing import Injected, inject
from tests.chat.callers import Join

pytestmark = pytest.mark.anyio


async def log_in(app: Application, email: str, password: str) -> Injected:
    return await inject(app, method="POST", url="/login", payload={"email": email, "password": password})


async def test_passwords_cannot_be_guessed_for_long_but_other_accounts_can_log_in(app: Application, join: Join) -> None:
    await join("ann")
    await join("bob")
    answers = [await log_in(app, "ann@example.org", "a guess") for _ in range(10)]
    assert [answer.status_code for answer in answers] == [401] * 10
    refused = await log_in(app, "ANN@example.org", "ann's password")
    assert (refused.status_code, refused.json["code"]) == (429, "rate_limited")
    assert 0 < int(str(refused.headers["retry-after"])) <= 300
    for _ in range(12):
        assert (await log_in(app, "bob@example.org", "bob's password")).status_code == 200


async def test_a_sender_is_told_how_much_is_left_and_when_it_was_too_much(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    first = await ann.say(conversation, "hi")
    assert first.headers["ratelimit-policy"] == '"messages";q=100;w=20'
    assert first.headers["ratelimit"] == '"messages";r=99;t=20'
    answers = await asyncio.gather(*(ann.say(conversation, "more") for _ in range(120)))
    assert {answer.status_code for answer in answers} == {201, 429}
    assert (await bob.say(conversation, "hello")).status_code == 201
