"""`hapiish diff`: each rule on a pair of tables, files and revisions of git, formats, exit statuses."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from hapiish.cli import main
from hapiish.describe.diff.change import RULES, TableChange
from hapiish.describe.diff.comparison import compare
from hapiish.describe.surface import relocated, surface
from hapiish.table import check_text

ROOT = Path(__file__).parents[2]
HEAD = """
schemas: {Note: {type: object, properties: {text: {type: string, maxLength: 9}}, required: [text]}}
auth:
  strategies:
    key: {scheme: apiKey, options: {keys: {k: {hash: "sha256:%s"}}}}
    other: {scheme: basic, options: {validate: "m:v"}}
""" % ("0" * 64)
ROUTE = "routes: [{method: %s, path: %s, handler: 'm:h', options: {%s}}]"
EVENT = "routes: []\nsockets: {namespaces: [{namespace: /, %s}]}"


def table(text: str) -> Any:
    found, problems = check_text(HEAD + text, "t.yaml", {})
    assert found is not None, [str(problem) for problem in problems]
    return surface(found)


def changes(old: str, new: str) -> list[TableChange]:
    return compare(table(old), table(new))


def get(options: str = "", path: str = "/a") -> str:
    return ROUTE % ("GET", path, options)


def post(options: str = "") -> str:
    return ROUTE % ("POST", "/a", options)


def event(options: str = "", more: str = "") -> str:
    return EVENT % f"{more}events: [{{event: e, handler: 'm:h'{options}}}]"


def emit(payload: str) -> str:
    return EVENT % f"emits: [{{event: x, payload: {payload}}}]"


PAIRS: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("routes: []", get(), [("route-added", "safe")]),
    (get(), "routes: []", [("route-removed", "breaking")]),
    (get("deprecated: {since: 2020-01-01, sunset: 2021-01-01}"), "routes: []", [("route-removed", "safe")]),
    (get("deprecated: {since: 2020-01-01, sunset: 2999-01-01}"), "routes: []", [("route-removed", "breaking")]),
    (get(), get("isInternal: true"), [("route-removed", "breaking")]),
    (get("isInternal: true"), get(), [("route-added", "safe")]),
    (get(path="'/u/{id}'"), get(path="'/u/{name}'"), [("param-renamed", "safe")]),
    (get(path="'/u/{a*2}'"), get(path="'/u/{x}/{y}'"), [("params-divided", "unknown")]),
    (get(path="'/u/{a*2}/{b}'"), get(path="'/u/{a}/{b*2}'"), [("params-divided", "unknown")]),
    (get(path="'/u/{a}.{b}'"), get(path="'/u/{b}.{a}'"), [("param-renamed", "safe")]),
    (get(path="'/u/{id?}'"), get(path="'/u/{id}'"), [("param-required", "breaking")]),
    (get(path="'/u/{id}'"), get(path="'/u/{id?}'"), [("param-required", "safe")]),
    (get(path="/a"), get(path="/b"), [("route-removed", "breaking"), ("route-added", "safe")]),
    (
        "routes: [{method: GET, path: /a, id: one, handler: 'm:h'}]",
        "routes: [{method: GET, path: /b, id: one, handler: 'm:h'}]",
        [("route-moved", "breaking")],
    ),
    (get(), get("auth: key"), [("auth-added", "breaking"), ("status-added", "safe")]),
    (get("auth: key"), get(), [("auth-relaxed", "safe"), ("status-removed", "safe")]),
    (get("auth: key"), get("auth: {strategy: key, mode: try}"), [("auth-relaxed", "safe")]),
    (get("auth: {strategy: key, mode: optional}"), get("auth: key"), [("auth-added", "breaking")]),
    (
        get("auth: {strategy: key, mode: try}"),
        get("auth: {strategy: key, mode: optional}"),
        [("auth-stricter", "breaking"), ("status-added", "safe")],
    ),
    (
        get("auth: {strategy: key, mode: optional}"),
        get("auth: {strategy: key, mode: try}"),
        [("auth-relaxed", "safe"), ("status-removed", "safe")],
    ),
    (
        get("auth: key"),
        get("auth: {strategy: key, mode: optional, scope: [a]}"),
        [("auth-relaxed", "safe"), ("access-narrowed", "breaking"), ("status-added", "safe")],
    ),
    (
        get("auth: key"),
        get("auth: {strategy: other, mode: optional}"),
        [("auth-relaxed", "safe"), ("strategy-removed", "unknown"), ("strategy-added", "safe")],
    ),
    (
        get(),
        get("auth: {strategy: key, mode: try, scope: [a]}"),
        [("access-narrowed", "unknown"), ("status-added", "safe")],
    ),
    (get("auth: {strategies: [key, other]}"), get("auth: key"), [("strategy-removed", "breaking")]),
    (get("auth: key"), get("auth: {strategies: [key, other]}"), [("strategy-added", "safe")]),
    (
        get("auth: key"),
        get("auth: {strategy: key, scope: [a]}"),
        [("access-narrowed", "breaking"), ("status-added", "safe")],
    ),
    (
        get("auth: {strategy: key, scope: [a]}"),
        get("auth: {strategy: key, scope: [a, b]}"),
        [("access-widened", "safe")],
    ),
    (
        get("auth: {strategy: key, scope: [a, b]}"),
        get("auth: {strategy: key, scope: [a]}"),
        [("access-narrowed", "breaking")],
    ),
    (get("auth: {strategy: key, scope: [+a]}"), get("auth: {strategy: key, scope: [a]}"), [("access-widened", "safe")]),
    (
        get("auth: {strategy: key, scope: [a]}"),
        get("auth: {strategy: key, scope: [a, '!b']}"),
        [("access-narrowed", "breaking")],
    ),
    (
        get("auth: {strategy: key, entity: user}"),
        get("auth: {strategy: key, scope: [a]}"),
        [("access-narrowed", "breaking")],
    ),
    (get(), get("limit: 5/second"), [("limit-added", "breaking"), ("status-added", "safe")]),
    (get("limit: 5/second"), get(), [("limit-removed", "safe"), ("status-removed", "safe")]),
    (get("limit: 5/second"), get("limit: 4/second"), [("limit-lowered", "breaking")]),
    (get("limit: 5/second"), get("limit: 5/minute"), [("limit-lowered", "breaking")]),
    (get("limit: 5/second"), get("limit: 10/second"), [("limit-raised", "safe")]),
    (
        get("limit: {max: 5, duration: 1s, name: n, by: route}"),
        get("limit: {max: 5, duration: 1s, name: n, by: address}"),
        [("limit-changed", "unknown")],
    ),
    (
        get("limit: {max: 5, duration: 1s, burst: 9}"),
        get("limit: {max: 6, duration: 1s, burst: 7}"),
        [("limit-lowered", "breaking")],
    ),
    (post("payload: {maxBytes: 100}"), post("payload: {maxBytes: 99}"), [("size-lowered", "breaking")]),
    (post("payload: {maxBytes: 100}"), post("payload: {maxBytes: 101}"), [("size-raised", "safe")]),
    (
        post("payload: {allow: [application/json, text/plain]}"),
        post("payload: {allow: application/json}"),
        [("media-type-removed", "breaking")],
    ),
    (
        post("payload: {allow: application/json}"),
        post("payload: {allow: [application/json, text/plain]}"),
        [("media-type-added", "safe")],
    ),
    (
        post('validate: {payload: {$ref: "#/schemas/Note"}}'),
        post("validate: {payload: {type: object, properties: {text: {type: string, maxLength: 5}}, required: [text]}}"),
        [("schema-narrowed", "breaking")],
    ),
    (
        post("validate: {payload: {type: object, properties: {a: {type: string}}}}"),
        post("validate: {options: {allowUnknown: false}, payload: {type: object, properties: {a: {type: string}}}}"),
        [("undeclared-refused", "breaking"), ("schema-widened", "safe")],
    ),
    (
        post("validate: {options: {allowUnknown: false}, payload: {type: object, properties: {a: {type: string}}}}"),
        post("validate: {payload: {type: object, properties: {a: {type: string}}}}"),
        [("schema-widened", "safe")],
    ),
    (
        get("validate: {query: {type: object, properties: {a: {type: string}}}}"),
        get("validate: {options: {allowUnknown: false}, query: {type: object, properties: {a: {type: string}}}}"),
        [("undeclared-refused", "breaking")],
    ),
    (
        get("validate: {headers: {type: object, properties: {x-a: {type: string}}}}"),
        get("validate: {options: {allowUnknown: false}, headers: {type: object, properties: {x-a: {type: string}}}}"),
        [],
    ),
    (post("validate: {payload: 'm:check'}"), post("validate: {payload: 'm:other'}"), [("function-changed", "unknown")]),
    (
        post("validate: {failAction: ignore, payload: {type: object}}"),
        post("validate: {payload: {type: object}}"),
        [("schema-narrowed", "breaking")],
    ),
    (
        post("validate: {payload: {type: object}}"),
        post("validate: {status: 422, payload: {type: object}}"),
        [("validation-status", "unknown"), ("status-added", "safe")],
    ),
    (
        get("validate: {query: {type: object, properties: {q: {type: string}}}}"),
        get("validate: {query: {type: object, properties: {q: {type: string}, r: {type: integer}}, required: [r]}}"),
        [("required-property-added", "breaking")],
    ),
    (
        get("validate: {params: {type: object, properties: {id: {type: integer}}}}", "'/u/{id}'"),
        get("validate: {params: {type: object, properties: {no: {type: string}}}}", "'/u/{no}'"),
        [("param-renamed", "safe"), ("schema-widened", "safe")],
    ),
    (
        get("response: {status: {'200': {type: object}}}"),
        get("response: {status: {'201': {type: object}}}"),
        [("status-removed", "breaking"), ("status-added", "safe")],
    ),
    (get(), get("response: {status: {'200': {type: object}}}"), [("response-declared", "safe")]),
    (get("response: {status: {'200': {type: object}}}"), get(), [("response-undeclared", "breaking")]),
    (
        get("response: {status: {'200': {type: string}}}"),
        get("response: {status: {'200': {type: [string, 'null']}}}"),
        [("schema-widened", "breaking")],
    ),
    (
        get("response: {status: {'200': {type: string}}}"),
        get("response: {status: {'200': false}}"),
        [("response-type-changed", "breaking")],
    ),
    (get(), get("deprecated: 2020-01-01"), [("deprecated", "safe")]),
    (
        get("deprecated: {since: 2020-01-01, sunset: 2999-02-01}"),
        get("deprecated: {since: 2020-01-01, sunset: 2999-01-01}"),
        [("sunset-earlier", "breaking")],
    ),
    (
        get("deprecated: {since: 2020-01-01, sunset: 2999-02-01}"),
        get("deprecated: {since: 2020-01-01}"),
        [("sunset-earlier", "breaking")],
    ),
    (get("cors: true"), get(), [("cors-narrowed", "breaking")]),
    (get(), get("cors: true"), [("cors-widened", "safe")]),
    (
        get("cors: {origin: ['https://a.example', 'https://b.example']}"),
        get("cors: {origin: ['https://a.example']}"),
        [("cors-narrowed", "breaking")],
    ),
    (get("cors: {origin: ['https://a.example']}"), get("cors: true"), [("cors-widened", "safe")]),
    (post(), post("csrf: true"), [("csrf-added", "breaking")]),
    (event(), event(", options: {limit: 5/second}"), [("limit-added", "breaking")]),
    (event(), EVENT % "events: []", [("event-removed", "breaking")]),
    (EVENT % "events: []", event(), [("event-added", "safe")]),
    (event(", id: one"), (event(", id: one")).replace("event: e", "event: f"), [("event-moved", "breaking")]),
    (event(), event(", arguments: true"), [("event-form", "breaking")]),
    (event(), event(", ack: raw"), [("event-form", "breaking")]),
    (
        event(", options: {validate: {payload: {type: object, properties: {a: {type: string}}}}}"),
        event(", options: {validate: {payload: {type: object, properties: {a: {type: integer}}}}}"),
        [("schema-changed", "breaking")],
    ),
    (
        event(", options: {response: {schema: {type: object, properties: {n: {type: integer}}}}}"),
        event(", options: {response: {schema: {type: object, properties: {n: {type: number}}}}}"),
        [("schema-widened", "breaking")],
    ),
    (emit("{type: string}"), EVENT % "emits: []", [("emit-removed", "breaking")]),
    (EVENT % "emits: []", emit("{type: string}"), [("emit-added", "safe")]),
    (emit("{type: integer}"), emit("{type: number}"), [("schema-widened", "breaking")]),
    (emit("{type: number}"), emit("{type: integer}"), [("schema-narrowed", "safe")]),
    (EVENT % "events: []", EVENT % "auth: key, events: []", [("auth-added", "breaking")]),
    (
        EVENT % "events: []",
        "routes: []\nsockets: {namespaces: [{namespace: /x}]}",
        [("namespace-removed", "breaking"), ("namespace-added", "safe")],
    ),
    ("routes: []", EVENT % "events: []", [("sockets-added", "safe"), ("namespace-added", "safe")]),
    (EVENT % "events: []", "routes: []", [("sockets-removed", "breaking"), ("namespace-removed", "breaking")]),
    (
        "routes: []\nsockets: {path: /a, namespaces: [{namespace: /}]}",
        "routes: []\nsockets: {path: /b, namespaces: [{namespace: /}]}",
        [("sockets-path", "breaking")],
    ),
    (
        "routes: []\nsockets: {transports: [websocket, polling], namespaces: [{namespace: /}]}",
        "routes: []\nsockets: {transports: [websocket], namespaces: [{namespace: /}]}",
        [("transport-removed", "breaking")],
    ),
    (
        "routes: []\nsockets: {transports: [websocket], namespaces: [{namespace: /}]}",
        "routes: []\nsockets: {transports: [websocket, polling], namespaces: [{namespace: /}]}",
        [("transport-added", "safe")],
    ),
    (
        "routes: []\nsockets: {maxBytes: 64KB, namespaces: [{namespace: /}]}",
        "routes: []\nsockets: {maxBytes: 1KB, namespaces: [{namespace: /}]}",
        [("size-lowered", "breaking")],
    ),
    (
        "routes: []\nsockets: {origins: ['https://a.example', 'https://b.example'], namespaces: [{namespace: /}]}",
        "routes: []\nsockets: {origins: ['https://a.example'], namespaces: [{namespace: /}]}",
        [("cors-narrowed", "breaking")],
    ),
    (
        "routes: []\nsockets: {namespaces: [{namespace: /}]}",
        "routes: []\nsockets: {origins: ['https://a.example'], namespaces: [{namespace: /}]}",
        [("origins-changed", "unknown")],
    ),
    (
        event(),
        EVENT % "events: [{event: '*', handler: 'm:h'}]",
        [("event-removed", "unknown"), ("event-added", "safe")],
    ),
    (get(), "server: {router: {stripTrailingSlash: true}}\n" + get(), [("router-looser", "safe")]),
    ("server: {router: {stripTrailingSlash: true}}\n" + get(), get(), [("router-stricter", "breaking")]),
    ("server: {router: {isCaseSensitive: false}}\n" + get(), get(), [("router-stricter", "breaking")]),
    (get(), "state: {c: {ttl: 1d}}\n" + get(), [("cookie-added", "safe")]),
    ("state: {c: {ttl: 1d}}\n" + get(), get(), [("cookie-removed", "unknown")]),
    ("state: {c: {ttl: 1d}}\n" + get(), "state: {c: {ttl: 2d}}\n" + get(), [("cookie-changed", "unknown")]),
    (
        "state: {c: {encoding: none}}\n" + get(),
        "state: {c: {encoding: base64json}}\n" + get(),
        [("cookie-form", "breaking")],
    ),
    (get("cache: {expiresIn: 1s}"), get("cache: {expiresIn: 9s}"), [("caching-changed", "unknown")]),
    (get("cache: {expiresIn: 9s}"), get("cache: {expiresIn: 1s}"), [("caching-changed", "safe")]),
    (
        get("response: {status: {'409': {type: string, maxLength: 3}}}"),
        get("response: {status: {'409': {type: string, maxLength: 4}}}"),
        [("schema-widened", "breaking")],
    ),
    ("routes: [{method: GET, path: /a, vhost: a.example, handler: 'm:h'}]", get(), []),
    (
        post("validate: {payload: {type: object, properties: {a: {}}}}"),
        post("validate: {payload: {type: object, properties: {a: {}}, additionalProperties: false}}"),
        [("undeclared-refused", "breaking"), ("schema-widened", "safe")],
    ),
    (post("csrf: {}"), post("csrf: false"), [("csrf-removed", "safe"), ("status-removed", "safe")]),
]


@pytest.mark.parametrize(("old", "new", "expected"), PAIRS)
def test_a_change_of_a_table_is_judged_by_its_rule(old: str, new: str, expected: list[tuple[str, str]]) -> None:
    found = {(change.rule, change.verdict) for change in changes(old, new)}
    assert set(expected) <= found
    allowed = {
        *expected,
        *(pair for pair in found if pair[0] in ("status-added", "status-removed") and pair[1] == "safe"),
    }
    assert found <= allowed


@pytest.mark.parametrize("text", [get(), post("validate: {payload: {$ref: '#/schemas/Note'}}"), event(), emit("true")])
def test_a_table_beside_itself_has_no_changes(text: str) -> None:
    assert changes(text, text) == []


SETTINGS = """
state: {sid: {ttl: 1d}}
server: {routes: {cors: {origin: ["https://a.example"]}, csrf: true}}
caches: [{name: c, provider: memory}]
routes:
  - method: GET
    path: /a
    handler: "m:h"
    options: {limit: 5/second, cache: {expiresIn: 5s}, auth: key, deprecated: 2020-01-01}
  - {method: POST, path: /b, handler: "m:h", options: {payload: {multipart: {output: data}}}}
