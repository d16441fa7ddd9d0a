"""`hapiish reload`, SIGHUP and `--reload`, with one process, with workers, and with several runs of one table."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.cli.serving import Run

CODE = """
import os

def where(request, h):
    return {"pid": os.getpid(), "version": 1, "table": request.server.table_hash}

def end(request, h):
    os._exit(9)
"""
TABLE = """
hapiish: 1
server: {shutdownTimeout: 2s}
routes:
  - {method: GET, path: /where, handler: "code:where"}
  - {method: GET, path: /end, handler: "code:end"}
  - {method: GET, path: /ready, handler: "hapiish.health:ready"}
"""
WORKERS = pytest.mark.parametrize("workers", [1, 2])
Write = Callable[..., Path]


@pytest.fixture
def write() -> Iterator[Write]:
    """Writes a table and its module into a folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="hapiish-") as folder:

        def write(table: str = TABLE, code: str = CODE) -> Path:
            path = Path(folder, "routes.yaml")
            path.write_text(table)
            Path(folder, "code.py").write_text(code)
            return path

        yield write


def reload(table: Path, *options: str) -> tuple[int, str, str]:
    """Status, output and errors of `hapiish reload`."""
    command = [sys.executable, "-m", "hapiish", "reload", str(table), *options]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return found.returncode, found.stdout, found.stderr


def start(table: Path, workers: int, *options: str) -> Run:
    return Run(table, *(("--workers", str(workers)) if workers > 1 else ()), *options)


def answers(server: Run, path: str, count: int = 30) -> set[str]:
    """What the workers answer; enough requests to reach each of them."""
    return {json.dumps(server.get(path)) for _ in range(count)}


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


@WORKERS
def test_a_reload_serves_the_new_table_and_its_modules_and_says_what_changed(write: Write, workers: int) -> None:
    table = write()
    with start(table, workers) as server:
        before = server.get("/ready")[1]["table"]
        changed = TABLE.replace("/end", "/gone").replace("2s", "3s")
        write(changed, CODE.replace('"version": 1', '"version": 2'))
        status, out, _ = reload(table)
        assert status == 0
        first, *lines = out.splitlines()
        assert lines == ["  - GET /end", "  + GET /gone", "  ~ server.shutdownTimeout"]
        hashes = re.search(r"table (\w+) -> (\w+)$", first)
        assert hashes is not None
        assert hashes[1] == before
        assert server.address in first
        assert {json.loads(found)[1]["table"] for found in answers(server, "/where")} == {hashes[2]}
        assert {json.loads(found)[1]["version"] for found in answers(server, "/where")} == {2}
        assert "reloaded: table" in server.errors
        assert server.stop() == 0


@WORKERS
def test_a_wrong_table_is_refused_with_its_problems_and_the_old_one_goes_on(write: Write, workers: int) -> None:
    table = write()
    with start(table, workers) as server:
        before = answers(server, "/ready")
        write(TABLE.replace('handler: "code:end"', 'handlr: "code:end"'))
        status, _, errors = reload(table)
        assert status == 1
        assert re.search(r"routes\.yaml:\d+:\d+: HA\d+ ", errors)
        assert "the old table goes on" in errors
        write(code="raise ValueError('broken')")
        status, _, errors = reload(table)
        assert status == 1
        assert "broken" in errors
        assert answers(server, "/ready") == before
        assert {found[0] for found in (server.get("/where") for _ in range(20))} == {200}


@WORKERS
def test_a_dry_run_says_what_would_change_and_changes_nothing(write: Write, workers: int) -> None:
    table = write()
    with start(table, workers) as server:
        before = answers(server, "/ready")
        write(TABLE.replace("/end", "/gone"), CODE.replace('"version": 1', '"version": 2'))
        status, out, _ = reload(table, "--dry-run")
        assert (status, out.splitlines()[1:]) == (0, ["  - GET /end", "  + GET /gone"])
        assert "would change" in out
        assert answers(server, "/ready") == before
        assert {json.loads(found)[1]["version"] for found in answers(server, "/where")} == {1}
        write(TABLE.replace("/end", "end"))
        assert reload(table, "--dry-run")[0] == 1


