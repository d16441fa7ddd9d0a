"""A process of its own that runs a command for as long as somebody holds a lock on a file.

Users of the local mongod share that lock; the kernel lets go of it however they end, so the server outlives none of
them, follows the last one, and Ctrl-C in a terminal does not reach it before they are through. Run as a script: it
imports the standard library alone and knows nothing of MongoDB.

    python keeper.py PIPE LOCK <COMMAND      PIPE: descriptor that is told why the command ended, and then closed

There is one keeper for a LOCK: it holds another lock, on LOCK.keeper, which has its process id. SIGUSR1 ends a pause.
The command comes as JSON on stdin and not as arguments, so that `pkill -f` of its name leaves the keeper alone.
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
SETTLED = 5.0  # seconds after which an end counts as an accident of its own
PAUSE = 1.0  # seconds before the command is run again; twice as many after each end that follows soon
LONGEST_PAUSE = 60.0  # seconds
PR_SET_PDEATHSIG = 1
OWN_LOCK = ".keeper"

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Keeper:
    """One command, started again whenever it ends, stopped when `lock` has no holder left.

    `pipe` belongs to somebody who waits for the first start: an end while it is open is told and final.
    """

    def __init__(self, lock: int, pipe: int, command: list[str]) -> None:
        self.command = command
        self.pipe = pipe
        self.child: subprocess.Popen[bytes] | None = None
        self.unused = threading.Event()
        self.wake = threading.Event()
        threading.Thread(target=self._watch, args=(lock,), daemon=True).start()

    def keep(self) -> str:
        """Why the first start failed; empty when nobody needs the command any more."""
        pause = PAUSE
        while not self.unused.is_set():
            began = time.monotonic()
            end = self._run()
            if self._is_awaited():
                return "" if self.unused.is_set() else end
            pause = PAUSE if time.monotonic() - began >= SETTLED else min(2 * pause, LONGEST_PAUSE)
            self.wake.wait(pause)
            self.wake.clear()
        return ""

    def _run(self) -> str:
        """Runs the command to its end; the exit code, and what it said."""
        with tempfile.TemporaryFile() as output:
            try:
                self.child = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    # The signal comes when the thread that forked ends: this is the main thread, which stays.
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
        """Whether the other end of the pipe is open."""
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
    """Leaves a keeper behind and returns at once in the process that was started."""
    pipe, lock = arguments
    command = json.load(sys.stdin)
    if os.fork():
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    only = os.open(f"{lock}{OWN_LOCK}", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(only, fcntl.LOCK_EX)
    os.ftruncate(only, 0)
    os.pwrite(only, b"%d" % os.getpid(), 0)
    keeper = Keeper(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), int(pipe), command)
    signal.signal(signal.SIGUSR1, lambda *_: keeper.wake.set())
    end = keeper.keep()
    fcntl.flock(only, fcntl.LOCK_UN)  # before LOCK: who has waited for that must not take this process for a keeper
    with suppress(BrokenPipeError):  # it ran for a while, and nobody waits for the reason any more
        os.write(int(pipe), end.encode()[-4000:])


if __name__ == "__main__":
    main(sys.argv[1:])