sockets: {origins: ["https://a.example"], namespaces: [{namespace: /, auth: key, events: [{event: e, handler: "m:h"}]}]}
"""


@pytest.mark.parametrize("text", [SETTINGS, get(), event(), emit("true")])
def test_a_table_whose_lines_have_moved_has_no_changes(text: str) -> None:
    moved, problems = check_text(f"# one line\n{HEAD}# another\n{text}", "moved.yaml", {})
    assert moved is not None, problems
    assert compare(table(text), surface(moved)) == []


def test_the_chat_beside_itself_has_no_changes(capsys: pytest.CaptureFixture[str]) -> None:
    chat = str(ROOT / "routes.yaml")
    assert main(["diff", chat, chat, "--fail-on", "unknown"]) == 0
    assert capsys.readouterr().out == "no changes that clients notice\n"


def test_every_rule_is_tried() -> None:
    tried = {rule for _, _, expected in PAIRS for rule, _ in expected}
    by_schemas = {
        name for name in RULES if name.startswith(("schema-", "property-", "required-property-", "named-schema-"))
    }
    elsewhere = {
        "default-changed",
        "deprecation-of-property",
        "strategy-changed",
        "body-required",
        "body-optional",
        "header-removed",
        "header-added",
    }
    assert RULES.keys() - tried - by_schemas - elsewhere == set()


def test_a_named_schema_is_judged_in_the_directions_of_its_uses() -> None:
    sent = post('validate: {payload: {$ref: "#/schemas/Note"}}')
    received = emit('{$ref: "#/schemas/Note"}')
    for text, verdict in ((sent, "breaking"), (received, "safe"), ("routes: []", "safe")):
        narrower = check_text((HEAD + text).replace("maxLength: 9", "maxLength: 5"), "t.yaml", {})[0]
        assert narrower is not None
        [change] = [each for each in compare(table(text), surface(narrower)) if each.subject.kind == "schema"]
        assert (change.verdict, change.subject.label) == (verdict, "Note")


def test_another_place_of_credentials_breaks() -> None:
    cookie = HEAD.replace("{keys: {k: {", "{header: x-other, keys: {k: {")
    found = check_text(cookie + get("auth: key"), "t.yaml", {})[0]
    assert found is not None
    assert ("strategy-changed", "breaking") in {
        (each.rule, each.verdict) for each in compare(table(get("auth: key")), surface(found))
    }


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a table that uses another file, in a folder; the working copy is changed."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "routes.yaml").write_text(
        "plugins: [{table: more.yaml}]\nroutes: [{method: GET, path: /a, handler: 'm:h'}]\n"
    )
    (folder / "more.yaml").write_text("routes: [{method: GET, path: /b, handler: 'm:h'}]\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], check=True)
    (folder / "more.yaml").write_text("routes: []\n")
    return tmp_path


def test_a_revision_of_git_is_read_with_its_own_files(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", "main:shop/routes.yaml", "shop/routes.yaml"]) == 1
    assert "GET /b  shop/more.yaml:1\n  ✗ breaking  the route is gone\n" in capsys.readouterr().out
    monkeypatch.chdir(repository / "shop")
    assert main(["diff", "main:./routes.yaml"]) == 1
    assert main(["diff", "main:shop/routes.yaml", "HEAD:shop/routes.yaml"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere:shop/routes.yaml"], 'git knows no revision "nowhere"'),
        (["main:shop/none.yaml"], "main has no file shop/none.yaml"),
        (["main:../outside.yaml"], "main has no file ../outside.yaml"),
        (["main:"], "is neither a file nor a revision"),
        (["none.yaml", "shop/routes.yaml"], "none.yaml has errors"),
        ([], "diff needs the old table"),
        (["--output=x:shop/routes.yaml"], None),
    ],
)
def test_what_cannot_be_compared_is_said(
    repository: Path, arguments: list[str], message: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if message is None:
        with pytest.raises(SystemExit) as stop:
            main(["diff", *arguments])
        assert stop.value.code == 2
    else:
        assert main(["diff", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_a_folder_without_git_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["diff", "main:routes.yaml"]) == 2
    assert "this folder is not in a git repository" in capsys.readouterr().err


@pytest.fixture
def pair(tmp_path: Path) -> list[str]:
    """Two tables with a breaking, an unknown and a safe change."""
    files = []
    for name, size, pattern, kind in (("old", 9, "^a[^b]*c$", "integer"), ("new", 5, "^a[^bd]*c$", "number")):
        payload = {
            "type": "object",
            "properties": {
                "a": {"type": "string", "maxLength": size},
                "b": {"type": "string", "pattern": pattern},
                "c": {"type": kind},
            },
        }
        route = {"method": "POST", "path": "/a", "handler": "m:h", "options": {"validate": {"payload": payload}}}
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump({"routes": [route]}))
        files.append(str(file))
    return files


def test_the_formats_say_the_same(pair: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *pair]) == 1
    text = capsys.readouterr().out
    assert text.splitlines()[0].startswith("POST /a  ")
    assert [line.split()[:2] for line in text.splitlines()[1:] if line.startswith("  ✗")] == [["✗", "breaking"]]
    assert "payload /a: maxLength 9 becomes 5\n              for example " in text
    assert text.endswith("\n1 breaking, 1 unknown, 1 safe\n")
    main(["diff", *pair, "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["breaking"], found["unknown"], found["safe"]) == (1, 1, 1)
    [change] = [each for each in found["changes"] if each["verdict"] == "breaking"]
    assert (change["subject"]["label"], change["rule"], change["pointer"]) == ("POST /a", "schema-narrowed", "/a")
    assert (change["direction"], change["new"]["line"], len(change["example"]) > 5) == ("sent", 2, True)
    main(["diff", *pair, "--format", "markdown"])
    page = capsys.readouterr().out
    assert "#### Breaking (1)" in page
    assert "| `POST /a` | payload /a: maxLength 9 becomes 5<br>for example " in page


@pytest.mark.parametrize(("level", "status"), [("breaking", 1), ("unknown", 1), ("none", 0)])
def test_the_exit_status_is_for_ci(pair: list[str], level: str, status: int) -> None:
    assert main(["diff", *pair, "--fail-on", level]) == status


def test_variables_that_are_not_set_do_not_matter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "routes.yaml"
    server = "server: {host: '${DIFF_HOST}', port: '${DIFF_PORT}', routes: {timeout: {server: '${DIFF_TIME}'}}}"
    file.write_text(f"{server}\n{get()}")
    assert main(["diff", str(file), str(file)]) == 0
    assert "DIFF_PORT is not set" in capsys.readouterr().err


def test_the_page_lists_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--rules"]) == 0
    rules = capsys.readouterr().out
    assert rules in (ROOT / "docs" / "diff.md").read_text(encoding="utf-8")


def test_a_long_chain_of_equal_schemas_is_compared_and_each_named_schema_is_read_once_for_all_routes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def chain(word: str, routes: int) -> Any:
        names = "".join(
            f"  S{at}: {{type: object, description: {word}, "
            f"properties: {{a: {{$ref: '#/schemas/S{(at + 1) % 300}'}}}}}}\n"
            for at in range(300)
        )
        made = "".join(
            f"- {{method: POST, path: /r{at}, handler: 'm:h', options: {{validate: {{payload: "
            f"{{$ref: '#/schemas/S{at}'}}}}}}}}\n"
            for at in range(routes)
        )
        found, problems = check_text(f"schemas:\n{names}routes:\n{made}", "t.yaml", {})
        assert found is not None, problems
        return surface(found)

    read = 0

    def counted(*arguments: Any) -> Any:
        nonlocal read
        read += 1
        return relocated(*arguments)

    monkeypatch.setattr("hapiish.describe.diff.relaxing.relocated", counted)
    assert compare(chain("one", 20), chain("other", 20)) == []
    assert read < 1500
