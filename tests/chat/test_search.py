"""Search: words of messages, complete pages, and only messages that the caller may read."""

import asyncio
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from hapiish.store.rows import insert_many
from models import filling
from models import search as module
from models.conversation import Conversation
from models.filling import WordFilling
from models.membership import Membership
from models.message import Message
from models.wire import now
from models.words import LONGEST, WORDS, query_of, words_of
from tests.chat.callers import Caller, Join

pytestmark = pytest.mark.anyio


async def search(caller: Caller, q: str, **more: Any) -> Any:
    query = "&".join(f"{name}={value}" for name, value in {"q": q, **more}.items())
    return await caller.call("GET", f"/search?{query}")


async def texts(caller: Caller, q: str, **more: Any) -> list[str]:
    answer = await search(caller, q, **more)
    assert answer.status_code == 200, answer.text
    return [hit["text"] for hit in answer.json["hits"]]


QUERIES: list[tuple[str, list[str] | None]] = [
    ("hello", ["Hello, world!"]),
    ("HELLO", ["Hello, world!"]),
    ("world hello", ["Hello, world!"]),
    ("wor", ["Hello, world!"]),
    ("hello wor", ["Hello, world!"]),
    ("hel world", []),
    ("wor ", []),
    ("orld", []),
    ("strasse", ["Die Straße"]),
    ("Ｓtraße", ["Die Straße"]),
    ("die", ["Die Straße"]),
    ("d", []),
    ("北京", ["我住在北京市"]),
    ("京", ["我住在北京市"]),
    ("市", ["我住在北京市"]),
    ("住在北京", ["我住在北京市"]),
    ("北市", []),
    ("हिन्दी", ["हिन्दी में"]),
    ("🎉", ["party 🎉"]),
    ("2024-11", ["on 2024-11-05"]),
    ("$where", []),
    (".*", None),
    ("!!!", None),
]


async def test_words_are_found_in_any_case_width_and_order(ann: Caller, bob: Caller, place: str) -> None:
    for text in ("Hello, world!", "Die Straße", "我住在北京市", "हिन्दी में", "party 🎉", "on 2024-11-05"):
        await ann.say(place, text)
    for q, found in QUERIES:
        answer = await search(bob if len(q) % 2 else ann, q.replace(" ", "%20"))
        if found is None:
            assert (answer.status_code, answer.json["code"]) == (422, "invalid"), q
        else:
            assert [hit["text"] for hit in answer.json["hits"]] == found, q


async def test_hits_are_messages_newest_first_of_all_conversations(ann: Caller, bob: Caller, join: Join) -> None:
    cat = await join("cat")
    places = [await ann.open(bob), await ann.gather("Team", bob, cat)]
    sent = [(await ann.say(places[n % 2], f"note {n}")).json for n in range(6)]
    answer = await search(ann, "note")
    assert answer.json == {"hits": sent[::-1]}
    assert await texts(cat, "note") == ["note 5", "note 3", "note 1"]
    assert await texts(ann, "note", conversationId=places[0]) == ["note 4", "note 2", "note 0"]
    assert await texts(ann, "note", before=sent[2]["createdAt"], **{"from": ann.id}) == ["note 1", "note 0"]
    assert await texts(ann, "note", **{"from": bob.id}) == []


@pytest.mark.in_process
async def test_pages_are_complete(monkeypatch: pytest.MonkeyPatch, ann: Caller, bob: Caller, join: Join) -> None:
    monkeypatch.setattr(module, "WINDOW", 2)
    others = [bob, *[await join(name) for name in ("cat", "dan", "eve", "fay")]]
    places = [await ann.open(other) for other in others]
    sent = [(await ann.say(places[n % 5], f"word number {n}")).json["_id"] for n in range(23)]
    seen, cursor = list[str](), dict[str, Any]()
    while True:
        answer = (await search(ann, "word", limit=4, **cursor)).json
        seen += [hit["_id"] for hit in answer["hits"]]
        if "cursor" not in answer:
            break
        cursor = {"cursor": answer["cursor"]}
        await ann.say(places[0], "another word, after the first page")
    assert seen == sent[::-1]


