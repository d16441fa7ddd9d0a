"""Inherited lists: replaced, or extended with `add`."""

from pathlib import Path
from typing import Any

import pytest

from hapiish.options import Table
from hapiish.table import check
from hapiish.table.problems import Problem


def judged(folder: Path, text: str) -> tuple[Table | None, list[Problem]]:
    """What `check` says of a table."""
    (folder / "routes.yaml").write_text(text)
    return check(folder / "routes.yaml", {})


def table(outer: str, group: str, preset: str, route: str) -> str:
    """A table with options on every level."""
    return f"""
presets: {{p: {preset}}}
groups:
  - options: {outer}
    groups:
      - prefix: /a
        options: {group}
        routes: [{{method: POST, path: /b, handler: "a:b", options: {route}}}]
"""


def steps(options: Any) -> list[str]:
    """The names of the steps in effect."""
    return [step.method for together in options.pre for step in together]


LISTS: list[tuple[str, str, Any]] = [
    ("tags", "[t{}]", lambda options: [tag[1:] for tag in options.tags]),
    ("notes", "[n{}]", lambda options: [note[1:] for note in options.notes]),
    ("pre", "['m:f{}']", lambda options: [name.removeprefix("m:f") for name in steps(options)]),
    ("limit", "['{}/second']", lambda options: [str(limit.max) for limit in options.limit]),
]


@pytest.mark.parametrize(("key", "form", "read"), LISTS)
def test_a_list_replaces_and_adds_where_it_says_so(tmp_path: Path, key: str, form: str, read: Any) -> None:
    own = {number: form.replace("{}", number) for number in "1234"}

    def effective(adding: str) -> list[str]:
        said = {number: f"{{add: {own[number]}}}" if number in adding else own[number] for number in "1234"}
        outer, group, preset, route = (f"{key}: {said[number]}" for number in "1234")
        text = table(f"{{{outer}}}", f"{{{group}}}", f"{{{preset}}}", f"{{use: p, {route}}}")
        found, problems = judged(tmp_path, text)
        assert found is not None, problems
        return [word[0] for word in read(found.routes[0].options)]

    assert effective("") == ["4"]
    assert effective("4") == ["3", "4"]
    assert effective("34") == ["2", "3", "4"]
    assert effective("234") == ["1", "2", "3", "4"]
    assert effective("1234") == ["1", "2", "3", "4"]
    assert effective("24") == ["3", "4"]


def test_a_single_value_is_a_list_of_one(tmp_path: Path) -> None:
    found, _ = judged(
        tmp_path, table("{}", "{tags: a, limit: 5/second}", "{}", "{tags: {add: [b]}, limit: {add: [9/day]}}")
    )
    assert found is not None
    assert found.routes[0].options.tags == ("a", "b")
    assert [limit.max for limit in found.routes[0].options.limit or ()] == [5, 9]


def test_origins_media_types_and_headers_add_up(tmp_path: Path) -> None:
    group = "{cors: {origin: ['https://a.example'], additionalHeaders: [x-a]}, payload: {allow: a/a}}"
    added = "{origin: {add: ['https://b.example']}, additionalHeaders: {add: [x-b]}}"
    route = f"{{cors: {added}, payload: {{allow: {{add: [b/b]}}}}}}"
    found, problems = judged(tmp_path, table("{}", group, "{}", route))
    assert found is not None, problems
    options = found.routes[0].options
    assert options.cors is not None
    assert options.cors.origin == ("https://a.example", "https://b.example")
    assert options.cors.additional_headers == ("x-a", "x-b")
    assert options.payload.allow == ("a/a", "b/b")


def test_null_between_ends_what_is_inherited(tmp_path: Path) -> None:
    found, _ = judged(tmp_path, table("{tags: [a]}", "{tags: null}", "{}", "{tags: {add: [b]}}"))
    assert found is not None
    assert found.routes[0].options.tags == ("b",)


def test_a_fault_in_what_is_added_is_told_at_its_place(tmp_path: Path) -> None:
    text = table("{}", "{pre: ['m:a']}", "{}", "{pre: {add: ['m:b', 'nope(params.id)']}}")
    _, problems = judged(tmp_path, text)
    assert [(problem.code, problem.mark.line) for problem in problems] == [("HA0366", 8), ("HA0367", 8)]
    assert text.splitlines()[7][problems[0].mark.column - 1 :].startswith("'nope(")


def test_names_in_what_is_added_are_imported(tmp_path: Path) -> None:
    found, _ = judged(tmp_path, table("{}", "{pre: ['m:a']}", "{pre: {add: ['m:p']}}", "{use: p, pre: {add: ['m:b']}}"))
    assert found is not None
    assert {"m:a", "m:p", "m:b"} <= found.names.keys()


REPLACED = "{pre: [{method: 'm:a', assign: article}]}"


