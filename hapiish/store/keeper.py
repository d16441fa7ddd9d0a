"""A process of its own that runs a command for as long as somebody holds a lock on a file.

Users of the local mongod share that lock; the kernel lets go of it however they end, so the server outlives none of
them, follows the last one, and Ctrl-C in a terminal does not reach it before they are through. Run as a script: it
imports the standard library alone and knows nothing of MongoDB.

    python keeper.py PIPE LOCK <COMMAND      PIPE: descriptor that is told why the command ended, and then closed

The command comes as JSON on stdin and not as arguments, so that `pkill -f` of its name leaves the keeper alone.
"""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress

GRACE = 20.0  # seconds between SIGTERM and SIGKILL
SETTLED = 5.0  # seconds after which a crash counts as an accident, and the command is run again
PAUSE = 1.0  # seconds before that
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Keeper:
    """One command, started again when it crashes, stopped when `lock` has no holder left."""

    def __init__(self, lock: int, command: list[str]) -> None:
        self.command = command
        self.child: subprocess.Popen[bytes] | None = None
        self.unused = threading.Event()
        threading.Thread(target=self._watch, args=(lock,), daemon=True).start()

    def keep(self) -> str:
        """Why the command is not running any more; empty when nobody needs it."""
        while True:
            began = time.monotonic()
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
                if self.unused.is_set():
                    return ""
                if code >= 0 or time.monotonic() - began < SETTLED:
                    output.seek(0)
                    return f"{code} {output.read().decode(errors='replace').strip()}"
            time.sleep(PAUSE)

    def _watch(self, lock: int) -> None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        self.unused.set()
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
    end = Keeper(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), command).keep()
    with suppress(BrokenPipeError):  # it ran for a while, and nobody waits for the reason any more
        os.write(int(pipe), end.encode()[-4000:])


if __name__ == "__main__":
    main(sys.argv[1:])
