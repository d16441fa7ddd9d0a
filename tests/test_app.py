import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

import hapiish
from hapiish import TableError, create_app
from hapiish.testing import inject

pytestmark = pytest.mark.anyio

PATIENCE = 15  # seconds until something that should have come is missed


def project(folder: Path, table: str = "", code: str = "") -> Path:
    (folder / "routes.yaml").write_text(dedent(table or TABLE))
    (folder / "hello.py").write_text(dedent(code or CODE))
    return folder / "routes.yaml"


TABLE = 'routes: [{method: GET, path: /hello, handler: "hello:hello"}]'
CODE = "async def hello(request, h):\n    return 'one'\n"


def test_the_public_names_are_sorted_and_there() -> None:
    assert hapiish.__all__ == sorted(hapiish.__all__)
    assert all(getattr(hapiish, name) for name in hapiish.__all__)


def test_every_unknown_name_is_reported_at_once_with_its_place(tmp_path: Path) -> None:
    table = """
    routes:
      - {method: GET, path: /a, handler: "hello:helo"}
      - {method: GET, path: /b, handler: "nowhere:x"}
    """
    with pytest.raises(TableError) as caught:
        create_app(project(tmp_path, table))
    problems = caught.value.problems
    assert [(problem.mark.line, problem.code) for problem in problems] == [(3, "HA0401"), (4, "HA0401")]
    assert 'did you mean "hello"' in problems[0].message


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("async def hello(request, h):\n    return {'a\\ud83c': 'b\\ud83c'}\n", '{"a\ufffd":"b\ufffd"}'),
        ("async def hello(request, h):\n    return 'b\\ud83c\\udf89\\ud83c'\n", "b🎉\ufffd"),
        ("async def hello(request, h):\n    return h.response({'a': '\\ud83c'}).spaces(1)\n", '{\n "a": "\ufffd"\n}'),
        ("async def hello(request, h):\n    yield 'b\\ud83c'\n", "b\ufffd"),
    ],
)
async def test_half_an_emoji_of_a_handler_is_sent_as_the_replacement_character(
    tmp_path: Path, code: str, body: str
) -> None:
    answer = await inject(create_app(project(tmp_path, code=code)), url="/hello")
    assert (answer.status_code, answer.text) == (200, body)


def test_starlettes_own_test_client_runs_the_lifespan(tmp_path: Path) -> None:
    table = """
    ext:
      onPreStart: {method: "hello:note"}
      onPostStart: {method: "hello:note"}
      onPreStop: {method: "hello:note"}
      onPostStop: {method: "hello:note"}
    routes: [{method: GET, path: /, handler: "hello:notes"}]
    """
    code = """
    async def note(server):
        server.app.setdefault("notes", []).append(server.started)
    async def notes(request, h):
        return request.server.app["notes"]
    """
    app = create_app(project(tmp_path, table, code))
    with TestClient(app) as client:
        assert client.get("/").json() == [False, True]
    assert app.server.app["notes"] == [False, True, True, False]


async def test_a_function_of_on_readiness_adds_checks_to_the_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hapiish.server.PATIENCE", 0.05)
    table = """
    ext: {onReadiness: ["hello:licence", "hello:broken", "hello:slow"]}
    routes:
      - {method: GET, path: /ready, handler: "hapiish.health:ready"}
      - {method: GET, path: /as-a-def, handler: "hello:as_a_def"}
    """
    code = """
    import asyncio
    from hapiish.health import Check
    def licence(server):
        return {"licence": Check(server.app["valid"], is_required=False, details={"days": 3}), "disk": True}
    async def broken(server):
        if server.app.get("broken"):
            raise RuntimeError("no reason that a client should see")
    async def slow(server):
        if server.app.get("slow"):
            await asyncio.sleep(3600)
    def as_a_def(request, h):
        return {name: bool(check) for name, check in request.server.readiness().items()}
    """
    app = create_app(project(tmp_path, table, code))
    app.server.app["valid"] = True
    answer = await inject(app, url="/ready")
    assert answer.json["checks"] == {"serving": True, "licence": True, "disk": True}
    assert (answer.json["status"], answer.json["details"]) == ("ready", {"licence": {"days": 3}})
    app.server.app["valid"] = False
    assert (await inject(app, url="/ready")).json["status"] == "degraded"
    for fault in ("broken", "slow"):
        app.server.app[fault] = True
        answer = await inject(app, url="/ready")
        assert (answer.status_code, answer.json["checks"]["onReadiness"]) == (503, False)
        assert "no reason" not in answer.text
        app.server.app[fault] = False
    assert (await inject(app, url="/as-a-def")).json["licence"]


