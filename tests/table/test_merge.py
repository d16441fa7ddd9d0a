"""Merging of options by hapi's rules; null resets to the built-in default."""

from typing import Any

import pytest

from hapiish.table.merging.merge import Layer, merge, spell_auth
from hapiish.table.text.marks import Path

CASES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("objects merge deeply", {"cache": {"privacy": "public"}}, {"cache": {"expiresIn": 5}},
     {"cache": {"privacy": "public", "expiresIn": 5}}),
    ("scalars are replaced", {"payload": {"maxBytes": 1}}, {"payload": {"maxBytes": 2}}, {"payload": {"maxBytes": 2}}),
    ("lists are replaced", {"cors": {"origin": ["a", "b"]}}, {"cors": {"origin": ["c"]}}, {"cors": {"origin": ["c"]}}),
    ("null resets a scalar", {"payload": {"maxBytes": 1, "parse": False}}, {"payload": {"maxBytes": None}},
     {"payload": {"parse": False}}),
    ("null resets a group", {"security": {"hsts": 5}, "state": {}}, {"security": None, "state": None}, {}),
    ("false overrides", {"cors": {"maxAge": 5}}, {"cors": False}, {"cors": False}),
    ("true over an object keeps it", {"cors": {"maxAge": 5}, "security": {"hsts": 5}}, {"cors": True, "security": True},
     {"cors": {"maxAge": 5}, "security": {"hsts": 5}}),
    ("true over false is the defaults", {"cors": False}, {"cors": True}, {"cors": {}}),
    ("an object over true", {"security": True}, {"security": {"hsts": 5}}, {"security": {"hsts": 5}}),
    ("an object over false", {"cache": False}, {"cache": {"expiresIn": 1}}, {"cache": {"expiresIn": 1}}),
    ("schemas of inputs are replaced whole", {"validate": {"query": {"a": 1}, "failAction": "log"}},
     {"validate": {"query": {"b": None}}}, {"validate": {"query": {"b": None}, "failAction": "log"}}),
    ("the response's schema is replaced whole", {"response": {"schema": {"a": 1}}}, {"response": {"schema": {"b": 1}}},
     {"response": {"schema": {"b": 1}}}),
    ("statuses merge, their schemas are replaced whole",
     {"response": {"status": {"200": {"a": 1}, "404": {"a": 1}}}}, {"response": {"status": {"200": {"b": 1}}}},
     {"response": {"status": {"200": {"b": 1}, "404": {"a": 1}}}}),
    ("a schema is reset by null", {"validate": {"query": {"a": 1}}}, {"validate": {"query": None}}, {"validate": {}}),
    ("app is the user's own, null included", {"app": {"a": 1, "c": {"d": 1}}}, {"app": {"a": None, "c": {"e": None}}},
     {"app": {"a": None, "c": {"d": 1, "e": None}}}),
    ("x- keys are left out", {"x-a": 1}, {"cache": {"x-b": 1}}, {"cache": {}}),
    ("a route's rules join the inherited strategy", {"auth": "s"}, {"auth": {"scope": "a"}},
     {"auth": {"strategies": ["s"], "access": [{"scope": "a"}]}}),
    ("another strategy replaces the inherited ones", {"auth": {"strategies": ["a", "b"], "mode": "try"}},
     {"auth": {"strategy": "c"}}, {"auth": {"strategies": ["c"], "mode": "try"}}),
    ("auth false overrides", {"auth": "s"}, {"auth": False}, {"auth": False}),
]  # fmt: skip


@pytest.mark.parametrize(("base", "over", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_two_layers_merge(base: dict[str, Any], over: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merge(Layer(base, ("base",)), Layer(over, ("over",))).value == expected


def test_any_number_of_layers_merge_from_the_bottom_up() -> None:
    layers = [Layer({"json": {"space": space, f"k{space}": 1}}, (space,)) for space in range(3)]
    assert merge(*layers).value == {"json": {"space": 2, "k0": 1, "k1": 1, "k2": 1}}
    assert merge().value == {}


def test_layers_are_left_as_they_were() -> None:
    base, over = {"cache": {"privacy": "public"}}, {"cache": {"expiresIn": 5}}
    merge(Layer(base, ()), Layer(over, ()))
    assert (base, over) == ({"cache": {"privacy": "public"}}, {"cache": {"expiresIn": 5}})


ORIGINS: list[tuple[Path, Path]] = [
    (("cache", "privacy"), ("base", "cache", "privacy")),
    (("cache", "expiresIn"), ("over", "cache", "expiresIn")),
    (("cors", "maxAge"), ("over", "cors")),
    (("security", "hsts"), ("base", "security", "hsts")),
    (("cache", "statuses", 1), ("base", "cache", "statuses", 1)),
    (("auth", "strategies", 0), ("over", "auth")),
    (("nowhere",), ("over", "nowhere")),
]


@pytest.mark.parametrize(("path", "origin"), ORIGINS)
def test_every_option_can_be_traced_to_the_layer_that_decided_it(path: Path, origin: Path) -> None:
    base = {"cache": {"privacy": "public", "statuses": [1, 2]}, "cors": {"maxAge": 5}, "security": {"hsts": 5}}
    over = {"cache": {"expiresIn": 5}, "cors": False, "security": True, "auth": "s"}
    assert merge(Layer(base, ("base",)), Layer(over, ("over",))).origin(*path) == origin


SPELLED: list[tuple[Any, Any]] = [
    (None, None),
    (False, False),
    ("s", {"strategies": ["s"]}),
    ({"strategy": "s", "mode": "try"}, {"strategies": ["s"], "mode": "try"}),
    ({"scope": ["a"], "entity": "user"}, {"access": [{"scope": ["a"], "entity": "user"}]}),
    ({"access": {"scope": "a"}}, {"access": [{"scope": "a"}]}),
    ({"access": [{"scope": "a"}]}, {"access": [{"scope": "a"}]}),
    ({"strategies": ["a", "b"], "x-note": 1}, {"strategies": ["a", "b"]}),
]


@pytest.mark.parametrize(("written", "spelled"), SPELLED)
def test_auth_is_spelled_out(written: Any, spelled: Any) -> None:
    assert spell_auth(written) == spelled