async def test_users_find_only_messages_that_they_may_read(ann: Caller, bob: Caller, place: str, join: Join) -> None:
    cat, eve = await join("cat"), await join("eve")
    await ann.say(place, "secret one")
    await ann.say(place, "secret two")
    await bob.call("DELETE", f"/messages/{place}/1?scope=me")
    assert await texts(bob, "secret") == ["secret two"]
    assert await texts(ann, "secret") == ["secret two", "secret one"]
    await ann.call("DELETE", f"/messages/{place}/2")
    assert await texts(bob, "secret") == []
    assert await texts(eve, "secret") == []
    for foreign in (place, str(ObjectId())):
        assert (await search(eve, "secret", conversationId=foreign)).status_code == 404
    group = await ann.gather("Team", bob, cat)
    old = (await ann.say(group, "secret of old")).json["seq"]

    def change_members() -> None:
        joined = {"set__joined_seq": old, "set__joined_at": datetime.now(UTC)}
        Membership.objects(conversation_id=group, user_id=cat.id).update(**joined)

    await asyncio.to_thread(change_members)
    assert await texts(cat, "secret") == []
    await ann.say(group, "secret of today")
    assert await texts(cat, "secret") == ["secret of today"]
    assert await texts(cat, "secret", conversationId=group) == ["secret of today"]

    def remove_cat() -> None:
        Membership.objects(conversation_id=group, user_id=cat.id).update(set__left_at=datetime.now(UTC))

    await asyncio.to_thread(remove_cat)
    assert await texts(cat, "secret") == [], "between the two writes of a removal"
    await asyncio.to_thread(lambda: Conversation.objects(id=group).update(pull__members=ObjectId(cat.id)))
    assert await texts(cat, "secret") == []


async def test_a_member_of_a_large_group_finds_its_messages(ann: Caller, bob: Caller) -> None:
    group = await ann.gather("Everybody", bob)
    await ann.say(group, "hello everybody")

    def enlarge() -> None:
        Conversation.objects(id=group).update(set__is_large=True, unset__members=True)
        Membership.objects(conversation_id=group).update(set__is_large=True)

    await asyncio.to_thread(enlarge)
    assert await texts(bob, "everybody") == ["hello everybody"]
    assert await texts(bob, "everybody", conversationId=group) == ["hello everybody"]


async def test_an_edit_and_a_finished_stream_are_found_by_their_new_words(ann: Caller, place: str) -> None:
    await ann.say(place, "apples")
    await ann.call("PATCH", f"/messages/{place}/1", {"text": "pears", "rev": 0})
    assert (await texts(ann, "apples"), await texts(ann, "pears")) == ([], ["pears"])
    await ann.say(place, "", streaming=True)
    await ann.call("PATCH", f"/messages/{place}/2", {"text": "plums", "rev": 0, "final": True})
    assert await texts(ann, "plums") == ["plums"]


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ("2999-01-01t00:00:00z", ["hello"]),
        ("9999-12-31T23:59:59Z", ["hello"]),
        ("1960-01-01T00:00:00Z", []),
        ("0001-01-01T00:00:00Z", []),
        ("2030-12-31T23:59:60Z", None),
        ("9999-12-31T23:59:59-12:00", None),
    ],
)
async def test_a_search_before_any_time_is_answered(
    ann: Caller, place: str, before: str, found: list[str] | None
) -> None:
    await ann.say(place, "hello")
    answer = await search(ann, "hello", before=before)
    if found is None:
        assert answer.status_code in (400, 422)
    else:
        assert [hit["text"] for hit in answer.json["hits"]] == found


async def test_a_bad_search_is_refused(ann: Caller) -> None:
    for query in ("", "?q=", f"?q={'x' * 201}", "?q=a&limit=101", "?q=a&before=x", "?q=a&cursor=x", "?q=a&x=1"):
        assert (await ann.call("GET", f"/search{query}")).status_code == 400, query
    for before, statuses in (("2030-12-31T23:59:60Z", (400, 422)), ("2030-12-31t23:59:59z", (200,))):
        assert (await ann.call("GET", f"/search?q=a&before={before}")).status_code in statuses, before