@pytest.mark.parametrize(
    ("preset", "route", "warned"),
    [
        ("{pre: ['m:p']}", "{use: p}", True),
        ("{}", "{pre: ['m:r']}", True),
        ("{pre: {add: ['m:p']}}", "{use: p}", False),
        ("{pre: [{method: 'm:p', assign: article}]}", "{use: p}", False),
        ("{}", "{pre: null}", False),
        ("{}", "{pre: []}", False),
        ("{}", "{}", False),
    ],
)
def test_a_list_that_replaces_steps_whose_values_are_gone_is_warned_of(
    tmp_path: Path, preset: str, route: str, warned: bool
) -> None:
    found, problems = judged(tmp_path, table("{}", REPLACED, preset, route))
    assert found is not None
    assert [problem.code for problem in problems] == (["HA0377"] if warned else [])
    if warned:
        assert problems[0].warning
        assert '"article"' in problems[0].message
        assert "{add: [...]}" in problems[0].hint
        assert [mark.line for mark, _ in problems[0].related] == [7]


def test_what_a_call_reads_of_a_replaced_step_is_refused_and_the_reason_told(tmp_path: Path) -> None:
    text = "methods: {load: 'm:load'}\n" + table("{}", REPLACED, "{pre: ['m:p']}", "{use: p}").replace(
        "a:b", "load(pre.article.id)"
    )
    _, problems = judged(tmp_path, text)
    assert sorted(problem.code for problem in problems) == ["HA0367", "HA0377"]


NAMESPACE = """
sockets:
  namespaces:
    - namespace: /
      {namespace}
      events: [{{event: e, handler: "a:b", options: {event}}}]
"""


@pytest.mark.parametrize(
    ("namespace", "event", "called", "warned"),
    [
        ("pre: ['m:check']", "{pre: ['m:own']}", ["m:own"], 'calls "m:check"'),
        ("pre: [{method: 'm:check'}]", "{pre: [{method: 'm:own', assign: x}]}", ["m:own"], 'calls "m:check"'),
        ("pre: [['m:check', 'm:other']]", "{pre: ['m:other']}", ["m:other"], 'calls "m:check"'),
        ("options: {pre: ['m:check']}", "{pre: ['m:own']}", ["m:own"], 'calls "m:check"'),
        ("pre: [{method: 'm:check', assign: me}]", "{pre: ['m:own']}", ["m:own"], 'assigns "me"'),
        ("pre: ['m:check']", "{pre: {add: ['m:own']}}", ["m:check", "m:own"], None),
        ("pre: ['m:check']", "{pre: ['m:check', 'm:own']}", ["m:check", "m:own"], None),
        ("pre: ['m:check']", "{pre: ['m:own', {method: 'm:check', failAction: log}]}", ["m:own", "m:check"], None),
        ("pre: [{method: 'm:check', assign: me}]", "{pre: [{method: 'm:own', assign: me}]}", ["m:own"], None),
        ("pre: ['m:check']", "{pre: []}", [], None),
        ("pre: ['m:check']", "{pre: null}", [], None),
        ("pre: ['m:check']", "{}", ["m:check"], None),
        ("pre: {add: ['m:check']}", "{pre: {add: ['m:own']}}", ["m:check", "m:own"], None),
    ],
)
def test_an_event_that_drops_the_steps_of_its_namespace_is_warned_of(
    tmp_path: Path, namespace: str, event: str, called: list[str], warned: str | None
) -> None:
    found, problems = judged(tmp_path, NAMESPACE.format(namespace=namespace, event=event))
    assert found is not None, problems
    assert found.sockets is not None
    assert steps(found.sockets.namespaces[0].events[0].options) == called
    assert [problem.code for problem in problems] == (["HA0377"] if warned else [])
    if warned:
        assert problems[0].warning
        assert warned in problems[0].message
        assert [mark.line for mark, _ in problems[0].related] == [5]


@pytest.mark.parametrize("namespace", ["limit: ['9/day']", "options: {limit: ['9/day'], tags: [a]}"])
def test_an_event_adds_to_the_limits_of_its_namespace(tmp_path: Path, namespace: str) -> None:
    text = NAMESPACE.format(namespace=namespace, event="{limit: {add: ['5/second']}}")
    found, problems = judged(tmp_path, text)
    assert found is not None, problems
    assert found.sockets is not None
    limits = found.sockets.namespaces[0].events[0].options.limit
    assert [limit.max for limit in limits or ()] == [9, 5]


def test_an_override_that_drops_the_steps_of_a_namespace_is_warned_of(tmp_path: Path) -> None:
    text = NAMESPACE.format(namespace="pre: ['m:check']", event="{}")
    (tmp_path / "inner.yaml").write_text(text.replace("{event: e,", "{event: e, id: talk,"))
    override = "{talk: {options: {pre: ['m:own']}}}"
    found, problems = judged(tmp_path, f"plugins: [{{table: inner.yaml, override: {override}}}]")
    assert found is not None, problems
    assert [(problem.code, problem.mark.line) for problem in problems] == [("HA0377", 1)]
