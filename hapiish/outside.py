"""`hapiish.emitter`: emits and operations on sockets from a job outside of any server."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from hapiish import plugins
from hapiish.options import Queue
from hapiish.realtime.socketio.namespaces import Namespaces
from hapiish.server import Server
from hapiish.table import extras

if TYPE_CHECKING:
    from hapiish.realtime.cluster.emitter import QueueEmitter


def emitter(
    url: str | None = None,
    *,
    table: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    partition: str | None = None,
) -> "QueueEmitter":
    """Returns an emitter for the service whose `sockets.queue` is `url`, by default that of `table`.

        with hapiish.emitter("redis://localhost:6379/0") as emitter:
            emitter.emit("news", {"n": 1}, to="room")          # `await emitter.emit(…)` in an `async def`

    The `emits` that the table declares check the events. `env` replaces the process environment for its `${…}`;
    `partition` is that of the queue. Raises TableError for an invalid table, ValueError for an invalid URL
    or none, ModuleNotFoundError with the extra to install if the queue's package is missing.
    """
    queue, namespaces = Queue(), None
    if table is not None:
        read = plugins.load(table, env)
        queue = read.sockets.queue if read.sockets is not None else queue
        namespaces = Namespaces(Server(read).compile(read).namespaces)
    queue = replace(queue, url=url or queue.url, partition=partition or queue.partition)
    if not queue:
        raise ValueError("an emitter needs the URL of the queue, or a table with sockets.queue")
    need = extras.of_queue(queue)
    if not extras.is_installed(need.module):
        missing = extras.problem(need)
        raise ModuleNotFoundError(f"{missing.message}: {missing.hint}", name=need.module)
    from hapiish.realtime.cluster.emitter import QueueEmitter

    return QueueEmitter(queue, namespaces)
