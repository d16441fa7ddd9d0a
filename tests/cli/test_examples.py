"""`hapiish test`: what examples may say, and what a reader is told about those that fail."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pymongo import MongoClient

from hapiish.cli import main
from hapiish.table import check_text

TABLE = """
hapiish: 1
database: {uri: "mongodb://127.0.0.1:1/production"}
models: {Note: "notes:Note"}
auth:
  schemes: {key: "notes:scheme"}
  strategies: {key: {scheme: key}}
schemas:
  Note: {type: object, required: [id, text], properties: {id: {$ref: "#/schemas/Id"}, text: {type: string}}}
  Id: {type: string, pattern: "^[0-9a-f]{24}$"}
  New: {type: object, required: [text], properties: {text: {type: string, maxLength: 20}}, additionalProperties: false}
routes:
  - method: POST
    path: /notes
    id: notes.create
    handler: "notes:create"
    options:
      tags: [writing]
      validate: {payload: {$ref: "#/schemas/New"}}
      response: {status: {"201": {$ref: "#/schemas/Note"}}}
      examples: CREATE
  - method: GET
    path: /notes/{id}
    handler: "notes:read"
    options:
      response: {status: {"200": {$ref: "#/schemas/Note"}}, sample: 0}
      examples: READ
  - method: GET
    path: /me
    handler: "notes:me"
    options:
      auth: {strategy: key, scope: [admin]}
      examples: ME
  - method: GET
    path: /plain/{rest*}
    handler: "notes:plain"
    options:
      examples: PLAIN
  - {method: GET, path: /none, handler: "notes:me"}
sockets:
  namespaces:
    - namespace: /
      auth: key
      onConnect: "notes:connect"
      events:
        - event: say
          handler: "notes:say"
          options:
            validate: {payload: {$ref: "#/schemas/New"}}
            examples: SAY
      emits: [{event: said, payload: {$ref: "#/schemas/New"}}]
"""
NOTES = """
from mongoengine import Document, StringField
from hapiish import boom

class Note(Document):
    text = StringField(required=True, unique=True)

def scheme(server, options):
    return Key()

class Key:
    async def authenticate(self, request, h):
        raise boom.Unauthorized("No key", code="no_key")

def create(request, h):
    note = Note(text=request.payload["text"]).save()
    return h.response({"id": str(note.id), "text": note.text}).code(201).header("location", f"/notes/{note.id}")

def read(request, h):
    note = Note.objects(id=request.params["id"]).first()
    if note is None:
        raise boom.NotFound("There is no such note", code="not_found")
    return {"id": str(note.id), "text": None if note.text == "broken" else note.text}

async def me(request, h):
    return request.auth.credentials

async def plain(request, h):
    if request.params["rest"] == "crash":
        raise RuntimeError("the cellar is flooded")
    return {"rest": request.params["rest"], "query": dict(request.query), "cookie": request.headers.get("cookie")}

async def connect(request, h):
    await request.socket.join("all")

async def say(request, h):
    await request.server.emit("said", request.payload, to="all")
    return {"by": request.auth.credentials["id"]}

def shop(server):
    return {"note": str(server.models.Note(text="from the shop").save().id)}

async def later(server):
    return {"text": "later"}
"""
GOOD = {
    "CREATE": """
        - {name: a note, request: {payload: {text: Hello}}, response: {status: 201, payload: {text: Hello}}}
        - name: where it is
          request: {payload: {text: Hello}}
          response:
            headers: {location: {$match: {type: string, pattern: "^/notes/"}}, x-nothing: null}
            payload: {id: {$match: {$ref: "#/schemas/Id"}}, text: Hello}
            exact: true
        - {name: twice, given: {a: a note}, request: {payload: {text: Hello}}, response: {status: 409}}
        - {name: too long, request: {payload: {text: "123456789012345678901"}}, response: {status: 400}}""",
    "READ": """
        - {given: {made: a note}, request: {params: {id: "{made.payload.id}"}}, response: {payload: {text: Hello}}}
        - given: {shop: "notes:shop", later: "notes:later"}
          request: {params: {id: "{shop.note}"}}
          response: {payload: {id: "{shop.note}", text: from the shop}}
        - {name: nothing, request: {params: {id: 0123456789abcdef01234567}}, response: {status: 404}}""",
    "ME": """[{request: {credentials: {scope: [admin], n: 1}}, response: {payload: {n: 1.0}}},
               {request: {credentials: {scope: []}}, response: {status: 403}}, {response: {status: 401}}]""",
    "PLAIN": """
      - request: {params: {rest: "a b/c"}, query: {x: [1, 2], y: "&"}, cookies: {a: b}}
        response: {payload: {rest: "a b/c", query: {x: ["1", "2"], y: "&"}, cookie: a=b}}""",
    "SAY": """
              - request: {credentials: {id: ann}, payload: {text: Hi}}
                response: {payload: {ok: true, by: ann}}
                emits: [{event: said, payload: {text: Hi}}, {event: said, credentials: {id: bob}, payload: {text: Hi}}]
              - request: {credentials: {id: ann}, payload: {txt: Hi}}
                response: {status: 400, payload: {ok: false}}""",
}
READ = '[{given: {b: b}, request: {params: {id: "{b.payload.id}"}}}]'
EMITS = "[{request: {credentials: {id: a}, payload: {text: Hi}}, emits: [{event: said, payload: {text: Ho}}]}]"


@pytest.fixture
def project(tmp_path: Path, mongo_server: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module of handlers, whose tests use the MongoDB of these."""
    monkeypatch.setenv("HAPIISH_TEST_DATABASE", mongo_server)
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("notes.py").write_text(NOTES)
    return tmp_path


