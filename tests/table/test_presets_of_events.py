"""The authentication of presets that events use: its access rules hold, its strategies are those of routes."""

from pathlib import Path
from typing import Any

import pytest

from hapiish.table import check

PRESETS = """
auth:
  strategies:
    first: {scheme: basic, options: {validate: "my:v"}}
    other: {scheme: basic, options: {validate: "my:v"}}
presets:
  scoped: {auth: {strategy: other, scope: [admin]}}
  named: {auth: other}
  open: {auth: false}
  param: {auth: {scope: ["of-{params.id}"]}}
"""
PLACES = [
    '[{namespace: /, AUTHevents: [{event: a, handler: "my:a", options: {use: USED}}]}]',
    '[{namespace: /, AUTHoptions: {use: USED}, events: [{event: a, handler: "my:a"}]}]',
]


def checked(folder: Path, place: str, used: str, auth: str = "auth: first, ") -> tuple[Any, list[str]]:
    file = folder / "routes.yaml"
    namespaces = place.replace("USED", used).replace("AUTH", auth)
    file.write_text(f"{PRESETS}sockets: {{namespaces: {namespaces}}}\n")
    table, problems = check(file, {})
    auth_of_event = table.sockets.namespaces[0].events[0].options.auth if table and table.sockets else None
    return auth_of_event, [problem.code for problem in problems]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("used", ["scoped", "named"])
def test_a_namespace_without_authentication_refuses_a_preset_that_requires_it(
    tmp_path: Path, place: str, used: str
) -> None:
    assert checked(tmp_path, place, used, auth="") == (None, ["HA0316"])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("used", ["scoped", "[scoped, open]"])
def test_access_rules_of_a_preset_hold_under_the_strategy_of_the_namespace(
    tmp_path: Path, place: str, used: str
) -> None:
    auth, problems = checked(tmp_path, place, used)
    assert problems == []
    assert (auth.strategies, [rule.scope for rule in auth.access]) == (("first",), [("admin",)])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("auth", ["", "auth: first, "])
def test_a_preset_that_switches_authentication_off_does_so_for_routes_only(
    tmp_path: Path, place: str, auth: str
) -> None:
    assert checked(tmp_path, place, "open", auth) == (None, [])


@pytest.mark.parametrize("place", PLACES)
def test_a_scope_of_a_preset_needs_parameters_that_the_event_has(tmp_path: Path, place: str) -> None:
    assert checked(tmp_path, place, "param") == (None, ["HA0315"])
