"""Rate limits of the chat."""

import asyncio

import pytest

from hapiish import Application
from hapiish.testing import Injected, inject
from models import passwords
from tests.chat.callers import Join

pytestmark = pytest.mark.anyio


async def log_in(app: Application, email: str, password: str, address: str = "127.0.0.1") -> Injected:
    payload = {"email": email, "password": password}
    return await inject(app, method="POST", url="/login", payload=payload, remote_address=address)


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


@pytest.mark.in_process
async def test_guesses_from_many_addresses_lock_out_unknown_addresses_and_not_the_user(
    app: Application, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    await join("ann")
    await join("bob")
    monkeypatch.setattr(passwords, "matches", lambda stored, password, options: stored and password != "a guess")
    guesses = [log_in(app, "ann@example.org", "a guess", f"192.0.2.{n // 5}") for n in range(100)]
    assert {(await guess).status_code for guess in guesses} == {401}
    assert (await log_in(app, "ann@example.org", "a guess", "192.0.2.200")).status_code == 429
    assert (await log_in(app, "bob@example.org", "bob's password", "192.0.2.200")).status_code == 200
    assert (await log_in(app, "ann@example.org", "ann's password")).status_code == 200, "ann has signed in from here"


@pytest.mark.in_process
async def test_many_guesses_from_one_address_do_not_hold_up_other_requests(app: Application, join: Join) -> None:
    ann = await join("ann")
    guesses = [asyncio.create_task(log_in(app, f"{n}@example.org", "a guess", "192.0.2.1")) for n in range(24)]
    await asyncio.sleep(0)
    assert (await ann.call("GET", "/friends")).status_code == 200
    assert (await log_in(app, ann.email, "ann's password")).status_code == 200
    assert sum(guess.done() for guess in guesses) < 24
    assert {answer.status_code for answer in await asyncio.gather(*guesses)} == {401}


async def test_adding_friends_cannot_find_out_emails(join: Join) -> None:
    ann, bob, cat = [await join(name) for name in ("ann", "bob", "cat")]
    answers = [await ann.call("POST", "/friends", {"email": f"{n}@example.org"}) for n in range(31)]
    assert [answer.status_code for answer in answers] == [404] * 30 + [429]
    assert (await ann.call("POST", "/friends", {"email": bob.email})).status_code == 429
    assert (await cat.call("POST", "/friends", {"email": bob.email})).status_code == 200


async def test_registering_cannot_find_out_taken_emails(app: Application, join: Join) -> None:
    ann = await join("ann")
    payload = {"fullName": "X", "email": ann.email, "password": "correct horse"}
    answers = [await inject(app, method="POST", url="/register", payload=payload) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [409] * 20 + [429]


async def test_a_sender_is_told_how_much_is_left_and_when_it_was_too_much(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    first = await ann.say(conversation, "hi")
    assert first.headers["ratelimit-policy"] == '"messages";q=100;w=20'
    assert first.headers["ratelimit"] == '"messages";r=99;t=20'
    answers = await asyncio.gather(*(ann.say(conversation, "more") for _ in range(120)))
    assert {answer.status_code for answer in answers} == {201, 429}
    assert (await bob.say(conversation, "hello")).status_code == 201
