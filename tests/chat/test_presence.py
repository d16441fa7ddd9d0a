"""Presence and typing: their receivers and pauses, and the first and last events of a socket."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import socketio
from bson import ObjectId

from handlers import typing_events
from hapiish import Application
from models.presence import UserPresence
from tests.chat.callers import Caller, Device, Join, Open, connected, devices, serving

pytestmark = pytest.mark.anyio


async def states(caller: Caller, *others: Caller) -> Any:
    answer = await caller.call("GET", f"/presence?ids={','.join(each.id for each in others)}")
    assert answer.status_code == 200, answer.json
    return answer.json


async def watch(device: Device, *others: Caller) -> Any:
    ack = await device.send("presence:watch", {"userIds": [each.id for each in others]})
    assert ack["ok"], ack
    return ack["states"]


class TestPresence:
    async def test_a_user_is_online_while_a_device_is_connected(self, app: Application, join: Join) -> None:
        ann, bob = await join("ann"), await join("bob")
        await ann.open(bob)
        assert await states(ann, bob) == {bob.id: {"online": False}}
        async with serving(app) as url, connected(url, bob.token):
            assert await states(ann, bob) == {bob.id: {"online": True}}

    async def test_only_friends_and_members_of_a_conversation_see_each_other(self, join: Join) -> None:
        ann, friend, member, fellow, stranger = [await join(name) for name in ("ann", "fay", "moe", "flo", "sam")]
        await ann.call("POST", "/friends", {"email": friend.email})
        await ann.open(member)
        await ann.gather("Team", fellow)
        assert (await states(ann, friend, member, fellow, stranger, ann)).keys() == {friend.id, member.id, fellow.id}
        assert (await states(fellow, ann, member)).keys() == {ann.id}
        assert await states(friend, ann) == {}

    async def test_a_block_hides_each_of_the_two_from_the_other(self, join: Join) -> None:
        ann, bob = await join("ann"), await join("bob")
        await ann.open(bob)
        await ann.call("PUT", f"/blocks/{bob.id}")
        assert (await states(ann, bob), await states(bob, ann)) == ({}, {})

    @pytest.mark.parametrize(
        "ids", ["", "x", ",".join(["65a065a065a065a065a065a0"] * 101), "65a065a065a065a065a065a0,"]
    )
    async def test_wrong_ids_are_refused(self, join: Join, ids: str) -> None:
        assert (await (await join("ann")).call("GET", f"/presence?ids={ids}")).status_code == 400

    async def test_watchers_get_events_of_users_whom_they_know(self, app: Application, join: Join) -> None:
        ann, bob, eve = [await join(name) for name in ("ann", "bob", "eve")]
        await ann.open(bob)
        async with serving(app) as url, connected(url, ann.token) as device, connected(url, eve.token) as strange:
            assert await watch(device, bob, eve) == {bob.id: {"online": False}}
            assert await watch(strange, bob) == {}
            async with connected(url, bob.token):
                assert await device.heard("presence", 1) == [{"userId": bob.id, "online": True}]
            await device.caught_up()
            assert await watch(device) == {}
            assert strange.events("presence") == []

    async def test_a_list_of_watched_users_replaces_the_former_list(self, app: Application, join: Join) -> None:
        ann, bob, cat = [await join(name) for name in ("ann", "bob", "cat")]
        await ann.open(bob)
        await ann.open(cat)
        async with serving(app) as url, connected(url, ann.token) as device:
            await watch(device, bob)
            await watch(device, cat)
            async with connected(url, bob.token), connected(url, cat.token):
                assert [each["userId"] for each in await device.heard("presence", 1)] == [cat.id]

    async def test_a_block_ends_watching(self, app: Application, join: Join) -> None:
        ann, bob, cat = [await join(name) for name in ("ann", "bob", "cat")]
        await ann.open(bob)
        await ann.open(cat)
        async with serving(app) as url, connected(url, ann.token) as device:
            await watch(device, bob, cat)
            await bob.call("PUT", f"/blocks/{ann.id}")
            async with connected(url, bob.token), connected(url, cat.token):
                assert [each["userId"] for each in await device.heard("presence", 1)] == [cat.id]

    @pytest.mark.usefixtures("documents")
    async def test_a_user_was_last_seen_at_the_latest_time(self) -> None:
        user, moment = str(ObjectId()), datetime(2026, 5, 1, 12, tzinfo=UTC)
        for change in (timedelta(0), timedelta(seconds=5), timedelta(seconds=-5)):
            await asyncio.to_thread(UserPresence.note, user, moment + change)
        assert await asyncio.to_thread(UserPresence.last_seen_of, [user, str(ObjectId())]) == {
            user: "2026-05-01T12:00:05.000Z"
        }

    @pytest.mark.in_process
    async def test_watchers_are_told_when_a_user_was_last_seen(
        self, app: Application, join: Join, open_app: Open
    ) -> None:
        ann, bob = await join("ann"), await join("bob")
        await ann.open(bob)
        async with (
            open_app(CHAT_PRESENCE_GRACE="10ms") as quick,
            serving(quick) as url,
            connected(url, ann.token) as device,
        ):
            await watch(device, bob)
            async with connected(url, bob.token):
                await device.heard("presence", 1)
            _, left = await device.heard("presence", 2)
            assert (left["userId"], left["online"]) == (bob.id, False)
            assert await watch(device, bob) == {bob.id: {"online": False, "lastSeen": left["lastSeen"]}}

    async def test_a_user_who_was_online_has_a_time_of_last_seen(self, app: Application, join: Join) -> None:
        ann, bob = await join("ann"), await join("bob")
        await ann.open(bob)
        await asyncio.to_thread(UserPresence.note, bob.id, datetime(2026, 5, 1, tzinfo=UTC))
        assert await states(ann, bob) == {bob.id: {"online": False, "lastSeen": "2026-05-01T00:00:00.000Z"}}


class TestTyping:
    async def test_the_other_members_get_the_event_and_the_writer_does_not(self, app: Application, join: Join) -> None:
        ann, bob, cat = [await join(name) for name in ("ann", "bob", "cat")]
        group = await ann.gather("Team", bob, cat)
        async with devices(app, ann, bob, cat) as (writer, *others):
            began = datetime.now(UTC)
            assert await writer.send("typing", {"conversationId": group, "on": True}) == {"ok": True}
            for device in others:
                (event,) = await device.heard("typing", 1)
                assert (event["conversationId"], event["userId"], event["on"]) == (group, ann.id, True)
                assert datetime.fromisoformat(event["expiresAt"]) - began > timedelta(seconds=7)
            assert writer.events("typing") == []

    @pytest.mark.in_process
    async def test_a_writer_is_announced_once_in_three_seconds(
        self, app: Application, join: Join, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann, bob = await join("ann"), await join("bob")
        conversation, clock = await ann.open(bob), [1000.0]
        monkeypatch.setattr(typing_events, "monotonic", lambda: clock[0])
        async with serving(app) as url, connected(url, ann.token) as writer, connected(url, bob.token) as reader:

            async def type_(on: bool, seconds: float) -> None:
                clock[0] += seconds
                assert (await writer.send("typing", {"conversationId": conversation, "on": on}))["ok"]

            for seconds in (0, 1, 1):
                await type_(True, seconds)
            for on, seconds in ((False, 0), (False, 0), (True, 0), (True, 2), (True, 3)):
                await type_(on, seconds)
            await type_(False, 9)  # the receivers have already forgotten it
            await reader.caught_up()
            assert [each["on"] for each in reader.events("typing")] == [True, False, True, True]

    async def test_blocked_users_and_strangers_get_no_event(self, app: Application, join: Join) -> None:
        ann, bob, cat, eve = [await join(name) for name in ("ann", "bob", "cat", "eve")]
        conversation, group = await ann.open(bob), await ann.gather("Team", bob, cat)
        await bob.call("PUT", f"/blocks/{ann.id}")
        async with devices(app, ann, bob, cat, eve) as (writer, blocker, member, stranger):
            for each in (conversation, group):
                assert (await writer.send("typing", {"conversationId": each, "on": True}))["ok"]
            await member.heard("typing", 1)
            await blocker.caught_up()
            assert blocker.events("typing") == []
            ack = await stranger.send("typing", {"conversationId": group, "on": True})
            assert ack["error"]["code"] == "not_found"


class TestSockets:
    async def test_the_first_event_has_the_limits_and_the_newest_heads(self, app: Application, join: Join) -> None:
        ann, bob = await join("ann"), await join("bob")
        conversation = await ann.open(bob)
        await ann.say(conversation, "hi")
        async with serving(app) as url, connected(url, bob.token) as device:
            (ready,) = await device.heard("ready", 1)
            assert ready["userId"] == bob.id
            assert ready["socketId"] == device.client.get_sid("/")
            assert ready["heads"][conversation]["seq"] == 1
            assert ready["limits"]["text"] == 8000

    async def test_bye_ends_the_connection_after_the_acknowledgement(self, app: Application, join: Join) -> None:
        ann = await join("ann")
        async with serving(app) as url, connected(url, ann.token) as device:
            assert await device.send("bye", {}) == {"ok": True}
            assert await device.ended() == []

    async def test_a_user_has_at_most_twenty_sockets(self, app: Application, join: Join) -> None:
        ann, bob = await join("ann"), await join("bob")
        async with serving(app) as url, AsyncExitStack() as stack:
            for _ in range(20):
                await stack.enter_async_context(connected(url, ann.token))
            refused = await _refusal(url, {"token": ann.token})
            assert (refused["code"], refused["statusCode"], refused["retryAfter"]) == ("too_many_connections", 429, 30)
            await stack.enter_async_context(connected(url, bob.token))

    async def test_the_handshake_takes_the_device_and_the_version_of_a_client(
        self, app: Application, join: Join
    ) -> None:
        ann = await join("ann")
        async with serving(app) as url:
            client = socketio.AsyncClient(reconnection=False)
            auth = {"token": ann.token, "deviceId": "d1", "clientVersion": "1.2.3", "theme": "dark"}
            await client.connect(url, auth=auth, transports=["websocket"])
            await client.disconnect()
            refused = await _refusal(url, {"token": ann.token, "deviceId": 7})
            assert (refused["code"], refused["statusCode"]) == ("validation", 400)


async def _refusal(url: str, auth: dict[str, Any]) -> dict[str, Any]:
    client = socketio.AsyncClient(reconnection=False)
    refusals: list[Any] = []
    client.on("connect_error", refusals.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(url, auth=auth, transports=["websocket"])
    return dict(refusals[0]["data"])


class TestTypists:
    @pytest.mark.parametrize("pause", [0.0, 100.0])
    def test_a_process_remembers_no_more_users_than_it_may(self, monkeypatch: pytest.MonkeyPatch, pause: float) -> None:
        clock = [1000.0]
        monkeypatch.setattr(typing_events, "monotonic", lambda: clock[0])
        monkeypatch.setattr(typing_events, "REMEMBERED", 50)
        monkeypatch.setattr(typing_events, "_told", type(typing_events._told)())
        for user in range(200):
            clock[0] += pause
            typing_events._is_due(str(user), "c", on=True, every=3, expires=8)
        assert len(typing_events._told) == (1 if pause else 50)
