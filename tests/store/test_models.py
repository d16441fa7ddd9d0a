"""Models as attributes, by their names in `models:`."""

import pytest

from hapiish.store.models import Models


class User: ...


class Message: ...


models = Models({"User": User, "Message": Message})


def test_a_name_of_the_table_is_its_class() -> None:
    assert models.User is User
    assert models.Message is Message


def test_the_names_are_listed_in_the_order_of_the_table() -> None:
    assert list(models) == ["User", "Message"]
    assert len(models) == 2
    assert "Message" in models


def test_an_unknown_name_is_an_attribute_error_with_the_nearest_and_all_known_names() -> None:
    with pytest.raises(AttributeError, match='no model "Mesage"; did you mean "Message"\\? known names: User, Message'):
        _ = models.Mesage
    with pytest.raises(AttributeError, match='no model "Zebra"; known names: User, Message'):
        _ = models.Zebra
    with pytest.raises(AttributeError, match="known names: none"):
        _ = Models({}).User


def test_a_handler_cannot_replace_a_model() -> None:
    with pytest.raises(AttributeError, match="models cannot be set"):
        models.User = Message
    assert models.User is User