def with_examples(**examples: str) -> str:
    return re.sub(rf"\b({'|'.join(GOOD)})\b", lambda found: examples.get(found[0], "[]"), TABLE)


def table(folder: Path, **examples: str) -> None:
    folder.joinpath("routes.yaml").write_text(with_examples(**examples))


def test_the_routes_of_python_plugins_need_no_examples(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(project, **GOOD)
    file = project / "routes.yaml"
    plugins = "plugins: [{plugin: hapiish.plugins.docs, options: {path: /documentation}}]\n"
    file.write_text(file.read_text().replace("routes:\n", f"{plugins}routes:\n", 1))
    assert main(["test", "--verbose"]) == 0
    said = capsys.readouterr().out
    assert "4 of 5 routes and 1 of 1 event have examples" in said
    assert "/documentation" not in said


def test_examples_of_routes_and_events_pass(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(project, **GOOD)
    assert main(["test"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("." * 13 + "\n")
    assert "13 passed" in said
    assert "4 of 5 routes and 1 of 1 event have examples" in said


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        (
            {"CREATE": '[{request: {payload: {text: Hello}}, response: {status: 200, payload: {txt: "Hello"}}}]'},
            [
                ": notes.create: example 1",
                "status: expected 200, got 201",
                'payload /txt: missing, expected "Hello"; did you mean "text"?',
                "+  ",
                "POST /notes",
                '{"text": "Hello"}',
                "1 failed, 0 passed",
            ],
        ),
        (
            {"CREATE": "[{request: {payload: {text: a}}, response: {payload: {text: a}, exact: true}}]"},
            ["payload /id: not expected"],
        ),
        (
            {"CREATE": "[{request: {payload: {text: a}}, response: {headers: {location: /x, x-b: c}}}]"},
            ['header location: expected "/x", got "/notes/', 'header x-b: missing, expected "c"'],
        ),
        (
            {"PLAIN": "[{request: {params: {rest: crash}}}]"},
            ["status: expected one below 400, got 500", "in plain", "RuntimeError: the cellar is flooded"],
        ),
        (
            {"CREATE": "[{name: b, request: {payload: {text: broken}}}]", "READ": READ},
            ["got 500", "text"],
        ),
        ({"SAY": "[{request: {payload: {text: Hi}}}]"}, ["the handshake is refused", "no_key"]),
        (
            {"SAY": EMITS},
            ['emit "said" /text: expected "Ho", got "Hi"'],
        ),
        (
            {"CREATE": "[{name: b, request: {payload: {text: a}}, response: {status: 299}}]", "READ": READ},
            ['the example "b" (', "expected 299, got 201"],
        ),
        (
            {"READ": '[{given: {b: "notes:later"}, request: {params: {id: "{b.id}"}}}]'},
            ['{b.id}: there is no "id" (text)'],
        ),
    ],
)  # fmt: skip
def test_a_failed_example_says_what_is_wrong(
    project: Path, capsys: pytest.CaptureFixture[str], examples: dict[str, str], said: list[str]
) -> None:
    table(project, **examples)
    assert main(["test"]) == 1
    text = capsys.readouterr().out
    assert [part for part in said if part not in text] == []


def test_a_session_goes_on_by_the_cookies_of_a_response(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project.joinpath("routes.yaml").write_text("""
session: {cookieOptions: {password: "a password of at least 32 characters", isSecure: false}, maxCookieSize: 1000}
routes:
  - method: POST
    path: /visits
    handler: "shop:visit"
    options:
      examples:
        - {name: first, response: {payload: {visits: 1}}}
        - name: second
          given: {first: first}
          request: {cookies: {session: "{first.cookies.session}"}}
          response: {payload: {visits: 2}, headers: {set-cookie: {$match: {type: string}}}}
""")
    project.joinpath("shop.py").write_text("""
async def visit(request, h):
    request.session.set("visits", (request.session.get("visits") or 0) + 1)
    return {"visits": request.session.get("visits")}
""")
    assert main(["test"]) == 0, capsys.readouterr().out


def test_the_clients_of_events_have_cookies_and_their_own_namespaces(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project.joinpath("routes.yaml").write_text("""
auth:
  schemes: {key: "shop:scheme"}
  strategies: {key: {scheme: key}}
sockets:
  namespaces:
    - namespace: /room-{id}
      auth: key
      onConnect: "shop:connect"
      validate: {params: {type: object, properties: {id: {type: string, maxLength: 9}}}}
      emits: [{event: said}]
      events:
        - event: say
          handler: "shop:say"
          options:
            examples:
              - name: in the same room
                request: {params: {id: a}, cookies: {key: right}}
                emits: [{event: said}, {event: said, credentials: {id: bob}}]
              - name: in another namespace
                given: {first: in the same room}
                request: {params: {id: a}, cookies: {key: right}}
                emits: [{event: news, namespace: /news}, {event: said, namespace: "/room-{first.request.params.id}"}]
    - namespace: /news
      onConnect: "shop:connect"
      emits: [{event: news}]
""")
    project.joinpath("shop.py").write_text("""
from hapiish import boom

def scheme(server, options):
    return Key()

class Key:
    async def authenticate(self, request, h):
        if request.headers.get("cookie") != "key=right":
            raise boom.Unauthorized("No key")
        return h.authenticated(credentials={"id": "ann"})

async def connect(request, h):
    await request.socket.join("all")

async def say(request, h):
    await request.server.emit("said", to="all", namespace=f"/room-{request.params['id']}")
    await request.server.emit("news", to="all", namespace="/news")
""")
    assert main(["test"]) == 0, capsys.readouterr().out
    assert "2 passed" in capsys.readouterr().out


def test_tests_reach_no_redis_of_the_table(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project.joinpath("routes.yaml").write_text("""
server: {limit: {store: "redis://127.0.0.1:1/0"}}
caches: [{provider: redis, options: {url: "redis://127.0.0.1:1/0"}}]
methods: {add: {method: "shop:add", cache: {expiresIn: 60s, generateTimeout: 2s}}}
routes:
  - method: GET
    path: /sum
    handler: "add()"
    options: {limit: {max: 5, duration: 1h, by: address}, examples: [{response: {status: 200, payload: {sum: 3}}}]}
sockets:
  queue: redis://127.0.0.1:1/0
  namespaces:
    - auth: false
      events: [{event: say, handler: "shop:say", options: {examples: [{emits: [{event: said}]}]}}]
      emits: [{event: said}]
""")
    project.joinpath("shop.py").write_text("""
async def add(flags): return {"sum": 3}
async def say(request, h):
    await request.server.emit("said")
""")
    assert main(["test"]) == 0, capsys.readouterr().out


def test_examples_are_chosen_by_text_and_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(project, **GOOD)
    assert main(["test", "--list", "-k", "WRITING", "-k", "/me"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition(":")[2].strip() for line in lines[:-1]] == [
        *("a note", "where it is", "twice", "too long"),
        *("example 1", "example 2", "example 3"),
    ]
    assert main(["test", "-k", "no such"]) == 2
    assert 'no example has "no such"' in capsys.readouterr().err


def test_the_first_failure_ends_the_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table(project, ME="[{response: {status: 401}}, {response: {status: 200}}, {response: {status: 401}}]")
    assert main(["test", "-x", "-v"]) == 1
    said = capsys.readouterr().out
    assert re.findall("PASSED|FAILED", said) == ["PASSED", "FAILED"]
    assert re.search(r"no example  routes.yaml:\d+:\d+: GET /none", said)


def test_junit_has_the_place_and_the_reason(project: Path) -> None:
    table(project, ME='[{response: {status: 401}}, {name: "a \\u0001", response: {status: 200}}]')
    assert main(["test", "--junit", "report.xml"]) == 1
    suite = ET.parse(project / "report.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    case = suite[1]
    assert (case.get("classname"), case.get("name"), case.get("file")) == ("GET /me", "a �", "routes.yaml")
    assert case[0].get("message") == "status: expected 200, got 401"
    assert main(["test", "--junit", "no/such/folder.xml"]) == 2


def test_a_table_without_examples_and_a_wrong_table_run_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(project)
    assert main(["test"]) == 2
    assert "has no examples" in capsys.readouterr().err
    table(project, ME="[{respnse: {}}]")
    assert main(["test"]) == 2
    assert 'did you mean "response"' in capsys.readouterr().err


def test_a_database_that_is_not_scratch_is_refused(
    project: Path, mongo_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table(project, **GOOD)
    uri = mongo_server.replace("/?", "/shop?")
    assert main(["test", "--database", uri]) == 2
    assert '"shop" is not a scratch database' in capsys.readouterr().err
    assert main(["test", "--database", uri.replace("/shop", "/shop_test"), "-k", "a note"]) == 0
    with MongoClient[dict[str, object]](mongo_server) as client:
        assert "shop_test" not in client.list_database_names()


@pytest.mark.parametrize(
    ("examples", "problem"),
    [
        ({"READ": "[{request: {}}]"}, 'HA0378 the example has no value for the parameter "id" of "GET /notes/{id}"'),
        ({"READ": "[{request: {params: {id: a, ix: b}}}]"}, 'HA0378 "GET /notes/{id}" has no parameter "ix"'),
        ({"ME": "[{name: one}, {given: {a: on}}]"}, 'HA0378 no example has the name "on"; did you mean "one"?'),
        ({"ME": "[{name: one}, {name: one}]"}, 'HA0364 two examples have the name "one"'),
        ({"ME": "[{name: a, given: {b: b}}, {name: b, given: {a: a}}]"}, 'HA0378 the example "a" is given to itself'),
        (
            {"ME": '[{name: a}, {given: {a: a}, request: {headers: {x: "{a.paylod.x}"}}}]'},
            'HA0378 {a.paylod.x}: an example has no "paylod"; did you mean "payload"?',
        ),
        ({"ME": '[{request: {headers: {x: "{a.b}"}}}]'}, 'warning: HA0378 {a.b}: `given` has no "a"'),
        ({"ME": "[{request: {strategy: kee}}]"}, 'HA0378 unknown strategy "kee"; did you mean "key"?'),
        ({"ME": "[{emits: [{event: sad}]}]"}, 'HA0378 no namespace declares the emit "sad"; did you mean "said"?'),
        (
            {"CREATE": "[{request: {payload: {txt: a}}}]"},
            "warning: HA0338 the example does not match `validate.payload`",
        ),
        (
            {"CREATE": "[{request: {payload: {text: a}}, response: {status: 201, payload: {text: 5}}}]"},
            'warning: HA0338 the example does not match `response.status.201` at /text: 5 is not of type "string"',
        ),
        ({"SAY": "[{request: {payload: {text: 5}}}]"}, "warning: HA0338 the example does not match `validate.payload`"),
    ],
)
def test_examples_that_contradict_the_table_are_problems(examples: dict[str, str], problem: str) -> None:
    found = check_text(with_examples(**examples), "routes.yaml", {})[1]
    assert problem in "\n".join(map(str, found))


def test_examples_of_errors_need_not_match_the_schema() -> None:
    text = with_examples(CREATE="[{request: {payload: {txt: 5}}, response: {status: 400}}]")
    assert check_text(text, "routes.yaml", {})[1] == []


def test_examples_that_are_given_one_of_an_omitted_route_are_left_out(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(project, **GOOD)
    project.joinpath("outer.yaml").write_text(
        'database: {uri: "mongodb://127.0.0.1:1/production"}\n'
        "plugins: [{table: routes.yaml, override: {notes.create: false}}]\n"
    )
    assert main(["test", "outer.yaml", "--list"]) == 0
    said = capsys.readouterr().out
    assert "GET /notes/{id}: example 2" in said
    assert "GET /notes/{id}: example 1" not in said
    assert main(["test", "outer.yaml"]) == 0


def test_examples_of_a_table_under_a_prefix_with_parameters_are_no_problem(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(project, **{**GOOD, "SAY": "[]"})
    text = project.joinpath("routes.yaml").read_text()
    project.joinpath("routes.yaml").write_text(text.partition("sockets:")[0])
    project.joinpath("outer.yaml").write_text(
        'database: {uri: "mongodb://127.0.0.1:1/production"}\n'
        'plugins: [{table: routes.yaml, routes: {prefix: "/of/{tenant}"}}]\n'
        "routes:\n"
        '  - {method: GET, path: /own, handler: "notes:plain", options: {examples: [{response: {status: 500}}]}}\n'
    )
    assert main(["test", "outer.yaml", "--list"]) == 0
    assert capsys.readouterr().out.startswith("outer.yaml:4:")
    assert main(["test", "outer.yaml"]) == 0


def test_the_matchers_of_a_used_table_mean_its_own_schemas(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create = (
        '[{request: {payload: {text: Hi}}, response: {status: 201, payload: {id: {$match: {$ref: "#/schemas/Id"}}}}}]'
    )
    project.joinpath("inner.yaml").write_text(with_examples(CREATE=create))
    project.joinpath("outer.yaml").write_text(
        "hapiish: 1\n"
        'database: {uri: "mongodb://127.0.0.1:1/production"}\n'
        'schemas: {Id: {type: string, pattern: "^none$"}}\n'
        "plugins: [{table: inner.yaml, as: inner}]\n"
    )
    assert main(["test", "outer.yaml"]) == 0, capsys.readouterr().out
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 passed")
