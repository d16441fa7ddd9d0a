"""`hapiish routes` and `hapiish schema`."""

import json
from pathlib import Path

import pytest

from hapiish.cli import main
from hapiish.table import load
from hapiish.table.digest import table_hash
from hapiish.table.form import schema

TABLE = """
auth:
  schemes: {kit: "kit:scheme"}
  strategies: {session: {scheme: kit}, key: {scheme: kit}}
  default: session
routes:
- {method: GET, path: /, handler: h:index, options: {auth: false}}
- method: [PUT, PATCH]
  path: /users/{id}
  handler: h:change
  vhost: api.test
  options:
    description: Change a user
    tags: [users]
    auth: {strategies: [session, key], mode: try, access: [{scope: [admin, +paid]}, {entity: app}]}
    validate: {params: {type: object}, payload: {type: object}, query: true}
    response: {status: {200: {type: object}}}
sockets:
  namespaces:
  - events:
    - {event: message, id: m, handler: h:message, options: {validate: {payload: {type: object}}}}
    emits:
    - {event: message, payload: {type: object}}
    - {event: typing, description: Somebody types}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes.yaml").write_text(TABLE)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_routes_and_events_are_listed_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes"]) == 0
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "METHOD",
        "GET",
        "PUT",
        "PATCH",
        "",
        "EVENT",
        "in",
        "out message",
        "out typing",
    ]


@pytest.mark.usefixtures("folder")
def test_a_line_has_method_path_id_auth_validation_handler_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    main(["routes"])
    lines = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in lines[1].split("  ") if cell] == [
        "GET",
        "/",
        "-",
        "-",
        "-",
        "h:index",
        "routes.yaml:7",
    ]
    assert [cell.strip() for cell in lines[2].split("  ") if cell] == [
        *("PUT", "/users/{id}", "(api.test)", "-", "session|key try [admin +paid | app]", "params payload response"),
        *("h:change", "routes.yaml:8"),
    ]
    assert [cell.strip() for cell in lines[6].split("  ") if cell] == [
        *("in", "message", "/", "m", "session", "payload", "h:message", "routes.yaml:21"),
    ]


@pytest.mark.usefixtures("folder")
def test_json_has_the_same_facts_and_more(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["routes"][1] == {
        "method": "PUT",
        "path": "/users/{id}",
        "vhost": "api.test",
        "id": None,
        "description": "Change a user",
        "tags": ["users"],
        "auth": {
            "strategies": ["session", "key"],
            "mode": "try",
            "access": [{"scope": ["admin", "+paid"], "entity": "any"}, {"scope": None, "entity": "app"}],
            "payload": None,
        },
        "validation": ["params", "payload", "response"],
        "handler": "h:change",
        "file": "routes.yaml",
        "line": 8,
    }
    assert [*facts["routes"][1]][:3] == ["method", "path", "vhost"]
    assert [*facts["events"][0]][:2] == ["namespace", "event"]
    assert facts["events"][0]["auth"]["strategies"] == ["session"]
    assert [(emit["event"], emit["validation"], emit["line"]) for emit in facts["emits"]] == [
        ("message", ["payload"], 23),
        ("typing", [], 24),
    ]


FILTERED = """
auth:
  schemes: {kit: "kit:scheme"}
  strategies: {session: {scheme: kit}, key: {scheme: kit}}
  default: session
