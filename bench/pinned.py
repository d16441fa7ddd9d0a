"""Runs a server as a process that is pinned to a core."""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """Raised if the server ends before its first response; the message is the end of its output."""


class Pinned:
    """The process of `command`, which listens on `port`; it runs until the end of the `with` block."""

    def __init__(self, command: list[str], port: int, core: int, folder: Path, env: Mapping[str, str]) -> None:
        self.port = port
        self.started = time.perf_counter()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})  # inherited by the new process
        try:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, "NODE_ENV": "production", **env},
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
            )
        finally:
            os.sched_setaffinity(0, own)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def must_run(self) -> None:
        """Raises StartError if the process has ended."""
        if self._process.poll() is not None:
            raise StartError(self.printed())

    def await_listening(self, limit: float) -> Self:
        """Returns the server when it accepts connections. Raises StartError if it ends or needs more than `limit` s."""
        while time.perf_counter() < self.started + limit:
            self.must_run()
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.01)
            else:
                return self
        raise StartError(f"not up after {limit:g} s")

    def memory(self) -> int:
        """Returns the resident memory in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu(self) -> float:
        """Returns the used processor time in seconds."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS

    def printed(self) -> str:
        """Returns the end of the process's output."""
        self._output.seek(0)
        return self._output.read()[-3000:].decode(errors="replace")


def free_port() -> int:
    """Returns a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
