"""`hapiish render`: a table that `check` accepts again, with the same meaning and without secrets."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish.cli import main as command
from hapiish.cli.render import as_yaml
from hapiish.describe.masking import MASK, Masks
from hapiish.describe.rendering import render
from hapiish.table import check, examine, load
from hapiish.table.digest import differences, table_hash
from hapiish.table.text import source
from tests.describe.test_lifecycle import PROJECT, USED
from tests.test_sharing import CHOICES, HEAD

SEALED = HEAD.replace("a password of at least 32 characters", "${PASSWORD}")
PASSWORD = {"PASSWORD": "p" * 32}

ROOT = Path(__file__).parents[2]


def rendered(file: Path, env: dict[str, str], *, variables: bool = True) -> str:
    found, problems = examine(file, env)
    assert found is not None, problems
    return as_yaml(render(found, Masks(found.table.outside, keeps_variables=variables)))


def again(file: Path, env: dict[str, str], *, variables: bool = True) -> tuple[str, str, list[str]]:
    """The hashes of a table and of the rendered one, and what differs."""
    flat = file.with_name("flat.yaml")
    flat.write_text(rendered(file, env, variables=variables))
    try:
        old, new = load(file, env), load(flat, env)
    finally:
        flat.unlink()
    return table_hash(old), table_hash(new), differences(old, new)


def test_the_chat_has_the_same_hash_when_its_variables_are_kept() -> None:
    env = {"JWT_SECRET": "x" * 40, "REDIS_URL": "redis://h:1/0"}
    before, after, changes = again(ROOT / "routes.yaml", env)
    assert changes == []
    assert before == after


def test_the_chat_has_the_same_routes_when_its_variables_are_replaced() -> None:
    env = {"JWT_SECRET": "x" * 40, "PORT": "4000"}
    assert again(ROOT / "routes.yaml", env, variables=False)[2] == []


@settings(max_examples=25, deadline=None)
@given(
    defaults=st.sampled_from(CHOICES),
    preset=st.sampled_from(CHOICES),
    group=st.sampled_from(CHOICES),
    own=st.lists(st.sampled_from(CHOICES), min_size=1, max_size=3),
)
def test_any_options_mean_the_same_when_rendered(
    tmp_path_factory: pytest.TempPathFactory, defaults: str, preset: str, group: str, own: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("render")
    text = f"{SEALED}server: {{routes: {defaults}}}\npresets: {{p: {preset}}}\n"
    lines = [
        f'  - {{method: "{method}", path: "/{number}/{{id?}}", handler: "my:handler", options: {options}}}\n'
        for number, options in enumerate(["{use: p}", "{ext: null, app: null, cors: null, payload: null}", *own])
        for method in ("POST", "*")
    ]
    text += f"groups:\n- prefix: /g\n  options: {group}\n  routes:\n{''.join(lines)}routes:\n{''.join(lines)}"
    (folder / "routes.yaml").write_text(text)
    if check(folder / "routes.yaml", PASSWORD)[0] is None:
        return  # such as isInternal among the defaults
    before, after, changes = again(folder / "routes.yaml", PASSWORD)
    assert changes == []
    assert before == after


RESETS = """
server:
  routes: {app: {a: 1}, ext: {onPreAuth: ["my:x"]}, payload: {maxBytes: 2KB, timeout: 1s}, cors: true}
presets: {more: {ext: {onPreAuth: "my:y"}, tags: {add: [b]}}}
groups:
- prefix: /g
  options: {app: null, ext: null}
  routes:
  - method: POST
    path: /a
    handler: "my:h"
    options: {app: {b: 2}, ext: {onPreAuth: "my:z"}, payload: {maxBytes: null}}
