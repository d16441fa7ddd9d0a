"""Scratch databases: which are refused, what is emptied, and what remains."""

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from pymongo import MongoClient

from hapiish.testing.scratch import MARKER, Scratch, ScratchError

Client = MongoClient[dict[str, object]]


def test_emptying_keeps_collections_indexes_and_views(mongo_server: str) -> None:
    with Scratch(mongo_server) as scratch, Client(scratch.uri) as client:
        database = client[scratch.name]
        database.plain.create_index("a", name="by_a")
        database.plain.insert_one({"a": 1})
        database.create_collection("ring", capped=True, size=4096).insert_one({"a": 1})
        database.command("create", "view", viewOn="plain", pipeline=[])
        scratch.empty()
        assert database.plain.count_documents({}) == 0
        assert "by_a" in database.plain.index_information()
        assert set(database.list_collection_names()) >= {"plain", "view"}
        assert "ring" not in database.list_collection_names()
    with Client(mongo_server) as client:
        assert scratch.name not in client.list_database_names()


def test_two_without_a_name_are_two(mongo_server: str) -> None:
    with Scratch(mongo_server) as one, Scratch(mongo_server) as two:
        assert one.name != two.name


def test_one_that_a_killed_run_has_left_is_used_again_or_dropped_after_a_day(mongo_server: str) -> None:
    named = mongo_server.replace("/?", "/left_test?")
    old = ObjectId.from_datetime(datetime.now(UTC) - timedelta(days=2))
    with Client(mongo_server) as client:
        client["left_test"][MARKER].insert_one({"by": "hapiish"})
        client["hapiish_test_1_old"][MARKER].insert_one({"_id": old})
        client["hapiish_test_1_new"][MARKER].insert_one({})
        client["hapiish_test_1_else"]["book"].insert_one({})
        with Scratch(named) as scratch:
            scratch.drop_forgotten()
        names = set(client.list_database_names())
        assert names.isdisjoint({"left_test", "hapiish_test_1_old"})
        assert {"hapiish_test_1_new", "hapiish_test_1_else"} <= names
        client.drop_database("hapiish_test_1_new")
        client.drop_database("hapiish_test_1_else")


@pytest.mark.parametrize("name", ["shop", "latest", "protest", "testing", "contest_data"])
def test_a_name_without_the_word_is_refused(mongo_server: str, name: str) -> None:
    with pytest.raises(ScratchError, match=f'"{name}" is not a scratch database'):
        Scratch(mongo_server.replace("/?", f"/{name}?"))


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1/", "mongodb://", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50"]
)
def test_a_database_that_cannot_be_used_is_an_error(uri: str) -> None:
    with pytest.raises(ScratchError, match="cannot be used"):
        Scratch(uri)


def test_credentials_are_of_the_database_that_the_uri_names() -> None:
    with pytest.raises(ScratchError):
        Scratch("mongodb://u:p@127.0.0.1:1/shop?serverSelectionTimeoutMS=50")
    from hapiish.testing import scratch

    assert scratch._with_database("mongodb://u:p@h/a_test?w=1", "b") == "mongodb://u:p@h/b?w=1&authSource=a_test"
    assert scratch._with_database("mongodb://h/a_test", "b") == "mongodb://h/b"


def test_a_database_that_does_not_answer_is_said_in_short() -> None:
    with pytest.raises(ScratchError, match="Connection refused") as raised:
        Scratch("mongodb://127.0.0.1:1/a_test?serverSelectionTimeoutMS=100")
    assert "Topology" not in str(raised.value)