@WORKERS
def test_a_reload_without_a_change_says_so(write: Write, workers: int) -> None:
    table = write()
    with start(table, workers) as server:
        write(f"# a comment\n{TABLE}")
        hashed = server.get("/ready")[1]["table"]
        status, out, _ = reload(table)
        assert status == 0
        assert out.endswith(f": nothing changed: table {hashed}\n")


@WORKERS
def test_a_hangup_reloads(write: Write, workers: int) -> None:
    table = write()
    with start(table, workers) as server:
        write(TABLE.replace("/end", "/gone"))
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "reloaded: table" in server.errors)
        assert server.get("/end")[0] == 404
        write("nonsense")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "the old table goes on" in server.errors)
        assert server.get("/end")[0] == 404
        assert server.get("/where")[0] == 200


def test_an_edit_reaches_every_worker_of_a_run_with_reload(write: Write) -> None:
    table = write()
    with start(table, 2, "--reload") as server:
        write(code=CODE.replace('"version": 1', '"version": 2'))
        until(lambda: "reloaded: table" in server.errors)
        assert {json.loads(found)[1]["version"] for found in answers(server, "/where")} == {2}
        write("nonsense")
        until(lambda: "the old table goes on" in server.errors)
        assert server.get("/where")[0] == 200


def test_a_worker_that_replaces_another_serves_the_table_that_serves_and_not_the_broken_file(write: Write) -> None:
    table = write()
    with start(table, 2) as server:
        write(TABLE.replace("2s", "3s"))
        assert reload(table)[0] == 0
        serving = answers(server, "/ready")
        pids = {json.loads(found)[1]["pid"] for found in answers(server, "/where")}
        write("nonsense", "broken(")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        until(lambda: server.errors.count("is replaced") == len(pids))
        assert answers(server, "/ready") == serving
        now = {json.loads(found)[1]["pid"] for found in answers(server, "/where", 60)}
        assert not now & pids
        assert reload(table)[0] == 1
        write(TABLE.replace("/end", "/gone"))
        assert reload(table)[0] == 0


def test_several_runs_of_one_table_are_all_reloaded_or_the_one_that_is_named(write: Write) -> None:
    table = write()
    with start(table, 1) as one, start(table, 2) as two:
        write(TABLE.replace("/end", "/gone"))
        port = one.address.rpartition(":")[2]
        status, out, _ = reload(table, "--port", port)
        assert status == 0
        assert one.address in out
        assert two.address not in out
        assert one.get("/end")[0] == 404
        assert two.get("/ready")[1]["table"] != one.get("/ready")[1]["table"]
        status, out, _ = reload(table)
        assert status == 0
        assert two.address in out
        assert two.get("/ready")[1]["table"] == one.get("/ready")[1]["table"]
        (path,) = (table.parent / ".hapiish").glob(f"run-{two.process.pid}.sock")
        write()
        status, out, _ = reload(table, "--socket", str(path))
        assert status == 0
        assert one.address not in out


def test_no_running_server_is_said(write: Write) -> None:
    table = write()
    status, _, errors = reload(table)
    assert (status, errors) == (1, f"hapiish: no `hapiish run` serves {table}\n")


def test_a_server_of_another_table_in_the_folder_is_left_alone(write: Write) -> None:
    table = write()
    other = table.with_name("other.yaml")
    other.write_text(TABLE)
    with start(other, 1):
        assert reload(table)[0] == 1
        assert reload(other)[0] == 0


