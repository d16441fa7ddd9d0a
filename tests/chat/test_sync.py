"""Catch-up: from any state to the present one in one call, complete or `limited`."""

import asyncio
import struct
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from bson import ObjectId

from hapiish import Application
from hapiish.store.rows import Find, Row, find_all
from models.change import Change, UserChange, entry
from models.conversation import Conversation
from models.membership import Membership
from models.message import Message
from models.sync import Sync
from models.wire import now
from tests.chat.callers import Caller, Join, Open, connected, register, serving
from tests.chat.reader import Reader
from tests.commands import recorded

pytestmark = [pytest.mark.anyio, pytest.mark.in_process]

LIMITS = {"heads": 200, "each": 300, "total": 3000, "bytes": 700_000, "page": 50, "receipts": 5000}
Read = Callable[..., dict[str, Any]]


async def sync(caller: Caller, reader: Reader | None = None, /, **payload: Any) -> dict[str, Any]:
    """The answer to a request, which the reader takes."""
    answer = await caller.call("POST", "/sync", reader.request() if reader else payload)
    assert answer.status_code == 200, answer.text
    if reader is not None:
        reader.apply(answer.json)
    return dict(answer.json)


async def caught_up(caller: Caller, reader: Reader) -> Reader:
    """Catches up until the reader holds every conversation."""
    while reader.apply(await sync(caller, **reader.request())):
        pass
    return reader


async def fill(place: str, user_id: str, count: int, size: int = 1) -> None:
    """Stores messages, and the head of the last one."""

    def store() -> None:
        first, moment = Message.last_seq(place) + 1, now()
        rows = [
            {
                "conversationId": ObjectId(place),
                "userId": ObjectId(user_id),
                "seq": n,
                "text": str(n).ljust(size, "."),
                "createdAt": moment,
            }
            for n in range(first, first + count)
        ]
        Message._get_collection().insert_many(rows)
        Conversation.push(Message.page(place, limit=1)[0][0])

    await asyncio.to_thread(store)


def numbers(answer: dict[str, Any], place: str) -> list[int]:
    return [message["seq"] for message in answer["messages"].get(place, [])]


async def test_the_first_call_has_the_newest_conversations_with_their_newest_messages(
    ann: Caller, bob: Caller, join: Join
) -> None:
    places = [await ann.open(other) for other in (bob, await join("cat"), await join("dan"))]
    for place in places:
        for text in ("one", "two", "three"):
            await ann.say(place, text)
    answer = await sync(ann, window={"limit": 2, "messages": 2})
    assert [head["id"] for head in answer["heads"]] == places[:0:-1]
    assert {place: numbers(answer, place) for place in places[1:]} == {place: [2, 3] for place in places[1:]}
    assert (answer["limited"], answer["removed"], answer["changes"], answer["more"]) == ([], [], {}, False)
    assert "account" not in answer
    bare = await sync(ann)
    assert (len(bare["heads"]), bare["messages"]) == (3, {})
    assert {**bare["heads"][0], "receipts": answer["heads"][0]["receipts"]} == answer["heads"][0]
    assert "receipts" not in bare["heads"][0]


