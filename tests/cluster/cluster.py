"""nginx, workers of the chat, Redis and a MongoDB replica set of three on the loopback, without containers.

The parts of deploy/compose.yaml: scripts/cluster starts them for a person, the fixture `cluster` for tests.
"""

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster import nginx
from tests.cluster.mongo import ReplicaSet
from tests.cluster.processes import Process, Reaper, children, free_port, processor_time
from tests.redis_server import RedisServer

ROOT = Path(__file__).parents[2]
SECRET = "a secret of the tests that is long enough"


def get(port: int, path: str) -> int:
    """Returns the status of a GET to a port of the loopback; 0 if nothing answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class Redis(RedisServer):
    """A redis-server that ends with the cluster."""

    def __init__(self, folder: Path, reaper: Reaper) -> None:
        super().__init__()
        self._folder.cleanup()
        self._folder = tempfile.TemporaryDirectory(prefix="redis-", dir=folder)
        self._reaper = reaper

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Starts the server; returns when it answers."""
        super().start()
        self._reaper.tell("+", self.pid)

    def stop(self) -> None:
        """Ends the server at once."""
        if self._process is not None:
            self._reaper.tell("-", self.pid)
        super().stop()


class Worker(Process):
    """One `hapiish run`, in a process and on a port of its own."""

    def __init__(self, number: int, table: Path, env: Mapping[str, str], folder: Path, reaper: Reaper) -> None:
        self.port = free_port()
        words = ["run", str(table), "--port", str(self.port), "--no-local-database", "--log", "json"]
        super().__init__(
            f"worker-{number}",
            [sys.executable, "-m", "hapiish", *words],
            folder,
            reaper,
            env=env,
            ready=lambda: get(self.port, "/health/ready") == 200,
        )


class Cluster:
    """All parts; `url` is the balancer's address. Use it as a context manager."""

    def __init__(self, workers: int = 3, *, table: Path = ROOT / "routes.yaml", port: int | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="hapiish-cluster-"))
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._reaper = Reaper(self.folder)
        self.mongo = ReplicaSet(self.folder, self._reaper)
        self.mongodb_uri = self.mongo.uri("chat")
        self.redis = Redis(self.folder, self._reaper)
        self.env = {
            **{name: text for name, text in os.environ.items() if not name.startswith("HAPIISH_RUN")},
            "CHAT_SWEEPER_PACE": "0.05",  # `heads` every three seconds, repairs every second
            "JWT_SECRET": SECRET,
            "MONGODB_URI": self.mongodb_uri,
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": self.redis.url,
            "TRUSTED_PROXY": "127.0.0.1",
        }
        self.table = table
        self.workers = [Worker(number, table, self.env, self.folder, self._reaper) for number in range(1, workers + 1)]
        self.nginx = self._balancer()

    def _balancer(self) -> Process:
        servers = " ".join(f"server 127.0.0.1:{worker.port} max_fails=1 fail_timeout=1s;" for worker in self.workers)
        values = {
            "NGINX_LISTEN": f"127.0.0.1:{self.port}",
            "NGINX_TLS": "",
            "NGINX_SERVERS": servers,
            "NGINX_RESOLVER": "",
            "NGINX_BALANCE": "least_conn",
            "NGINX_RUN": str(self.folder),
        }
        (self.folder / "nginx.conf").write_text(nginx.configuration(values))
        user = "user root;" if os.geteuid() == 0 else ""  # else nginx gives up its rights to the private folder
        words = ["-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-g", f"daemon off; {user}"]
        return Process(
            "nginx",
            [nginx.find(), *words],
            self.folder,
            self._reaper,
            ready=lambda: get(self.port, "/health/live") == 200,
        )

    def start(self) -> None:
        """Starts everything in the order of its needs; returns when a request is served."""
        self.redis.start()
        self.mongo.start()
        self.apply_indexes()
        for worker in self.workers:
            worker.spawn()
        for worker in self.workers:
            worker.wait_until_ready()
        self.nginx.start()

    def apply_indexes(self) -> None:
        """Builds the indexes, as the step of a deployment before its workers start."""
        command = [sys.executable, "-m", "hapiish", "indexes", str(self.table), "--apply"]
        answer = subprocess.run(command, env=self.env, capture_output=True, text=True, check=False)
        if answer.returncode:
            raise RuntimeError(f"no indexes: {answer.stdout}{answer.stderr}")

    def run_with(self, env: Mapping[str, str]) -> None:
        """Restarts the workers that have ended, or whose environment is not the cluster's with these variables."""
        wanted = {**self.env, **env}
        stale = [worker for worker in self.workers if not worker.is_running or worker.env != wanted]
        for worker in stale:
            worker.begin_to_stop()
        for worker in stale:
            worker.stop()
            worker.env = wanted
            worker.spawn()
        for worker in stale:
            worker.wait_until_ready()

    def processor_time(self) -> dict[str, float]:
        """Returns the seconds of processor time that each part has used; of a restarted process, since its start."""
        primary = self.mongo.members[self.mongo.primary()]
        return {
            "workers": sum(processor_time(worker.pid) for worker in self.workers),
            "primary": processor_time(primary.pid),
            "secondaries": sum(processor_time(each.pid) for each in self.mongo.members.values() if each is not primary),
            "redis": processor_time(self.redis.pid),
            "nginx": sum(map(processor_time, children(self.nginx.pid))),
        }

    def stop(self) -> None:
        """Ends everything, in the opposite order, and removes its folder."""
        self.nginx.stop()
        for worker in self.workers:
            worker.kill() if not worker.is_running else worker.stop()
        self.redis.stop()
        self.redis._folder.cleanup()
        self.mongo.stop()
        self._reaper.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
