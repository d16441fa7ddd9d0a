"""`hapiish explain` and `hapiish match`, read as a person and a program read them."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from hapiish.cli import main

ROOT = Path(__file__).parents[2]
TABLE = """\
server:
  routes: {security: true, payload: {maxBytes: 64KB}, timeout: {server: 5s}, use: base}
auth:
  schemes: {kit: "kit:scheme"}
  strategies: {session: {scheme: kit}}
  default: session
presets:
  base: {response: {emptyStatusCode: 200}}
  small: {payload: {maxBytes: 1KB}, tags: [small], use: base}
  paged: {params: {most: {type: integer, default: 10}}, app: {most: "${params.most}"}}
plugins:
- table: used.yaml
  as: used
  routes: {prefix: /used}
  options: {tags: {add: [theirs]}}
  override: {used.one: {options: {timeout: {server: 1s}}}, one: {options: {timeout: {server: 1s}}}}
groups:
- prefix: /admin
  ext: {onPreAuth: "my:audit"}
  options: {use: small, auth: {scope: [admin]}, limit: 5/second}
  routes:
  - method: POST
    path: "/users/{id}"
    id: users.create
    handler: "my:create"
    options:
      use: [{paged: {most: 20}}]
      payload: {maxBytes: 2KB}
      timeout: null
      limit: {add: [{max: 9, duration: 1m}]}
      app: {password: hunter2, url: "redis://u:secret@h/0", token: "${TOKEN:}"}
routes:
- {method: GET, path: "/files/{p*}", id: files, handler: {directory: {path: .}}}
- {method: GET, path: /hosts, handler: "my:a", vhost: one.test}
- {method: GET, path: /hosts, handler: "my:b", options: {cors: true}}
- {method: GET, path: /secret, handler: "my:c", options: {isInternal: true}}
sockets:
  namespaces:
  - namespace: /
    options: {tags: [live]}
    limit: {max: 1, duration: 1s}
    events:
    - {event: say, id: say.first, handler: "my:say", options: {description: Says}}
  - namespace: /other
    auth: session
    events:
    - {event: say, handler: "my:say", options: {auth: {scope: [x]}}}
"""
USED = """\
routes:
- {method: GET, path: /x, id: one, handler: "my:x", options: {tags: [own]}}
- {method: GET, path: /y, id: two, handler: "my:x"}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "a-token-from-outside")
    (tmp_path / "routes.yaml").write_text(TABLE.replace("used.one: {options: {timeout: {server: 1s}}}, ", ""))
    (tmp_path / "used.yaml").write_text(USED)
    return tmp_path


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["explain", *words, "--json"]) == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return facts


def option(facts: dict[str, Any], path: str) -> tuple[Any, str, str, int | None]:
    """The value of an option, the layer with its name, and the line."""
    found = next(each for each in facts["options"] if each["option"] == path)
    source = found["source"]
    return found["value"], source["layer"], source["name"] or "", source["at"]["line"] if source["at"] else None


def overridden(facts: dict[str, Any], path: str) -> list[tuple[Any, str, int]]:
    found = next(each for each in facts["options"] if each["option"] == path)
    return [(each["value"], each["layer"], each["at"]["line"]) for each in found["overrides"]]


def test_each_option_has_the_layer_and_the_line_that_decides_it(capsys: pytest.CaptureFixture[str]) -> None:
    facts = explained(capsys, "users.create")
    assert (facts["title"], facts["id"], facts["at"]["line"]) == ("POST /admin/users/{id}", "users.create", 22)
    assert option(facts, "payload.maxBytes") == (2048, "route", "", 28)
    assert overridden(facts, "payload.maxBytes") == [("1KB", "preset", 9), ("64KB", "server.routes", 2)]
    assert option(facts, "security") == (True, "server.routes", "", 2)
    assert option(facts, "security.hsts.maxAge") == (15768000, "default", "", None)
    assert option(facts, "response.emptyStatusCode") == (200, "preset", '"base"', 8)
    assert option(facts, "tags") == (["small"], "preset", '"small"', 9)
    assert option(facts, "auth.access")[1:] == ("group", "/admin", 20)
    assert option(facts, "auth.strategies") == (["session"], "auth.default", "", 6)
    assert option(facts, "app.most") == (20, "preset", '"paged"', 10)
    assert option(facts, "ext.onPreAuth[0]")[1:] == ("group", "/admin", 19)
    assert option(facts, "payload.parse") == (True, "default", "", None)


