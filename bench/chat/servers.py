"""Starts the processes of the benchmark: one MongoDB, and the chat on hapiish or on the original stack."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataset import DATABASE, SECRET
from pinned import TICKS, Pinned, StartError, free_port
from pymongo import MongoClient

from hapiish.store import local

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
START_LIMIT = 30  # seconds
SERVERS = ("hapiish", "peer", "peer-validated")
BESIDE = "hapiish-beside"  # another checkout
# The only change of the chat's table: the load sends more than any user may.
LIMIT, UNLIMITED = "name: messages, max: 5, duration: 1s, burst: 100", "name: messages, max: 1000000, duration: 1s"
COUNTED = ("find", "getMore", "insert", "update", "findAndModify", "aggregate", "count", "delete")


class Mongo:
    """A running MongoDB. `commands` and `cpu` count from its start."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._client: MongoClient[dict[str, Any]] = MongoClient(uri)
        self._pid: int = self._client.admin.command("serverStatus")["pid"]
        self.database = self._client[DATABASE]

    def commands(self) -> Counter[str]:
        """Returns the number of executed commands by name, of those that read and write documents."""
        executed = self._client.admin.command("serverStatus")["metrics"]["commands"]
        return Counter({name: int(executed[name]["total"]) for name in COUNTED})

    def inserts(self) -> int:
        """Returns the number of documents that commands tried to insert."""
        return int(self._client.admin.command("serverStatus")["opcounters"]["insert"])

    def cpu(self) -> float:
        """Returns the used processor time in seconds."""
        after_name = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / TICKS

    def close(self) -> None:
        self._client.close()


@contextmanager
def mongo(folder: Path) -> Iterator[Mongo]:
    """Starts a MongoDB with the chat's indexes, on the cores of this process; its data lasts until the end."""
    with local.start(folder) as server:
        command = [sys.executable, "-m", "hapiish", "indexes", "--apply", str(ROOT / "routes.yaml")]
        env = {**os.environ, "MONGODB_URI": server.uri, "JWT_SECRET": SECRET}
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
        running = Mongo(server.uri)
        try:
            yield running
        finally:
            running.close()


def write_table(folder: Path, root: Path = ROOT) -> Path:
    """Writes the chat's table with a higher limit, beside links to its handlers and models; returns `folder`."""
    text = (root / "routes.yaml").read_text()
    if text.count(LIMIT) != 1:
        raise StartError(f"routes.yaml has no limit {LIMIT}")
    folder.mkdir()
    (folder / "routes.yaml").write_text(text.replace(LIMIT, UNLIMITED))
    for name in ("hapiish", "handlers", "models"):
        (folder / name).symlink_to(root / name)
    return folder


def start(name: str, core: int, uri: str, table: Path | None = None) -> Pinned:
    """Starts the server `name` and returns it when it listens; hapiish with `hapiish run`, as users start it.

    `table` is a folder of `write_table`; without it, all servers have the chat's own limit. `peer-validated` validates
    its responses, as hapiish does.
    """
    port = free_port()
    env = {"MONGODB_URI": uri, "JWT_SECRET": SECRET}
    if name.startswith("peer"):
        if name == "peer-validated":
            env["CHAT_RESPONSES"] = "validated"
        if table is not None:
            env |= {"CHAT_LIMIT": "1000000", "CHAT_BURST": "1000000"}
        server = Pinned(["node", "server.js", str(port)], port, core, HERE / "node", env)
    else:
        folder = table or ROOT
        command = [sys.executable, "-m", "hapiish", "run", "routes.yaml", "--port", str(port)]
        server = Pinned(command, port, core, folder, {**env, "PYTHONPATH": str(folder)})
    return server.await_listening(START_LIMIT)