methods: {load: {method: "h:load"}}
routes:
- {method: GET, path: /users, id: users.list, handler: h:a, options: {tags: [users]}}
- {method: POST, path: /users, id: users.create, handler: h:a, options: {tags: [users], auth: {scope: [admin, +paid]}}}
- {method: GET, path: "/users/{id}", handler: "load(params.id)", options: {auth: key, deprecated: "2026-01-01"}}
- {method: "*", path: "/usersfiles/{p*}", handler: {directory: {path: .}}, options: {auth: false}}
sockets:
  namespaces:
  - {namespace: /, events: [{event: say, id: say, handler: h:a, options: {tags: [users]}}], emits: [{event: said}]}
  - {namespace: /open, auth: false, events: [{event: ping, handler: h:a}], emits: [{event: pong}]}
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--method", "get"], ["GET /users", "GET /users/{id}"]),
        (["--method", "HEAD", "--method", "POST"], ["GET /users", "POST /users", "GET /users/{id}"]),
        (["--path", "/users"], ["GET /users", "POST /users", "GET /users/{id}"]),
        (["--path", "/users/*"], ["GET /users/{id}"]),
        (["--tag", "users"], ["GET /users", "POST /users", "say"]),
        (["--tag", "users", "--method", "POST"], ["POST /users"]),
        (["--auth", "key"], ["GET /users/{id}"]),
        (["--public"], ["* /usersfiles/{p*}", "ping"]),
        (["--scope", "paid"], ["POST /users"]),
        (["--id", "users.*"], ["GET /users", "POST /users"]),
        (["--kind", "directory", "--kind", "call"], ["GET /users/{id}", "* /usersfiles/{p*}"]),
        (["--deprecated"], ["GET /users/{id}"]),
        (["--event", "p?ng"], ["ping", "pong"]),
        (["--namespace", "/"], ["say", "said"]),
        (["--path", "/nosuch"], []),
    ],
)
def test_filters_select_routes_and_events(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: list[str]
) -> None:
    (folder / "routes.yaml").write_text(FILTERED)
    assert main(["routes", "--json", *words]) == 0
    facts = json.loads(capsys.readouterr().out)
    found = [f"{each['method']} {each['path']}" for each in facts["routes"]]
    assert [*found, *(each["event"] for each in [*facts["events"], *facts["emits"]])] == expected
    assert main(["routes", *words]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["no route and no event is selected"] or len(lines) > len(expected)


def test_a_list_is_sorted_when_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text(FILTERED.replace("/users, id: users.list", "/zebras, id: users.list"))
    main(["routes", "--json", "--sort", "path"])
    found = json.loads(capsys.readouterr().out)
    assert [each["path"] for each in found["routes"]] == ["/users", "/users/{id}", "/usersfiles/{p*}", "/zebras"]
    main(["routes", "--json", "--sort", "method"])
    found = json.loads(capsys.readouterr().out)
    assert [each["method"] for each in found["routes"]] == ["*", "GET", "GET", "POST"]


@pytest.mark.usefixtures("folder")
def test_markdown_has_a_table_of_routes_and_one_of_events(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["routes", "--format", "markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "## Routes"
    assert lines[2:5] == [
        "| Method | Path | Id | Auth | Validates | Description | Where |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| `GET` | `/` |  | public |  |  | routes.yaml:7 |",
    ]
    assert "session\\|key try [admin +paid \\| app]" in lines[5]
    assert "## Events" in lines
    assert "| `typing` | out | `/` |  |  |  | Somebody types | routes.yaml:24 |" in lines


def test_a_wrong_table_is_answered_as_check_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text("nosuch: 1")
    assert main(["routes"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("routes.yaml:1:1: HA0204")
    assert shown.err.endswith("\nroutes.yaml: 1 error\n")


def test_a_handler_of_a_kind_says_what_it_serves(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handlers = {
        "file: a.txt": "{file: a.txt}",
        "file: {path: b.txt}": "{file: b.txt}",
        "directory: {path: [a, b]}": "{directory}",
        "view: page": "{view: page}",
        "proxy: {host: api.internal}": "{proxy: api.internal}",
        "proxy: {uri: 'http://me:secret@api.internal/x?key=secret'}": "{proxy: http://api.internal/x}",
        "proxy: {mapUri: 'h:map'}": "{proxy: h:map}",
        "model: {name: Todo, action: get}": "{model: Todo.get}",
        "own: {secret: 1}": "{own}",
    }
    head = "models: {Todo: h:Todo}\ndatabase: {}\nkinds: {own: h:own}\nviews: {}\nroutes:\n"
    lines = [f"- {{method: GET, path: '/{n}/{{p*}}', handler: {{{text}}}}}\n" for n, text in enumerate(handlers)]
    (folder / "routes.yaml").write_text(head + "".join(lines))
    assert main(["routes", "--json"]) == 0
    assert [route["handler"] for route in json.loads(capsys.readouterr().out)["routes"]] == [*handlers.values()]


def test_an_empty_table_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text("{}")
    assert main(["routes"]) == 0
    assert capsys.readouterr().out == "no routes\n"


def test_the_schema_is_printed_as_published(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(schema.text())


@pytest.mark.usefixtures("folder")
def test_the_hash_of_the_table_is_printed_beside_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    main(["routes", "--json"])
    hashed = json.loads(capsys.readouterr().out)["table"]
    main(["routes"])
    assert capsys.readouterr().out.splitlines()[0].endswith(f"WHERE  (table {hashed})")
    assert hashed == table_hash(load("routes.yaml"))