def test_a_reset_option_says_who_reset_it_and_a_list_says_who_added(capsys: pytest.CaptureFixture[str]) -> None:
    facts = explained(capsys, "users.create")
    found = next(each for each in facts["options"] if each["option"] == "timeout.server")
    assert (found["value"], found["source"]["layer"], found["source"]["at"]["line"]) == (False, "route", 29)
    assert found["reset"] is True
    assert overridden(facts, "timeout.server") == [("5s", "server.routes", 2)]
    assert option(facts, "limit[0]")[1:] == ("group", "/admin", 20)
    assert option(facts, "limit[0]")[0] == {"max": 5, "duration": 1000}
    assert option(facts, "limit[1]")[1:] == ("route", "", 30)


def test_options_of_a_used_table_show_its_file_and_the_place_of_its_use(capsys: pytest.CaptureFixture[str]) -> None:
    facts = explained(capsys, "GET", "/used/x")
    assert facts["at"]["file"] == "used.yaml"
    assert facts["at"]["used"][0]["line"] == 12
    assert option(facts, "tags") == (["own"], "route", "", 2)
    assert option(facts, "timeout.server") == (1000, "override", '"one"', 16)
    assert overridden(facts, "timeout.server") == [("5s", "server.routes", 2)]
    assert facts["steps"][1]["name"] == "realm"
    other = explained(capsys, "GET", "/used/y")
    assert next(each for each in other["options"] if each["option"] == "tags")["source"]["layer"] == "plugin table"


def test_secrets_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "users.create"]) == 0
    shown = capsys.readouterr().out
    for secret in ("hunter2", "u:secret", "a-token-from-outside"):
        assert secret not in shown
    assert "${TOKEN:}" in shown
    assert "redis://u:******@h/0" in shown


def test_the_text_has_the_steps_in_order_with_what_each_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "POST", "/admin/users/7"]) == 0
    text = capsys.readouterr().out
    head, steps, options, defaults = text.split("\n\n")
    assert head.splitlines() == ["POST /admin/users/{id}  users.create", "routes.yaml:22:5", "handler my:create"]
    names = [line.split()[1] for line in steps.splitlines() if line.strip()[:1].isdigit()]
    assert names == [
        "router",
        "cookies",
        "onPreAuth",
        "authenticate",
        "payload",
        *("payload", "access", "limit"),
        *("handler", "limit", "response", "send"),
    ]
    assert "my:audit  before authentication" in steps
    assert "overrides 64KB" in options
    assert "2048 (2KB)" in options
    assert "back to the default" in options
    assert "  json " in defaults


def test_an_event_is_explained_with_its_namespace_and_its_handshake(capsys: pytest.CaptureFixture[str]) -> None:
    facts = explained(capsys, "say.first")
    assert facts["title"] == "event say of namespace /"
    assert [each["name"] for each in facts["connection"]] == ["authenticate"]
    assert [each["name"] for each in facts["steps"]] == ["limit", "handler", "limit", "acknowledge"]
    assert option(facts, "tags") == (["live"], "namespace", "/", 40)
    assert option(facts, "limit[0]")[1:] == ("namespace", "/", 41)
    assert option(facts, "auth") == ("session", "auth.default", "", 6)
    assert not any(each["option"].startswith(("payload", "cors", "validate.query")) for each in facts["options"])


