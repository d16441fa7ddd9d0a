"""The structure of the file: locations, wording and suggestions of problems."""

from pathlib import Path
from typing import Any

import pytest

from hapiish.table.compose.expand import expand
from hapiish.table.form.validation import validate_form
from hapiish.table.problems import Problem
from hapiish.table.text import source
from hapiish.table.text.source import Tree


def shaped(text: str, **env: str) -> tuple[Tree, list[Problem]]:
    tree, problems = source.read(text, "f")
    assert tree is not None
    assert problems == []
    tree, _ = expand(tree, env, Path())
    return validate_form(tree)


def said(text: str, **env: str) -> list[str]:
    return [
        f"{problem.mark.line}:{problem.mark.column} {problem.code} {problem.message}" for problem in found(text, **env)
    ]


def found(text: str, **env: str) -> list[Problem]:
    return sorted(shaped(text, **env)[1])


ROUTE = "routes:\n- method: GET\n  path: /\n  handler: a:b\n"
RULE = 'a JSON Schema (a mapping, true or false) or a function "module:attribute"'
OPTIONS = ROUTE + "  options:\n"

ACTION = '"failAction" must be error, log, ignore or a function "module:attribute", not "erorr"; did you mean "error"?'
FRAME = '"xframe" must be true, false, deny, sameorigin or settings, not "sameorigi"; did you mean "sameorigin"?'

HANDLER = 'text of the form "module:attribute", a call "method(params.id)" or one kind of handler'

