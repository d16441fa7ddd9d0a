"""The walk over a table by the types of its options: all that refers to something else, and nothing besides."""

from typing import Any

import pytest
import yaml

from hapiish.declare.option import Role
from hapiish.declare.walk import walk
from hapiish.options import RouteOptions, Table

FOUND = [
    ("models: {User: m:f}", Role.FUNCTION, "models.User"),
    ("auth: {schemes: {own: m:f}}", Role.FUNCTION, "auth.schemes.own"),
    ("auth: {strategies: {s: {scheme: own}}}", Role.SCHEME, "auth.strategies.s.scheme"),
    ("auth: {default: s}", Role.STRATEGY, "auth.default"),
    ("caches: [{provider: m:f}]", Role.FUNCTION, "caches.0.provider"),
    ("methods: {a: {method: m:f}}", Role.FUNCTION, "methods.a.method"),
    ("methods: {a: {cache: {staleIn: m:f}}}", Role.FUNCTION, "methods.a.cache.staleIn"),
    ("events: {start: [m:f]}", Role.FUNCTION, "events.start.0"),
    ("events: {own: {listeners: m:f}}", Role.FUNCTION, "events.own.listeners"),
    ("state: {a: {autoValue: {method: m:f}}}", Role.FUNCTION, "state.a.autoValue.method"),
    ("kinds: {own: {method: m:f}}", Role.FUNCTION, "kinds.own.method"),
    ("kinds: {own: {defaults: {bind: m:f}}}", Role.FUNCTION, "kinds.own.defaults.bind"),
    ("views: {context: m:f}", Role.FUNCTION, "views.context"),
    ("server: {routes: {response: {errors: m:f}}}", Role.FUNCTION, "server.routes.response.errors"),
    ("presets: {a: {auth: s}}", Role.STRATEGY, "presets.a.auth"),
    (
        "groups: [{groups: [{ext: {onPreAuth: [{method: m:f}]}}]}]",
        Role.FUNCTION,
        "groups.0.groups.0.ext.onPreAuth.0.method",
    ),
    ("plugins: [{table: t, options: {bind: m:f}}]", Role.FUNCTION, "plugins.0.options.bind"),
    ("plugins: [{override: {a: {handler: m:f}}}]", Role.FUNCTION, "plugins.0.override.a.handler"),
    ("routes: [{handler: m:f}]", Role.FUNCTION, "routes.0.handler"),
    ("routes: [{handler: 'f(params.id)'}]", Role.CALL, "routes.0.handler"),
    ("routes: [{handler: {proxy: {mapUri: m:f}}}]", Role.FUNCTION, "routes.0.handler.proxy.mapUri"),
    ("routes: [{handler: {file: m:f}}]", Role.FUNCTION, "routes.0.handler.file"),
    ("routes: [{handler: {directory: {path: m:f}}}]", Role.FUNCTION, "routes.0.handler.directory.path"),
    ("routes: [{handler: {model: {computed: {a: m:f}}}}]", Role.FUNCTION, "routes.0.handler.model.computed.a"),
    (
        "routes: [{actions: {get: {options: {auth: {strategies: [s]}}}}}]",
        Role.STRATEGY,
        "routes.0.actions.get.options.auth.strategies.0",
    ),
    ("routes: [{options: {pre: {add: [[m:f]]}}}]", Role.FUNCTION, "routes.0.options.pre.add.0.0"),
    ("routes: [{options: {pre: ['f(1)']}}]", Role.CALL, "routes.0.options.pre.0"),
    ("routes: [{options: {limit: {skip: m:f}}}]", Role.FUNCTION, "routes.0.options.limit.skip"),
    ("routes: [{options: {payload: {failAction: m:f}}}]", Role.FUNCTION, "routes.0.options.payload.failAction"),
    ("routes: [{options: {json: {replacer: m:f}}}]", Role.FUNCTION, "routes.0.options.json.replacer"),
    ("routes: [{options: {validate: {query: m:f}}}]", Role.FUNCTION, "routes.0.options.validate.query"),
    ("routes: [{options: {validate: {query: {}}}}]", Role.SCHEMA, "routes.0.options.validate.query"),
    ("routes: [{options: {response: {status: {201: {}}}}}]", Role.SCHEMA, "routes.0.options.response.status.201"),
    ("schemas: {A: {}}", Role.SCHEMA, "schemas.A"),
    ("sockets: {namespaces: [{onConnect: [m:f]}]}", Role.FUNCTION, "sockets.namespaces.0.onConnect.0"),
    ("sockets: {namespaces: [{limit: {skip: m:f}}]}", Role.FUNCTION, "sockets.namespaces.0.limit.skip"),
    ("sockets: {namespaces: [{emits: [{payload: {}}]}]}", Role.SCHEMA, "sockets.namespaces.0.emits.0.payload"),
    (
        "sockets: {namespaces: [{events: [{options: {auth: s}}]}]}",
        Role.STRATEGY,
        "sockets.namespaces.0.events.0.options.auth",
    ),
]


