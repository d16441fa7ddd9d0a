"""Declared indexes compared with those of a real database."""

from collections.abc import Iterator
from typing import Any

import pytest
from mongoengine import Document, EmbeddedDocument, IntField, ListField, StringField

from hapiish.store import indexes
from hapiish.store.connection import StoreError, Target, acquire, documents, release


class Seat(EmbeddedDocument):
    number = IntField()


class Letter(Document):
    room = StringField(db_field="r")
    seq = IntField()
    text = StringField()
    tags = ListField(StringField())
    expires = IntField()
    email = StringField(unique=True)
    meta = {
        "collection": "letters",
        "indexes": [
            {"fields": ["room", "-seq"], "unique": True},
            {"fields": ["tags"], "sparse": True},
            {"fields": ["expires"], "expireAfterSeconds": 0},
            {"fields": ["room"], "partialFilterExpression": {"text": {"$exists": True}}},
            {"fields": ["$text", "$room"], "weights": {"text": 5}},
            {"fields": ["seq"], "collation": {"locale": "en", "strength": 2}},
        ],
    }


class Animal(Document):
    name = StringField()
    meta = {"collection": "animals", "allow_inheritance": True, "indexes": ["name"]}


class Dog(Animal):
    owner = StringField()
    meta = {"indexes": ["owner"]}


class Shape(Document):
    name = StringField()
    meta = {"abstract": True, "indexes": ["name"]}


MODELS: list[Any] = [Letter, Animal, Shape, Seat]


@pytest.fixture(autouse=True)
def _connected(mongo_uri: str) -> Iterator[None]:
    connection = acquire(Target(mongo_uri), documents(MODELS))
    yield
    for cls in (Letter, Animal):
        cls.drop_collection()
    release(connection)


def test_all_that_is_declared_is_missing_at_first_and_nothing_after_it_was_applied() -> None:
    assert sorted(map(str, indexes.compare(MODELS).missing)) == [
        "animals (_cls, name)",
        "animals (_cls, owner)",
        "letters (email) unique",
        "letters (expires) expireAfterSeconds=0",
        "letters (r) partialFilterExpression={'text': {'$exists': True}}",
        "letters (r, seq desc) unique",
        "letters (seq) collation={'locale': 'en', 'strength': 2}",
        "letters (tags) sparse",
        "letters (text text, r text) weights={'text': 5}",
    ]
    assert len(indexes.apply(MODELS).missing) == 9
    assert indexes.compare(MODELS) == indexes.Diff((), (), ())
    assert indexes.apply(MODELS) == indexes.Diff((), (), ())


def test_a_unique_index_that_was_applied_is_enforced() -> None:
    indexes.apply(MODELS)
    information = Letter._get_collection().index_information()
    assert information["r_1_seq_-1"]["unique"]
    assert information["expires_1"]["expireAfterSeconds"] == 0


def test_an_index_that_no_model_declares_is_listed_and_dropped_on_demand_only() -> None:
    Letter._get_collection().create_index("text", name="by hand")
    indexes.apply(MODELS)
    assert [index.name for index in indexes.compare(MODELS).unneeded] == ["by hand"]
    assert "by hand" in Letter._get_collection().index_information()
    indexes.apply(MODELS, drop=True)
    assert indexes.compare(MODELS) == indexes.Diff((), (), ())


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ([("r", 1), ("seq", -1)], {}),
        ([("tags", 1)], {}),
        ([("expires", 1)], {"expireAfterSeconds": 60}),
        ([("r", 1)], {"partialFilterExpression": {"seq": {"$exists": True}}}),
        ([("seq", 1)], {"collation": {"locale": "en", "strength": 1}}),
        ([("seq", 1)], {}),
    ],
    ids=["unique", "sparse", "expiry", "partial", "collation", "no-collation"],
)
def test_an_index_with_other_options_is_listed_and_rebuilt_on_demand_only(
    keys: list[tuple[str, Any]], options: dict[str, Any]
) -> None:
    Letter._get_collection().create_index(keys, **options)
    indexes.apply(MODELS)
    ((wanted, found),) = indexes.compare(MODELS).changed
    assert wanted.keys == found.keys == tuple(keys)
    indexes.apply(MODELS, drop=True)
    assert indexes.compare(MODELS) == indexes.Diff((), (), ())


def test_data_that_breaks_a_unique_index_is_an_error_that_names_the_index() -> None:
    Letter._get_collection().insert_many([{"email": "a", "seq": 1}, {"email": "a", "seq": 2}])
    with pytest.raises(StoreError, match=r"the index letters \(email\) unique cannot be built: several .* 'a'"):
        indexes.apply(MODELS)