def test_an_ambiguous_event_is_listed_and_a_namespace_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "say"]) == 1
    message = capsys.readouterr().err
    assert 'hapiish: "say" is the name of several events' in message
    assert "event say of namespace /other  routes.yaml:47:7" in message
    assert explained(capsys, "say", "--namespace", "/other")["title"] == "event say of namespace /other"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["users.creat"], 'no route and no event is called "users.creat"; did you mean "users.create"?'),
        (["GET", "/nowhere"], "no route answers GET /nowhere; hapiish match GET /nowhere says why"),
        (["say", "routes.yaml", "more"], 'unexpected "more"'),
        (["GET", "nowhere"], 'a path begins with "/": GET /nowhere'),
    ],
)
def test_an_unknown_name_gets_a_hint(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert main(["explain", *words]) == 1
    assert message in capsys.readouterr().err


def test_a_wrong_table_is_answered_as_check_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text("nosuch: 1")
    for command in (["explain", "x"], ["match", "GET", "/x"]):
        assert main(command) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "routes.yaml:1:1" in shown.err
        assert "1 error" in shown.err


def test_a_route_of_several_hosts_is_explained_for_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text(
        "routes: [{method: PUT, path: /a, id: a, handler: 'm:f', vhost: [one.test, two.test]}]"
    )
    assert main(["explain", "a"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.endswith("  a")] == [
        *("PUT /a (one.test)  a", "PUT /a (two.test)  a"),
    ]
    assert main(["explain", "put /a", "--host", "two.test"]) == 0
    assert capsys.readouterr().out.startswith("PUT /a (two.test)  a\n")
    assert main(["explain", "put http://me@TWO.test:80/a?b#c"]) == 0
    assert capsys.readouterr().out.startswith("PUT /a (two.test)  a\n")


def test_kinds_presets_resources_and_short_forms_are_traced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "routes.yaml").write_text(
        "server: {routes: {payload: {output: data, timeout: 3s}}}\n"
        "database: {}\nmodels: {Todo: 'my:Todo'}\n"
        "presets:\n"
        "  outer: {use: [{inner: {n: 3}}], response: {sample: 50}}\n"
        "  inner: {params: {n: {type: integer}}, limit: {max: '${params.n}', duration: 1m}}\n"
        "routes:\n"
        "- {method: '*', path: '/up/{p*}', id: up, handler: {proxy: {uri: 'https://login@h/x?api_key=hush'}}}\n"
        "- {method: GET, path: /own, id: own, handler: 'm:f', options: {use: outer, security: {hsts: 5}}}\n"
        "- resource: todos\n  path: /todos\n  handler: {model: Todo}\n  options: {tags: [all]}\n"
        "  actions: {create: {options: {tags: {add: [made]}}}}\n"
    )
    facts = explained(capsys, "up")
    assert option(facts, "payload.output") == ("stream", "kind", '"proxy"', 8)
    assert overridden(facts, "payload.output") == [("data", "server.routes", 1)]
    assert facts["handler"] == {"proxy": {"uri": "https://*****@h/x?api_key=****"}}
    facts = explained(capsys, "own")
    assert option(facts, "limit[0]") == ({"max": 3, "duration": 60000}, "preset", '"inner"', 6)
    assert option(facts, "response.sample") == (50, "preset", '"outer"', 5)
    assert option(facts, "security.hsts.maxAge") == (5, "route", "", 9)
    facts = explained(capsys, "todos.create")
    assert option(facts, "tags") == (["all", "made"], "action", '"create"', 14)
    assert overridden(facts, "tags") == [(["all"], "resource", 13)]
    assert main(["explain", "todos.create"]) == 0
    assert 'adds to ["all"]' in capsys.readouterr().out


def test_a_value_from_a_parameter_of_a_table_names_the_use_that_gives_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "used.yaml").write_text(
        "params: {most: {type: string, default: 1KB}}\n"
        "routes:\n- {method: POST, path: /x, id: x, handler: 'm:x', options: {payload: {maxBytes: '${params.most}'}}}\n"
    )
    (folder / "routes.yaml").write_text(
        "plugins:\n"
        "- {table: used.yaml, as: one, routes: {prefix: /one}, with: {most: 3KB}}\n"
        "- {table: used.yaml, as: two, routes: {prefix: /two}}\n"
    )
    for use, size, place in (("one", "3072 (3KB)", "routes.yaml:2:"), ("two", "1024 (1KB)", "used.yaml:1:")):
        assert main(["explain", f"{use}.x"]) == 0
        line = next(each for each in capsys.readouterr().out.splitlines() if "payload.maxBytes" in each)
        assert size in line
        assert "used.yaml:3:" in line
        assert f"from ${{params.most}}  given at {place}" in line
        facts = explained(capsys, f"{use}.x")["options"]
        (given,) = next(each["source"]["arguments"] for each in facts if each["option"] == "payload.maxBytes")
        assert f"{given['file']}:{given['line']}:" == place


def test_a_value_from_a_variable_names_it_and_a_missing_one_is_assumed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MOST", "2KB")
    (folder / "routes.yaml").write_text(
        "auth: {strategies: {s: {scheme: jwt, options: {keys: '${SECRET_KEY}'}}}}\n"
        "routes:\n- {method: POST, path: /a, id: a, handler: 'm:f', "
        "options: {auth: s, payload: {maxBytes: '${MOST:1KB}'}}}"
    )
    assert main(["explain", "a"]) == 0
    shown = capsys.readouterr()
    assert "2048 (2KB)" in shown.out
    assert "  from ${MOST:1KB}" in shown.out
    assert shown.err == "hapiish: SECRET_KEY is not set; a text stands for it in this description\n"
    assert main(["render"]) == 0
    assert 'keys: "${SECRET_KEY}"' in capsys.readouterr().out
    for command in (["routes"], ["match", "POST", "/a"], ["types"], ["types", "--python"]):
        assert main(command) == 0
    (folder / "routes.yaml").write_text("server: {port: '${SECRET_PORT}'}")
    assert main(["routes"]) == 1
    assert "environment variable SECRET_PORT is not set" in capsys.readouterr().err


def match(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, Any]:
    assert main(["match", *words, "--json"]) == status
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return facts


def test_match_names_the_route_its_parameters_and_why_no_other_one(capsys: pytest.CaptureFixture[str]) -> None:
    facts = match(capsys, "GET", "/files/a/b%20c?x=1")
    assert (facts["route"]["id"], facts["params"]) == ("files", {"p": "a/b c"})
    assert facts["route"]["at"]["line"] == 33
    assert {each["reason"] for each in facts["others"]} == {"segment", "internal"}


