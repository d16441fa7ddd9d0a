"""The plugin of pytest in projects of its own: what their tests can do, and what they are told."""

import subprocess
import sys

import pytest
from pymongo import MongoClient

pytest_plugins = ["pytester"]

TABLE = """
hapiish: 1
database: {uri: "mongodb://127.0.0.1:1/production"}
models: {Note: "notes:Note"}
auth:
  schemes: {key: "notes:scheme"}
  strategies: {key: {scheme: key}}
  default: key
schemas: {Text: {type: object, required: [text], properties: {text: {type: string}}}}
routes:
  - {method: POST, path: /notes, handler: "notes:create", options: {validate: {payload: {$ref: "#/schemas/Text"}}}}
  - {method: GET, path: /notes, handler: "notes:index"}
  - {method: GET, path: /me, handler: "notes:me", options: {auth: {scope: [admin]}}}
  - {method: GET, path: /crash, handler: "notes:crash", options: {auth: false}}
  - {method: GET, path: /greeting, handler: "notes:greeting", options: {auth: false, app: {text: "${GREETING:hello}"}}}
sockets:
  namespaces:
    - namespace: /
      auth: key
      onConnect: "notes:connect"
      events:
        - {event: say, handler: "notes:say"}
        - {event: ask, handler: "notes:ask"}
        - {event: leave, handler: "notes:leave"}
        - event: blob
          binary: true
          handler: "notes:blob"
          options: {validate: {payload: {type: string, format: binary}}}
      emits:
        - {event: said, payload: {$ref: "#/schemas/Text"}}
        - {event: question}
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
        header = request.headers.get("authorization", "")
        if header != "Bearer right":
            raise boom.Unauthorized("Wrong key", code="wrong_key")
        return h.authenticated(credentials={"id": "by key"})

def create(request, h):
    return h.response({"id": str(Note(text=request.payload["text"]).save().id)}).code(201)

def index(request, h):
    return [note.text for note in Note.objects]

async def me(request, h):
    return request.auth.credentials

async def crash(request, h):
    return inner()

def inner():
    raise RuntimeError("the cellar is flooded")

async def greeting(request, h):
    return {"text": request.route.settings.app["text"]}

async def connect(request, h):
    await request.socket.join("all")

async def say(request, h):
    await request.server.emit("said", request.payload, to="all")
    return {"by": request.auth.credentials["id"]}

async def ask(request, h):
    return {"answers": [each["data"] for each in await request.server.call("question", "why?")]}

async def leave(request, h):
    await request.socket.disconnect("enough")

async def blob(request, h):
    return {"size": len(request.payload), "back": request.payload}
"""
PYTEST = "[pytest]\nstrict = true\nfilterwarnings = error\naddopts = -p no:cacheprovider\n"


