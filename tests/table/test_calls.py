"""Calls of server methods as text: parsing, and problems in a table."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish.grammar.call import Call, CallError, Constant, Reference, parse
from hapiish.table import check_text
from hapiish.table.problems import Problem


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("m()", ()),
        ("m( )", ()),
        (" m (params.id) ", (Reference("params", ("id",)),)),
        ("m(params.id,query.a.b)", (Reference("params", ("id",)), Reference("query", ("a", "b")))),
        ("m(headers.x-user)", (Reference("headers", ("x-user",)),)),
        ("m(payload.list[0].name)", (Reference("payload", ("list", 0, "name")),)),
        (
            "m(pre[\"users.load\"].name, pre['a b'])",
            (Reference("pre", ("users.load", "name")), Reference("pre", ("a b",))),
        ),
        ("m(request)", (Reference("request", ()),)),
        ("m(1, -2.5, 1e3)", (Constant(1), Constant(-2.5), Constant(1000.0))),
        ("m(true, false, null)", (Constant(True), Constant(False), Constant(None))),
        ("m('a, (b)', \"it's\")", (Constant("a, (b)"), Constant("it's"))),
        (r"m('it\'s', 'a\\b')", (Constant("it's"), Constant("a\\b"))),
    ],
)
def test_a_call_is_a_name_and_arguments(text: str, args: tuple[Any, ...]) -> None:
    assert parse(text) == Call("m", args)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "m",
        "m(",
        "m)",
        "m(a",
        "m(,)",
        "m(a,)",
        "m(a b)",
        "m('a)",
        "m(a.)",
        "m(a[x])",
        ".m()",
        "m.()",
        "m()x",
        "m(1.)",
        "m(+)",
    ],
)
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(CallError):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_a_call_or_refused(text: str) -> None:
    with suppress(CallError):
        assert parse(f"m({text})").method == "m"


@given(st.text())
def test_any_text_can_be_an_argument(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    assert parse(f"m('{escaped}')").args == (Constant(text),)


def problems(route: dict[str, Any], **sections: Any) -> list[Problem]:
    """Of a route `GET /users/{id}` in a table with the methods `users.load` and `audit`."""
    whole = {"method": "GET", "path": "/users/{id}", "handler": "a:b", **route}
    methods = {"users.load": "a:b", "audit": {"method": "a:c"}}
    return check_text(json.dumps({"methods": methods, "routes": [whole], **sections}), "f", {})[1]


@pytest.mark.parametrize(
    "route",
    [
        {"handler": "users.load(params.id)"},
        {"handler": "users.load(credentials.id, 'x')"},
        {"options": {"pre": ["users.load(params.id)"]}},
        {"options": {"pre": ["users.load(params.id)", "audit(pre['users.load'].name)"]}},
        {"options": {"pre": [[{"method": "users.load(params.id)", "assign": "u"}, "a:b"]]}, "handler": "audit(pre.u)"},
        {"method": "POST", "handler": "audit(payload.a)"},
    ],
)
def test_calls_of_what_there_is_are_right(route: dict[str, Any]) -> None:
    assert problems(route) == []


@pytest.mark.parametrize(
    ("route", "code", "said"),
    [
        (
            {"handler": "users.laod(params.id)"},
            "HA0366",
            'unknown server method "users.laod"; did you mean "users.load"?',
        ),
        ({"handler": "users.load(params.id"}, "HA0205", '"handler" must be text of the form'),
        ({"handler": "users.load(params.id,)"}, "HA0366", '"" is not an argument'),
        ({"handler": "users.load(params.di)"}, "HA0367", '"GET /users/{id}" has no parameter "di"'),
        ({"handler": "users.load(parms.id)"}, "HA0367", 'unknown "parms"; did you mean "params"?'),
        ({"handler": "users.load(payload.id)"}, "HA0367", '"GET /users/{id}" has no "payload"'),
        ({"handler": "users.load(pre.user)"}, "HA0367", 'no earlier step of "GET /users/{id}" assigns "user"'),
        ({"options": {"pre": [["users.load(params.id)", "audit(pre['users.load'])"]]}}, "HA0367", "no earlier step"),
        ({"options": {"pre": [{"method": "nothing()"}]}}, "HA0366", 'unknown server method "nothing"'),
        ({"options": {"ext": {"onPreHandler": "audit()"}}}, "HA0205", "module:attribute"),
    ],
)
def test_calls_of_what_there_is_not_are_refused(route: dict[str, Any], code: str, said: str) -> None:
    (problem,) = problems(route)
    assert problem.code == code
    assert said in problem.message


def test_an_event_has_neither_params_nor_query() -> None:
    event = {"event": "e", "handler": "users.load(query.id)", "options": {"pre": ["audit(payload.x)"]}}
    (problem,) = problems({}, sockets={"namespaces": [{"events": [event]}]})
    assert (problem.code, problem.message) == ("HA0367", '"event e" has no "query"')


def test_a_call_is_refused_where_it_is_written() -> None:
    text = """
methods: {load: "a:b"}
routes:
  - method: GET
    path: /
    handler: a:b
    options:
      pre:
        - load(1)
        - [{method: laod(2)}]