async def test_a_function_of_on_post_reload_sees_the_new_table(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = "ext: {onPostReload: 'hello:note'}\nroutes: [{method: GET, path: /PATH, handler: 'hello:hello'}]\n"
    code = """
    async def note(server):
        server.app.setdefault("seen", []).append(server.match("GET", "/two") is not None)
        raise RuntimeError("it is logged")
    async def hello(request, h):
        return "hello"
    """
    app = create_app(project(tmp_path, table.replace("PATH", "one"), code))
    await app.server.start()
    project(tmp_path, table.replace("PATH", "two"), code)
    assert await app.reload() == []
    project(tmp_path, "routes: [")
    assert await app.reload() != []
    assert app.server.app["seen"] == [True]
    assert "a function of onPostReload failed" in caplog.text
    await app.server.stop()


async def test_a_table_works_mounted_inside_another_application(tmp_path: Path) -> None:
    outer = Starlette(routes=[Mount("/chat", create_app(project(tmp_path)))])
    assert (await inject(outer, url="/chat/hello")).text == "one"
    assert (await inject(outer, url="/chat/nowhere")).status_code == 404
    assert (await inject(outer, url="/hello")).status_code == 404


async def test_the_place_of_a_mount_may_be_any_text(tmp_path: Path) -> None:
    outer = Starlette(routes=[Mount("/mein café", create_app(project(tmp_path)))])
    assert (await inject(outer, url="/mein%20caf%C3%A9/hello")).text == "one"
    assert (await inject(outer, url="/mein%20caf%C3%A9/nowhere")).status_code == 404


async def test_other_routes_of_the_application_get_what_the_table_does_not_answer(tmp_path: Path) -> None:
    app = create_app(project(tmp_path))
    app.router.routes.append(Route("/other", lambda request: PlainTextResponse("other")))
    assert (await inject(app, url="/hello")).text == "one"
    assert (await inject(app, url="/other")).text == "other"
    assert (await inject(app, url="/nowhere")).json["statusCode"] == 404
    assert (await inject(app, url="/hello", method="PUT")).status_code == 405


async def test_middleware_is_run_around_the_table(tmp_path: Path) -> None:
    class Shout:
        def __init__(self, app: object) -> None:
            self.app = app

        async def __call__(self, scope: object, receive: object, send: object) -> None:
            await PlainTextResponse("middle")(scope, receive, send)  # type: ignore[arg-type]

    app = create_app(project(tmp_path))
    app.add_middleware(Shout)
    assert (await inject(app, url="/hello")).text == "middle"


async def test_a_reload_serves_the_new_table_and_the_new_code(tmp_path: Path) -> None:
    app = create_app(project(tmp_path))
    assert (await inject(app, url="/hello")).text == "one"
    project(tmp_path, TABLE.replace("/hello", "/again"), "async def hello(request, h):\n    return 'two!'\n")
    assert await app.reload() == []
    assert (await inject(app, url="/again")).text == "two!"
    assert (await inject(app, url="/hello")).status_code == 404


@pytest.mark.parametrize(
    ("table", "code", "expected"),
    [
        ("routes: [{method: GET, pth: /hello, handler: 'hello:hello'}]", CODE, "HA02"),
        (TABLE, "def broken(:\n", "HA04"),
        (TABLE.replace("hello:hello", "hello:gone"), CODE, "HA04"),
    ],
)
async def test_a_wrong_reload_leaves_the_old_table_serving(
    tmp_path: Path, table: str, code: str, expected: str
) -> None:
    app = create_app(project(tmp_path))
    assert (await inject(app, url="/hello")).text == "one"
    project(tmp_path, table, code)
    os.utime(tmp_path / "hello.py", (1, 1))
    problems = await app.reload()
    assert problems
    assert problems[0].code.startswith(expected)
    assert (await inject(app, url="/hello")).text == "one"


def test_a_database_without_an_address_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        create_app(project(tmp_path, 'database: {uri: ""}\n' + TABLE))
    assert "hapiish run" in caught.value.problems[0].hint


def test_a_table_without_database_and_sockets_loads_neither_driver_nor_socket_io(tmp_path: Path) -> None:
    code = (
        "import sys; from hapiish import create_app; create_app(sys.argv[1]);"
        "print(sorted({'mongoengine', 'pymongo', 'socketio', 'engineio'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code, project(tmp_path)], check=True, capture_output=True, text=True)
    assert run.stdout == "[]\n"


def served(client: TestClient, path: str, text: str) -> bool:
    """Whether `path` is answered with `text` before patience ends."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if client.get(path).text == text:
            return True
        time.sleep(0.05)
    return False


def test_a_watched_table_is_served_anew_when_it_or_its_code_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    table = 'routes: [{method: GET, path: /watched, handler: "watched.one:hello"}]'
    (tmp_path / "watched").mkdir()
    (tmp_path / "watched" / "one.py").write_text(CODE)
    (tmp_path / "routes.yaml").write_text(table)
    caplog.set_level(logging.INFO, "hapiish")
    with TestClient(create_app("routes.yaml", reload=True)) as client:
        assert client.get("/watched").text == "one"
        time.sleep(0.5)  # the watcher says nothing when it has begun to look
        (tmp_path / "routes.yaml").write_text(table.replace("/watched", "/moved"))
        assert served(client, "/moved", "one")
        (tmp_path / "watched" / "one.py").write_text(CODE.replace("one", "changed"))
        assert served(client, "/moved", "changed")
        (tmp_path / "routes.yaml").write_text(table.replace("path", "pth"))
        end = time.monotonic() + PATIENCE
        while "the old table goes on" not in caplog.text and time.monotonic() < end:
            time.sleep(0.05)
        assert "HA0204" in caplog.text
        assert client.get("/moved").text == "changed"


def test_a_reload_that_fails_does_not_end_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    table = 'routes: [{method: GET, path: /watched, handler: "kept:hello"}]'
    (tmp_path / "kept.py").write_text(
        f"from hapiish.caches.memory import MemoryStore\n{CODE}\n"
        "class Store(MemoryStore):\n"
        "    async def start(self):\n"
        "        raise OSError('no store here')\n"
        "def store(server, options):\n"
        "    return Store(max_bytes=1)\n"
    )
    (tmp_path / "routes.yaml").write_text(table)
    with TestClient(create_app("routes.yaml", reload=True)) as client:
        assert client.get("/watched").text == "one"
        time.sleep(0.5)  # the watcher says nothing when it has begun to look
        (tmp_path / "routes.yaml").write_text(f'{table}\ncaches: [{{name: x, provider: "kept:store"}}]')
        end = time.monotonic() + PATIENCE
        while "no store here" not in caplog.text and time.monotonic() < end:
            time.sleep(0.05)
        assert "the reload failed" in caplog.text
        (tmp_path / "routes.yaml").write_text(table.replace("/watched", "/moved"))
        assert served(client, "/moved", "one")
