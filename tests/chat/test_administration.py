"""Administration: administrators, reports, bans that end all sessions at once, and retention."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import socketio
from bson import ObjectId

from handlers import changes, retention
from hapiish import Application, create_app
from models import change
from models.conversation import Conversation
from models.message import Message
from models.user import User
from models.wire import iso, now
from tests.chat.callers import ROUTES, SECRET, Caller, Join, Open, connected, devices, register, serving
from tests.chat.conftest import empty

pytestmark = pytest.mark.anyio

in_process = pytest.mark.in_process


@pytest.fixture
async def boss(join: Join) -> Caller:
    """An administrator by the stored scope."""
    caller = await join("boss")
    await asyncio.to_thread(lambda: User.objects(id=caller.id).update_one(set__scope=["admin"]))
    return caller


# --- administrators


@in_process
async def test_an_administrator_has_one_of_the_e_mails_of_the_operator_and_has_verified_it(open_app: Open) -> None:
    async with open_app(CHAT_ADMINS="root@example.org, Boss@Example.org") as app:
        await asyncio.to_thread(empty)
        statuses, scopes = [], []
        for caller in (await register(app, "boss"), await register(app, "other")):
            for verified in (None, now()):
                await asyncio.to_thread(User.objects(id=caller.id).update_one, set__verified_at=verified)
                statuses.append((await caller.call("GET", "/reports")).status_code)
                scopes.append((await caller.call("GET", "/me")).json["scope"])
        assert statuses == [403, 200, 403, 403]
        assert scopes == [[], ["admin"], [], []]


@in_process
async def test_the_administrators_of_a_project_do_not_depend_on_the_routes_that_it_keeps(
    mongo_uri: str, tmp_path: Path
) -> None:
    removed = ("reports.index", "webhooks.create", "me.erase", "messages.edit", "health.ready")
    override = ", ".join(f"{id}: false" for id in removed)
    project = tmp_path / "routes.yaml"
    project.write_text(f"plugins: [{{table: {ROUTES}, as: chat, override: {{{override}}}}}]\nroutes: []\n")
    env = {"JWT_SECRET": SECRET, "MONGODB_URI": mongo_uri, "CHAT_ADMINS": "chief@example.org"}
    app = create_app(project, env=env)
    async with app.router.lifespan_context(app):
        chief, other = await register(app, "chief"), await register(app, "clerk")
        users = app.server.app["chat.sweeper"].server.models.User
        await asyncio.to_thread(users.objects.update, set__verified_at=now())
        bans = [
            (await one.call("PUT", f"/bans/{two.id}", {"reason": "spam"})).status_code
            for one, two in ((other, chief), (chief, other))
        ]
        assert bans == [403, 204]
        webhook = {"url": "http://hooks.example.org/", "events": ["message.created"]}
        assert (await chief.call("GET", "/webhooks/dead")).json == []
        assert (await chief.call("POST", "/webhooks", webhook)).status_code == 405


# --- reports


async def test_a_report_quotes_the_message_and_is_decided(ann: Caller, bob: Caller, boss: Caller) -> None:
    place = await ann.open(bob)
    await ann.say(place, "buy now")
    report = {"conversationId": place, "seq": 1, "reason": "spam", "text": "again"}
    first = await bob.call("POST", "/reports", report)
    again = await bob.call("POST", "/reports", report)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json == again.json
    await asyncio.to_thread(Message.objects.delete)
    (listed,) = (await boss.call("GET", "/reports")).json
    assert listed == {
        "id": first.json["id"],
        "reporterId": bob.id,
        "userId": ann.id,
        "conversationId": place,
        "seq": 1,
        "reason": "spam",
        "text": "again",
        "quote": "buy now",
        "state": "open",
        "createdAt": listed["createdAt"],
    }
    decided = await boss.call("PATCH", f"/reports/{listed['id']}", {"state": "resolved", "note": "warned"})
    assert (decided.json["state"], decided.json["note"], decided.json["decidedBy"]) == ("resolved", "warned", boss.id)
    assert (await boss.call("GET", "/reports")).json == []
    assert len((await boss.call("GET", "/reports?state=resolved")).json) == 1
    assert (await boss.call("PATCH", f"/reports/{'0' * 24}", {"state": "open"})).status_code == 404


async def test_a_message_that_the_caller_cannot_read_cannot_be_reported(
    join: Join, ann: Caller, bob: Caller, boss: Caller
) -> None:
    eve = await join("eve")
    place = await ann.open(bob)
    await ann.say(place, "hi")
    for caller, seq, status in ((eve, 1, 404), (bob, 2, 404), (boss, 1, 404), (ann, 1, 409), (bob, 1, 201)):
        report = {"conversationId": place, "seq": seq, "reason": "other"}
        assert (await caller.call("POST", "/reports", report)).status_code == status
    for user, status in ((bob.id, 201), (ann.id, 409), ("0" * 24, 404)):
        assert (await ann.call("POST", "/reports", {"userId": user, "reason": "abuse"})).status_code == status


@pytest.mark.parametrize(
    "report",
    [
        {"reason": "spam"},
        {"reason": "boring", "userId": "0" * 24},
        {"reason": "spam", "userId": "0" * 24, "seq": 1},
        {"reason": "spam", "conversationId": "0" * 24},
        {"reason": "spam", "userId": "0" * 24, "text": "x" * 1001},
        {"reason": "spam", "userId": {"$ne": ""}},
    ],
)
async def test_an_invalid_report_is_refused(ann: Caller, report: Any) -> None:
    assert (await ann.call("POST", "/reports", report)).status_code == 400


# --- bans


@in_process
async def test_a_ban_ends_all_sessions_at_once_and_refuses_new_ones(
    app: Application, ann: Caller, bob: Caller, boss: Caller
) -> None:
    async with serving(app) as url, connected(url, bob.token) as device:
        assert (await boss.call("PUT", f"/bans/{bob.id}", {"reason": "spam"})).status_code == 204
        assert await device.ended() == ["banned"]
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(url, bob.token):
                pass
    assert (await bob.call("GET", "/friends")).status_code in (401, 403)
    refused = await bob.sign_in()
    assert (refused.status_code, refused.json["code"]) == (403, "banned")
    assert (await boss.call("DELETE", f"/bans/{bob.id}")).status_code == 204
    assert (await bob.sign_in()).status_code == 200


async def test_a_ban_ends_at_its_time(app: Application, bob: Caller, boss: Caller) -> None:
    until = iso(now() + timedelta(hours=1))
    assert (await boss.call("PUT", f"/bans/{bob.id}", {"reason": "spam", "until": until})).status_code == 204
    refused = await bob.sign_in()
    assert (refused.status_code, refused.json["data"]["until"][:19]) == (403, until[:19])
    past = now() - timedelta(seconds=1)
    await asyncio.to_thread(lambda: User.objects(id=bob.id).update_one(set__banned__until=past))
    assert (await bob.sign_in()).status_code == 200


async def test_a_ban_is_for_another_existing_user_and_ends_in_the_future(bob: Caller, boss: Caller) -> None:
    reason = {"reason": "spam"}
    assert (await boss.call("PUT", f"/bans/{boss.id}", reason)).json["code"] == "self"
    assert (await boss.call("PUT", f"/bans/{'0' * 24}", reason)).status_code == 404
    assert (await boss.call("DELETE", f"/bans/{'0' * 24}")).status_code == 404
    past = iso(now() - timedelta(days=1))
    assert (await boss.call("PUT", f"/bans/{bob.id}", {**reason, "until": past})).json["code"] == "invalid"
    for until in ("9999-12-31T23:59:59-12:00", "2030-12-31T23:59:60Z"):
        assert (await boss.call("PUT", f"/bans/{bob.id}", {**reason, "until": until})).status_code in (400, 422), until
    assert (await boss.call("PUT", f"/bans/{bob.id}", {**reason, "until": "2999-01-01t00:00:00z"})).status_code == 204


# --- retention


def age(place: str, seqs: range, days: float) -> None:
    """Makes messages older, also by their ids, which begin with the second of creation."""
    messages = Message._get_collection()
    for seq in seqs:
        found = messages.find_one_and_delete({"conversationId": ObjectId(place), "seq": seq})
        older = ObjectId(ObjectId.from_datetime(now() - timedelta(days=days)).binary[:4] + found["_id"].binary[4:])
        head = {"_id": ObjectId(place), "lastMessage.message": found["_id"]}
        Conversation._get_collection().update_one(head, {"$set": {"lastMessage.message": older}})
        recent = {"_id": ObjectId(place), "recent.seq": seq}
        Conversation._get_collection().update_one(recent, {"$set": {"recent.$.message": older}})
        messages.insert_one({**found, "_id": older})


@in_process
async def test_old_messages_are_removed_and_their_numbers_are_not_used_again(open_app: Open) -> None:
    async with open_app(CHAT_RETENTION_DAYS="30") as app:
        await asyncio.to_thread(empty)
        ann, bob = await register(app, "ann"), await register(app, "bob")
        place = await ann.open(bob)
        for n in range(1, 6):
            await ann.say(place, f"{n}")
        await asyncio.to_thread(age, place, range(1, 4), 31)
        await asyncio.to_thread(retention.remove_old, app.server)
        assert await bob.read(place) == ["4", "5"]
        await asyncio.to_thread(age, place, range(4, 6), 30.1)
        await asyncio.to_thread(retention.remove_old, app.server)
        assert await bob.read(place) == []
        (head,) = (await bob.call("GET", "/conversations")).json
        assert (head["lastSeq"], head["lastMessage"]) == (5, None)
        assert (await bob.say(place, "new")).json["seq"] == 6
        assert await ann.read(place) == ["new"]


@in_process
@pytest.mark.parametrize("pin", [True, False])
async def test_members_get_an_event_if_retention_removes_a_pin_or_the_preview(
    open_app: Open, monkeypatch: pytest.MonkeyPatch, pin: bool
) -> None:
    async with open_app(CHAT_RETENTION_DAYS="30") as app:
        await asyncio.to_thread(empty)
        ann, bob = await register(app, "ann"), await register(app, "bob")
        place = await ann.open(bob)
        for text in ("one", "two") if pin else ("one",):
            await ann.say(place, text)
        if pin:
            await ann.call("PUT", f"/conversations/{place}/pins/1")
        head = await bob.head(place)
        await asyncio.to_thread(age, place, range(1, 2), 31)
        await asyncio.to_thread(retention.remove_old, app.server)
        monkeypatch.setattr(change, "GRACE", timedelta(0))
        async with devices(app, bob) as (phone,):
            await asyncio.to_thread(changes.repair, app.server)
            (told,) = await phone.heard("conversation:updated", 1)
        known = {place: {"seq": head["lastSeq"], "changeSeq": head["changeSeq"]}}
        (synced,) = (await bob.call("POST", "/sync", {"conversations": known})).json["heads"]
        shown = await bob.head(place)
        for each in (told["conversation"], {**synced, "receipts": None}):
            assert {name: each[name] for name in shown} == shown
        assert (shown["changeSeq"], shown.get("pins", [])) == (head["changeSeq"] + 1, [])
        assert (shown["lastMessage"] is None) is not pin


@in_process
async def test_messages_are_kept_for_ever_by_default(app: Application, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await ann.say(place, "old")
    await asyncio.to_thread(age, place, range(1, 2), 4000)
    await asyncio.to_thread(retention.remove_old, app.server)
    assert await bob.read(place) == ["old"]
