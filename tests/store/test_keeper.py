"""The keeper with ordinary programs: runs one while a lock is held, restarts it, and reports why it ended."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hapiish.store import keeper
from tests.store.waiting import until

# Tells its process id, then waits.
WAITS = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(600)"


def keep(lock: Path, *command: str) -> int:
    told, tells = os.pipe()
    subprocess.run(
        [sys.executable, keeper.__file__, str(tells), str(lock)],
        input=json.dumps(command).encode(),
        check=True,
        pass_fds=[tells],
    )
    os.close(tells)
    return told


def is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def written(pids: Path) -> Callable[[], list[int]]:
    return lambda: [int(line) for line in pids.read_text().splitlines()] if pids.exists() else []


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "lock"
    path.touch()
    return path


def test_the_command_runs_until_the_last_holder_of_the_lock_is_gone(tmp_path: Path, lock: Path) -> None:
    holders = [os.open(lock, os.O_RDWR) for _ in range(2)]
    for holder in holders:
        fcntl.flock(holder, fcntl.LOCK_SH)
    os.close(keep(lock, sys.executable, "-c", WAITS, str(tmp_path / "pids")))
    (child,) = until(written(tmp_path / "pids"))
    os.close(holders[0])
    assert is_alive(child)
    os.close(holders[1])
    until(lambda: not is_alive(child))


def test_a_command_that_crashes_at_once_is_not_run_again_and_its_last_words_are_told(lock: Path) -> None:
    with lock.open() as holder:
        fcntl.flock(holder, fcntl.LOCK_SH)
        told = keep(lock, sys.executable, "-c", "import os; print('broken', flush=True); os.abort()")
        assert os.read(told, 4096) == f"-{int(signal.SIGABRT)} broken".encode()
        os.close(told)


def test_a_command_is_run_again_however_often_it_ends(
    tmp_path: Path, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = "import os, sys; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); sys.stdin.read(); os._exit(14)"
    monkeypatch.setattr(keeper, "PAUSE", 0.01)
    monkeypatch.setattr(keeper, "LONGEST_PAUSE", 0.02)
    with lock.open() as holder:
        fcntl.flock(holder, fcntl.LOCK_SH)
        told, tells = os.pipe()
        os.close(told)  # whoever waited for the first start has gone
        kept = keeper.Keeper(os.open(lock, os.O_RDWR), tells, [sys.executable, "-c", ends, str(tmp_path / "pids")])
        thread = threading.Thread(target=kept.keep)
        thread.start()
        until(lambda: len(written(tmp_path / "pids")()) >= 4)
        fcntl.flock(holder, fcntl.LOCK_UN)
        thread.join()
    os.close(tells)


def test_a_command_that_gives_up_is_told_with_its_exit_code(lock: Path) -> None:
    with lock.open() as holder:
        fcntl.flock(holder, fcntl.LOCK_SH)
        told = keep(lock, sys.executable, "-c", "raise SystemExit(62)")
        assert os.read(told, 4096) == b"62 "
        os.close(told)


def test_a_command_that_cannot_be_started_is_told(lock: Path) -> None:
    with lock.open() as holder:
        fcntl.flock(holder, fcntl.LOCK_SH)
        told = keep(lock, "/nowhere/mongod")
        assert os.read(told, 4096).startswith(b"126 ")
        os.close(told)


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_the_command_dies_with_its_keeper(tmp_path: Path, lock: Path) -> None:
    with lock.open() as holder:
        fcntl.flock(holder, fcntl.LOCK_SH)
        os.close(keep(lock, sys.executable, "-c", WAITS, str(tmp_path / "pids")))
        (child,) = until(written(tmp_path / "pids"))
        parent = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(parent, signal.SIGKILL)
        until(lambda: not is_alive(child))
