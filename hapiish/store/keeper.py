"""A supervisor process: runs a command as long as any process holds a lock on a file.

Users of the local mongod share that lock. The kernel releases it however a user process ends, so mongod runs until the
last user ends. Ctrl-C in a terminal does not reach mongod. This module runs as a script: it imports the standard
library only and is independent of MongoDB.

    python keeper.py PIPE LOCK <COMMAND      PIPE: descriptor that receives the reason of a failed start

Each LOCK has one keeper, which holds a second lock on LOCK.keeper; that file contains its process id. SIGUSR1 ends a
pause. The command comes as JSON on stdin and not as arguments, so that `pkill -f` of its name spares the keeper.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress

GRACE = 20.0  # seconds between SIGTERM and SIGKILL
SETTLED = 5.0  # seconds of running after which the pause is reset
PAUSE = 1.0  # seconds before a restart; doubled after each run shorter than SETTLED
LONGEST_PAUSE = 60.0  # seconds
PR_SET_PDEATHSIG = 1
OWN_LOCK = ".keeper"

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Keeper:
    """Restarts one command whenever it ends, and stops it when no process holds `lock` any more.

    `pipe` is open while a process waits for the first start. An exit in that time is reported and final.
    """

    def __init__(self, lock: int, pipe: int, command: list[str]) -> None:
        self.command = command
        self.pipe = pipe
        self.child: subprocess.Popen[bytes] | None = None
        self.unused = threading.Event()
        self.wake = threading.Event()
        threading.Thread(target=self._watch, args=(lock,), daemon=True).start()

    def keep(self) -> str:
        """Runs until the command is unused. Returns the reason if the first start failed, else an empty text."""
        pause = PAUSE
        while not self.unused.is_set():
            began = time.monotonic()
            reason = self._run()
            if self._is_awaited():
                return "" if self.unused.is_set() else reason
            pause = PAUSE if time.monotonic() - began >= SETTLED else min(2 * pause, LONGEST_PAUSE)
            self.wake.wait(pause)
            self.wake.clear()
        return ""

    def _run(self) -> str:
        """Runs the command to its end. Returns exit code and output."""
        with tempfile.TemporaryFile() as output:
            try:
                self.child = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    # The kernel sends the signal when the forking thread ends; the main thread lives on.
                    preexec_fn=_die_with_parent,  # noqa: PLW1509
                )
            except OSError as error:
                return f"126 {error}"
            if self.unused.is_set():
                self.child.terminate()
            code = self.child.wait()
            output.seek(0)
            return f"{code} {output.read().decode(errors='replace').strip()}"

    def _is_awaited(self) -> bool:
        """Returns True if the other end of the pipe is open."""
        poll = select.poll()
        poll.register(self.pipe, 0)
        return not poll.poll(0)

    def _watch(self, lock: int) -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.unused.set()
        self.wake.set()
        if self.child is not None:
            self.child.terminate()
            time.sleep(GRACE)
            self.child.kill()


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def main(arguments: list[str]) -> None:
    """Forks the keeper and returns at once in the parent process."""
    pipe, lock = arguments
    command = json.load(sys.stdin)
    if os.fork():
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own_lock = os.open(f"{lock}{OWN_LOCK}", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(own_lock, fcntl.LOCK_EX)
    os.ftruncate(own_lock, 0)
    os.pwrite(own_lock, b"%d" % os.getpid(), 0)
    keeper = Keeper(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), int(pipe), command)
    signal.signal(signal.SIGUSR1, lambda *_: keeper.wake.set())
    reason = keeper.keep()
    fcntl.flock(own_lock, fcntl.LOCK_UN)  # before LOCK: a process that waits for LOCK must not find a keeper
    with suppress(BrokenPipeError):  # the start succeeded, and no process reads the pipe any more
        os.write(int(pipe), reason.encode()[-4000:])


if __name__ == "__main__":
    main(sys.argv[1:])