routes:
- {method: [GET, POST], path: /b, handler: "my:h", options: {use: more, cors: false, tags: null}}
- {method: GET, path: /c, handler: "my:h", options: {use: more, limit: 5/second, x-own: {a: 1}}, x-note: kept}
sockets:
  namespaces:
  - {namespace: /, pre: ["my:x"], events: [{event: e, handler: "my:h", options: {ext: {onPreHandler: "my:x"}}}]}
  - namespace: /data
    options: {app: {a: 1, b: {c: 2}}, plugins: {p: {q: 1}}, x-note: kept}
    events:
    - {event: all, handler: "my:h"}
    - {event: none, handler: "my:h", options: {app: null, plugins: null}}
    - {event: some, handler: "my:h", options: {app: {a: null, b: {d: 3}}, plugins: {p: null}}}
"""


def test_a_reset_stays_a_reset(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(RESETS)
    before, after, changes = again(tmp_path / "routes.yaml", {})
    assert changes == []
    assert before == after
    tree = yaml.safe_load(rendered(tmp_path / "routes.yaml", {}))
    first = next(each for each in tree["routes"] if each["path"] == "/g/a")
    assert first["options"]["use"] == ["reset-app-ext"]
    assert first["options"]["payload"] == {"maxBytes": None, "timeout": "1s"}
    assert tree["presets"] == {"reset-app-ext": {"app": None, "ext": None}}
    (last,) = (each for each in tree["routes"] if each["path"] == "/c")
    assert (last["x-note"], last["options"]["x-own"]) == ("kept", {"a": 1})
    assert tree["sockets"]["namespaces"][1]["options"]["x-note"] == "kept"


REPLACED = """
server:
  routes:
    validate: {query: {type: object, required: [a]}}
    limit: {max: 5, duration: 1s, burst: 20}
    response: {status: {"200": {type: object, minProperties: 1}}}
routes:
- method: GET
  path: /a
  handler: "my:h"
  options:
    validate: {query: {type: object}}
    limit: {max: 1, duration: 1m}
    response: {status: {"200": {type: object}}}
"""


def test_schemas_and_limits_that_replace_inherited_ones_stay_whole(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(REPLACED)
    before, after, changes = again(tmp_path / "routes.yaml", {})
    assert changes == []
    assert before == after
    (route,) = yaml.safe_load(rendered(tmp_path / "routes.yaml", {}))["routes"]
    assert route["options"]["validate"] == {"query": {"type": "object"}}
    assert route["options"]["limit"] == {"max": 1, "duration": "1m"}


def test_used_tables_groups_kinds_and_resources_become_routes(tmp_path: Path) -> None:
    for folder, text in ((tmp_path, PROJECT), (tmp_path / "used", USED)):
        folder.mkdir(exist_ok=True)
        (folder / "my.py").write_text("")
        (folder / "routes.yaml").write_text(text)
    _before, _after, changes = again(tmp_path / "routes.yaml", {})
    assert [line for line in changes if not line.startswith(("~ GET /used", "~ PUT /used", "- plugins.routes"))] == []
    tree = yaml.safe_load(rendered(tmp_path / "routes.yaml", {}))
    used = [each for each in tree["routes"] if each["path"] == "/used/x"]
    assert [(each["method"], each["handler"], each["x-table"]) for each in used] == [
        (["GET", "PUT"], "used.my:handler", "routes")
    ]


RESOURCES = """
database: {}
models: {Todo: "my:Todo"}
presets: {slow: {timeout: {server: 9s}}}
groups:
- prefix: /g
  options: {tags: [g]}
  routes:
  - resource: todos
    path: /todos
    handler: {model: {name: Todo, filters: {done: [eq]}, readOnly: [made], lookup: {field: slug}}}
    options: {use: slow, tags: {add: [todo]}}
    actions: {delete: false, create: {id: make, options: {timeout: null}}, update: {handler: "my:update"}}
