"""The end of an account, in steps that a crash cannot lose, and the export of a user's data."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from bson import ObjectId

from handlers import erasure, presence
from hapiish import Application
from hapiish.testing import inject
from models import writings
from models.device import Device
from models.membership import Membership
from models.message import Message
from models.user import User
from models.wire import iso, now
from tests.chat.callers import Caller, Join, Open, connected, password_of, register, serving
from tests.chat.conftest import empty
from tests.commands import recorded

pytestmark = [pytest.mark.anyio, pytest.mark.in_process]


async def erase(app: Application, caller: Caller) -> None:
    answer = await caller.call("DELETE", "/me", {"password": password_of(caller.name)})
    assert answer.status_code == 204
    await asyncio.to_thread(erasure.remove_rest, app.server)


async def test_an_account_ends_at_once_and_its_email_is_free(app: Application, join: Join, ann: Caller) -> None:
    async with serving(app) as url, connected(url, ann.token) as device:
        assert (await ann.call("DELETE", "/me", {"password": "wrong"})).json["code"] == "bad_credentials"
        assert (await ann.call("DELETE", "/me", {"password": "ann's password"})).status_code == 204
        await device.ended()
    assert (await ann.call("GET", "/friends")).status_code == 401
    assert (await ann.sign_in()).status_code == 401
    again = await join("ann")
    assert again.id != ann.id


async def test_a_request_that_began_before_the_erasure_stores_no_data_of_the_person(
    app: Application, ann: Caller, bob: Caller
) -> None:
    assert (await ann.call("DELETE", "/me", {"password": "ann's password"})).status_code == 204
    admitted = {"id": ann.id, "email": ann.email, "fullName": ann.name}
    for method, url, payload in (
        ("PATCH", "/me", {"fullName": "Ann", "about": "I like tea"}),
        ("POST", "/friends", {"email": bob.email}),
        ("PUT", f"/blocks/{bob.id}", None),
    ):
        await inject(app, method=method, url=url, payload=payload, credentials=admitted)
    stored = await asyncio.to_thread(lambda: User._get_collection().find_one({"_id": ObjectId(ann.id)}))
    assert stored is not None
    assert (stored["fullName"], {"about", "friends", "blocked"} & {*stored}) == ("Deleted account", set())


async def test_others_keep_a_coherent_history_without_the_name(app: Application, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await ann.say(place, "hello")
    await bob.say(place, "hi")
    await bob.call("POST", "/friends", {"email": ann.email})
    await ann.call("PUT", "/devices/phone", {"token": "t", "platform": "ios"})
    await erase(app, ann)
    assert await bob.read(place) == ["hello", "hi"]
    assert (await bob.call("GET", "/friends")).json == {}
    (head,) = (await bob.call("GET", "/conversations")).json
    assert (head["friendId"], head["lastSeq"]) == (ann.id, 2)

    def left() -> tuple[Any, ...]:
        stored = User._get_collection().find_one({"_id": ObjectId(ann.id)})
        kept = {"_id", "fullName", "email", "password", "createdAt", "sessions", "signedOutAt", "erasedAt"}
        return set(stored) - kept, stored["fullName"], Device.objects.count()

    extra, name, devices = await asyncio.to_thread(left)
    assert extra == set()
    assert (name, devices) == ("Deleted account", 0)


async def test_an_account_with_any_email_cannot_prevent_an_erasure(app: Application, ann: Caller, bob: Caller) -> None:
    await erase(app, bob)
    erased = await asyncio.to_thread(lambda: User._get_collection().find_one({"_id": ObjectId(bob.id)}))
    assert erased is not None
    account = {"fullName": "Cat", "email": erased["email"].replace(bob.id, ann.id), "password": "cat's password"}
    assert (await inject(app, method="POST", url="/register", payload=account)).status_code == 400
    await erase(app, ann)
    assert (await ann.sign_in()).status_code == 401


async def test_an_erasure_removes_the_time_of_last_seen(app: Application, ann: Caller, bob: Caller) -> None:
    place, moment = await ann.open(bob), now()
    await ann.say(place, "hello")
    leaving = SimpleNamespace(id=ann.id, online=False, at=moment.timestamp() * 1000)
    await presence.changed(app.server, leaving)
    before = (await bob.call("GET", f"/presence?ids={ann.id}")).json
    await erase(app, ann)
    await presence.changed(app.server, leaving)  # the sockets end after the account
    after = (await bob.call("GET", f"/presence?ids={ann.id}")).json
    assert (before, after) == ({ann.id: {"online": False, "lastSeen": iso(moment)}}, {ann.id: {"online": False}})


async def test_groups_are_left_and_get_another_owner(app: Application, ann: Caller, bob: Caller) -> None:
    place = await ann.gather("Team", bob)
    await ann.say(place, "hello")
    await erase(app, ann)
    members = (await bob.call("GET", f"/conversations/{place}/members")).json
    assert [(each["userId"], each["role"]) for each in members] == [(bob.id, "owner")]
    assert "hello" in await bob.read(place)


async def test_an_erasure_that_was_killed_is_continued(app: Application, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    draft = {"text": "not sent", "updatedAt": now()}
    mine = {"conversationId": ObjectId(place), "userId": ObjectId(ann.id)}
    await asyncio.to_thread(lambda: Membership._get_collection().update_one(mine, {"$set": {"draft": draft}}))
    await ann.call("PUT", "/devices/phone", {"token": "t", "platform": "ios"})
    assert (await ann.call("DELETE", "/me", {"password": "ann's password"})).status_code == 204

    def sweep() -> tuple[int, bool, list[str]]:
        for _ in range(2):
            erasure.remove_rest(app.server)
        row = Membership._get_collection().find_one(mine)
        return Device.objects.count(), "draft" in row, User.unfinished(10)

    assert await asyncio.to_thread(sweep) == (0, False, [])


async def test_an_export_has_all_data_of_the_user_and_a_last_line(
    monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller
) -> None:
    monkeypatch.setattr(writings, "SPAN", 2)
    place = await ann.open(bob)
    await ann.call("POST", "/friends", {"email": bob.email})
    await ann.call("PUT", "/devices/phone", {"token": "secret", "platform": "ios"})
    for n in range(5):
        await ann.say(place, f"mine {n}")
        await bob.say(place, f"bob's {n}")
    await asyncio.to_thread(Message.objects(seq=3).delete)
    await inject(
        ann.app,
        method="POST",
        url="/attachments?name=a.txt&type=text/plain",
        headers={"authorization": f"Bearer {ann.token}", "content-type": "application/octet-stream"},
        payload=b"text of the file",
    )
    answer = await ann.call("GET", "/me/export")
    assert "application/x-ndjson" in answer.headers["content-type"]
    lines = [json.loads(line) for line in answer.payload.decode().splitlines()]
    kinds = [line["kind"] for line in lines]
    assert (kinds[0], kinds[-1], lines[-1]["lines"]) == ("profile", "end", len(lines) - 1)
    assert lines[0]["email"] == ann.email
    assert [line["text"] for line in lines if line["kind"] == "message"] == [f"mine {n}" for n in (0, 2, 3, 4)]
    assert [line["id"] for line in lines if line["kind"] == "conversation"] == [place]
    assert [line["fullName"] for line in lines if line["kind"] == "friend"] == ["Bob"]
    assert [(line["name"], line["size"]) for line in lines if line["kind"] == "attachment"] == [("a.txt", 16)]
    assert kinds.count("device") == kinds.count("session") == 1
    for secret in ("secret", "password", "hash", "bob's"):
        assert secret not in answer.payload.decode().replace("bob's 4", "")


async def test_an_export_of_many_messages_is_read_in_parts(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await ann.say(place, "1")

    def fill() -> None:
        row = Message._get_collection().find_one({}, {"_id": 0, "clientMsgId": 0})
        Message._get_collection().insert_many([{**row, "seq": n} for n in range(2, 1502)])

    await asyncio.to_thread(fill)
    lines = (await ann.call("GET", "/me/export")).payload.decode().splitlines()
    seqs = [line["seq"] for line in map(json.loads, lines) if line["kind"] == "message"]
    assert seqs == list(range(1, 1502))


async def test_a_continued_erasure_begins_where_the_last_run_ended(open_app: Open) -> None:
    async with open_app(CHAT_ERASE_MESSAGES="true") as app:
        await asyncio.to_thread(empty)

        def again(user_id: str) -> list[str]:
            User._get_collection().update_one({"_id": ObjectId(user_id)}, {"$set": {"erasing": True}})
            with recorded() as names:
                erasure.remove_rest(app.server)
            return names

        commands = []
        for name, count in (("ann", 1), ("bob", 5)):
            account = {"fullName": name.title(), "email": f"{name}@example.org", "password": f"{name}'s password"}
            other = {**account, "email": f"friend.of.{name}@example.org"}
            caller, friend = [
                Caller(app, (await inject(app, method="POST", url="/register", payload=each)).json)
                for each in (account, other)
            ]
            place = await caller.open(friend)
            for n in range(count):
                await caller.say(place, f"{n}")
            await erase(app, caller)
            commands.append(await asyncio.to_thread(again, caller.id))
        assert commands[0] == commands[1]
        assert "find" in commands[0]


async def test_a_setting_also_removes_the_content_of_messages(open_app: Open) -> None:
    async with open_app(CHAT_ERASE_MESSAGES="true") as app:
        await asyncio.to_thread(empty)
        ann, bob = await register(app, "ann"), await register(app, "bob")
        place = await ann.open(bob)
        await ann.say(place, "mine")
        await bob.say(place, "bob's")
        await ann.say(place, "hidden from myself")
        await ann.call("DELETE", f"/messages/{place}/3?scope=me")
        await erase(app, ann)
        page = (await bob.call("GET", f"/messages/{place}")).json["messages"]
        assert [(each["text"], "deletedAt" in each) for each in page] == [("", True), ("bob's", False), ("", True)]
        stored = await asyncio.to_thread(lambda: str(list(Message._get_collection().find())))
        assert "mine" not in stored
        assert "hidden" not in stored.replace("hiddenFor", "")
        (head,) = (await bob.call("GET", "/conversations")).json
        assert head["changeSeq"] >= 2
        assert "hidden" not in str(head)
