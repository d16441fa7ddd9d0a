"""Changes of stored messages: edits, deletions, reactions, pins, answers and streams, over HTTP and live."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from bson import ObjectId

from hapiish import Application
from hapiish.store.rows import update
from hapiish.testing import inject
from models import revisions
from models.change import Change, entry
from models.conversation import Conversation
from models.message import Message
from models.wire import now
from tests.chat.callers import PATIENCE, Caller, Device, Join, Open, devices

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(ann: Caller, place: str) -> str:
    """A direct conversation with a message of ann's."""
    await ann.say(place, "hello", msgId="c1")
    return place


async def changes(device: Device) -> list[tuple[str, Any]]:
    """The changes of messages in the events of a device."""
    await device.caught_up()
    return [each for each in device.told if each[0].startswith("message:")]


async def edit(caller: Caller, place: str, text: str, rev: int = 0, seq: int = 1, **more: Any) -> Any:
    return await caller.call("PATCH", f"/messages/{place}/{seq}", {"text": text, "rev": rev, **more})


async def message(caller: Caller, place: str, seq: int = 1) -> dict[str, Any]:
    answer = await caller.call("GET", f"/messages/{place}/{seq}")
    assert answer.status_code == 200
    return dict(answer.json)


async def test_an_edit_is_in_the_page_the_event_and_the_preview(
    app: Application, ann: Caller, bob: Caller, place: str
) -> None:
    async with devices(app, ann, bob) as listeners:
        answer = await edit(ann, place, "hello bob")
        assert answer.status_code == 200
        expected = {"conversationId": place, "changeSeq": 1, "message": answer.json}
        for device in listeners:
            assert await changes(device) == [("message:edited", expected)]
    assert (answer.json["text"], answer.json["rev"], answer.json["msgId"]) == ("hello bob", 1, "c1")
    assert "editedAt" in answer.json
    assert await message(bob, place) == answer.json
    assert (await bob.call("GET", f"/messages/{place}")).json["messages"] == [answer.json]
    assert ((shown := await bob.head(place))["lastMessage"]["text"], shown["changeSeq"]) == ("hello bob", 1)


async def test_an_edit_of_an_older_message_leaves_the_preview(ann: Caller, place: str) -> None:
    await ann.say(place, "newest")
    await edit(ann, place, "changed")
    assert (await ann.head(place))["lastMessage"]["text"] == "newest"


async def test_an_edit_of_another_revision_gets_the_stored_message_and_a_repeated_one_succeeds(
    ann: Caller, place: str
) -> None:
    first = await edit(ann, place, "one")
    again = await edit(ann, place, "one")
    assert (again.status_code, again.json) == (200, first.json)
    other = await edit(ann, place, "two")
    assert (other.status_code, other.json["code"]) == (409, "rev_conflict")
    assert other.json["data"]["message"] == first.json
    assert (await edit(ann, place, "two", rev=1)).json["rev"] == 2
    assert await asyncio.to_thread(Change.objects.count) == 2