"""
    (problem,) = check_text(text, "f", {})[1]
    assert (problem.mark.line, problem.mark.column) == (10, 21)


POLICY = {"generateTimeout": "2s"}


def cached(policy: dict[str, Any], **more: Any) -> list[Problem]:
    methods = {"load": {"method": "a:b", "cache": {**POLICY, **policy}}, **more.pop("methods", {})}
    return check_text(json.dumps({"methods": methods, "routes": [], **more}), "f", {})[1]


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"expiresIn": "60s", "staleIn": "50s", "staleTimeout": "100ms", "pendingGenerateTimeout": "1s"},
        {"expiresAt": "3:30", "staleIn": "1h", "staleTimeout": "1s"},
        {"expiresIn": 1000, "staleIn": "a:stale", "staleTimeout": 999},
        {"generateTimeout": False},
        {"expiresIn": None, "cache": None, "segment": "users", "dropOnError": False},
    ],
)
def test_a_policy_that_makes_sense_is_right(policy: dict[str, Any]) -> None:
    assert cached(policy) == []


@pytest.mark.parametrize(
    ("policy", "code", "said"),
    [
        ({"expiresIn": "1s", "expiresAt": "3:30"}, "HA0365", '"expiresAt" and "expiresIn" exclude each other'),
        ({"expiresIn": "1s", "staleIn": "1000ms", "staleTimeout": 1}, "HA0365", '"staleIn" must be less than'),
        ({"expiresIn": "1s", "staleIn": "0.5s"}, "HA0205", '"staleIn" must be milliseconds above 0'),
        ({"expiresIn": "1s", "staleIn": "500ms"}, "HA0365", '"staleIn" needs "staleTimeout"'),
        ({"expiresIn": 0}, "HA0206", '"expiresIn" must be milliseconds above 0'),
        ({"expiresAt": "25:99"}, "HA0205", '"expiresAt" must be a time of day'),
        ({"generateFunc": "a:b"}, "HA0204", 'unknown option "generateFunc"'),
        ({"generateTimeout": True}, "HA0202", '"generateTimeout" must be'),
        ({"generateTimeout": None}, "HA0201", '"generateTimeout" must be'),
        ({"cache": "shard"}, "HA0365", 'unknown cache "shard"'),
    ],
)
def test_a_policy_that_makes_none_is_refused(policy: dict[str, Any], code: str, said: str) -> None:
    (problem,) = cached(policy)
    assert problem.code == code
    assert said in problem.message


def test_a_policy_without_generate_timeout_is_refused() -> None:
    text = '{"methods": {"load": {"method": "a:b", "cache": {}}}, "routes": []}'
    (problem,) = check_text(text, "f", {})[1]
    assert (problem.code, problem.message) == ("HA0203", 'missing "generateTimeout"')


def test_a_segment_is_for_one_policy_unless_it_is_shared() -> None:
    other = {"other": {"method": "a:b", "cache": {**POLICY, "segment": "#load"}}}
    (problem,) = cached({}, methods=other)
    assert (problem.code, problem.message) == ("HA0365", 'the segment "#load" is already in use')
    shared = {"other": {"method": "a:b", "cache": {**POLICY, "segment": "#load", "shared": True}}}
    assert cached({}, methods=shared) == []
    assert cached({}, methods=other, caches=[{"provider": "memory", "shared": True}]) == []


@pytest.mark.parametrize(
    ("caches", "code", "said"),
    [
        ([{"name": "a", "provider": "memory"}, {"name": "a", "provider": "memory"}], "HA0365", '"a" is declared twice'),
        ([{"provider": "memory"}, {"provider": "memory"}], "HA0365", "two default caches"),
        ([{"provider": "redis"}], "HA0203", 'missing "options"'),
        ([{"provider": "redis", "options": {}}], "HA0203", 'missing "url"'),
        ([{"provider": "redis", "options": {"url": "localhost"}}], "HA0205", '"url" must be a URL'),
        ([{"provider": "redis", "options": {"url": "redis://a", "uri": "b"}}], "HA0204", 'unknown option "uri"'),
        ([{"provider": "memory", "options": {"maxByteSize": "1 MB"}}], "HA0205", '"maxByteSize" must be bytes'),
        ([{"provider": "memcached"}], "HA0205", '"provider" must be memory, redis or'),
    ],
)
def test_caches_that_cannot_be_are_refused(caches: list[Any], code: str, said: str) -> None:
    (problem,) = check_text(json.dumps({"caches": caches, "routes": []}), "f", {})[1]
    assert problem.code == code
    assert said in problem.message


def test_a_method_is_not_inside_another() -> None:
    text = json.dumps({"methods": {"users": "a:b", "users.load": "a:b", "users.": "a:b"}, "routes": []})
    form, inside = check_text(text, "f", {})[1]
    assert (form.code, inside.code) == ("HA0208", "HA0366") or (inside.code, form.code) == ("HA0208", "HA0366")


def test_the_names_of_methods_and_caches_are_known_to_check() -> None:
    text = json.dumps(
        {
            "caches": [{"provider": "acme.caches:store", "options": {"any": "thing"}}],
            "methods": {
                "a": "m:a",
                "b": {
                    "method": "m:b",
                    "generateKey": "m:key",
                    "cache": {**POLICY, "expiresIn": 9, "staleIn": "m:stale", "staleTimeout": 1},
                },
            },
            "routes": [{"method": "GET", "path": "/", "handler": "a(1)", "options": {"pre": ["b(2)"]}}],
        }
    )
    table, _ = check_text(text, "f", {})
    assert table is not None
    assert set(table.names) == {"acme.caches:store", "m:a", "m:b", "m:key", "m:stale"}
    assert table.caches[0].options == {"any": "thing"}