def test_match_knows_hosts_heads_and_preflights(capsys: pytest.CaptureFixture[str]) -> None:
    assert match(capsys, "GET", "http://ONE.test:80/hosts")["route"]["handler"] == "my:a"
    assert match(capsys, "GET", "/hosts", "--host", "one.test")["others"][0]["text"] == (
        "a route of the host one.test precedes one of all hosts"
    )
    other = match(capsys, "GET", "/hosts")
    assert other["route"]["handler"] == "my:b"
    assert any(each["reason"] == "host" for each in other["others"])
    assert match(capsys, "HEAD", "/hosts")["note"] == "the GET route answers HEAD, without a body"
    asked = match(capsys, "OPTIONS", "/hosts", "--origin", "https://a.test", "--request-method", "get")
    assert asked["preflight"]["handler"] == "my:b"
    assert match(capsys, "OPTIONS", "/hosts")["allow"] == ["GET", "HEAD"]


def test_match_tells_a_405_a_404_and_the_nearest_routes(capsys: pytest.CaptureFixture[str]) -> None:
    facts = match(capsys, "POST", "/hosts", status=1)
    assert (facts["status"], facts["allow"]) == (405, ["GET", "HEAD"])
    facts = match(capsys, "GET", "/admin/user/7", status=1)
    assert (facts["status"], [each["path"] for each in facts["nearest"]]) == (404, ["/admin/users/{id}"])
    assert match(capsys, "GET", "/secret", status=1)["others"][0]["reason"] == "internal"
    assert match(capsys, "GET", "/files/%ff", status=1)["status"] == 400
    assert "Socket.IO" in match(capsys, "GET", "/socket.io/?EIO=4", status=1)["note"]


def test_the_text_of_match_is_short_and_names_the_decisive_segment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["match", "GET", "/Hosts"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["GET /Hosts", "  → 404: no route has this path"]
    assert "Nearest routes" in lines
    assert [" ".join(line.split()) for line in lines if "in case" in line] == [
        'GET /hosts (one.test) segment 1 is "Hosts", not "hosts": it differs in case',
        'GET /hosts segment 1 is "Hosts", not "hosts": it differs in case',
    ]


ROUTED = """\
server: {router: {isCaseSensitive: false, stripTrailingSlash: true}}
routes:
- {method: GET, path: /a, handler: "my:f", id: a.get}
- {method: POST, path: /a, handler: "my:f", id: a.post, options: {cors: true}}
- {method: GET, path: "/a/{b?}", handler: "my:f", id: b.get, vhost: one.test}
- {method: "*", path: "/a/{c*2}", handler: "my:f", id: c.any}
- {method: GET, path: "/{d*}", handler: "my:f", id: d.get}
- {method: DELETE, path: "/e/{f}.{g}", handler: "my:f", id: e.delete, options: {isInternal: true}}
"""
ASKED = ["/a", "/A/", "/a/b", "/a/b/c", "/e/f.g", "/", "/x/%ff", "/a/%2e%2e/x", "/a?b"]


@pytest.mark.anyio
async def test_match_agrees_with_what_the_server_answers(folder: Path) -> None:
    from hapiish import create_app
    from hapiish.cli.match import decide
    from hapiish.table import load
    from hapiish.testing import inject

    (folder / "my.py").write_text(
        "async def f(request, h): return h.response(request.route.id).header('x-id', request.route.id)"
    )
    (folder / "routes.yaml").write_text(ROUTED)
    app, table = create_app(folder / "routes.yaml", env={}), load(folder / "routes.yaml", {})
    origin = {"origin": "https://a.test", "access-control-request-method": "POST"}
    for url in ASKED:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            for host in ("one.test", "two.test:80"):
                for headers in ({}, origin) if method == "OPTIONS" else ({},):
                    answer = await inject(app, method=method, url=url, headers={"host": host, **headers})
                    found = decide(
                        table,
                        method,
                        url,
                        host=host,
                        origin=headers.get("origin"),
                        requested="POST" if headers else None,
                    )
                    if found.preflight is not None:
                        assert "access-control-allow-methods" in answer.headers or answer.status_code == 200, (
                            url,
                            host,
                        )
                    elif found.route is not None:
                        assert answer.headers["x-id"] == found.route.id, (method, url, host)
                    else:
                        assert answer.status_code == found.status, (method, url, host)
                        assert answer.headers.get("allow", "") == ", ".join(found.allow), (method, url, host)


def test_the_chat_is_explained_in_less_than_a_second(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("JWT_SECRET", "x" * 40)
    started = time.process_time()
    assert main(["explain", "messages.create"]) == 0
    assert main(["match", "GET", "/messages/5"]) == 0
    assert time.process_time() - started < 2
    assert "x" * 40 not in capsys.readouterr().out