async def test_one_of_concurrent_edits_of_a_revision_wins(ann: Caller, place: str) -> None:
    answers = await asyncio.gather(*(edit(ann, place, str(n)) for n in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert (await message(ann, place))["rev"] == 1


async def test_an_edit_that_is_repeated_while_it_runs_succeeds_each_time(ann: Caller, place: str) -> None:
    answers = await asyncio.gather(*(edit(ann, place, "one") for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert {answer.json["rev"] for answer in answers} == {1}


async def test_only_the_author_edits_and_a_stranger_gets_not_found(
    ann: Caller, bob: Caller, place: str, join: Join
) -> None:
    eve = await join("eve")
    assert ((answer := await edit(bob, place, "x")).status_code, answer.json["code"]) == (403, "not_author")
    for method, payload in (("GET", None), ("PATCH", {"text": "x", "rev": 0}), ("DELETE", None)):
        for caller, seq in ((eve, 1), (ann, 2), (ann, 0)):
            assert (await caller.call(method, f"/messages/{place}/{seq}", payload)).status_code == 404
    assert (await edit(ann, place, "")).json["code"] == "invalid"
    assert (await edit(ann, place, "x", final=True)).json["code"] == "invalid"
    await bob.call("PUT", f"/blocks/{ann.id}")
    assert (await edit(ann, place, "you blocked me")).json["code"] == "blocked"
    assert (await message(bob, place))["text"] == "hello"


async def test_a_deletion_for_all_leaves_a_tombstone_without_content(
    app: Application, ann: Caller, bob: Caller, place: str
) -> None:
    await bob.call("PUT", f"/messages/{place}/1/reactions/👍")
    reply = (await bob.say(place, "you too", replyTo=1)).json
    assert reply["replyTo"] == {"seq": 1, "userId": ann.id, "text": "hello"}
    await ann.call("PUT", f"/conversations/{place}/pins/1")
    async with devices(app, bob) as (device,):
        answer = await ann.call("DELETE", f"/messages/{place}/1")
        ((event, data),) = await changes(device)
        assert [each for each, _ in device.told if each != "ready"] == ["message:deleted", "conversation:updated"]
    assert (event, data["message"], data["changeSeq"]) == ("message:deleted", answer.json, 3)
    gone = answer.json
    assert set(gone) == {"_id", "conversationId", "seq", "text", "createdAt", "userId", "msgId", "deletedAt", "rev"}
    assert (gone["text"], gone["rev"]) == ("", 2)
    stored = await asyncio.to_thread(Message._get_collection().find_one, {"seq": 1})
    assert "hello" not in str(stored)
    page = (await bob.call("GET", f"/messages/{place}")).json["messages"]
    assert [each["text"] for each in page] == ["", "you too"]
    assert page[1]["replyTo"] == {"seq": 1, "userId": ann.id, "text": ""}
    assert "pins" not in await bob.head(place)
    assert (await ann.call("DELETE", f"/messages/{place}/1")).json == gone, "a repeated deletion succeeds"
    assert (await edit(ann, place, "back")).status_code == 410
    assert (await bob.call("PUT", f"/messages/{place}/1/reactions/👍")).status_code == 410
    assert (await bob.call("PUT", f"/conversations/{place}/pins/1")).status_code == 410
    assert (await ann.say(place, "hello", msgId="c1")).json == {**gone, "duplicate": True}, "and is not sent again"


async def test_the_preview_of_a_deleted_last_message_is_empty(ann: Caller, bob: Caller, place: str) -> None:
    gone = (await ann.call("DELETE", f"/messages/{place}/1")).json
    for caller in (ann, bob):
        shown = (await caller.head(place))["lastMessage"]
        assert (shown["text"], shown["deletedAt"], shown["seq"]) == ("", gone["deletedAt"], 1)


async def test_in_a_direct_conversation_only_the_author_deletes_and_in_a_group_admins_too(
    ann: Caller, bob: Caller, place: str, join: Join
) -> None:
    assert (await bob.call("DELETE", f"/messages/{place}/1")).json["code"] == "not_author"
    cat = await join("cat")
    group = await ann.gather("Team", bob, cat)
    seqs = [(await bob.say(group, text)).json["seq"] for text in ("one", "two")]
    assert (await cat.call("DELETE", f"/messages/{group}/{seqs[0]}")).json["code"] == "not_author"
    assert (await ann.call("DELETE", f"/messages/{group}/{seqs[0]}")).status_code == 200, "the owner"
    assert (await bob.call("DELETE", f"/messages/{group}/{seqs[1]}")).status_code == 200, "the author"


async def test_a_deletion_for_me_hides_the_message_from_me_only(
    app: Application, ann: Caller, bob: Caller, place: str
) -> None:
    async with devices(app, bob, ann) as (mine, others):
        for _ in range(2):
            assert (await bob.call("DELETE", f"/messages/{place}/1?scope=me")).status_code == 204
        assert await changes(mine) == [("message:hidden", {"conversationId": place, "changeSeq": 1, "seq": 1})]
        await others.caught_up()
        assert [(event, data["conversation"]["changeSeq"]) for event, data in others.told[-1:]] == [
            ("conversation:updated", 1)
        ], "the others miss no number, and learn nothing"
        await edit(ann, place, "changed")
        assert [event for event, _ in await changes(mine)] == ["message:hidden"]
        assert [event for event, _ in await changes(others)] == ["message:edited"]
    assert (await bob.call("GET", f"/messages/{place}")).json["messages"] == []
    assert (await bob.call("GET", f"/messages/{place}/1")).status_code == 404
    assert (await bob.call("PUT", f"/messages/{place}/1/reactions/👍")).status_code == 404
    assert (await bob.say(place, "what?", replyTo=1)).json["code"] == "invalid"
    assert await ann.read(place) == ["changed"]
    assert (await bob.head(place))["lastMessage"] is None
    assert (await ann.head(place))["lastMessage"]["text"] == "changed"
    await ann.say(place, "next")
    assert (await bob.head(place))["lastMessage"]["text"] == "next"


async def test_reactions_are_added_once_and_taken_back(app: Application, ann: Caller, bob: Caller, place: str) -> None:
    url = f"/messages/{place}/1/reactions"
    async with devices(app, ann) as (device,):
        for _ in range(2):
            assert (await bob.call("PUT", f"{url}/👍")).json["reactions"] == {"👍": [bob.id]}
        await ann.call("PUT", f"{url}/👍")
        await ann.call("PUT", f"{url}/+1")
        events = await changes(device)
        assert [(event, data["changeSeq"], data["message"]["rev"]) for event, data in events] == [
            ("message:reacted", n, n) for n in (1, 2, 3)
        ]
    assert (await message(ann, place))["reactions"] == {"👍": [bob.id, ann.id], "+1": [ann.id]}
    await bob.call("DELETE", f"{url}/👍")
    assert (await bob.call("DELETE", f"{url}/👍")).json["reactions"] == {"👍": [ann.id], "+1": [ann.id]}
    for emoji in ("👍", "+1"):
        left = (await ann.call("DELETE", f"{url}/{emoji}")).json
    assert "reactions" not in left
    await bob.call("PUT", f"/blocks/{ann.id}")
    assert (await ann.call("PUT", f"{url}/👍")).json["code"] == "blocked"


async def test_concurrent_reactions_are_all_kept(ann: Caller, place: str) -> None:
    names = [f"r{n}" for n in range(16)]
    answers = await asyncio.gather(*(ann.call("PUT", f"/messages/{place}/1/reactions/{name}") for name in names))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted((await message(ann, place))["reactions"]) == sorted(names)


async def test_only_emojis_and_short_names_are_reactions(ann: Caller, place: str) -> None:
    given = ["👩‍👩‍👧‍👦", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪", "thumbs_up", "100"]
    for emoji in given:
        answer = await ann.call("PUT", f"/messages/{place}/1/reactions/{emoji}")
    assert list(answer.json["reactions"]) == given
    for other in ("%20", "hello world", "$set", "a.b", "é", "%3Cb%3E", "x" * 33, "%00", "%E2%80%AE"):
        assert (await ann.call("PUT", f"/messages/{place}/1/reactions/{other}")).status_code == 400, other


@pytest.mark.in_process
async def test_reactions_and_pins_are_bounded(
    monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller, place: str
) -> None:
    monkeypatch.setattr(revisions, "EMOJIS", 2)
    monkeypatch.setattr(revisions, "REACTIONS", 3)
    url = f"/messages/{place}/1/reactions"
    for name in ("a", "b"):
        await ann.call("PUT", f"{url}/{name}")
    assert (await ann.call("PUT", f"{url}/c")).json["code"] == "conflict"
    assert (await bob.call("PUT", f"{url}/a")).status_code == 200
    assert (await bob.call("PUT", f"{url}/b")).json["code"] == "conflict"

    def pin_all() -> None:
        Change.heads()._get_collection().update_one({}, {"$set": {"pins": list(range(101, 151))}})

    await asyncio.to_thread(pin_all)
    assert (await ann.call("PUT", f"/conversations/{place}/pins/1")).json["code"] == "conflict"


async def test_pins_are_shared_and_in_order(ann: Caller, bob: Caller, place: str) -> None:
    await ann.say(place, "second")
    for seq in (2, 1, 2):
        pinned = await bob.call("PUT", f"/conversations/{place}/pins/{seq}")
    assert pinned.json == {"pins": [2, 1]}
    shown = await ann.head(place)
    assert (shown["pins"], shown["changeSeq"]) == ([2, 1], 2)
    for _ in range(2):
        assert (await ann.call("DELETE", f"/conversations/{place}/pins/2")).json == {"pins": [1]}
    assert (await ann.call("PUT", f"/conversations/{place}/pins/9")).status_code == 404


async def test_an_answer_shows_the_present_text_of_the_answered_message(
    app: Application, ann: Caller, bob: Caller, place: str
) -> None:
    async with devices(app, ann) as (device,):
        sent = (await bob.say(place, "hi", replyTo=1, mentions=[ann.id, ann.id])).json
        (live,) = await device.received(1)
    assert sent["replyTo"] == live["replyTo"] == {"seq": 1, "userId": ann.id, "text": "hello"}
    assert sent["mentions"] == live["mentions"] == [ann.id]
    await edit(ann, place, "x" * 300)
    for query in ("", "?after=1", "?limit=1"):
        page = (await ann.call("GET", f"/messages/{place}{query}")).json["messages"]
        assert page[-1]["replyTo"]["text"] == "x" * 200
    again = await bob.say(place, "hi", msgId="r", replyTo=1)
    await ann.call("DELETE", f"/messages/{place}/1")
    repeated = await bob.say(place, "hi", msgId="r", replyTo=1)
    assert (repeated.status_code, repeated.json["_id"]) == (200, again.json["_id"])
    assert (await bob.say(place, "hi", replyTo=1)).json["code"] == "invalid"


async def test_answers_to_missing_messages_and_mentions_of_other_users_are_refused(
    ann: Caller, place: str, join: Join
) -> None:
    eve = await join("eve")
    for more in ({"replyTo": 2}, {"replyTo": 0}, {"mentions": [eve.id]}, {"mentions": [str(ObjectId())]}):
        answer = await ann.say(place, "hi", **more)
        assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert (await ann.say(place, "hi", mentions=[eve.id] * 51)).status_code == 400
    assert await ann.read(place) == ["hello"]


async def test_the_header_idempotency_key_is_the_message_id(app: Application, ann: Caller, place: str) -> None:
    async def send(key: str, **more: Any) -> Any:
        headers = {"authorization": f"Bearer {ann.token}", "idempotency-key": key}
        return await inject(
            app, method="POST", url=f"/messages/{place}", headers=headers, payload={"text": "x", **more}
        )

    first = await send("k1")
    assert (first.status_code, first.json["msgId"]) == (201, "k1")
    for again in (await send('"k1"'), await send("k1", msgId="k1"), await ann.say(place, "x", msgId="k1")):
        assert (again.status_code, again.json["_id"]) == (200, first.json["_id"])
    assert (await send("k2", msgId="k3")).json["code"] == "invalid"
    assert (await send("k" * 131)).status_code == 400


async def test_a_streamed_message_is_one_number_and_one_revision(
    app: Application, ann: Caller, bob: Caller, place: str
) -> None:
    async with devices(app, ann, bob) as (author, reader):
        sent = await author.send("message", {"conversationId": place, "text": "", "streaming": True})
        assert (sent["message"]["streaming"], sent["message"]["seq"]) == (True, 2)
        told = {"conversationId": place, "seq": 2}
        for offset, text in ((0, "Once"), (4, " upon")):
            assert (await author.send("message:delta", {**told, "offset": offset, "text": text}))["ok"]
        refused = await reader.send("message:delta", {**told, "offset": 0, "text": "x"})
        assert refused["error"]["code"] == "conflict"
        long = await author.send("message:delta", {**told, "offset": 7999, "text": "xx"})
        assert long["error"]["code"] == "invalid"
        final = {**told, "text": "Once upon a time", "rev": 0, "final": True}
        for _ in range(2):
            done = await author.send("message:edit", final)
            assert (done["message"]["rev"], "streaming" in done["message"], "editedAt" in done["message"]) == (
                1,
                False,
                False,
            )
        after = await author.send("message:delta", {**told, "offset": 0, "text": "x"})
        assert after["error"]["code"] == "conflict"
        assert await changes(reader) == [
            ("message:delta", {**told, "offset": 0, "text": "Once", "userId": ann.id}),
            ("message:delta", {**told, "offset": 4, "text": " upon", "userId": ann.id}),
            ("message:edited", {"conversationId": place, "changeSeq": 1, "message": done["message"]}),
        ]
    assert await bob.read(place) == ["hello", "Once upon a time"]
    assert (await bob.head(place))["lastMessage"]["text"] == "Once upon a time"


async def test_an_abandoned_stream_ends_with_the_stored_text(ann: Caller, place: str) -> None:
    await ann.say(place, "", streaming=True)
    await edit(ann, place, "so far", seq=2, final=False)
    assert (await message(ann, place, 2))["streaming"]
    assert await asyncio.to_thread(Message.end_streams, 60, 10) == []
    (ended,) = await asyncio.to_thread(Message.end_streams, -1, 10)
    assert ended.outcome == "changed"
    assert ((stored := await message(ann, place, 2))["text"], stored["rev"], "streaming" in stored) == (
        "so far",
        2,
        False,
    )


@pytest.mark.in_process
@pytest.mark.parametrize("scope", ["me", "all"])
async def test_a_reader_who_knows_the_number_of_a_deletion_does_not_see_the_old_preview(
    monkeypatch: pytest.MonkeyPatch, ann: Caller, place: str, scope: str
) -> None:
    seen = list[Any]()
    record = Change.record.__func__  # type: ignore[attr-defined]

    def look(sequence: Any, *args: Any) -> Any:
        seen.extend(Conversation.list_of(ann.id)[0])
        return record(sequence, *args)

    monkeypatch.setattr(Change, "record", classmethod(look))
    await ann.call("DELETE", f"/messages/{place}/1?scope={scope}")
    (head,) = seen
    assert (head["changeSeq"], (head["lastMessage"] or {}).get("text", "")) == (0, "")


@pytest.mark.in_process
async def test_a_change_and_a_stream_that_a_crash_has_left_reach_the_devices(
    open_app: Open, app: Application, ann: Caller, bob: Caller, place: str
) -> None:
    await ann.say(place, "", streaming=True)
    given = entry("message", place, seq=1, what="edited")

    def crash() -> None:
        """Leaves the documents of a process that was killed between the two writes an hour ago."""
        past = now() - timedelta(hours=1)
        change = {"$set": {"text": "changed", "rev": 1}, "$push": {"pending": {**given, "at": past}}}
        update(Message, {"conversationId": ObjectId(place), "seq": 1}, change)
        update(Message, {"conversationId": ObjectId(place), "seq": 2}, {"$set": {"createdAt": past}})

    async with open_app(CHAT_SWEEPER_PACE="0.01") as other, devices(other, bob) as (device,):
        await asyncio.to_thread(crash)
        async with asyncio.timeout(PATIENCE):
            while len(heard := await changes(device)) < 2:
                pass
    texts = {data["message"]["seq"]: data["message"]["text"] for _, data in heard}
    assert ([event for event, _ in heard], texts) == (["message:edited"] * 2, {1: "changed", 2: ""})
    assert (await bob.head(place))["changeSeq"] == 2


async def test_a_member_who_joined_later_gets_no_events_of_older_messages(
    app: Application, ann: Caller, bob: Caller, join: Join
) -> None:
    cat = await join("cat")
    group = await ann.gather("Team", bob, cat)
    await ann.say(group, "old")
    seq = (await ann.say(group, "old and last")).json["seq"]

    def join_late() -> None:
        memberships = app.server.models.Membership
        memberships.objects(conversation_id=group, user_id=cat.id).update(set__joined_seq=seq)

    await asyncio.to_thread(join_late)
    async with devices(app, bob, cat) as (reader, late):
        await edit(ann, group, "changed", seq=seq)
        assert [event for event, _ in await changes(reader)] == ["message:edited"]
        assert await changes(late) == []
        event, data = late.told[-1]
        assert (event, data["conversation"]["changeSeq"], "changed" in str(data)) == ("conversation:updated", 1, False)
    for method, path in (("GET", f"/messages/{group}/{seq}"), ("PUT", f"/conversations/{group}/pins/{seq}")):
        assert (await cat.call(method, path)).status_code == 404
    assert (await cat.say(group, "hi", replyTo=seq)).json["code"] == "invalid"
