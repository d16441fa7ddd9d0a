"""A checked file to dataclasses: units, short forms, defaults, and locations of names."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest

from hapiish.options import (
    Access,
    Cache,
    Cors,
    Ext,
    Hsts,
    JsonFormat,
    Payload,
    Pre,
    Route,
    RouteAuth,
    RouteOptions,
    Security,
    Table,
    Validate,
    Xframe,
)
from hapiish.table import check_text
from hapiish.table.problems import Mark

AUTH = """
auth:
  schemes: {kit: "kit:scheme"}
  strategies: {session: {scheme: kit}, other: {scheme: kit, options: {realm: x, x-note: y}}}
"""


def table(text: str, env: Mapping[str, str] | None = None) -> Table:
    built, problems = check_text(text, "app/routes.yaml", env or {})
    assert problems == []
    assert built is not None
    return built


def route(options: str, method: str = "POST", head: str = "") -> Route:
    (only,) = table(
        f"{head}\nroutes: [{{method: {method}, path: '/u/{{id}}', handler: a:b, options: {options}}}]"
    ).routes
    return only


def options(text: str, head: str = "") -> RouteOptions:
    return route(text, head=head).options


def test_an_empty_table_is_all_defaults() -> None:
    built = table("{}")
    assert built == Table(file="app/routes.yaml", folder=built.folder, files=("app/routes.yaml",))
    assert built.folder.endswith("/app")
    assert (built.database, built.sockets, built.server.port) == (None, None, 3000)


def test_null_is_the_built_in_default_everywhere() -> None:
    empty = "server: {port: null, routes: null, router: {stripTrailingSlash: }}\ninfo: null\nmodels:\nauth: {default: }"
    assert table(empty).server == table("{}").server


OPTIONS: list[tuple[str, str, Any]] = [
    ("{}", "cors", None),
    ("{cors: true}", "cors", Cors()),
    ("{cors: false}", "cors", None),
    ("{cors: {origin: ignore, maxAge: 5m}}", "cors", Cors(origin="ignore", max_age=300)),  # type: ignore[arg-type]
    ("{cors: {origin: ['https://a']}}", "cors", Cors(origin=("https://a",))),
    ("{security: true}", "security", Security()),
    ("{security: {hsts: 5}}", "security", Security(hsts=Hsts(max_age=5))),  # type: ignore[arg-type]
    ("{security: {hsts: true, xframe: true}}", "security", Security()),
    ("{security: {hsts: false, xframe: false, xss: false}}", "security", Security(hsts=None, xframe=None, xss=False)),
    ("{security: {hsts: {maxAge: 1d, preload: true}}}", "security",
     Security(hsts=Hsts(max_age=86400, preload=True))),  # type: ignore[arg-type]
    ("{security: {xframe: sameorigin, referrer: ''}}", "security",
     Security(xframe=Xframe(rule="sameorigin"), referrer="")),
    ("{security: {xframe: {rule: allow-from, source: x}}}", "security",
     Security(xframe=Xframe(rule="allow-from", source="x"))),
    ("{cache: false}", "cache", None),
    ("{cache: null}", "cache", Cache()),
    ("{cache: {expiresIn: 60s, statuses: [200]}}", "cache",
     Cache(expires_in=60000, statuses=(200,))),  # type: ignore[arg-type]
    ("{payload: {maxBytes: 1MB, timeout: false, allow: application/json}}", "payload",
     Payload(timeout=False, allow=("application/json",))),
    ("{payload: {parse: gunzip, timeout: 1s}}", "payload", Payload(parse="gunzip", timeout=1000)),  # type: ignore[arg-type]
    ("{json: {space: 2, replacer: [a], suffix: x}}", "json", JsonFormat(space=2, replacer=("a",), suffix="x")),
    ("{tags: one}", "tags", ("one",)),
    ("{notes: [one, two]}", "notes", ("one", "two")),
    ("{app: {a: null, x-b: 1}}", "app", {"a": None, "x-b": 1}),
    ("{validate: {payload: false, params: true, failAction: log}}", "validate",
     Validate(payload=False, params=True, fail_action="log")),
    ("{response: {status: {201: {type: object}, '404': false}}}", "response.status",
     {201: {"type": "object"}, 404: False}),
    ("{response: {sample: 0, emptyStatusCode: 200}}", "response.sample", 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "expected"), OPTIONS)
def test_options_are_spelled_out(text: str, path: str, expected: Any) -> None:
    found: Any = options(text)
    for name in path.split("."):
        found = getattr(found, name)
    assert found == expected


RULES: list[tuple[str, str, RouteAuth | None]] = [
    ("", "{}", None),
    ("  default: session", "{}", RouteAuth(strategies=("session",))),
    ("  default: session", "{auth: false}", None),
    ("  default: session", "{auth: null}", RouteAuth(strategies=("session",))),
    ("  default: session", "{auth: other}", RouteAuth(strategies=("other",))),
    ("  default: session", "{auth: {mode: try}}", RouteAuth(strategies=("session",), mode="try")),
    ("  default: session", "{auth: {scope: a}}", RouteAuth(strategies=("session",), access=(Access(scope=("a",)),))),
    ("  default: {strategies: [session, other], mode: optional, scope: [x]}", "{auth: {entity: app}}",
     RouteAuth(strategies=("session", "other"), mode="optional", access=(Access(entity="app"),))),
    ("", "{auth: {strategies: [session, other], access: [{scope: [a, '!b']}, {entity: user, scope: false}]}}",
     RouteAuth(strategies=("session", "other"), access=(Access(scope=("a", "!b")), Access(entity="user")))),
    ("server: {routes: {auth: other}}", "{auth: {scope: a}}",
     RouteAuth(strategies=("other",), access=(Access(scope=("a",)),))),
]  # fmt: skip


@pytest.mark.parametrize(("head", "text", "expected"), RULES)
def test_auth_is_spelled_out_with_the_default_filled_in(head: str, text: str, expected: RouteAuth | None) -> None:
    assert options(text, AUTH + head).auth == expected


def test_defaults_of_the_server_reach_every_route_and_a_body_s_no_get_route() -> None:
    head = (
        "server: {routes: {payload: {maxBytes: 5}, validate: {payload: {type: object}, query: false}, security: true}}"
    )
    post, get = route("{tags: x}", head=head).options, route("{tags: x}", "GET", head).options
    assert (post.payload.max_bytes, get.payload.max_bytes) == (5, 1048576)
    assert (post.validate.payload, get.validate.payload) == ({"type": "object"}, None)
    assert (post.validate.query, get.validate.query) == (False, False)
    assert post.security == get.security == Security()


def test_routes_that_change_nothing_share_the_server_s_options() -> None:
    built = table("server: {routes: {cors: true}}\nroutes: [{method: POST, path: /, handler: a:b}]")
    assert built.routes[0].options is built.server.routes


def test_an_entry_of_several_methods_and_hosts_becomes_several_routes() -> None:
    text = "routes: [{method: [get, PUT], path: /, handler: a:b, vhost: [A.test, b.test]}]"
    assert [(made.method, made.vhost) for made in table(text).routes] == [
        ("GET", "a.test"),
        ("GET", "b.test"),
        ("PUT", "a.test"),
        ("PUT", "b.test"),
    ]


def place(line: int, column: int) -> Mark:
    return Mark("app/routes.yaml", line, column)


def test_pre_keeps_its_sets_and_its_places() -> None:
    text = "routes:\n- method: GET\n  path: /\n  handler: a:b\n  options:\n    pre:\n    - a:one\n"
    text += "    - [{method: a:two, assign: x}, a:three]\n    - {method: a:four, failAction: ignore}\n"
    (made,) = table(text).routes
    assert made.options.pre == (
        (Pre(method="a:one", mark=place(7, 7)),),
        (Pre(method="a:two", assign="x", mark=place(8, 8)), Pre(method="a:three", mark=place(8, 36))),
        (Pre(method="a:four", fail_action="ignore", mark=place(9, 7)),),
    )
    assert made.mark == place(2, 3)


def test_extensions_may_be_one_or_several_and_inherited_ones_keep_their_place() -> None:
    text = "server: {routes: {ext: {onPreAuth: a:one}}}\next: {onPreStart: [a:two, {method: a:three}]}\n"
    text += "routes: [{method: GET, path: /, handler: a:b, options: {ext: {onPreHandler: {method: a:four}}}}]"
    built = table(text)
    assert built.ext == {
        "onPreStart": (Ext(method="a:two", mark=place(2, 20)), Ext(method="a:three", mark=place(2, 27)))
    }
    assert built.routes[0].options.ext == {
        "onPreAuth": (Ext(method="a:one", mark=place(1, 36)),),
        "onPreHandler": (Ext(method="a:four", mark=place(3, 77)),),
    }


def test_sockets_take_the_default_strategy_and_events_their_namespace_s() -> None:
    text = f"""{AUTH}
  default: session
