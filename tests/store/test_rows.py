"""Documents as plain data, read and written without MongoEngine's query sets and documents."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from mongoengine import (
    DateTimeField,
    Document,
    DynamicDocument,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    ListField,
    NotUniqueError,
    StringField,
)
from mongoengine.errors import InvalidQueryError
from pymongo.errors import BulkWriteError

from hapiish.store.connection import DatabaseConnection, Target, acquire, release
from hapiish.store.rows import Find, NotUnique, find, find_all, get, insert, insert_many, modify, update
from hapiish.store.transactions import transaction
from tests.commands import recorded


class Place(EmbeddedDocument):
    town = StringField(db_field="t")


class Parcel(Document):
    code = StringField(db_field="c", required=True, unique=True)
    weight = IntField(db_field="w", default=7)
    place = EmbeddedDocumentField(Place, db_field="p")
    tags = ListField(StringField())
    sent = DateTimeField()

    meta = {"collection": "parcels_of_rows", "ordering": ["-weight"]}


class Stamp(Document):
    parcel = StringField()

    meta = {"collection": "stamps_of_rows"}


class Loose(DynamicDocument):
    meta = {"collection": "loose_of_rows"}


class Animal(Document):
    name = StringField()

    meta = {"collection": "animals_of_rows", "allow_inheritance": True}


class Dog(Animal):
    tricks = IntField()


class Puppy(Dog):
    pass


MODELS = (Parcel, Stamp, Loose, Animal, Dog, Puppy)


@pytest.fixture
def connection(mongo_uri: str) -> Iterator[DatabaseConnection]:
    opened = acquire(Target(mongo_uri), MODELS)
    Parcel.ensure_indexes()
    try:
        yield opened
    finally:
        for model in (Parcel, Stamp, Loose, Animal):
            model._get_collection().delete_many({})
        release(opened)


pytestmark = pytest.mark.usefixtures("connection")


def some(count: int) -> None:
    Parcel._get_collection().insert_many([{"c": str(n), "w": n % 10, "tags": ["a"] * (n % 3)} for n in range(count)])


def test_a_document_is_read_as_a_query_set_reads_it_with_as_pymongo() -> None:
    moment = datetime(2026, 11, 28, 12, 30, 15, 123000, UTC)
    Parcel(code="a", place=Place(town="Rome"), sent=moment).save()
    stored = Parcel.objects(code="a").as_pymongo().first()
    assert get(Parcel, {"c": "a"}) == stored
    assert stored["sent"] == moment
    assert find(Parcel, {"p.t": "Rome"}) == [stored]
    assert get(Parcel, {"c": "b"}) is None
    (naive,) = find(Parcel, {"c": "a"}, tz_aware=False)
    assert naive == {**stored, "sent": moment.replace(tzinfo=None)}


def test_fields_select_what_is_loaded() -> None:
    Parcel(code="a", place=Place(town="Rome"), tags=["x", "y"]).save()
    key = Parcel.objects.first().id
    assert get(Parcel, {}, fields=("w", "p.t")) == {"_id": key, "w": 7, "p": {"t": "Rome"}}
    assert get(Parcel, {}, fields=("_id",)) == {"_id": key}
    assert get(Parcel, {}, fields=()) == {"_id": key}
    assert get(Parcel, {}, fields={"_id": 0, "size": {"$size": "$tags"}}) == {"size": 2}


def test_sort_skip_and_limit_give_a_page() -> None:
    some(30)
    page = find(Parcel, {"w": {"$gte": 8}}, fields=("w",), sort=("-w", "c"), skip=1, limit=3)
    assert [row["w"] for row in page] == [9, 9, 8]
    assert get(Parcel, {}, sort=("-w", "-c"))["c"] == "9"  # type: ignore[index]


def test_a_list_takes_one_command_however_long_it_is() -> None:
    some(2001)
    for limit in (1, 101, 102, 201, 1000, 1001, 2001, 3000, 0):
        with recorded() as commands:
            assert len(find(Parcel, limit=limit)) == min(limit or 2001, 2001)
        assert commands == ["find"], limit
    with recorded() as commands:
        assert len(find_all(Find(Parcel, {}), Find(Stamp, {}))[0]) == 2001
    assert commands == ["aggregate"]


def test_a_page_that_is_larger_than_a_reply_is_complete() -> None:
    for code in "abcd":
        insert(Parcel, {"c": code, "tags": ["x" * 6_000_000]})
    assert [row["c"] for row in find(Parcel, sort=("c",), limit=4)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("use", "hint"),
    [
        (lambda: find(Parcel, {"code": "a"}), '; in the database, its name is "c"'),
        (lambda: get(Parcel, {"weigt": 1}), ""),
        (lambda: get(Parcel, {"$or": [{"c": "a"}, {"$and": [{"weight": 1}]}]}), '; in the database, its name is "w"'),
        (lambda: find(Parcel, fields=("c", "weight")), '; in the database, its name is "w"'),
        (lambda: find(Parcel, sort=("-weight",)), '; in the database, its name is "w"'),
        (lambda: update(Parcel, {"code": "a"}, {"$set": {"w": 1}}), '; in the database, its name is "c"'),
        (lambda: find_all(Find(Stamp, {}), Find(Parcel, {"code": "a"})), '; in the database, its name is "c"'),
    ],
    ids=["find", "get", "nested", "fields", "sort", "update", "find_all"],
)
def test_a_name_that_the_class_does_not_declare_is_an_error_and_not_an_empty_list(use: Any, hint: str) -> None:
    with pytest.raises(InvalidQueryError) as raised:
        use()
    assert str(raised.value).endswith(f"in the database{hint}")


def test_a_dynamic_class_has_any_name() -> None:
    insert(Loose, {"anything": 1})
    assert find(Loose, {"anything": 1}, fields=("anything",), sort=("other",))[0]["anything"] == 1


def test_an_inherited_class_reads_and_writes_its_own_documents() -> None:
    for model in (Animal, Dog, Puppy):
        insert(model, {"name": model.__name__})
    assert {type(each) for each in Animal.objects} == {Animal, Dog, Puppy}
    for model, expected in ((Animal, ["Animal", "Dog", "Puppy"]), (Dog, ["Dog", "Puppy"]), (Puppy, ["Puppy"])):
        assert [row["name"] for row in find(model, sort=("name",))] == expected
        ((*rows,), _) = find_all(Find(model, {}, sort=("name",)), Find(Stamp, {}))
        assert [row["name"] for row in rows] == expected
    assert get(Puppy, {"name": "Dog"}) is None
    assert update(Puppy, {"name": "Dog"}, {"$set": {"name": "x"}}) == 0
    assert get(Dog, {"name": "Puppy"}, fields=("name",))["_cls"] == "Animal.Dog.Puppy"  # type: ignore[index]


def test_several_queries_are_one_command_and_answer_as_each_alone() -> None:
    some(250)
    insert(Stamp, {"parcel": "1"})
    queries = (
        Find(Parcel, {"w": 3}, ("c",), ("-c",), 1, 2),
        Find(Stamp, {"parcel": "1"}),
        Find(Stamp, {"parcel": "nothing"}),
        Find(Parcel, {"w": {"$lt": 9}}, {"double": {"$add": ["$w", "$w"]}}, ("c",)),
        Find(Parcel, {"c": "7"}, {"w": 0, "tags": 0}),
        Find(Parcel, {"c": "7"}, {"_id": 0, "c": 1}),
        Find(Parcel, {"c": "7"}, {}),
        Find(Parcel, {"c": "7"}, ()),
    )
    with recorded() as commands:
        together = find_all(*queries)
    assert commands == ["aggregate"]
    assert together == [find_all(query)[0] for query in queries]
    assert [len(rows) for rows in together] == [2, 1, 0, 225, 1, 1, 1, 1]
    assert find_all() == []


def test_queries_of_two_databases_are_commands_of_their_own(mongo_uri: str) -> None:
    class Elsewhere(Document):
        name = StringField()

        meta = {"collection": "elsewhere_of_rows"}

    other = acquire(Target(mongo_uri.replace("/test_rows", "/test_rows_2")), [Elsewhere])
    try:
        insert(Elsewhere, {"name": "x"})
        insert(Stamp, {"parcel": "1"})
        with recorded() as commands:
            (stamps, others) = find_all(Find(Stamp, {}, ("parcel",)), Find(Elsewhere, {}, ("name",)))
        assert commands == ["find", "find"]
        assert (stamps[0]["parcel"], others[0]["name"]) == ("1", "x")
    finally:
        other.client.drop_database(Elsewhere._get_collection().database.name)
        release(other)


def test_a_stored_row_is_a_document_and_a_second_one_of_its_key_is_not_unique() -> None:
    row = {"c": "a", "w": 1}
    key = insert(Parcel, row)
    assert row["_id"] == key
    assert Parcel.objects.get(id=key).weight == 1
    with pytest.raises(NotUniqueError):
        insert(Parcel, {"c": "a"})


def test_several_rows_are_stored_in_order_up_to_the_first_that_is_not_unique() -> None:
    with recorded() as commands:
        assert insert_many(Parcel, [{"c": code} for code in "abc"]) is None
        assert insert_many(Parcel, [{"c": "d"}]) is None
        assert insert_many(Parcel, [{"c": "e"}, {"c": "b"}, {"c": "f"}]) == NotUnique(1, ("c",))
        assert insert_many(Parcel, [{"c": "a"}]) == NotUnique(0, ("c",))
    assert commands == ["insert"] * 4
    assert [row["c"] for row in find(Parcel, sort=("c",))] == list("abcde")
    with pytest.raises(BulkWriteError):
        insert_many(Parcel, [{"_id": [1]}, {"c": "g"}])


def test_an_update_changes_one_document_and_counts_it() -> None:
    some(3)
    assert update(Parcel, {"c": "1"}, {"$inc": {"w": 5}}) == 1
    assert update(Parcel, {"c": "1"}, {"$set": {"w": 6}}) == 1, "matched, although nothing changes"
    assert update(Parcel, {"c": "9"}, {"$set": {"w": 6}}) == 0
    assert update(Parcel, {"c": "9"}, {"$set": {"w": 6}}, upsert=True) == 0
    assert update(Parcel, {"c": "2"}, [{"$set": {"w": {"$add": ["$w", 1]}}}]) == 1
    assert {row["c"]: row["w"] for row in find(Parcel)} == {"0": 0, "1": 6, "2": 3, "9": 6}
    with pytest.raises(NotUniqueError):
        update(Parcel, {"c": "1"}, {"$set": {"c": "2"}})


def test_a_change_returns_the_document_before_or_after_it() -> None:
    some(3)
    with recorded() as commands:
        assert modify(Parcel, {"c": "1"}, {"$inc": {"w": 5}}, fields={"_id": 0, "c": 1, "w": 1}) == {"c": "1", "w": 6}
        assert modify(Parcel, {"c": "1"}, {"$inc": {"w": 5}}, fields={"_id": 0, "w": 1}, new=False) == {"w": 6}
        assert modify(Parcel, {"c": "1"}, [{"$set": {"w": {"$add": ["$w", 1]}}}], fields={"w": 1, "_id": 0}) == {
            "w": 12
        }
        assert modify(Parcel, {"c": "9"}, {"$inc": {"w": 5}}) is None
        with pytest.raises(NotUniqueError):
            modify(Parcel, {"c": "1"}, {"$set": {"c": "2"}})
    assert commands == ["findAndModify"] * 5


def test_a_transaction_of_the_store_includes_them(connection: DatabaseConnection) -> None:
    insert(Parcel, {"c": "kept", "w": 1})
    insert(Stamp, {"parcel": "kept"})

    def fail() -> None:
        with transaction(connection, 5):
            insert(Parcel, {"c": "lost"})
            update(Parcel, {"c": "kept"}, {"$set": {"w": 2}})
            assert get(Parcel, {"c": "kept"})["w"] == 2  # type: ignore[index]
            assert [len(rows) for rows in find_all(Find(Parcel, {}), Find(Stamp, {}))] == [2, 1]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [(row["c"], row["w"]) for row in find(Parcel)] == [("kept", 1)]


def test_the_database_in_memory_answers_alike() -> None:
    class Kept(Document):
        name = StringField()

        meta = {"collection": "kept_of_rows"}

    memory = acquire(Target("memory:"), [Kept])
    try:
        key = insert(Kept, {"name": "a"})
        assert update(Kept, {"name": "a"}, {"$set": {"name": "b"}}) == 1
        assert modify(Kept, {"name": "a"}, {"$set": {"name": "b"}}) is None
        assert modify(Kept, {"name": "b"}, {"$set": {"name": "b"}}, fields=("name",)) == {"_id": key, "name": "b"}
        assert find_all(Find(Kept, {"_id": key}, ("name",)), Find(Kept, {"_id": ObjectId()})) == [
            [{"_id": key, "name": "b"}],
            [],
        ]
        size = {"size": {"$cond": [{"$eq": ["$name", "b"]}, 1, 0]}}
        assert find(Kept, fields=size) == [{"_id": key, "size": 1}]
        assert get(Kept, {"_id": key}, fields=size) == {"_id": key, "size": 1}
        assert find(Kept, sort=("-name",), limit=5, tz_aware=False) == [{"_id": key, "name": "b"}]
    finally:
        release(memory)