@pytest.mark.usefixtures("documents")
def test_a_search_reads_the_index_of_the_callers_conversations_in_its_order() -> None:
    me, places = ObjectId(), [ObjectId() for _ in range(200)]
    where = module._condition(str(me), ["hello", "world"], None)
    for condition in (
        {"conversationId": {"$in": places}, **where},
        {"$or": [{"conversationId": key, "seq": {"$gt": 7}, **where} for key in places]},
    ):
        plan = str(Message._found(condition, 51).explain()["queryPlanner"]["winningPlan"])  # type: ignore[attr-defined]
        assert "SORT_MERGE" in plan
        assert "'SORT'" not in plan
        assert "conversationId_1_words_1__id_1" in plan
    for restriction in ({"joinedSeq": {"$gt": 0}}, {"isLarge": True}):
        cursor = Membership._get_collection().find({"userId": me, **restriction})
        assert "IXSCAN" in str(cursor.explain()["queryPlanner"]["winningPlan"])


@pytest.mark.usefixtures("documents")
def test_a_search_in_many_conversations_reads_only_those_that_can_have_a_newer_hit() -> None:
    me, past = ObjectId(), datetime(2024, 1, 1, tzinfo=UTC)

    def fill(count: int, when: datetime) -> list[ObjectId]:
        keys = [ObjectId() for _ in range(count)]
        insert_many(
            Conversation,
            [{"_id": key, "pairKey": str(key), "members": [me], "updatedAt": when, "createdAt": when} for key in keys],
        )
        return keys

    old, new = fill(450, past), fill(5, datetime.now(UTC))
    row = {"userId": me, "text": "needle", "words": ["needle"], "createdAt": past, "seq": 1}
    insert_many(Message, [{**row, "conversationId": old[7], "_id": ObjectId.from_datetime(past - timedelta(hours=1))}])
    insert_many(Message, [{**row, "conversationId": key} for key in new])

    class Models:
        pass

    models: Any = Models()
    models.Conversation, models.Membership = Conversation, Membership
    found = Message.search(models, str(me), "needle", limit=4)
    assert found is not None
    assert (len(found[0]), found[1]) == (4, found[0][-1]["_id"])
    rest = Message.search(models, str(me), "needle", limit=4, cursor=found[1])
    assert rest is not None
    assert ([hit["conversationId"] for hit in rest[0]], rest[1]) == ([str(new[0]), str(old[7])], None)


@pytest.mark.usefixtures("documents")
def test_messages_of_an_older_version_get_their_words_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "BATCH", 2)
    row = {"conversationId": ObjectId(), "userId": ObjectId(), "createdAt": now()}
    texts = ["one", "two words", "", "three", "four"]
    insert_many(Message, [{**row, "seq": seq, "text": text} for seq, text in enumerate(texts, 1)])
    edited = {**row, "seq": 6, "text": "edited", "rev": 1, "words": ["edited"]}
    insert_many(Message, [edited])
    assert [WordFilling.run(Message, batches=1), WordFilling.run(Message), WordFilling.run(Message)] == [2, 2, 0]
    assert [each.words for each in Message.objects.order_by("seq")] == [
        ["one"],
        ["two", "words"],
        [],
        ["three"],
        ["four"],
        ["edited"],
    ]
    WordFilling.objects.update(set__began_at=now() - timedelta(days=2))
    WordFilling.run(Message)
    insert_many(Message, [{**row, "seq": 7, "text": "five"}])
    assert WordFilling.run(Message) == 0, "no process of the older version is left"


@given(st.text(max_size=60), st.text(max_size=60))
def test_every_word_of_a_text_finds_it(one: str, other: str) -> None:
    stored = set(words_of(one, other))
    assert all(0 < len(word) <= LONGEST for word in stored)
    for text in (one, other, unicodedata.normalize("NFKC", one.upper()).lower()):
        words, start = query_of(text, 1000)
        if text in (one, other):
            assert set(words) <= stored
            assert start is None or any(word.startswith(start) for word in stored)


@given(st.from_regex(re.compile(r"[\u4e00-\u4e20]{2,12}"), fullmatch=True), st.data())
def test_every_part_of_a_text_without_spaces_finds_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    words, beginning = query_of(text[start:end], 1000)
    stored = words_of(text)
    assert set(words) <= set(stored)
    assert beginning is None or any(word.startswith(beginning) for word in stored)


def test_a_text_has_a_bounded_number_of_words_of_bounded_length() -> None:
    assert len(words_of(" ".join(map(str, range(4000))))) == WORDS
    assert len(words_of("".join(map(chr, range(0x4E00, 0x4E00 + 8000))))) == WORDS
    assert words_of("x" * 8000) == ["x" * LONGEST]
    assert query_of("x" * 200, 10) == (["x" * LONGEST], None)
