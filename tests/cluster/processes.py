"""Child processes with log files. None outlives this process, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PATIENCE = 60.0  # seconds that a start may take on a machine that is busy with other things

# Reads "+pid" and "-pid" from the cluster. When the pipe closes, ends what is left and removes the folder.
REAPER = """
import os, shutil, signal, sys
pids = set()
for line in sys.stdin:
    (pids.add if line[0] == "+" else pids.discard)(int(line[1:]))
for pid in pids:
    try:
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
shutil.rmtree(sys.argv[1], ignore_errors=True)
"""


def free_port() -> int:
    """Returns a port of the loopback that no process listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def processor_time(pid: int) -> float:
    """Returns the seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Returns the child processes of a process."""
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Reaper:
    """A process that ends all others and removes their folder when this process has ended, by kill -9 too."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", REAPER, str(folder)], stdin=subprocess.PIPE, text=True, process_group=0
        )

    def tell(self, sign: str, pid: int) -> None:
        """Adds (`+`) or removes (`-`) a process."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{sign}{pid}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Ends what is left, removes the folder, and waits until both is done."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Process:
    """One program of the cluster. It can be started again after its end, with the same command."""

    def __init__(
        self,
        name: str,
        command: list[str],
        folder: Path,
        reaper: Reaper,
        *,
        env: Mapping[str, str] | None = None,
        ready: Callable[[], bool],
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.env = dict(env) if env is not None else None
        self._command = command
        self._folder = folder
        self._reaper = reaper
        self._is_ready = ready
        self._child: subprocess.Popen[bytes] | None = None
        self._is_stopping = False

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._child is not None
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """True while the process has been started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def spawn(self) -> None:
        """Starts the process and does not wait until it is ready."""
        with self.log.open("ab") as log:
            # In a group of its own: Ctrl-C in a terminal ends this process, and this process ends the others in order.
            self._child = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self._is_stopping = False
        self._reaper.tell("+", self._child.pid)

    def wait_until_ready(self) -> None:
        """Returns when the process serves. Raises RuntimeError with the end of its log if it ends or takes too long."""
        until = time.monotonic() + PATIENCE
        while not self._is_ready():
            if not self.is_running or time.monotonic() > until:
                raise RuntimeError(f"{self.name} does not start:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.02)

    def start(self) -> None:
        """Starts the process and waits until it is ready."""
        self.spawn()
        self.wait_until_ready()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def freeze(self) -> None:
        """Stops the process where it is: its connections stay open and nothing answers."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a frozen process go on."""
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """Ends the process at once (kill -9)."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ends the process by SIGTERM; returns its exit code."""
        return self._end(signal.SIGTERM)

    def begin_to_stop(self) -> None:
        """Sends SIGTERM and does not wait; `stop` waits."""
        if self.is_running:
            self._is_stopping = True
            self.send(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        if self._child is None:
            return 0
        if self._child.poll() is None:
            if number is signal.SIGKILL or not self._is_stopping:  # a second SIGTERM would mean haste
                self._child.send_signal(number)
            try:
                self._child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._reaper.tell("-", self._child.pid)
        return self._child.returncode