routes:
- {resource: roots, path: /, handler: {model: Todo}, actions: {list: false}}
"""


def test_a_resource_stays_a_resource_with_the_options_of_each_action(tmp_path: Path) -> None:
    (tmp_path / "routes.yaml").write_text(RESOURCES)
    before, after, changes = again(tmp_path / "routes.yaml", {})
    assert changes == []
    assert before == after
    tree = yaml.safe_load(rendered(tmp_path / "routes.yaml", {}))
    todos = next(each for each in tree["routes"] if each["resource"] == "todos")
    assert todos["path"] == "/g/todos"
    assert todos["actions"]["delete"] is False
    assert todos["actions"]["create"] == {"id": "make", "options": {"timeout": None, "tags": ["g", "todo"]}} or (
        "timeout" not in todos["actions"]["create"]["options"]
    )
    assert todos["actions"]["update"]["handler"] == "my:update"


def test_folders_of_a_used_table_are_seen_from_the_root(tmp_path: Path) -> None:
    used = (
        "views: {path: pages}\n"
        "routes:\n- {method: GET, path: /p, handler: {file: p.html}}\n"
        "- {resource: todos, path: /, handler: {model: Todo}}\nmodels: {Todo: 'my:Todo'}\n"
    )
    (tmp_path / "used" / "pages").mkdir(parents=True)
    (tmp_path / "used" / "p.html").write_text("")
    (tmp_path / "used" / "my.py").write_text("")
    (tmp_path / "used" / "routes.yaml").write_text(used)
    (tmp_path / "routes.yaml").write_text("plugins: [{table: used/routes.yaml, routes: {prefix: /u}}]\ndatabase: {}")
    flat = tmp_path / "flat.yaml"
    flat.write_text(rendered(tmp_path / "routes.yaml", {}))
    table = load(flat, {})
    tree = yaml.safe_load(flat.read_text())
    assert {each.options.files.relative_to for each in table.routes} == {"used"}
    assert tree["views"] == {"path": "pages", "relativeTo": "used"}
    assert tree["models"] == {"Todo": "used.my:Todo"}
    assert {each.path for each in table.routes} == {"/u", "/u/{id}", "/u/p"}
    assert table.database is not None


CLASH = """
models: {Own: "my:Own"}
schemas: {Thing: {type: object}}
methods: {load: "my:load"}
auth:
  schemes: {kit: "my:Kit"}
  strategies: {s: {scheme: kit}}
  default: s
routes: [{method: GET, path: /, handler: "load(query)", options: {validate: {query: {$ref: "#/schemas/Thing"}}}}]
"""


def test_equal_names_of_two_tables_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "used.yaml").write_text(CLASH)
    (tmp_path / "routes.yaml").write_text(f"{CLASH}plugins: [{{table: used.yaml, routes: {{prefix: /u}}}}]\n")
    flat = tmp_path / "flat.yaml"
    flat.write_text(rendered(tmp_path / "routes.yaml", {}))
    load(flat, {})
    tree = yaml.safe_load(flat.read_text())
    own, theirs = tree["routes"]
    assert (own["path"], theirs["path"]) == ("/", "/u")
    assert theirs["handler"] == "used.load(query)"
    assert theirs["options"]["auth"]["strategies"] == ["used.s"]
    assert theirs["options"]["validate"]["query"] == {"$ref": "#/schemas/used.Thing"}
    assert tree["auth"]["strategies"]["used.s"]["scheme"] == "used.kit"
    assert own["options"]["validate"]["query"] == {"$ref": "#/schemas/Thing"}


SECRETS = """
server:
  tls: {key: k.pem, cert: c.pem, passphrase: hush-a-passphrase}
  limit: {store: "redis://u:hush-b@h/0"}
  state: {sign: {password: "hush-c-1234567890123456789012345"}}
  app: {password: hush-d, url: "amqp://u:hush-e@h", apiKey: hush-f, pin: 90210, shown: 7}
  plugins: {mine: {secret: hush-h, at: "https://hush-login@h/?sig=hush-sig", note: "$${literal}", env: "${HUSH_G}"}}
