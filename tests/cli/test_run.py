"""`hapiish run` as a process: serving, errors at start, database start and shutdown."""

import json
import os
import re
import signal
import socket
import ssl
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from hapiish.cli import main
from tests.cli.serving import Run, certify
from tests.store.waiting import until

HANDLERS = """
import os
from mongoengine import Document, StringField

class Note(Document):
    text = StringField(unique=True)

def write(request, h):
    request.models.Note(text=request.payload["text"]).save()
    return h.response({"written": True})

def read(request, h):
    return [note.text for note in request.models.Note.objects.order_by("text")]

def where(request, h):
    return {"pid": os.getpid()}
"""
PLAIN = """
hapiish: 1
server: {shutdownTimeout: 2s}
routes:
  - {method: GET, path: /where, handler: "notes:where"}
"""
NOTES = """
hapiish: 1
database: {uri: "${NOTES_URI:}", name: notes, timeout: 500}
models: {Note: "notes:Note"}
routes:
  - {method: GET, path: /where, handler: "notes:where"}
  - {method: GET, path: /notes, handler: "notes:read"}
  - {method: POST, path: /notes, handler: "notes:write"}
  - {method: GET, path: /health/live, handler: "hapiish.health:live"}
  - {method: GET, path: /health/ready, handler: "hapiish.health:ready"}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="hapiish-") as path:
        Path(path, "notes.py").write_text(HANDLERS)
        yield Path(path)


@pytest.fixture
def plain(folder: Path) -> Path:
    """A table without a database."""
    path = folder / "routes.yaml"
    path.write_text(PLAIN)
    return path


@pytest.fixture
def notes(folder: Path) -> Path:
    """A table with one model and no database of its own."""
    path = folder / "routes.yaml"
    path.write_text(NOTES)
    return path


def refused(table: Path, *options: str, **env: str) -> str:
    """What `run` says when it does not start."""
    run = Run(table, *options, **env)
    assert run.address == ""
    assert run.wait() == 1
    return run.errors


def test_it_says_where_it_serves_and_ends_well_when_it_is_told_to(plain: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        with Run(plain) as server:
            assert re.fullmatch(r"hapiish: serving \S+ on http://127\.0\.0\.1:\d+\n", server.said)
            status, body = server.get("/where")
            assert (status, body["pid"]) == (200, server.process.pid)
            assert server.stop(number) == 0
            assert "Traceback" not in server.errors


def test_its_log_is_json_where_stderr_is_no_terminal(plain: Path) -> None:
    with Run(plain) as server:
        server.get("/where?token=secret")
        server.stop()
        (line,) = [json.loads(line) for line in server.errors.splitlines()]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/where", 200)
    assert "secret" not in json.dumps(line)


def test_it_brings_a_local_database_with_its_indexes_and_keeps_what_was_written(notes: Path) -> None:
    with Run(notes) as server:
        assert server.call("POST", "/notes", {"text": "kept"}) == (200, {"written": True})
        assert server.call("POST", "/notes", {"text": "kept"})[0] == 409
        assert server.get("/health/ready")[0] == 200
    with Run(notes) as server:
        assert server.get("/notes") == (200, ["kept"])
    assert (notes.parent / ".hapiish" / "mongo").is_dir()


def test_a_second_run_shares_the_local_database_of_the_first(notes: Path) -> None:
    with Run(notes) as first, Run(notes) as second:
        first.call("POST", "/notes", {"text": "seen by both"})
        assert second.get("/notes") == (200, ["seen by both"])
        first.stop()
        assert second.get("/notes") == (200, ["seen by both"])


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_local_database_is_gone_when_the_server_has_ended(notes: Path) -> None:
    with Run(notes) as server:
        with MongoClient[dict[str, object]](_socket(notes)) as client:
            pid = int(client.admin.command("serverStatus")["pid"])
        server.stop()
        until(lambda: not _is_running(pid))


def _socket(table: Path) -> str:
    path = table.parent / ".hapiish" / "mongo.sock"
    return f"mongodb://{str(path).replace('/', '%2F')}/?directConnection=true"


def test_a_database_that_is_away_is_503_and_the_health_says_so(notes: Path) -> None:
    with Run(notes, NOTES_URI="mongodb://127.0.0.1:1/notes") as server:
        status, body = server.get("/notes")
        assert (status, body["code"], body["data"]) == (503, "unavailable", {"retryable": True})
        assert server.get("/health/live") == (200, {"status": "live"})
        status, body = server.get("/health/ready")
        assert (status, body["checks"]["database"]) == (503, False)


def test_missing_indexes_of_a_database_that_is_not_ours_are_told_and_not_built(notes: Path, mongo_uri: str) -> None:
    with Run(notes, NOTES_URI=mongo_uri) as server:
        server.get("/notes")
        assert "missing index note (text) unique; build it by `hapiish indexes --apply`" in server.errors


def test_a_machine_without_a_mongod_gets_a_loud_warning_and_a_database_in_memory(notes: Path) -> None:
    mongod = notes.parent / "mongod"
    mongod.write_text("#!/bin/sh\necho error while loading shared libraries: libcurl.so.4: none\nexit 127\n")
    mongod.chmod(0o755)
    with Run(notes, HAPIISH_MONGOD=str(mongod)) as server:
        assert "NOTHING WILL BE KEPT" in server.errors
        assert "libcurl.so.4" in server.errors
        server.call("POST", "/notes", {"text": "here"})
        assert server.get("/notes") == (200, ["here"])
    assert "a database in memory cannot be shared" in refused(notes, "--workers", "2", HAPIISH_MONGOD=str(mongod))


def test_workers_serve_a_table_without_sockets_from_several_processes(notes: Path) -> None:
    with Run(notes, "--workers", "2") as server:
        seen = {server.get("/where")[1]["pid"] for _ in range(200)}
        assert server.process.pid not in seen
        assert server.call("POST", "/notes", {"text": "one"}) == (200, {"written": True})
        assert server.get("/notes") == (200, ["one"])
        assert server.stop() == 0


def test_workers_are_refused_with_sockets(plain: Path) -> None:
    assert "--workers takes a number from 1" in refused(plain, "--workers", "0")
    plain.write_text(f"{PLAIN}\nsockets: {{namespaces: [{{namespace: /}}]}}\n")
    assert "sockets work in one process, and --workers 2 starts several" in refused(plain, "--workers", "2")


def test_a_local_database_can_be_forbidden(notes: Path) -> None:
    assert "set MONGODB_URI" in refused(notes, "--no-local-database")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_in_use_is_said(plain: Path, workers: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = refused(plain, "--port", str(port), "--workers", workers)
    assert "already in use" in said
    assert f"hapiish: http://127.0.0.1:{port} cannot be served; `hapiish run --port 0` takes any free port" in said


def test_a_wrong_uri_is_said(notes: Path) -> None:
    assert "hapiish: database.uri cannot be used" in refused(notes, NOTES_URI="localhost:27017")


def test_every_problem_of_a_wrong_table_is_said_and_nothing_is_started(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain.write_text(f"{PLAIN}  - {{method: GET, path: where, handlr: 'notes:where'}}\nmodls: {{}}\n")
    assert main(["run", str(plain)]) == 1
    said = capsys.readouterr().err
    assert "handlr" in said
    assert "modls" in said


@pytest.mark.parametrize("url", ["redis://u:secret@h:99999", "redis://u:secret@h:1?foo=bar", "redis://u:secret@h/x"])
@pytest.mark.parametrize("head", ["sockets: {queue: '%s'}", "caches: [{provider: redis, options: {url: '%s'}}]"])
def test_a_wrong_url_of_redis_is_said_without_its_password(
    plain: Path, capsys: pytest.CaptureFixture[str], head: str, url: str
) -> None:
    plain.write_text(f"{PLAIN}{head % url}\n")
    assert main(["run", str(plain)]) == 1
    said = capsys.readouterr().err
    assert f"routes.yaml:{len(PLAIN.splitlines()) + 1}:" in said
    assert "HA0205" in said
    assert "secret" not in said
    assert "Traceback" not in said


def test_a_handler_that_does_not_exist_is_said_with_its_place(plain: Path) -> None:
    plain.write_text(PLAIN.replace("notes:where", "notes:were"))
    assert re.search(r"routes\.yaml:5:\d+: HA\d+ .*were.*where", refused(plain))


def test_an_edit_is_served_without_a_restart(plain: Path) -> None:
    with Run(plain, "--reload") as server:
        plain.write_text(PLAIN.replace("/where", "/there"))
        while server.get("/there")[0] == 404:
            continue
        assert server.get("/there")[1]["pid"] == server.process.pid


def test_a_server_may_listen_on_a_unix_socket_beside_the_table(folder: Path) -> None:
    table = folder / "routes.yaml"
    table.write_text(PLAIN.replace("{shutdownTimeout: 2s}", "{socket: x.sock}"))
    with Run(table, port=None) as server:
        assert server.address == f"unix:{folder.resolve() / 'x.sock'}"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(folder / "x.sock"))
            client.sendall(b"GET /where HTTP/1.0\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_server_with_a_certificate_serves_https(folder: Path) -> None:
    table = folder / "routes.yaml"
    tls = "{tls: {key: key.pem, cert: cert.pem, passphrase: '${SECRET}'}}"
    table.write_text(PLAIN.replace("{shutdownTimeout: 2s}", tls))
    assert "there is no file" in refused(table, SECRET="secret")
    certify(folder, b"secret")
    with Run(table, SECRET="secret") as server:
        trust = ssl.create_default_context(cafile=str(folder / "cert.pem"))
        with urllib.request.urlopen(f"{server.address}/where", context=trust, timeout=60) as answer:
            assert answer.status == 200
