"""Connections by alias: options, sharing, several databases in one process, and cleanup."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import mongoengine
import pytest
from mongoengine import (
    DateTimeField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    FileField,
    GenericEmbeddedDocumentField,
    ListField,
    ReferenceField,
    SequenceField,
    StringField,
    UUIDField,
)
from pymongo.errors import PyMongoError

from hapiish import boom
from hapiish.store.connection import MEMORY, StoreError, Target, acquire, documents, release
from hapiish.store.errors import translate


class Room(Document):
    name = StringField(required=True)
    opened = DateTimeField()
    key = UUIDField(binary=True)
    meta = {"collection": "rooms", "allow_inheritance": True, "indexes": ["name"]}


class Hall(Room):
    seats = StringField()


class Guest(Document):
    room = ReferenceField(Room)


class Page(EmbeddedDocument):
    scan = FileField()


class Book(Document):
    number = SequenceField()
    cover = FileField()
    pages = ListField(EmbeddedDocumentField(Page))
    notes = GenericEmbeddedDocumentField(choices=[Page])


class Leaflet(Document):
    page = EmbeddedDocumentField(Page)


class Unlisted(Document):
    name = StringField()


class Archived(Document):
    name = StringField()
    meta = {"db_alias": "archive"}


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    assert mongoengine.connection._connections == {}
    assert mongoengine.connection._connection_settings == {}


def test_writes_are_majority_and_journaled_and_time_limited(mongo_uri: str) -> None:
    connection = acquire(Target(mongo_uri, timeout_ms=1500), [Room])
    concern = Room._get_collection().write_concern.document
    assert concern == {"w": "majority", "j": True, "wtimeout": 1500}
    options = connection.client.options
    assert options.retry_writes
    assert options.server_selection_timeout == 1.5
    assert options.pool_options.max_pool_size == 5
    release(connection)


def test_options_in_the_uri_win(mongo_uri: str) -> None:
    connection = acquire(Target(f"{mongo_uri}&w=1&serverselectiontimeoutms=700&retryWrites=false"), [Room])
    assert Room._get_collection().write_concern.document["w"] == 1
    assert connection.client.options.server_selection_timeout == 0.7
    assert not connection.client.options.retry_writes
    release(connection)


def test_the_database_of_the_uri_wins_over_the_name(mongo_uri: str, mongo_server: str) -> None:
    in_uri = acquire(Target(mongo_uri, "other"), [Room])
    assert Room._get_collection().database.name in mongo_uri
    release(in_uri)
    by_name = acquire(Target(mongo_server, "other"), [Room])
    assert Room._get_collection().database.name == "other"
    release(by_name)


def test_dates_come_back_in_utc_and_uuids_in_the_standard_form(mongo_uri: str) -> None:
    connection = acquire(Target(mongo_uri), [Room])
    opened = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
    key = uuid.uuid4()
    Room(name="blue", opened=opened, key=key).save()
    found = Room.objects.get(name="blue")
    assert (found.opened, found.key) == (opened, key)
    assert Room._get_collection().find_one({"name": "blue"})["key"] == key
    Room.drop_collection()
    release(connection)


def test_saving_builds_no_index(mongo_uri: str) -> None:
    connection = acquire(Target(mongo_uri), documents([Room]))
    Hall(name="green").save()
    assert list(Hall._get_collection().index_information()) == ["_id_"]
    Room.drop_collection()
    release(connection)


def test_documents_that_no_table_lists_use_the_first_connection(mongo_uri: str) -> None:
    connection = acquire(Target(mongo_uri), [Room])
    assert Unlisted._get_collection().database.name in mongo_uri
    Unlisted._disconnect()
    release(connection)


def test_files_and_counters_are_in_the_database_of_their_document(mongo_uri: str, mongo_server: str) -> None:
    first = acquire(Target(mongo_uri), documents([Room]))
    second = acquire(Target(mongo_server, "second"), documents([Book]))
    page = Page()
    page.scan.put(b"scan")
    book = Book(pages=[page])
    book.cover.put(b"cover")
    book.save()
    names = {"book", "fs.chunks", "fs.files", "mongoengine.counters"}
    assert names <= set(second.client.second.list_collection_names())
    database = first.client[Room._get_collection().database.name]
    assert names.isdisjoint(database.list_collection_names())
    assert (Book.objects.get().cover.read(), Book.objects.get().pages[0].scan.read()) == (b"cover", b"scan")
    second.client.drop_database("second")
    release(second)
    assert {Book.number.db_alias, Book.pages.field.document_type.scan.db_alias} == {"default"}
    release(first)


def test_a_field_of_files_that_models_in_two_databases_share_is_refused(mongo_uri: str, mongo_server: str) -> None:
    first = acquire(Target(mongo_uri), documents([Book]))
    with pytest.raises(StoreError, match=r"the field scan of the model .*Leaflet is shared with a model"):
        acquire(Target(mongo_server, "second"), documents([Leaflet]))
    release(first)


def test_two_databases_in_one_process_keep_their_own_models_apart(mongo_uri: str, mongo_server: str) -> None:
    first = acquire(Target(mongo_uri), documents([Room]))
    second = acquire(Target(mongo_server, "second"), documents([Guest]))
    Room(name="one").save()
    Guest().save()
    assert first.client[Room._get_collection().database.name].rooms.count_documents({}) == 1
    assert second.client.second.guest.count_documents({}) == 1
    second.client.drop_database("second")
    release(first)
    assert Guest.objects(pk=None).count() == 0
    release(second)


def test_users_of_the_same_target_share_a_connection_until_the_last_one_leaves(mongo_uri: str) -> None:
    first = acquire(Target(mongo_uri), [Room])
    second = acquire(Target(mongo_uri), [Room, Guest])
    assert first is second
    release(first)
    assert Room.objects(name="none").count() == 0
    release(second)
    with pytest.raises(mongoengine.ConnectionFailure):
        Room.objects(name="none").count()


def test_a_class_cannot_be_in_two_databases_at_once(mongo_uri: str, mongo_server: str) -> None:
    first = acquire(Target(mongo_uri), [Room])
    with pytest.raises(StoreError, match=r"the model .*Room is connected to another database"):
        acquire(Target(mongo_server, "second"), [Guest, Room])
    release(first)
    again = acquire(Target(mongo_server, "second"), [Guest, Room])
    assert Room._get_collection().database.name == "second"
    release(again)


def test_the_classes_get_their_own_meta_back() -> None:
    before = [dict(cls._meta) for cls in (Room, Hall, Guest)]
    release(acquire(Target(MEMORY), documents([Room, Guest])))
    assert [dict(cls._meta) for cls in (Room, Hall, Guest)] == before


def test_subclasses_come_along_and_classes_with_a_connection_of_their_own_do_not() -> None:
    models: list[Any] = [Room, Guest, Archived, "models.user:User", dict]
    assert documents(models) == [Room, Guest, Hall]


@pytest.mark.parametrize(
    "uri",
    ["http://localhost", "localhost", "mongodb://", "mongodb://host/?journal=maybe", "mongodb://host/?jurnal=true"],
)
def test_a_wrong_uri_is_refused(uri: str) -> None:
    with pytest.raises(StoreError, match=r"database\.uri cannot be used"):
        acquire(Target(uri), [Room])


def test_a_service_name_that_cannot_be_looked_up_is_a_database_that_is_away() -> None:
    connection = acquire(Target("mongodb+srv://nowhere.invalid/chat", timeout_ms=100), [Room])
    assert connection.client.get_default_database().name == "chat"
    with pytest.raises(PyMongoError) as caught:
        Room.objects(name="here").first()
    assert isinstance(translate(caught.value), boom.ServerUnavailable)
    release(connection)


def test_a_database_in_memory_answers_like_one() -> None:
    connection = acquire(Target(MEMORY), [Room])
    Room(name="here").save()
    assert Room.objects(name="here").count() == 1
    release(connection)