def test_the_socket_is_private_and_goes_with_its_server_even_if_that_was_killed(write: Write) -> None:
    table = write()
    folder = table.parent / ".hapiish"
    with start(table, 1) as server:
        (path,) = folder.glob("run-*.sock")
        assert path.stat().st_mode & 0o077 == 0
        assert folder.stat().st_mode & 0o077 == 0
        server.process.kill()
        server.wait()
        assert path.exists()
        assert reload(table)[0] == 1
        assert not path.exists()
    with start(table, 1) as server:
        server.process.kill()
        server.wait()
    with start(table, 2) as server:
        assert [*folder.glob("run-*.sock")] == [folder / f"run-{server.process.pid}.sock"]
        assert reload(table)[0] == 0
        assert server.stop() == 0
        assert [*folder.glob("run-*.sock")] == []


def test_a_path_that_is_too_long_for_a_socket_has_a_short_one(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    (folder / "routes.yaml").write_text(TABLE)
    (folder / "code.py").write_text(CODE)
    with start(folder / "routes.yaml", 1):
        assert reload(folder / "routes.yaml")[0] == 0


@WORKERS
def test_a_setting_that_needs_a_restart_is_said(write: Write, workers: int) -> None:
    table = write()
    with start(table, workers):
        write(TABLE.replace("{shutdownTimeout: 2s}", "{shutdownTimeout: 2s, port: 1, head: {maxCount: 50}}"))
        status, out, _ = reload(table)
        assert status == 0
        assert "  at the next start: server.head and server.maxConnections, server.port\n" in out
        write(TABLE.replace("{shutdownTimeout: 2s}", "{shutdownTimeout: 3s, port: 1}"))
        assert "  at the next start: server.port\n" in reload(table)[1]  # though only the first reload changed it
        for options in ([], ["--dry-run"]):
            assert re.search(r"nothing changed: .*\n  at the next start: server.port\n", reload(table, *options)[1])
        write(TABLE)
        assert "at the next start" not in reload(table)[1]


def test_a_worker_that_replaces_another_has_the_settings_of_the_start(write: Write) -> None:
    table = write()
    with start(table, 2) as server:
        write(TABLE.replace("2s}", "2s, head: {maxCount: 1}}"))  # each request of these tests has more headers
        assert "  at the next start: server.head and server.maxConnections\n" in reload(table)[1]
        with suppress(OSError, HTTPException):
            server.get("/end")
        until(lambda: "is replaced" in server.errors)
        until(lambda: len({json.loads(found)[1]["pid"] for found in answers(server, "/where")}) == 2)
        assert {json.loads(found)[0] for found in answers(server, "/where")} == {200}


def test_a_frozen_worker_holds_up_neither_the_end_nor_the_old_table(write: Write) -> None:
    table = write()
    with start(table, 2) as server:
        serving = answers(server, "/ready")
        (pid, *_) = {json.loads(found)[1]["pid"] for found in answers(server, "/where")}
        os.kill(pid, signal.SIGSTOP)
        write(TABLE.replace("/end", "/gone"))
        server.process.send_signal(signal.SIGHUP)
        time.sleep(1)  # the other worker has prepared the table, and nothing serves it
        server.process.send_signal(signal.SIGTERM)
        until(lambda: "did not prepare the table" in server.errors)
        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 1
        assert "reloaded" not in server.errors
        assert not alive(pid)
        assert len(serving) == 1


def test_workers_that_lose_their_supervisor_end(write: Write) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(start(write(), 2))
        pids = {json.loads(found)[1]["pid"] for found in answers(server, "/where", 60)}
        server.process.kill()
        server.wait()
        until(lambda: not any(map(alive, pids)))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize(("reloads", "workers"), [(30, 1), (20, 2)])
def test_reloads_under_load_lose_no_request_and_drop_no_socket(reloads: int, workers: int) -> None:
    script = Path(__file__).parent.parent.parent / "bench" / "reload" / "reloads.py"
    command = [sys.executable, str(script), "--reloads", str(reloads), "--workers", str(workers)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (found.returncode, found.stderr) == (0, ""), found.stdout
    assert f"{reloads} reloads" in found.stdout
