"""docs/handlers.md documents the whole API of handlers."""

import re
from pathlib import Path

import pytest

from hapiish import boom
from hapiish.http.exchange.request import Auth, Info, Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.toolkit import Toolkit

PAGE = (Path(__file__).parent.parent / "docs" / "handlers.md").read_text()
WORDS = set(re.findall(r"\w+", PAGE))
INSIDE = {"mime", "pausing", "is_active", "listen", "receive", "scope", "send", "uploads"}
INSIDE |= {"header", "is_set", "note", "again", "expires", "is_injected", "id"}
"""What a request has for the framework alone, or for schemes and plugins."""


def public(cls: type) -> set[str]:
    return {name for name in vars(cls) if not name.startswith("_")}


@pytest.mark.parametrize("cls", [Request, Auth, Info, Toolkit])
def test_every_attribute_is_named(cls: type) -> None:
    assert public(cls) - INSIDE - WORDS == set()


def test_every_method_of_a_response_is_named() -> None:
    methods = {name for name in public(Response) if callable(getattr(Response, name))}
    assert methods - WORDS - {"sent_status"} == set()


def test_every_error_is_named_with_its_status() -> None:
    rows = {name: int(status) for status, name in re.findall(r"(\d{3}) \| `(\w+)`", PAGE)}
    classes = {cls.__name__: cls.status for cls in boom.Boom.__subclasses__() if cls.__module__ == boom.__name__}
    assert rows == classes
