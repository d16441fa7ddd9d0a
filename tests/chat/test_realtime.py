"""The chat's events through a real server and a real Socket.IO client."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import jwt
import pytest
import socketio

from hapiish import Application
from models.user import User
from tests.chat.callers import PATIENCE, SECRET, Caller, Device, Join, connected, serving

pytestmark = pytest.mark.anyio


class House:
    """A served chat, and devices that are closed at its end."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.url = url
        self.stack = stack

    async def connect(self, caller: Caller) -> Device:
        return await self.stack.enter_async_context(connected(self.url, caller.token))


@pytest.fixture
async def house(app: Application) -> AsyncIterator[House]:
    async with serving(app) as url, AsyncExitStack() as stack:
        yield House(url, stack)


def without_ids(message: dict[str, Any]) -> dict[str, Any]:
    return message | {"_id": "", "createdAt": ""}


async def test_a_message_is_stored_acknowledged_and_delivered(house: House, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    phone, theirs = await house.connect(ann), await house.connect(bob)
    sent = {
        "conversationId": conversation,
        "text": "hi",
        "senderId": ann.id,
        "receiverId": bob.id,
        "createdAt": "2017-12-06T09:30:00.123Z",
        "msgId": "c1",
    }
    ack = await phone.send("message", sent)
    assert (ack["ok"], ack["duplicate"]) == (True, False)
    assert (await bob.call("GET", f"/messages/{conversation}")).json["messages"] == [ack["message"]]
    (live,) = await theirs.received(1)
    assert without_ids(live) == {**without_ids(sent), "seq": 1}
    assert (live["_id"], live["createdAt"]) == (ack["message"]["_id"], ack["message"]["createdAt"])


async def test_every_device_of_both_gets_a_message_except_the_sending_one(house: House, join: Join) -> None:
    ann, bob, eve = await join("ann"), await join("bob"), await join("eve")
    conversation = await ann.open(bob)
    phone, tablet = await house.connect(ann), await house.connect(ann)
    first, second = await house.connect(bob), await house.connect(bob)
    stranger = await house.connect(eve)
    await phone.send("message", {"conversationId": conversation, "text": "hi"})
    for device in (tablet, first, second):
        assert [message["text"] for message in await device.received(1)] == ["hi"]
    await phone.caught_up()
    for device, count in ((phone, 0), (tablet, 1), (first, 1), (second, 1), (stranger, 0)):
        assert len(await device.caught_up()) == count


async def test_a_message_sent_over_http_reaches_every_device(house: House, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    phone, theirs = await house.connect(ann), await house.connect(bob)
    sent = (await ann.say(conversation, "hi")).json
    for device in (phone, theirs):
        assert (await device.received(1))[0]["_id"] == sent["_id"]


async def test_messages_of_one_socket_are_stored_and_delivered_in_order(house: House, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    phone, theirs = await house.connect(ann), await house.connect(bob)
    texts = [str(n) for n in range(40)]
    await asyncio.gather(
        *(phone.send("message", {"conversationId": conversation, "text": text, "msgId": text}) for text in texts)
    )
    assert [message["text"] for message in await theirs.received(40)] == texts
    assert [message["seq"] for message in theirs.inbox] == list(range(1, 41))
    assert await bob.read(conversation) == texts


async def test_a_repeated_message_is_acknowledged_as_a_duplicate_and_delivered_once(house: House, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    phone, theirs = await house.connect(ann), await house.connect(bob)
    sent = {"conversationId": conversation, "text": "hi", "msgId": "c1"}
    acks = await asyncio.gather(*(phone.send("message", sent) for _ in range(5)))
    assert [ack["duplicate"] for ack in acks] == [False, True, True, True, True]
    assert len({ack["message"]["_id"] for ack in acks}) == 1
    await phone.caught_up()
    assert [message["msgId"] for message in await theirs.caught_up()] == ["c1"]
    assert await bob.read(conversation) == ["hi"]


async def test_a_message_that_was_stored_but_never_announced_is_delivered_by_its_repetition(
    house: House, app: Application, join: Join
) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    phone, theirs = await house.connect(ann), await house.connect(bob)
    append = app.server.models.Message.append
    await asyncio.to_thread(lambda: append(conversation, ann.id, "hi", client_id="c1"))
    ack = await phone.send("message", {"conversationId": conversation, "text": "hi", "msgId": "c1"})
    assert ack["duplicate"]
    assert [message["text"] for message in await theirs.received(1)] == ["hi"]
    assert (await bob.call("GET", "/conversations")).json[0]["lastSeq"] == 1


async def test_init_says_whose_socket_it_is_and_how_far_the_conversations_are(house: House, join: Join) -> None:
    ann, bob, cat = await join("ann"), await join("bob"), await join("cat")
    with_bob, with_cat = await ann.open(bob), await ann.open(cat)
    await bob.say(with_bob, "hi")
    phone = await house.connect(ann)
    ack = await phone.send("init", {"senderId": ann.id})
    assert ack == {
        "ok": True,
        "userId": ann.id,
        "socketId": phone.client.get_sid(),
        "heads": {with_bob: 1, with_cat: 0},
    }


async def test_init_for_somebody_else_assigns_nothing(house: House, join: Join) -> None:
    ann, bob, eve = await join("ann"), await join("bob"), await join("eve")
    conversation = await ann.open(bob)
    phone, spy = await house.connect(ann), await house.connect(eve)
    ack = await spy.send("init", {"senderId": bob.id})
    assert (ack["ok"], ack["error"]["statusCode"], ack["error"]["code"]) == (False, 403, "forbidden")
    await phone.send("message", {"conversationId": conversation, "text": "secret"})
    await phone.caught_up()
    assert await spy.caught_up() == []


async def test_forged_messages_change_nothing_and_reach_nobody(house: House, join: Join) -> None:
    ann, bob, eve = await join("ann"), await join("bob"), await join("eve")
    conversation = await ann.open(bob)
    theirs, mine, spy = await house.connect(bob), await house.connect(ann), await house.connect(eve)
    good = {"conversationId": conversation, "text": "hi"}
    for device, data, status in [
        (spy, good, 404),
        (spy, {**good, "senderId": ann.id}, 403),
        (mine, {**good, "senderId": bob.id}, 403),
        (mine, {**good, "receiverId": eve.id}, 403),
        (mine, {**good, "conversationId": "0" * 24}, 404),
        (mine, {**good, "conversationId": "nonsense"}, 400),
        (mine, {**good, "userId": bob.id}, 400),
        (mine, {**good, "text": ""}, 400),
        (mine, {"text": "hi"}, 400),
        (mine, "hi", 400),
        (mine, None, 400),
        (mine, [good], 400),
    ]:
        ack = await device.send("message", data)
        assert (ack["ok"], ack["error"]["statusCode"]) == (False, status), data
    assert await bob.read(conversation) == []
    assert await theirs.caught_up() == []


async def test_a_blocked_sender_is_told_so(house: House, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    phone = await house.connect(ann)
    await bob.call("PUT", f"/blocks/{ann.id}")
    ack = await phone.send("message", {"conversationId": conversation, "text": "hi"})
    assert (ack["error"]["statusCode"], ack["error"]["code"]) == (403, "blocked")


async def test_a_handshake_without_a_good_token_is_refused(house: House, join: Join) -> None:
    ann = await join("ann")
    stale = jwt.encode({"sub": ann.id, "exp": int(time.time()) - 1}, SECRET, algorithm="HS256")
    forged = jwt.encode({"sub": ann.id, "exp": int(time.time()) + 60}, "x" * 40, algorithm="HS256")
    for token in (None, "", "nonsense", stale, forged):
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(house.url, token):
                pass


async def test_a_token_that_expires_takes_its_open_socket_with_it(house: House, join: Join) -> None:
    ann = await join("ann")
    ann.token = jwt.encode({"sub": ann.id, "exp": int(time.time()) + 2}, SECRET, algorithm="HS256")
    phone = await house.connect(ann)
    async with asyncio.timeout(PATIENCE):
        await phone.client.wait()
    assert not phone.client.connected
    with pytest.raises(socketio.exceptions.ConnectionError):
        await house.connect(ann)


async def test_an_account_that_is_gone_sends_nothing_more(house: House, app: Application, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    phone = await house.connect(ann)
    await asyncio.to_thread(User.objects(id=ann.id).delete)
    ack = await phone.send("message", {"conversationId": conversation, "text": "hi"})
    assert ack["error"]["statusCode"] == 401
    assert await bob.read(conversation) == []


async def test_a_closed_socket_is_forgotten_and_the_others_go_on(house: House, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    phone, closed, other = [await house.connect(who) for who in (ann, bob, bob)]
    await closed.client.disconnect()
    ack = await phone.send("message", {"conversationId": conversation, "text": "hi"})
    assert ack["ok"]
    assert [message["text"] for message in await other.received(1)] == ["hi"]
    assert closed.inbox == []


async def test_a_client_that_reconnects_finds_by_its_heads_what_it_missed(house: House, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    conversation = await ann.open(bob)
    theirs = await house.connect(bob)
    await ann.say(conversation, "one")
    known = (await theirs.received(1))[-1]["seq"]
    await theirs.client.disconnect()
    await ann.say(conversation, "two")
    await ann.say(conversation, "three")
    again = await house.connect(bob)
    heads = (await again.send("init", {"senderId": bob.id}))["heads"]
    assert heads[conversation] > known
    assert await bob.read(conversation, f"?after={known}") == ["two", "three"]