server: {{routes: {{validate: {{failAction: log, query: false}}, security: true, app: {{a: 1}}}}}}
sockets:
  maxBytes: 64KB
  pingInterval: 10s
  origins: "*"
  namespaces:
    - events:
        - {{event: plain, handler: a:b}}
        - {{event: scoped, handler: a:b, options: {{auth: {{scope: x}}, validate: {{payload: {{type: object}}}}}}}}
      emits: [{{event: out, payload: {{type: string}}, description: d}}]
    - {{namespace: /open, auth: false, onConnect: a:connect}}
"""
    sockets = table(text).sockets
    assert sockets is not None
    assert (sockets.max_bytes, sockets.ping_interval, sockets.origins) == (65536, 10000, "*")
    first, second = sockets.namespaces
    plain, scoped = first.events
    assert (first.namespace, first.auth) == ("/", RouteAuth(strategies=("session",)))
    assert (second.auth, second.on_connect) == (None, "a:connect")
    assert plain.options.auth is None
    assert scoped.options.auth == RouteAuth(strategies=("session",), access=(Access(scope=("x",)),))
    assert scoped.options.validate == Validate(payload={"type": "object"}, fail_action="log")
    assert (plain.options.app, plain.options.security) == ({"a": 1}, None)
    assert [(emit.event, emit.payload, emit.description) for emit in first.emits] == [("out", {"type": "string"}, "d")]


def test_the_rest_of_the_file_is_carried_as_it_is() -> None:
    built = table(
        f"""{AUTH}