@pytest.mark.parametrize(("text", "role", "path"), FOUND, ids=[text for text, _, _ in FOUND])
def test_what_refers_to_something_is_found_at_its_place(text: str, role: Role, path: str) -> None:
    tree: Any = yaml.safe_load(text)
    steps = tuple(int(step) if step.isdecimal() else step for step in path.split("."))
    value = tree
    for step in steps:
        value = value[step]
    assert (role, value, steps) in walk(Table, tree)


@pytest.mark.parametrize(
    "text",
    [
        "routes: [{options: {payload: {failAction: log}}}]",
        "routes: [{options: {json: {replacer: [a]}}}]",
        "routes: [{handler: {file: public/index.html}}]",
        "routes: [{handler: {directory: {path: ['a:b']}}}]",
        "routes: [{handler: {own: {method: m:f}}}]",
        "caches: [{provider: memory}]",
        "methods: {a: {cache: {staleIn: 10s}}}",
        "auth: {strategies: {s: {scheme: basic, options: {validate: null}}}}",
        "plugins: [{plugin: acme, options: {bind: 'm:f'}}]",
        "routes: {options: 5}",
        "server: [routes]",
        "x-mine: {handler: 'm:f'}",
    ],
)
def test_nothing_else_is_found(text: str) -> None:
    assert walk(Table, yaml.safe_load(text)) == []


@pytest.mark.parametrize(
    ("scheme", "options", "path"),
    [
        ("basic", "{validate: m:f}", ("validate",)),
        ("cookie", "{redirectTo: {method: m:f}}", ("redirectTo", "method")),
        ("jwt", "{keys: [{method: m:f}]}", ("keys", 0, "method")),
        ("oauth2", "{providerParams: {method: m:f}}", ("providerParams", "method")),
    ],
)
def test_options_of_a_built_in_scheme_are_gone_through(scheme: str, options: str, path: tuple[str | int, ...]) -> None:
    tree = yaml.safe_load(f"auth: {{strategies: {{s: {{scheme: {scheme}, options: {options}}}}}}}")
    assert walk(Table, tree) == [(Role.FUNCTION, "m:f", ("auth", "strategies", "s", "options", *path))]


SECRETS = [
    ("state: {a: {password: x}}", "state.a.password"),
    ("state: {a: {sign: {password: {v1: x}}}}", "state.a.sign.password"),
    ("server: {state: {password: x}}", "server.state.password"),
    ("server: {tls: {passphrase: x}}", "server.tls.passphrase"),
    ("session: {cookieOptions: {password: x}}", "session.cookieOptions.password"),
    ("routes: [{options: {csrf: {password: x}}}]", "routes.0.options.csrf.password"),
    *(
        (f"auth: {{strategies: {{s: {{scheme: {scheme}, options: {options}}}}}}}", f"auth.strategies.s.options.{path}")
        for scheme, options, path in (
            ("jwt", "{keys: x}", "keys"),
            ("jwt", "{keys: [x]}", "keys.0"),
            ("jwt", "{keys: {key: x}}", "keys.key"),
            ("jwt", "{keys: {uri: x, headers: {authorization: x}}}", "keys.headers.authorization"),
            ("basic", "{users: {a: {passwordHash: x}}}", "users.a.passwordHash"),
            ("apiKey", "{keys: {a: {hash: x}}}", "keys.a.hash"),
            ("cookie", "{cookie: {password: x}}", "cookie.password"),
            ("oauth2", "{clientSecret: x}", "clientSecret"),
            ("oauth2", "{provider: {headers: {authorization: x}}}", "provider.headers.authorization"),
        )
    ),
]


@pytest.mark.parametrize(("text", "path"), SECRETS)
def test_every_secret_is_found(text: str, path: str) -> None:
    found = [(role, ".".join(map(str, at))) for role, _, at in walk(Table, yaml.safe_load(text))]
    assert found == [(Role.SECRET, path)]


def test_a_part_of_a_table_is_gone_through_from_its_own_place() -> None:
    assert walk(RouteOptions, {"bind": "m:f"}, ("presets", "a")) == [(Role.FUNCTION, "m:f", ("presets", "a", "bind"))]
