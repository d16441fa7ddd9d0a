"""Profiles of the caller and of others, and the receivers of a change."""

import asyncio
from typing import Any

import pytest

from hapiish import Application
from models.user import User
from models.wire import now
from tests.chat.callers import Caller, Join, devices

pytestmark = pytest.mark.anyio


async def test_users_see_and_change_their_own_profile(join: Join) -> None:
    ann = await join("ann")
    profile = {
        "_id": ann.id,
        "fullName": "Ann",
        "email": ann.email,
        "verified": False,
        "settings": {"readReceipts": True},
        "scope": [],
    }
    assert (await ann.call("GET", "/me")).json == profile
    change = {"fullName": "  Ann\tLee ", "about": "I like\ntea\n", "settings": {"readReceipts": False}}
    assert (await ann.call("PATCH", "/me", {**change, "fullName": " Ann  Lee "})).status_code == 200
    changed = {**profile, "fullName": "Ann Lee", "about": "I like\ntea", "settings": {"readReceipts": False}}
    assert (await ann.call("GET", "/me")).json == changed
    assert (await ann.call("PATCH", "/me", {"about": None})).json == {
        name: value for name, value in changed.items() if name != "about"
    }


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"email": "x@example.org"},
        {"scope": ["admin"]},
        {"fullName": "\u200b"},
        {"about": "x" * 501},
        {"avatar": "x"},
    ],
)
async def test_a_change_that_is_not_allowed_changes_nothing(join: Join, change: dict[str, Any]) -> None:
    ann = await join("ann")
    before = (await ann.call("GET", "/me")).json
    assert (await ann.call("PATCH", "/me", change)).status_code == 400
    assert (await ann.call("GET", "/me")).json == before


async def test_an_avatar_that_is_no_image_of_the_caller_is_refused(join: Join) -> None:
    ann = await join("ann")
    answer = await ann.call("PATCH", "/me", {"avatar": "0" * 24, "fullName": "X"})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert (await ann.call("GET", "/me")).json["fullName"] == "Ann"


async def test_others_see_a_person_without_the_email_unless_blocked_or_gone(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    await bob.call("PATCH", "/me", {"about": "Hello"})
    url = f"/users/{bob.id}"
    assert (await ann.call("GET", url)).json == {"_id": bob.id, "fullName": "Bob", "about": "Hello"}
    unknown = (await ann.call("GET", f"/users/{'0' * 24}")).json
    await bob.call("PUT", f"/blocks/{ann.id}")
    assert (await ann.call("GET", url)).json == unknown
    assert (await bob.call("GET", f"/users/{ann.id}")).status_code == 404
    await bob.call("DELETE", f"/blocks/{ann.id}")
    await asyncio.to_thread(lambda: User.objects(id=bob.id).update_one(set__erased_at=now()))
    assert (await ann.call("GET", url)).json == unknown


async def test_a_friend_is_removed(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    await ann.call("POST", "/friends", {"email": bob.email})
    for _ in range(2):
        assert (await ann.call("DELETE", f"/friends/{bob.id}")).status_code == 204
    assert (await ann.call("GET", "/friends")).json == {}


async def test_a_changed_profile_reaches_own_devices_friends_and_partners(app: Application, join: Join) -> None:
    ann, bob, cat, eve = [await join(name) for name in ("ann", "bob", "cat", "eve")]
    await bob.call("POST", "/friends", {"email": ann.email})
    await ann.open(cat)
    async with devices(app, ann, bob, cat, eve) as (own, friend, partner, stranger):
        profile = (await ann.call("PATCH", "/me", {"fullName": "Anna"})).json
        assert await own.heard("account:updated", 1) == [{"profile": profile}]
        for device in (friend, partner):
            assert await device.heard("person:updated", 1) == [{"person": {"_id": ann.id, "fullName": "Anna"}}]
        await stranger.caught_up()
        assert stranger.events("person:updated") == []


async def test_a_changed_profile_is_not_sent_to_users_with_a_block_between_the_two(
    app: Application, join: Join
) -> None:
    ann, bob, cat = [await join(name) for name in ("ann", "bob", "cat")]
    for other in (bob, cat):
        await ann.open(other)
        await other.call("POST", "/friends", {"email": ann.email})
    await ann.call("PUT", f"/blocks/{bob.id}")
    await cat.call("PUT", f"/blocks/{ann.id}")
    async with devices(app, ann, bob, cat) as (own, *others):
        await ann.call("PATCH", "/me", {"fullName": "Ann Lee"})
        await own.heard("account:updated", 1)
        for device in others:
            await device.caught_up()
            assert device.events("person:updated") == []


async def test_own_devices_get_an_event_of_changed_lists(app: Application, join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    for call, what in [
        (("POST", "/friends", {"email": bob.email}), "friends"),
        (("DELETE", f"/friends/{bob.id}", None), "friends"),
        (("PUT", f"/blocks/{bob.id}", None), "blocks"),
        (("DELETE", f"/blocks/{bob.id}", None), "blocks"),
    ]:
        async with devices(app, ann) as (own,):
            await ann.call(*call)
            assert await own.heard("account:updated", 1) == [{what: True}]


async def test_a_new_password_ends_all_other_sessions(join: Join) -> None:
    ann = await join("ann")
    phone = Caller(ann.app, (await ann.sign_in("ann's password")).json)
    change = {"password": "ann's password", "newPassword": "another password"}
    assert (await ann.call("PUT", "/me/password", change)).status_code == 204
    assert (await ann.call("GET", "/me")).status_code == 200
    assert (await phone.call("GET", "/me")).json["code"] == "token_revoked"
    assert (await ann.sign_in("ann's password")).status_code == 401
    assert (await ann.sign_in("another password")).status_code == 200


async def test_only_the_user_changes_a_password_and_not_to_the_name_or_the_email(join: Join) -> None:
    ann = await join("ann")
    wrong = await ann.call("PUT", "/me/password", {"password": "x", "newPassword": "another password"})
    assert (wrong.status_code, wrong.json["code"]) == (401, "bad_credentials")
    known = await ann.call("PUT", "/me/password", {"password": "ann's password", "newPassword": ann.email.upper()})
    assert (known.status_code, known.json["validation"]["keys"]) == (400, ["newPassword"])
    assert (await ann.sign_in("ann's password")).status_code == 200