async def test_one_call_has_all_news_since_the_known_state_and_the_next_has_none(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    reader = await caught_up(bob, Reader(bob.id))
    for n in range(3):
        await ann.say(place, str(n))
    answer = await sync(bob, reader)
    assert numbers(answer, place) == [1, 2, 3]
    assert [head["lastSeq"] for head in answer["heads"]] == [3]
    assert answer["heads"][0]["receipts"].keys() == {ann.id}
    again = await sync(bob, conversations={place: {"seq": 3, "changeSeq": answer["heads"][0]["changeSeq"]}})
    assert (again["messages"], again["changes"], again["limited"]) == ({}, {}, [])


async def test_an_own_message_that_the_head_does_not_have_yet_is_read(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await bob.say(place, "one")
    for caller, text in ((ann, "two"), (bob, "three")):
        await asyncio.to_thread(Message.append, place, caller.id, text)
    pointers = {place: {"seq": 0, "changeSeq": 0}}
    heads = [(await sync(each, conversations=pointers))["heads"][0] for each in (ann, bob)]
    shown = [{name: head[name] for name in ("lastSeq", "readSeq", "deliveredSeq", "unread")} for head in heads]
    assert shown == [
        {"lastSeq": 3, "readSeq": 2, "deliveredSeq": 2, "unread": 1},
        {"lastSeq": 3, "readSeq": 3, "deliveredSeq": 3, "unread": 0},
    ]


async def test_a_blocked_user_gets_no_receipts_of_the_other(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await ann.say(place, "hi")
    await ann.call("PUT", f"/blocks/{bob.id}")
    answer = await sync(bob, conversations={place: {"seq": 0, "changeSeq": 0}})
    assert numbers(answer, place) == [1]
    assert "receipts" not in answer["heads"][0]


async def test_the_receipts_are_those_of_the_conversation(open_app: Open, ann: Caller, bob: Caller, join: Join) -> None:
    pair, small = await ann.open(bob), await ann.gather("Two", bob)
    large = await ann.gather("Three", bob, await join("cat"))
    places = [pair, small, large]
    async with open_app(CHAT_RECEIPTS="2") as app:
        ann.app = app
        for place in places:
            await ann.say(place, "hi")
        answer = await sync(ann, conversations={place: {"seq": 0, "changeSeq": 0} for place in places})
        told = {head["id"]: head.get("receipts") for head in answer["heads"]}
        shown = {place: (await ann.call("GET", f"/conversations/{place}")).json.get("receipts") for place in places}
    assert told == shown
    assert [place for place in places if told[place] is None] == [large]


@pytest.mark.parametrize(("count", "expected"), [(300, 300), (301, 50), (1000, 50)])
async def test_more_than_three_hundred_messages_are_limited_to_the_newest_page(
    ann: Caller, bob: Caller, count: int, expected: int
) -> None:
    place = await ann.open(bob)
    await fill(place, ann.id, count)
    answer = await sync(bob, conversations={place: {"seq": 0, "changeSeq": 0}})
    assert answer["limited"] == ([] if count == expected else [place])
    assert numbers(answer, place) == list(range(count - expected + 1, count + 1))


async def test_bytes_are_bounded_and_a_conversation_that_does_not_fit_is_limited_with_its_newest_message(
    ann: Caller, bob: Caller, join: Join
) -> None:
    places = [await ann.open(other) for other in (bob, await join("cat"), await join("dan"))]
    for place in places:
        await fill(place, ann.id, 60, 8000)
    answer = await sync(ann, conversations={place: {"seq": 0, "changeSeq": 0} for place in places})
    assert answer["limited"] == places[1:]
    assert numbers(answer, places[0]) == list(range(1, 61))
    for place in places[1:]:
        got = numbers(answer, place)
        assert got == list(range(61 - len(got), 61))
        assert got
    assert sum(len(each) for each in answer["messages"].values()) * 8000 < 700_000 + 2 * 8200


async def test_the_number_of_all_messages_is_bounded(app: Application, ann: Caller, bob: Caller, join: Join) -> None:
    places = [await ann.open(other) for other in (bob, await join("cat"), await join("dan"))]
    for place in places:
        await fill(place, ann.id, 8)
    known = {place: {"seq": 0, "changeSeq": 0} for place in places}
    limits = Sync.limits(**(LIMITS | {"total": 10, "page": 5}))
    models = app.server.models
    answer = await asyncio.to_thread(
        lambda: Sync.read(models, ann.id, known=known, since=None, window=(50, 0), limits=limits)
    )
    assert answer["limited"] == places[1:]
    assert [len(answer["messages"][place]) for place in places] == [8, 1, 1]


async def test_messages_that_the_head_does_not_know_yet_are_not_missed(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await ann.say(place, "one")
    await asyncio.to_thread(Message.append, place, ann.id, "two")  # the process was killed before the head's update
    answer = await sync(bob, conversations={place: {"seq": 1, "changeSeq": 0}})
    assert numbers(answer, place) == [2]
    (head,) = answer["heads"]
    assert (head["lastSeq"], head["lastMessage"]["seq"], head["lastMessage"]["text"]) == (2, 2, "two")
    later = await sync(bob, conversations={place: {"seq": 2, "changeSeq": 0}})
    assert (later["messages"], later["limited"]) == ({}, [])


async def test_a_client_with_numbers_beyond_the_database_starts_again(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    for n in range(3):
        await ann.say(place, str(n))
    for known in ({"seq": 9, "changeSeq": 0}, {"seq": 3, "changeSeq": 9}):
        answer = await sync(bob, conversations={place: known})
        assert answer["limited"] == [place]
        assert numbers(answer, place) == [1, 2, 3]


async def test_messages_that_retention_has_removed_make_the_conversation_limited(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await fill(place, ann.id, 6)
    await asyncio.to_thread(Message.objects(conversation_id=place, seq__lte=4).delete)
    answer = await sync(bob, conversations={place: {"seq": 2, "changeSeq": 0}})
    assert (answer["limited"], numbers(answer, place)) == ([place], [5, 6])
    assert (await sync(bob, conversations={place: {"seq": 4, "changeSeq": 0}}))["limited"] == []


async def test_changes_of_held_messages_come_in_their_present_form(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await fill(place, ann.id, 3)

    def edit() -> None:
        Message.objects(conversation_id=place, seq=2).update_one(set__text="two!")
        for seq in (2, 2):
            Change.record(entry("message", place, seq=seq))
        Change.record(entry("hidden", place, seq=1, userId=ObjectId(ann.id)))
        Change.record(entry("members", place))

    await asyncio.to_thread(edit)
    known = {"conversations": {place: {"seq": 3, "changeSeq": 0}}}
    of_bob, of_ann = await sync(bob, **known), await sync(ann, **known)
    assert [(each["seq"], each["text"]) for each in of_bob["changes"][place]] == [(2, "two!")]
    assert [each["seq"] for each in of_ann["changes"][place]] == [1, 2]
    assert of_bob["heads"][0]["changeSeq"] == 4
    known = {"conversations": {place: {"seq": 3, "changeSeq": 2}}}
    assert (await sync(bob, **known))["changes"] == {}
    new = await sync(bob, conversations={place: {"seq": 0, "changeSeq": 0}})
    assert (new["changes"], new["messages"][place][1]["text"]) == ({}, "two!")


async def test_changes_that_have_expired_or_are_too_many_make_the_conversation_limited(
    ann: Caller, bob: Caller
) -> None:
    place = await ann.open(bob)
    await fill(place, ann.id, 3)
    await asyncio.to_thread(lambda: [Change.record(entry("message", place, seq=1)) for _ in range(5)])
    await asyncio.to_thread(Change.objects(change_seq__lte=2).delete)
    answer = await sync(bob, conversations={place: {"seq": 3, "changeSeq": 1}})
    assert (answer["limited"], numbers(answer, place), answer["changes"]) == ([place], [1, 2, 3], {})
    assert (await sync(bob, conversations={place: {"seq": 3, "changeSeq": 2}}))["limited"] == []
    many = {"changeSeq": 400}
    await asyncio.to_thread(lambda: Conversation._get_collection().update_one({"_id": ObjectId(place)}, {"$set": many}))
    assert (await sync(bob, conversations={place: {"seq": 3, "changeSeq": 2}}))["limited"] == [place]


async def test_messages_that_the_caller_has_deleted_for_themselves_are_left_out(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await fill(place, ann.id, 3)
    hide = {"$set": {"hiddenFor": [ObjectId(bob.id)]}}
    await asyncio.to_thread(lambda: Message._get_collection().update_one({"seq": 2}, hide))
    answer = await sync(bob, conversations={place: {"seq": 0, "changeSeq": 0}})
    assert (numbers(answer, place), answer["limited"]) == ([1, 3], [])
    assert "hiddenFor" not in str(answer)


async def test_conversations_that_the_caller_cannot_read_are_removed(ann: Caller, bob: Caller, join: Join) -> None:
    eve = await join("eve")
    place = await ann.open(bob)
    await ann.say(place, "secret")
    nowhere = str(ObjectId())
    answer = await sync(eve, conversations={key: {"seq": 0, "changeSeq": 0} for key in (place, nowhere)})
    assert sorted(answer["removed"]) == sorted([place, nowhere])
    assert (answer["heads"], answer["messages"]) == ([], {})


async def test_conversations_with_news_since_the_cursor_come_without_being_named(
    ann: Caller, bob: Caller, join: Join
) -> None:
    places = [await ann.open(other) for other in (bob, await join("cat"), await join("dan"))]
    past = now() - timedelta(hours=1)
    await asyncio.to_thread(lambda: Conversation.objects.update(set__updated_at=past))
    first = await sync(ann)
    assert (await sync(ann, cursor=first["cursor"]))["heads"] == []
    await bob.say(places[0], "hi")
    await asyncio.to_thread(Change.record, entry("conversation", places[1]))
    answer = await sync(ann, cursor=first["cursor"])
    assert {head["id"] for head in answer["heads"]} == set(places[:2])
    assert (answer["messages"], answer["more"]) == ({}, False)


async def test_changes_of_the_account_and_private_changes_come_after_the_cursor(ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    past = now() - timedelta(hours=1)
    await asyncio.to_thread(lambda: Conversation.objects.update(set__updated_at=past))
    first = await sync(ann)

    def change() -> None:
        UserChange.tell(ann.id, "friends")
        UserChange.tell(ann.id, "conversation", place)

    await asyncio.to_thread(change)
    answer = await sync(ann, cursor=first["cursor"])
    assert (answer["account"], [head["id"] for head in answer["heads"]]) == ({"friends": True}, [place])
    assert "account" not in await sync(ann, cursor=answer["cursor"])
    since = Sync.position(first["cursor"], ann.id)
    assert since is not None
    await asyncio.to_thread(UserChange.objects(user_id=ann.id, n=since.number + 1).delete)
    lost = await sync(ann, cursor=first["cursor"])
    assert (lost["more"], lost["account"].keys()) == (True, {"profile", "friends", "blocks", "sessions"})


async def test_an_answer_says_if_there_are_more_conversations_than_it_has_room_for(
    app: Application, ann: Caller, bob: Caller, join: Join
) -> None:
    first = await sync(ann)
    for other in (bob, await join("cat"), await join("dan")):
        await ann.open(other)
    limits, models = Sync.limits(**(LIMITS | {"heads": 2})), app.server.models
    since = Sync.position(first["cursor"], ann.id)
    answer = await asyncio.to_thread(
        lambda: Sync.read(models, ann.id, known={}, since=since, window=(50, 0), limits=limits)
    )
    assert (len(answer["heads"]), answer["more"]) == (2, True)


@pytest.mark.parametrize(("number", "milliseconds"), [(2**64 - 1, 0), (2**63, 0), (0, 2**64 - 1), (0, 10**15)])
async def test_a_cursor_of_an_impossible_position_is_refused(ann: Caller, number: int, milliseconds: int) -> None:
    packed = struct.pack(">BQQ", 1, number, milliseconds)
    forged = urlsafe_b64encode(packed + sha256(packed + ann.id.encode()).digest()[:8]).decode().rstrip("=")
    answer = await ann.call("POST", "/sync", {"cursor": forged})
    assert (answer.status_code, answer.json["code"]) == (400, "validation")


async def test_a_cursor_that_was_changed_or_is_another_users_is_refused(ann: Caller, bob: Caller) -> None:
    cursor = (await sync(ann))["cursor"]
    changed = ("A" if cursor[5] != "A" else "B").join((cursor[:5], cursor[6:]))
    for caller, given in ((bob, cursor), (ann, changed), (ann, cursor[:-1]), (ann, "x"), (ann, cursor + "AAAA")):
        answer = await caller.call("POST", "/sync", {"cursor": given})
        assert (answer.status_code, answer.json["code"]) == (400, "validation")


@pytest.mark.parametrize(
    "payload",
    [
        {"conversations": {"x": {"seq": 0, "changeSeq": 0}}},
        {"conversations": {"0" * 24: {"seq": -1, "changeSeq": 0}}},
        {"conversations": {"0" * 24: {"seq": 1}}},
        {"conversations": {f"{n:024x}": {"seq": 0, "changeSeq": 0} for n in range(201)}},
        {"window": {"limit": 201}},
        {"window": {"messages": 51}},
        {"since": 1},
    ],
)
async def test_a_malformed_request_is_refused(ann: Caller, payload: dict[str, Any]) -> None:
    assert (await ann.call("POST", "/sync", payload)).status_code == 400


async def test_the_event_answers_as_the_route_does(app: Application, ann: Caller, bob: Caller) -> None:
    place = await ann.open(bob)
    await ann.say(place, "hi")
    payload = {"conversations": {place: {"seq": 0, "changeSeq": 0}}}
    by_http = await sync(bob, **payload)
    async with serving(app) as url, connected(url, bob.token) as phone:
        by_event = await phone.send("sync", payload)
    differ = {"ok", "serverTime", "cursor"}
    assert {name for name in by_event if by_event[name] != by_http.get(name)} <= differ


async def test_catch_up_works_with_the_database_in_memory(open_app: Open) -> None:
    async with open_app(MONGODB_URI="memory:") as app:
        ann, bob = await register(app, "ann"), await register(app, "bob")
        place = await ann.open(bob)
        await ann.say(place, "hi")
        answer = await sync(bob, conversations={place: {"seq": 0, "changeSeq": 0}})
        assert (numbers(answer, place), (await sync(bob, cursor=answer["cursor"]))["messages"]) == ([1], {})


@pytest.mark.parametrize("count", [1, 60])
async def test_the_number_of_commands_does_not_depend_on_the_number_of_conversations(
    app: Application, ann: Caller, count: int
) -> None:
    def make() -> list[str]:
        places = [Conversation.open(ann.id, str(ObjectId()))[0]["id"] for _ in range(count)]
        for place in places:
            Conversation.push(Message.append(place, ann.id, "hi")[0])
            Conversation.push(Message.append(place, ann.id, "hi again")[0])
            Change.record(entry("message", place, seq=1))
        return places

    cursor = (await sync(ann))["cursor"]
    places = await asyncio.to_thread(make)
    known = {place: {"seq": 1, "changeSeq": 0} for place in places}
    with recorded() as commands:
        answer = await sync(ann, conversations=known, cursor=cursor)
    assert (len(answer["messages"]), len(answer["changes"]), answer["limited"]) == (count, count, [])
    assert len(commands) <= 8, commands


async def test_a_member_who_joined_later_gets_only_readable_messages(ann: Caller, bob: Caller, join: Join) -> None:
    cat = await join("cat")
    place = await ann.gather("Garden", bob)
    await fill(place, ann.id, 5)
    reader = await caught_up(cat, Reader(cat.id))
    assert (await ann.call("PUT", f"/conversations/{place}/members/{cat.id}", {})).status_code < 300
    await ann.say(place, "welcome")
    await caught_up(cat, reader)
    assert [message.get("text") for message in reader.held[place].values()] == ["", "welcome"]
    assert reader.heads[place]["firstSeq"] == 6
    limited = await sync(cat, conversations={place: {"seq": 3, "changeSeq": 0}})  # from an earlier membership
    assert (limited["limited"], numbers(limited, place)) == ([place], [6, 7])
    assert (await ann.call("DELETE", f"/conversations/{place}/members/{cat.id}")).status_code < 300
    await ann.say(place, "without cat")
    assert (await sync(cat, reader))["removed"] == [place]
    assert (await sync(cat, cursor=reader.cursor))["heads"] == []


async def test_a_member_who_leaves_during_a_catch_up_gets_no_later_messages(
    ann: Caller, bob: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = await ann.gather("Garden", bob)
    await ann.say(place, "for bob")
    loop = asyncio.get_running_loop()

    def interrupted(*queries: Find) -> list[list[Row]]:
        if isinstance(queries[0].fields, dict) and "size" in queries[0].fields:
            for work in (
                ann.call("DELETE", f"/conversations/{place}/members/{bob.id}"),
                ann.say(place, "not for bob"),
            ):
                asyncio.run_coroutine_threadsafe(work, loop).result()
        return find_all(*queries)

    monkeypatch.setattr("models.sync.find_all", interrupted)
    answer = await sync(bob, conversations={place: {"seq": 0, "changeSeq": 0}})
    assert (answer["removed"], answer["messages"], answer["heads"]) == ([place], {}, [])


async def test_large_groups_are_found_by_their_memberships(ann: Caller, bob: Caller) -> None:
    place = await ann.gather("Town", bob)

    def enlarge() -> None:
        Membership._get_collection().update_many({"conversationId": ObjectId(place)}, {"$set": {"isLarge": True}})
        change = {"$set": {"isLarge": True}, "$unset": {"members": 1}}
        Conversation._get_collection().update_one({"_id": ObjectId(place)}, change)

    await asyncio.to_thread(enlarge)
    first = await sync(bob)
    assert [head["id"] for head in first["heads"]] == [place]
    await ann.say(place, "hi")
    answer = await sync(bob, cursor=first["cursor"])
    assert [(head["id"], head["lastSeq"]) for head in answer["heads"]] == [(place, answer["heads"][0]["lastSeq"])]
    known = await sync(bob, conversations={place: {"seq": 0, "changeSeq": 0}})
    assert known["messages"][place][-1]["text"] == "hi"