FAULTS: list[tuple[str, str]] = [
    ("", "1:1 HA0201 the table is empty"),
    ("- a", "1:1 HA0201 the table must be a mapping, not a list"),
    ("text", "1:1 HA0201 the table must be a mapping, not text"),
    ("hapiish: 2", '1:10 HA0202 "hapiish" must be 1, not 2'),
    ("routs: []", '1:1 HA0204 unknown option "routs"; did you mean "routes"?'),
    ("Routes: []", '1:1 HA0204 unknown option "Routes"; did you mean "routes"?'),
    ("routes: {}", '1:9 HA0201 "routes" must be a list, not a mapping'),
    ("routes:\n- 3", '2:3 HA0201 "routes[0]" must be a mapping, not 3'),
    ("routes:\n- {}", '2:3 HA0203 missing "method", "path", "handler"'),
    ("routes:\n- {method: GET, path: /}", '2:3 HA0203 missing "handler"'),
    ("routes:\n- {method: 'G T', path: /, handler: a:b}",
     '2:12 HA0205 "method" must be a method such as GET, a list of them, or "*", not "G T"'),
    ("routes:\n- {method: [], path: /, handler: a:b}", '2:12 HA0207 "method" must be a list of at least 1'),
    ("routes:\n- {method: [GET, GET], path: /, handler: a:b}",
     '2:12 HA0207 "method" must be a list without duplicates'),
    ("routes:\n- {method: GET, path: 1.10, handler: a:b}", '2:23 HA0201 "path" must be text, not 1.10'),
    ("routes:\n- {method: GET, path: /, handler: index}",
     f'2:35 HA0205 "handler" must be {HANDLER}, not "index"'),
    ("routes:\n- {method: GET, path: /, handler: [x]}",
     f'2:35 HA0201 "handler" must be {HANDLER}, not a list'),
    (ROUTE + "  vhost: '*.a.test'", '5:10 HA0205 "vhost" must be a hostname or a list of them, not "*.a.test"'),
    (ROUTE + "  vhost: a.test:80", '5:10 HA0205 "vhost" must be a hostname or a list of them, not "a.test:80"'),
    (OPTIONS + "    validat: {}", '6:5 HA0204 unknown option "validat"; did you mean "validate"?'),
    (OPTIONS + "    auth: {scope: []}", '6:19 HA0207 "scope" must be a list of at least 1'),
    (OPTIONS + "    auth: {access: {}}", '6:20 HA0207 "access" must be a mapping with at least 1 key'),
    (OPTIONS + "    auth: {mode: tri}",
     '6:18 HA0202 "mode" must be "required", "optional" or "try", not "tri"; did you mean "try"?'),
    (OPTIONS + "    cors: 'yes'", '6:11 HA0201 "cors" must be true, false or settings, not "yes"'),
    (OPTIONS + "    cors: {origin: []}", '6:20 HA0207 "origin" must be a list of at least 1'),
    (OPTIONS + "    cache: {expiresAt: '25:99'}",
     '6:24 HA0205 "expiresAt" must be a time of day such as "03:30", not "25:99"'),
    (OPTIONS + "    cache: {expiresIn: 5x}",
     '6:24 HA0205 "expiresIn" must be milliseconds, or text such as "250ms", "10s", "5m", "1h", "1d", not "5x"'),
    (OPTIONS + "    cache: {statuses: [20]}", '6:24 HA0206 "statuses[0]" must be at least 200, not 20'),
    (OPTIONS + "    response: {status: {abc: true}}", '6:25 HA0208 "abc" is not a status of three digits'),
    (OPTIONS + "    response: {emptyStatusCode: 202}", '6:33 HA0202 "emptyStatusCode" must be 200 or 204, not 202'),
    (OPTIONS + "    response: {sample: 101}", '6:24 HA0206 "sample" must be at most 100, not 101'),
    (OPTIONS + "    validate: {query: text}", f'6:23 HA0205 "query" must be {RULE}, not "text"'),
    (OPTIONS + "    response: {schema: text}", f'6:24 HA0205 "schema" must be {RULE}, not "text"'),
    (OPTIONS + "    tags: [1]", '6:12 HA0201 "tags[0]" must be text, not 1'),
    (OPTIONS + "    ext: {onRequest: a:b}", '6:11 HA0204 unknown option "onRequest"'),
    (OPTIONS + "    pre: [{assign: x}]", '6:11 HA0203 missing "method"'),
    (OPTIONS + "    pre: [[{method: a:b, failAction: erorr}]]",
     f"6:38 HA0205 {ACTION}"),
    (OPTIONS + "    security: {xframe: sameorigi}",
     f"6:24 HA0202 {FRAME}"),
    (OPTIONS + "    security: {xframe: {rule: deny, source: x}}",
     '6:31 HA0202 "rule" must be "allow-from", not "deny"'),
    (OPTIONS + "    state: {parse: nope}", '6:20 HA0201 "parse" must be true or false, not "nope"'),
    (OPTIONS + "    x-mine: {any: thing}\n    nosuch: 1", '7:5 HA0204 unknown option "nosuch"'),
    ("server: {foo: 1}", '1:10 HA0204 unknown option "foo"'),
    ("server: {port: abc}", '1:16 HA0201 "port" must be a whole number, not "abc"'),
    ("server: {port: 70000}", '1:16 HA0206 "port" must be at most 65535, not 70000'),
    ("server: {port: 80.5}", '1:16 HA0201 "port" must be a whole number, not 80.5'),
    ("server: {routes: {tags: [x]}}", '1:19 HA0204 unknown option "tags"'),
    ("server: {router: {isCaseSensitive: }}", ""),
    ("models: {a-b: x:y}", '1:10 HA0208 "a-b" is not a name of letters, digits and _'),
    ("models: {A: }", '1:10 HA0201 "A" must be text of the form "module:attribute", not empty'),
    ("auth: {strategies: {s: {}}}", '1:21 HA0203 missing "scheme"'),
    ("state: {s: {isSameSite: lax}}",
     '1:25 HA0202 "isSameSite" must be "Strict", "Lax", "None" or false, not "lax"; did you mean "Lax"?'),
    ("state: {'a b': {}}", '1:9 HA0208 "a b" is not the name of a cookie'),
    ("schemas: {a/b: {}}", '1:11 HA0208 "a/b" is not a name without /, ~ and #'),
    ("schemas: {A: 3}", '1:14 HA0201 "A" must be a JSON Schema: a mapping, true or false, not 3'),
    ("sockets: {transports: [websockets]}",
     '1:24 HA0202 "transports[0]" must be "websocket" or "polling", not "websockets"; did you mean "websocket"?'),
    ("sockets: {namespaces: [{namespace: chat}]}",
     '1:36 HA0205 "namespace" must be a name that starts with "/", not "chat"'),
    ("sockets: {namespaces: [{events: [{event: '', handler: a:b}]}]}",
     '1:42 HA0207 "event" must be at least 1 character long'),
    ("state: {s: {encoding: iron, password: short}}",
     '1:39 HA0207 "password" must be at least 32 characters long'),
    ('models: {A: "$${x}"}',
     '1:13 HA0205 "A" must be text of the form "module:attribute", not the value of "$${x}"'),
    ('server: {port: "$${x}"}', '1:16 HA0201 "port" must be a whole number, not the value of "$${x}"'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FAULTS)
def test_a_fault_of_form_is_shown_at_its_key_or_value(text: str, expected: str) -> None:
    assert said(text) == ([expected] if expected else [])


HINTS: list[tuple[str, str]] = [
    ("", "start with routes:"),
    ("routes: {}", 'begin each entry with "- "'),
    ("routes:\n- {method: GET, path: {id}, handler: a:b}", 'quote text that starts with "{": "{id}"'),
    ("sockets: {namespaces: [{events: [{event: e, handler: {file: x}}]}]}",
     'name a function, such as "handlers.users:show"'),
    ("info: {version: 1.10}", 'quote it: "1.10"'),
    ("server: {accessLog: yes}", "write true; YAML 1.2 has only true and false"),
    ("server: {accessLog: off}", "write false; YAML 1.2 has only true and false"),
    ("server: {accessLog: 'true'}", "write it without quotes"),
    ("server: {port: 1_000}", "write 1000"),
    ("server: {port: '80'}", "write 80, without quotes"),
    (ROUTE + "  options:\n  validate: {}", 'indent it, so that it belongs to "options"'),
    (ROUTE + "  validate: {}", 'it belongs under "options"'),
    (OPTIONS + "    id: x", 'it belongs one level up, beside "options"'),
    (OPTIONS + "    ext: {onRequest: a:b}", 'it is only allowed in "ext" at the top of the table'),
    ("groups: [{prefix: /a, groups: [{method: GET}]}]", 'an entry with "method" belongs under "routes"'),
    (ROUTE + "  prefix: /a", 'an entry with "prefix" belongs under "groups"'),
    ("sockets: {namespaces: [{emits: [{event: a, handler: a:b}]}]}", 'an entry with "handler" belongs under "events"'),
    (OPTIONS + "    json: {nosuch: 1}", "available: replacer, space, suffix, escape"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "hint"), HINTS)
def test_a_hint_says_what_was_probably_meant(text: str, hint: str) -> None:
    (problem,) = found(text)
    assert problem.hint == hint


def test_a_misspelt_key_is_not_reported_as_missing_as_well() -> None:
    assert said("routes:\n- {method: GET, path: /, handlr: a:b}") == [
        '2:26 HA0204 unknown option "handlr"; did you mean "handler"?'
    ]


def test_every_fault_is_reported_and_only_what_is_wrong_is_taken_out() -> None:
    tree, problems = shaped(
        "server: {port: x, host: h}\n"
        "routes:\n"
        "- {method: GET, path: /a, handler: a:b, options: {tags: [a, 1], notes: [x], nosuch: 1}}\n"
        "- 3\n"
        "- {method: GET, path: 5, handler: a:b}\n"
    )
    assert len(problems) == 5
    assert tree.value == {
        "server": {"host": "h"},
        "routes": [
            {"method": "GET", "path": "/a", "handler": "a:b", "options": {"notes": ["x"]}},
            None,
            {"method": "GET", "handler": "a:b"},
        ],
    }


def test_nothing_more_is_said_of_a_place_that_is_already_reported() -> None:
    tree, problems = source.read("server: {port: 0080, host: 5}", "f")
    assert tree is not None
    assert [problem.code for problem in [*problems, *validate_form(tree)[1]]] == ["HA0105", "HA0201"]


TYPED: list[tuple[str, dict[str, str], Any]] = [
    ("server: {port: '${P}'}", {"P": "80"}, {"port": 80}),
    ("server: {accessLog: '${D:true}'}", {}, {"accessLog": True}),
    ("server:\n  host: ${H}", {"H": "127"}, {"host": "127"}),
    ("server:\n  host: ${H}", {"H": "true"}, {"host": "true"}),
    ("server:\n  port: ${P:}", {}, {"port": None}),
    ("server: {shutdownTimeout: '${T}'}", {"T": "10s"}, {"shutdownTimeout": "10s"}),
    ("server:\n  app:\n    a: ${X}\n    b: '${X}'", {"X": "1"}, {"app": {"a": 1, "b": "1"}}),
]


@pytest.mark.parametrize(("text", "env", "server"), TYPED)
def test_a_filled_in_value_takes_the_type_of_its_place(text: str, env: dict[str, str], server: Any) -> None:
    tree, problems = shaped(text, **env)
    assert problems == []
    assert tree.value["server"] == server


def test_a_value_from_outside_is_never_shown() -> None:
    assert said("server: {port: '${P}', accessLog: '${D}'}", P="s3cret", D="70") == [
        '1:16 HA0201 "port" must be a whole number, not the value of "${P}"',
        '1:35 HA0201 "accessLog" must be true or false, not the value of "${D}"',
    ]