@pytest.fixture
def project(pytester: pytest.Pytester, mongo_server: str, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a table, a module of handlers, and the settings of a strict project."""
    monkeypatch.setenv("HAPIISH_TEST_DATABASE", mongo_server)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # of these tests themselves
    # An editable installation, as that of these tests, does not go with `filterwarnings = error` and autoloading.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.path.joinpath("routes.yaml").write_text(TABLE)
    pytester.path.joinpath("notes.py").write_text(NOTES)
    pytester.path.joinpath("pytest.ini").write_text(PYTEST)
    return pytester


def run(project: pytest.Pytester, tests: str, *arguments: str) -> pytest.RunResult:
    project.makepyfile(test_it=tests)
    return project.runpytest_subprocess("-p", "hapiish.pytest_plugin", *arguments)


BOTH = """
import pytest
from hapiish.testing import HandshakeRefused

def test_def(inject):
    assert inject("/notes", credentials={"id": 1}).json == []
    response = inject("/notes", method="POST", payload={"text": "a"}, headers={"authorization": "Bearer right"})
    assert response.status_code == 201
    assert inject("/notes").status_code == 401
    assert inject("/notes", credentials={"id": 1}).json == ["a"]

MARK
async def test_async(inject):
    assert (await inject("/notes", credentials={"id": 1})).json == []
    response = await inject("/notes", method="POST", payload={"text": "a"}, credentials={"id": 1})
    assert response.status_code == 201
    assert (await inject("/me", credentials={"id": 1})).status_code == 403
    assert (await inject("/me", credentials={"id": 1, "scope": ["admin"]})).json["id"] == 1

def test_indexes_are_built(inject):
    answers = [inject("/notes", method="POST", payload={"text": "same"}, credentials={}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 409]

def test_models_are_connected(hapiish_app):
    assert hapiish_app.server.models.Note.objects.count() == 0
    hapiish_app.server.models.Note(text="b").save()

MARK
async def test_sockets(events):
    one = await events.connect(credentials={"id": "one"})
    two = await events.connect(token="right")
    assert await one.emit("say", {"text": "hi"}) == {"ok": True, "by": "one"}
    assert one.pending == [("said", {"text": "hi"})]
    assert await two.receive("said") == {"text": "hi"}
    assert (await two.emit("say", {"text": "ho"}))["by"] == "by key"
    assert (await two.emit("nothing"))["error"]["statusCode"] == 404
    two.answer("question", lambda data: f"{data} because")
    assert (await two.emit("ask"))["answers"] == ["why? because"]
    assert (await two.emit("blob", b"12345")) == {"ok": True, "size": 5, "back": b"12345"}
    await one.emit("leave")
    assert await one.disconnected() == "server disconnect"
    with pytest.raises(HandshakeRefused) as refused:
        await events.connect(token="wrong")
    assert (refused.value.status_code, refused.value.data["code"]) == (401, "wrong_key")
    with pytest.raises(TimeoutError, match='"news" was not received .pending: "said"'):
        await two.receive("news", timeout=0)
    await two.disconnect()
    with pytest.raises(ConnectionError, match="client disconnect"):
        await two.emit("say", {"text": "late"})

MARK
async def test_the_server_emits_from_a_test(events, hapiish_app):
    one = await events.connect(credentials={"id": "one"})
    await hapiish_app.server.emit("said", {"text": "from the test"}, to="all")
    assert await one.receive() == ("said", {"text": "from the test"})

def test_the_server_emits_from_a_def_test(events, hapiish_app):
    one = events.connect(credentials={"id": "one"})
    hapiish_app.server.emit("said", {"text": "from the test"}, to="all")
    assert one.receive() == ("said", {"text": "from the test"})

def test_sockets_of_def(events):
    socket = events.connect("/", credentials={"id": "def"})
    assert socket.emit("say", {"text": "hi"}) == {"ok": True, "by": "def"}
    assert socket.receive("said") == {"text": "hi"}
    with pytest.raises(HandshakeRefused, match="Wrong key"):
        events.connect()
    with pytest.raises(HandshakeRefused, match="Invalid namespace"):
        events.connect("/elsewhere", credentials={})

@pytest.mark.hapiish_table("other.yaml")
class TestMarked:
    def test_marker(self, inject):
        assert inject("/other").text == "other"

class TestOverride:
    @pytest.fixture
    def hapiish_table(self, tmp_path):
        return "other.yaml"
    def test_override(self, inject):
        assert inject("/other").text == "other"
"""
OTHER = 'hapiish: 1\nroutes: [{method: GET, path: /other, handler: "other:other"}]\n'
BACKEND = '\n@pytest.fixture\ndef anyio_backend():\n    return "asyncio"\n'


@pytest.mark.parametrize("plugin", ["none", "anyio", "xdist"])
def test_requests_and_sockets_of_def_and_async_def_tests(project: pytest.Pytester, plugin: str) -> None:
    project.path.joinpath("other.yaml").write_text(OTHER)
    project.path.joinpath("other.py").write_text('async def other(request, h): return "other"\n')
    arguments = {"none": [], "anyio": ["-p", "anyio"], "xdist": ["-p", "xdist", "-n2"]}[plugin]
    text = BOTH.replace("MARK\n", "@pytest.mark.anyio\n") + BACKEND if plugin == "anyio" else BOTH.replace("MARK\n", "")
    result = run(project, text, *arguments)
    result.assert_outcomes(passed=10)


def test_the_error_of_a_handler_is_in_the_report_of_the_failed_test(project: pytest.Pytester) -> None:
    result = run(
        project, 'def test_crash(inject):\n    assert inject("/crash").status_code == 200\n', "-p", "no:logging"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*where 500 = Injected(status_code=500*",
            "*- hapiish: get /crash failed*",
            "*notes.py*in crash*",
            "*RuntimeError: the cellar is flooded*",
        ]
    )
    assert "lifecycle.py" not in result.stdout.str()


def test_a_wrong_table_fails_its_tests_with_its_problems(project: pytest.Pytester) -> None:
    project.path.joinpath("routes.yaml").write_text(TABLE.replace("path: /me", "paht: /me"))
    result = run(project, "def test_it(inject): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*routes.yaml:13:*HA*paht*path*"])


def test_a_missing_mongod_is_named_without_a_traceback(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAPIISH_TEST_DATABASE")
    monkeypatch.setenv("HAPIISH_MONGOD", "/no/mongod")
    result = run(project, "def test_it(inject): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*hapiish: HAPIISH_MONGOD names no program: /no/mongod*"])
    assert "Traceback" not in result.stdout.str()
    assert "local.py" not in result.stdout.str()


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_the_report_of_a_failed_test_shows_one_error_at_the_line_of_the_test(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    wait = "await " if kind == "async def" else ""
    result = run(project, f"{kind} test_it(events):\n    {wait}events.connect('/nowhere')\n")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    result.stdout.fnmatch_lines([f">*{wait}events.connect('/nowhere')", "*Invalid namespace*"])
    assert "no running event loop" not in text
    assert "During handling of the above" not in text
    assert "portal.py" not in text


@pytest.mark.parametrize("table", ["absent.yaml", "wrong.yaml"])
def test_a_table_that_cannot_be_opened_fails_the_test_with_its_problems_alone(
    project: pytest.Pytester, table: str
) -> None:
    project.path.joinpath("wrong.yaml").write_text("rout: []\n")
    mark = f"import pytest\npytestmark = pytest.mark.hapiish_table('{table}')\n"
    result = run(project, f"{mark}def test_it(inject): pass\n")
    result.assert_outcomes(errors=1)
    report = result.stdout.str().partition("short test summary info")[0]  # where pytest under CI repeats the error
    assert report.count(f"{table}:1:1: HA") == 1
    assert "During handling of the above" not in result.stdout.str()


def test_settings_name_the_table_and_its_variables(project: pytest.Pytester) -> None:
    project.path.joinpath("routes.yaml").rename(project.path / "shop.yaml")
    project.path.joinpath("pytest.ini").write_text(PYTEST + "hapiish_table = shop.yaml\nhapiish_env = GREETING=moin\n")
    result = run(project, 'def test_it(inject):\n    assert inject("/greeting").json == {"text": "moin"}\n')
    result.assert_outcomes(passed=1)


def test_applications_are_opened_by_hand(project: pytest.Pytester) -> None:
    text = """
def test_it(hapiish_open, inject):
    app = hapiish_open("routes.yaml", {"GREETING": "moin"})
    assert inject("/greeting", app=app).json == {"text": "moin"}
    assert inject("/greeting").json == {"text": "hello"}
    inject("/notes", method="POST", payload={"text": "a"}, credentials={})
    again = hapiish_open("routes.yaml")
    assert inject("/notes", credentials={}, app=again).json == ["a"]

def test_next(inject):
    assert inject("/notes", credentials={}).json == []
"""
    run(project, text).assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("database", "reason"),
    [("production", 'the database "production" is not a scratch database*"production_test"'), ("taken_test", "*book*")],
)
def test_a_database_that_is_not_scratch_is_left_as_it_is(
    project: pytest.Pytester, mongo_server: str, monkeypatch: pytest.MonkeyPatch, database: str, reason: str
) -> None:
    monkeypatch.setenv("HAPIISH_TEST_DATABASE", mongo_server.replace("/?", f"/{database}?"))
    with MongoClient[dict[str, object]](mongo_server) as client:
        client[database].book.insert_one({"title": "kept"})
        result = run(project, "def test_it(inject): pass\n")
        assert client[database].book.count_documents({}) == 1
        client.drop_database(database)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{reason}*"])


def test_the_plugin_loads_nothing_heavy_in_projects_that_do_not_use_it() -> None:
    code = """
import sys, pytest
before = set(sys.modules)
import hapiish.pytest_plugin
print(sorted(name for name in set(sys.modules) - before if name.startswith(("hapiish.", "yaml", "star", "mongo"))))
"""
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert text.strip() == "['hapiish.boom', 'hapiish.collector', 'hapiish.pytest_plugin']"
