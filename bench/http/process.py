"""One server as a process of its own on its own core: started, timed until its first answer, watched, stopped."""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")


class StartError(Exception):
    """The server ended before its first answer; the text is the end of what it printed."""


class StartTimeout(Exception):
    """The server did not answer within the limit."""


class Server:
    """The server `name` with `routes` routes; `tables` is the folder of files made for that number of routes."""

    def __init__(self, name: str, routes: int, tables: Path, core: int) -> None:
        self.port = _free_port()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        if name == "hapi":
            command = ["node", str(HERE / "node" / "server.js")]
        else:
            command = [sys.executable, "-m", "servers.serve", name]
        self._started = time.perf_counter()
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})  # inherited by the process that is started next
        try:
            self._process = subprocess.Popen(
                [*command, str(routes), str(tables), str(self.port)],
                cwd=HERE,
                env={**os.environ, "NODE_ENV": "production"},
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

    def await_first_answer(self, target: str, limit: float) -> float:
        """Seconds from the start of the process to the first 200 on `target`."""
        end = self._started + limit
        while (left := end - time.perf_counter()) > 0:
            if self._process.poll() is not None:
                raise StartError(self._printed())
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=left)
            try:
                connection.request("GET", target)
                status = connection.getresponse().status
            except TimeoutError:
                break
            except OSError:
                time.sleep(0.002)
                continue
            finally:
                connection.close()
            if status == 200:
                return time.perf_counter() - self._started
            raise StartError(f"the first answer has status {status}\n{self._printed()}")
        raise StartTimeout

    def memory(self) -> int:
        """Resident bytes now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def cpu(self) -> float:
        """Seconds of processor time used so far."""
        after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS

    def _printed(self) -> str:
        self._output.seek(0)
        return self._output.read()[-3000:].decode(errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