info: {{title: T, version: 1.0.0, x-mine: 1}}
database: {{uri: mongodb://x, threads: 8}}
models: {{User: "models.user:User"}}
state: {{sid: {{ttl: 1d, isSameSite: false}}, plain: }}
schemas: {{Id: {{type: string}}}}
x-anything: [1, 2]
"""
    )
    assert built.info == {"title": "T", "version": "1.0.0", "x-mine": 1}
    assert built.extensions == {"x-anything": [1, 2]}
    assert built.database is not None
    assert (built.database.uri, built.database.threads, built.database.timeout) == ("mongodb://x", 8, 2000)
    assert (built.state["sid"].ttl, built.state["sid"].is_same_site, built.state["plain"].ttl) == (
        86400000,
        False,
        None,
    )
    assert built.auth.strategies["other"].options == {"realm": "x"}
    assert built.schemas == {"Id": {"type": "string"}}
    assert built.database.mark == place(7, 11)


def test_x_keys_are_carried_for_descriptions_without_values_from_outside() -> None:
    built = table(
        """
routes:
  - {method: GET, path: /, handler: "a:b", x-own: [1], options: {x-more: {a: 1}, tags: [t]}}
sockets:
  namespaces:
    - namespace: /
      x-room: 1
      events: [{event: in, handler: "a:b", x-in: 1, options: {x-too: 2}}, {event: other, handler: "a:b"}]
      emits: [{event: out, x-out: 1}, {event: plain}]
x-secret: {deep: ["${SECRET}"]}
""",
        {"SECRET": "hidden"},
    )
    assert built.sockets is not None
    (namespace,) = built.sockets.namespaces
    assert built.routes[0].extensions == {"x-own": [1], "x-more": {"a": 1}}
    assert [event.extensions for event in namespace.events] == [{"x-in": 1, "x-too": 2}, {}]
    assert [emit.extensions for emit in namespace.emits] == [{"x-out": 1}, {}]
    assert (namespace.extensions, built.extensions) == ({"x-room": 1}, {})


def test_every_name_of_an_object_is_listed_with_its_first_place() -> None:
    text = """
models: {User: "m:User"}
auth:
  schemes: {kit: "m:scheme"}
  strategies: {a: {scheme: jwt, options: {keys: k, validate: m:validate}}, b: {scheme: kit, options: {validate: m:x}}}
ext: {onRequest: m:request, x-ext: m:no}
server: {routes: {payload: {failAction: m:failed}}}
routes:
- method: POST
  path: /
  handler: m:handle
  options:
    pre: [m:pre, [{method: m:two, failAction: m:failed}]]
    ext: {onPreAuth: [{method: m:auth}]}
    state: {failAction: log}
    app: {handler: m:no}
sockets:
  namespaces:
  - onConnect: m:connect
    events: [{event: e, handler: m:handle, options: {validate: {failAction: m:bad}}}]
"""
    names = table(text).names
    assert [name[2:] for name in names] == [
        *("User", "scheme", "validate", "request", "failed", "handle", "pre", "two", "auth", "connect", "bad"),
    ]
    assert (names["m:failed"], names["m:handle"]) == (place(7, 41), place(11, 12))


def test_what_is_built_can_be_hashed_where_compilation_shares_it() -> None:
    made = options(
        "{cors: {origin: ['http://a']}, cache: {statuses: [200]}, payload: {allow: [a/b]}, json: {replacer: [a]}}"
    )
    shareable = {"cache", "cors", "json", "payload", "security", "auth", "pre", "notes", "tags", "state"}
    assert {field.name for field in fields(made)} >= shareable
    for name in shareable:
        hash(getattr(made, name))