database: {uri: "mongodb://u:${HUSH_I}@h/db"}
caches: [{provider: "my:cache", options: {token: hush-j}}, {name: r, provider: redis, options: {url: "redis://:hush-k@h/0"}}]
state: {a: {encoding: iron, password: {v1: "hush-l-1234567890123456789012345"}}}
session: {cookieOptions: {password: "${file:secret.txt}"}}
auth:
  schemes: {own: "my:scheme"}
  strategies:
    one: {scheme: jwt, options: {keys: "hush-m-123456789012345678901234567"}}
    two: {scheme: jwt, options: {keys: [{key: "${HUSH_N:hush-default-90123456789012345678}", kid: a}]}}
    three: {scheme: own, options: {anything: "${HUSH_O}", clientSecret: hush-p}}
    four: {scheme: basic, options: {users: {u: {passwordHash: "$scrypt$hush-q"}}}}
    five: {scheme: apiKey, options: {keys: {k: {hash: "sha256:HASH"}}}}
    six: {scheme: cookie, options: {cookie: {name: six, password: "hush-r-1234567890123456789012345"}}}
    seven:
      scheme: oauth2
      options:
        provider: github
        clientId: shown-id
        clientSecret: hush-s
        cookie: {password: "hush-t-1234567890123456789012345"}
views: {context: {apiKey: hush-u}}
routes:
- method: GET
  path: /a
  handler: {proxy: {uri: "http://u:hush-v@h/x?password=hush-w&api_key=hush-z"}}
  options: {app: {nested: {secret: [hush-x]}}}
- method: POST
  path: /b
  handler: "my:f"
  options: {auth: false, csrf: {password: "hush-y-1234567890123456789012345"}}
"""


def test_no_secret_is_shown_and_what_is_shown_is_a_valid_table(tmp_path: Path) -> None:
    text = SECRETS.replace("HASH", "abcdef0123456789" * 4)
    (tmp_path / "secret.txt").write_text("hush-file-1234567890123456789012345")
    (tmp_path / "routes.yaml").write_text(text)
    env = {name: f"hush-{name.lower()}-123456789012345678901234" for name in ("HUSH_G", "HUSH_I", "HUSH_N", "HUSH_O")}
    for variables in (False, True):
        shown = rendered(tmp_path / "routes.yaml", env, variables=variables)
        assert "hush" not in shown
        assert "90210" not in shown
        assert "abcdef0123456789" not in shown
        for kept in ("shown-id", "shown: 7", "${HUSH_G}", "${HUSH_O}", "mongodb://u:${HUSH_I}@h/db", "$${literal}"):
            assert kept in shown
        for kept in ("${file:secret.txt}", f"${{HUSH_N:{MASK}}}", "$scrypt$", "sha256:000"):
            assert kept in shown
        (tmp_path / "flat.yaml").write_text(shown)
        assert check(tmp_path / "flat.yaml", env)[0] is not None, check(tmp_path / "flat.yaml", env)[1]


ODD = [
    "0o14",
    "1e3",
    "0x1F",
    "yes",
    "no",
    "~",
    "null",
    "1_000",
    "2026-01-01",
    "12:30",
    "",
    " a ",
    "a: b",
    "a #b",
    "- a",
]
texts = st.one_of(st.sampled_from(ODD), st.text(st.characters(codec="utf-8", exclude_characters="\r\x85\u2028\u2029")))
trees = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text("abc", min_size=1), trees, min_size=1, max_size=4))
def test_the_yaml_is_read_to_the_same_values(value: dict[str, Any]) -> None:
    tree, problems = source.read(as_yaml(value), "x.yaml")
    assert tree is not None, problems
    assert tree.value == value


def test_the_command_prints_yaml_or_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes.yaml").write_text(
        "routes: [{method: GET, path: /, handler: 'my:f'}]\nplugins: [{plugin: my}]\n"
    )
    assert command(["render"]) == 0
    shown = capsys.readouterr()
    assert yaml.safe_load(shown.out)["routes"] == [{"method": "GET", "path": "/", "handler": "my:f"}]
    assert "--import runs them" in shown.err
    assert command(["render", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plugins"] == [{"plugin": "my"}]
    (tmp_path / "routes.yaml").write_text("nosuch: 1")
    assert command(["render"]) == 1
    assert "HA0" in capsys.readouterr().err
