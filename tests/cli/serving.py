"""`hapiish run` as a process, for tests of the command line."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Run:
    """A server started by `hapiish run`: `with Run(table) as server: server.get("/")`. Waits until it listens."""

    def __init__(self, table: Path, *options: str, port: str | None = "0", **env: str) -> None:
        self._errors = table.parent / "stderr.txt"
        with self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hapiish", "run", str(table), *(("--port", port) if port else ()), *options],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=os.environ | env,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        self.said = self.process.stdout.readline()
        found = re.search(r"(https?://|unix:)\S+", self.said)
        self.address = found[0] if found else ""

    def __enter__(self) -> Self:
        assert self.address, self.errors
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Asks it to end; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """The exit status, when it ends by itself."""
        with self.process:
            return self.process.wait(timeout=60)

    def call(self, method: str, path: str, payload: Any = None) -> tuple[int, Any]:
        """Status and body of an answer."""
        body = None if payload is None else json.dumps(payload).encode()
        request = urllib.request.Request(
            self.address + path, body, {"content-type": "application/json"} if body else {}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.load(answer)

    def get(self, path: str) -> tuple[int, Any]:
        """As `call`."""
        return self.call("GET", path)
