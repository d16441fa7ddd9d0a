"""Tables that use tables: their parts, name conflicts, and registrations of Python plugins."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hapiish.options import Kind, Table
from hapiish.table import check, load
from hapiish.table.compose.composition import Contribution, PluginEntry
from hapiish.table.compose.owned_names import OwnedName, owned, owner_of
from hapiish.table.problems import Problem

USED = """
models: {User: "models:User"}
schemas: {Id: {type: string}, Ids: {type: array, items: {$ref: "#/schemas/Id"}}}
auth: {schemes: {kit: "kit:scheme"}, strategies: {own: {scheme: kit}}, default: own}
server: {port: 81, routes: {cache: {privacy: private, otherwise: used}, json: {space: 1}}}
routes:
- method: POST
  path: /
  id: create
  handler: "handlers:create"
  options: {validate: {payload: {$ref: "#/schemas/Ids"}}, json: {suffix: "!"}}
"""


def files(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(dedent(text))
    return folder / "routes.yaml"


def table(folder: Path, **texts: str) -> Table:
    return load(files(folder, **texts), {})


def problems(folder: Path, **texts: str) -> list[tuple[str, str]]:
    found = check(files(folder, **texts), {})[1]
    return [(f"{Path(problem.mark.file).stem}:{problem.mark.line}", problem.code) for problem in found]


def test_options_of_a_used_route_come_from_the_host_the_table_the_entry_and_the_override(tmp_path: Path) -> None:
    host = """
    server: {routes: {cache: {privacy: public, otherwise: host, expiresIn: 5}, payload: {maxBytes: 7}}}
    presets: {quiet: {notes: quiet}}
    plugins:
    - table: used.yaml
      as: x
      routes: {prefix: /x, vhost: X.example}
      options: {use: quiet, json: {space: 2}, tags: [entry]}
      override: {create: {options: {tags: [override], description: over}}}
    """
    (route,) = table(tmp_path, routes=host, used=USED).routes
    options: Any = route.options
    assert (route.id, route.path, route.vhost, route.realm) == ("x.create", "/x", "x.example", 1)
    assert (options.cache.privacy, options.cache.otherwise, options.cache.expires_in) == ("private", "used", 5)
    assert (options.json.space, options.json.suffix, options.payload.max_bytes) == (2, "!", 7)
    assert (options.notes, options.tags, options.description) == (("quiet",), ("override",), "over")


def test_names_and_schemas_of_a_used_table_cannot_be_taken_for_those_of_another(tmp_path: Path) -> None:
    host = """
    schemas: {Id: {type: integer}}
    plugins: [{table: used.yaml, as: x, routes: {prefix: /x}}, {table: used.yaml, as: y, routes: {prefix: /y}}]
    routes: [{method: GET, path: /, handler: "handlers:create"}]
    """
    built = table(tmp_path, routes=host, used=USED)
    own, one, other = built.routes
    assert [str(route.handler) for route in built.routes] == ["handlers:create"] * 3
    assert len({own.handler, one.handler, other.handler}) == 3
    assert [owner_of(route.handler) for route in built.routes] == [0, 1, 2]
    assert {**built.schemas} == {
        "Id": {"type": "integer"},
        "x/Id": {"type": "string"},
        "x/Ids": {"type": "array", "items": {"$ref": "#/schemas/x~1Id"}},
        "y/Id": {"type": "string"},
        "y/Ids": {"type": "array", "items": {"$ref": "#/schemas/y~1Id"}},
    }
    assert one.options.validate.payload == {"$ref": "#/schemas/x~1Ids"}
    assert one.options.auth is not None
    assert [*built.auth.strategies] == [OwnedName("own", 1), OwnedName("own", 2)]
    assert built.auth.strategies[one.options.auth.strategies[0]].mark.chain != ()
    assert own.options.auth is None
    assert [Path(file).name for file in built.files] == ["routes.yaml", "used.yaml"]


def test_settings_of_the_server_are_the_host_s_and_those_of_a_used_table_are_for_when_it_runs_alone(
    tmp_path: Path,
) -> None:
    assert table(tmp_path, routes="plugins: [{table: used.yaml}]", used=USED).server.port == 3000
    assert load(tmp_path / "used.yaml", {}).server.port == 81
    sockets = "sockets: {path: /used, namespaces: [{namespace: /}, {namespace: /a}]}\n"
    host = "plugins: [{table: used.yaml, routes: {prefix: /p}}]\n"
    alone = table(tmp_path, routes=host, used=sockets).sockets
    beside = table(tmp_path, routes=host + "sockets: {namespaces: [{namespace: /}]}", used=sockets).sockets
    assert alone is not None
    assert beside is not None
    assert (alone.path, [space.namespace for space in alone.namespaces]) == ("/used", ["/p", "/p/a"])
    assert (beside.path, [space.namespace for space in beside.namespaces]) == ("/socket.io", ["/", "/p", "/p/a"])


def test_a_default_is_not_looked_at_when_a_value_is_given(tmp_path: Path) -> None:
    used = """
    params: {secret: {type: string, default: "${SECRET}"}}
    info: {title: "${params.secret}"}
    """
    assert problems(tmp_path, routes="plugins: [{table: used.yaml}]", used=used) == [("used:2", "HA0121")]
    assert problems(tmp_path, routes="plugins: [{table: used.yaml, with: {secret: x}}]", used=used) == []


MEETINGS: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("state: {sid: {ttl: 5}}", "state: {sid: {ttl: 5}}", []),
    ("state: {sid: {ttl: 5}}", "state: {sid: {ttl: 6}}", [("used:1", "HA0362")]),
    ("state: {sid: {path: /}}", "server: {state: {ttl: 6}}\nstate: {sid: {}}", [("used:2", "HA0362")]),
    ("caches: [{name: c, provider: memory}]", "caches: [{name: c, provider: memory}]", []),
    ("caches: [{name: c, provider: memory, shared: true}]", "caches: [{name: c, provider: memory}]",
     [("used:1", "HA0365")]),
    ("methods: {load: 'a:b'}", "methods: {load: 'a:b'}", []),
    ("kinds: {mine: 'a:b'}", "routes: [{method: GET, path: /, handler: {mine: {}}}]", []),
    ("presets: {p: {}}", "routes: [{method: GET, path: /, handler: 'a:b', options: {use: p}}]", [("used:1", "HA0351")]),
]  # fmt: skip


@pytest.mark.parametrize(("host", "used", "expected"), MEETINGS)
def test_what_two_tables_declare_under_one_name(
    tmp_path: Path, host: str, used: str, expected: list[tuple[str, str]]
) -> None:
    assert problems(tmp_path, routes=f"plugins: [{{table: used.yaml}}]\n{host}", used=used) == expected


PLUGIN = """
plugins: [{plugin: "acme:plugin", options: {level: 3}, routes: {prefix: /acme}}]
auth: {default: badge}
routes: [{method: GET, path: /, handler: {mine: {}}}, {method: GET, path: /m, handler: "load(query.id)"}]
"""
FRAGMENT: Mapping[str, Any] = {
    "auth": {"schemes": {"kit": "acme:kit"}, "strategies": {"badge": {"scheme": "kit"}}},
    "kinds": {"mine": "acme:mine"},
    "methods": {"load": "acme:load"},
    "routes": [{"method": "GET", "path": "/status", "id": "status", "handler": "acme:status"}],
}


Answer = tuple[Sequence[Contribution], Sequence[Problem]]


def test_a_name_that_no_file_can_have_is_a_problem_like_any_other(tmp_path: Path) -> None:
    assert problems(tmp_path, routes='plugins: [{table: "a\\0b.yaml"}]') == [("routes:1", "HA0358")]


def bringing(fragments: Mapping[str, Any]) -> Callable[[Sequence[PluginEntry]], Answer]:
    """Registers plugins by what they bring."""

    def register(entries: Sequence[PluginEntry]) -> Answer:
        return [
            Contribution(entry=each, name=each.name.partition(":")[0], tree=fragments[each.name]) for each in entries
        ], []

    return register


def test_extension_functions_of_a_python_plugin_are_for_every_route_of_its_table(tmp_path: Path) -> None:
    text = """
    plugins: [{plugin: "acme:plugin"}, {plugin: "other:plugin"}]
    ext: {onPreAuth: "m:own", onRequest: [{method: "m:first"}]}
    routes: [{method: GET, path: /, handler: "m:index"}]
    """
    fragments = {
        "acme:plugin": {
            "ext": {"onPreAuth": [{"method": "a:x", "before": ["other"]}], "onPostAuth": [{"method": "a:y"}]}
        },
        "other:plugin": {"ext": {"onRequest": [{"method": "o:z"}]}},
    }
    built = load(files(tmp_path, routes=text), {}, register=bringing(fragments))
    found = {
        point: [(str(ext.method), owner_of(ext.method), ext.mark.line) for ext in exts]
        for point, exts in built.ext.items()
    }
    assert found == {
        "onPreAuth": [("m:own", 0, 3), ("a:x", 1, 2)],
        "onRequest": [("m:first", 0, 3), ("o:z", 2, 2)],
        "onPostAuth": [("a:y", 1, 2)],
    }


def test_what_only_a_python_plugin_can_know_is_not_judged_without_it(tmp_path: Path) -> None:
    assert problems(tmp_path, routes=PLUGIN) == []


def test_a_python_plugin_contributes_as_a_table_would(tmp_path: Path) -> None:
    asked: list[PluginEntry] = []

    def register(entries: Sequence[PluginEntry]) -> Answer:
        asked.extend(entries)
        return bringing({"acme:plugin": FRAGMENT})(entries)

    built = load(files(tmp_path, routes=PLUGIN), {}, register=register)
    mine, call, route = built.routes
    assert isinstance(mine.handler, Kind)
    assert owner_of(mine.handler.name) == 1
    assert str(call.handler) == "load(query.id)"
    assert mine.options.auth is not None
    assert mine.options.auth.strategies == (OwnedName("badge", 1),)
    assert (route.path, route.id, str(route.mark)) == ("/acme/status", "status", f"{tmp_path}/routes.yaml:2:20")
    (entry,) = asked
    assert (entry.name, entry.folder, entry.options) == ("acme:plugin", str(tmp_path), {"level": 3})
    assert entry.place(("level",)).column == 52
    assert built.used[0].options == {"level": 3}


def test_what_a_python_plugin_declares_must_not_be_there_already(tmp_path: Path) -> None:
    text = "plugins:\n- {plugin: 'acme:one'}\n- {plugin: 'acme:two'}\nkinds: {mine: 'a:b'}\n"
    file = files(tmp_path, routes=text)
    fragments: dict[str, Any] = {"acme:one": {"methods": {"m": "a:b"}, "kinds": {"mine": "a:b"}}}
    fragments["acme:two"] = {"methods": {"m": "a:b"}}
    found = check(file, {}, register=bringing(fragments))[1]
    assert [(problem.mark.line, problem.code, problem.related[0][0].line) for problem in found] == [
        (2, "HA0364", 4),
        (3, "HA0364", 2),
    ]


def test_what_is_wrong_with_a_python_plugin_is_told_at_its_entry(tmp_path: Path) -> None:
    def broken(entries: Sequence[PluginEntry]) -> Answer:
        return [], [Problem(each.mark, "HA0406", "no") for each in entries]

    misshapen = bringing({"acme:plugin": {"routes": [{"method": "GET", "path": "/"}]}})
    file = files(tmp_path, routes="plugins:\n- {plugin: 'acme:plugin'}\n")
    assert [str(problem) for problem in check(file, {}, register=broken)[1]] == [f"{file}:2:12: HA0406 no"]
    (problem,) = check(file, {}, register=misshapen)[1]
    assert (str(problem.mark), problem.message) == (f"{file}:2:12", 'plugin "acme": missing "handler"')


def test_a_name_is_equal_to_the_same_name_of_the_same_table_only() -> None:
    assert OwnedName("a:b", 1) == OwnedName("a:b", 1) != OwnedName("a:b", 2)
    assert OwnedName("a:b", 1) != "a:b"
    assert ("a:b" == OwnedName("a:b", 1)) is False  # noqa: SIM300 - the other way round
    assert OwnedName("a:b", 0) == "a:b"
    known: dict[str, int] = {OwnedName("a:b", 0): 1}
    assert known["a:b"] == 1
    assert owned("a:b", 0) == "a:b"
    assert len({OwnedName("a:b", 1), OwnedName("a:b", 2), "a:b"}) == 3
    assert str(OwnedName("a:b", 1)) == "a:b"
