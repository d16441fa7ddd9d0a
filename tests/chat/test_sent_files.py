"""Files in messages: members read them and find them by name, and a deletion of the message removes them."""

import asyncio
from typing import Any

import pytest

from hapiish.testing import inject
from models.message import Message
from tests.chat.callers import Caller, Join

pytestmark = pytest.mark.anyio


async def upload(caller: Caller, name: str) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {caller.token}", "content-type": "text/plain"}
    url = f"/attachments?name={name}"
    answer = await inject(caller.app, method="POST", url=url, headers=headers, payload=b"the content")
    assert answer.status_code == 201
    return dict(answer.json)


async def test_a_message_of_files_needs_no_text_and_members_read_them(join: Join) -> None:
    ann, bob, eve = await join("ann"), await join("bob"), await join("eve")
    place = await ann.open(bob)
    files = [await upload(ann, name) for name in ("report.txt", "plan.txt")]
    ids = [each["id"] for each in files]
    sent = await ann.say(place, "", attachments=ids, msgId="c1")
    assert sent.status_code == 201
    assert sent.json["attachments"] == files
    assert (await bob.call("GET", f"/messages/{place}/1")).json == sent.json
    assert (await ann.say(place, "", attachments=ids, msgId="c1")).json == {**sent.json, "duplicate": True}
    for caller, status in ((bob, 200), (eve, 404)):
        assert (await caller.call("GET", f"/attachments/{ids[0]}")).status_code == status
    assert [hit["seq"] for hit in (await bob.call("GET", "/search?q=report")).json["hits"]] == [1]
    edited = await ann.call("PATCH", f"/messages/{place}/1", {"text": "see", "rev": 0})
    assert (await ann.call("PATCH", f"/messages/{place}/1", {"text": "", "rev": 1})).json["attachments"] == files
    assert edited.json["attachments"] == files
    assert [hit["seq"] for hit in (await bob.call("GET", "/search?q=plan")).json["hits"]] == [1]


async def test_files_of_others_and_too_many_are_refused_and_a_repeated_message_is_still_answered(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    place = await ann.open(bob)
    file = (await upload(ann, "a.txt"))["id"]
    refused = [await bob.say(place, "mine", attachments=[file]), await ann.say(place, "", attachments=[])]
    refused += [await ann.say(place, "x", attachments=[f"{n:024x}" for n in range(11)])]
    assert [answer.status_code for answer in refused] == [400, 400, 400]
    sent = await ann.say(place, "", attachments=[file], msgId="c1")
    again = await ann.say(place, "", attachments=["0" * 24], msgId="c1")
    assert (again.status_code, again.json["_id"]) == (200, sent.json["_id"])


async def test_a_deletion_for_all_removes_the_files(join: Join) -> None:
    ann, bob = await join("ann"), await join("bob")
    place = await ann.open(bob)
    file = (await upload(ann, "a.txt"))["id"]
    await ann.say(place, "", attachments=[file])
    assert "attachments" not in (await ann.call("DELETE", f"/messages/{place}/1")).json
    assert (await bob.call("GET", f"/attachments/{file}")).status_code == 404
    assert (await bob.call("GET", "/search?q=txt")).json["hits"] == []
    stored = await asyncio.to_thread(Message._get_collection().find_one, {"seq": 1})
    assert file not in str(stored)
