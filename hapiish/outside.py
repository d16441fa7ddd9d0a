"""`hapiish.emitter`: emits and operations on sockets from a job outside of any server."""

import os
from collections.abc import Mapping
from dataclasses import replace

from hapiish import plugins
from hapiish.options import Queue
from hapiish.realtime.cluster.emitter import QueueEmitter
from hapiish.realtime.socketio.namespaces import Namespaces
from hapiish.server import Server


def emitter(
    url: str | None = None,
    *,
    table: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    partition: str | None = None,
) -> QueueEmitter:
    """Returns an emitter for the service whose `sockets.queue` is `url`, by default that of `table`.

        with hapiish.emitter("redis://localhost:6379/0") as emitter:
            emitter.emit("news", {"n": 1}, to="room")          # `await emitter.emit(…)` in an `async def`

    The `emits` that the table declares check the events. `env` replaces the process environment for its `${…}`;
    `partition` is that of the queue. Raises TableError for an invalid table, and ValueError for an invalid URL or none.
    """
    queue, namespaces = Queue(), None
    if table is not None:
        read = plugins.load(table, env)
        queue = read.sockets.queue if read.sockets is not None else queue
        namespaces = Namespaces(Server(read).compile(read).namespaces)
    queue = replace(queue, url=url or queue.url, partition=partition or queue.partition)
    if not queue:
        raise ValueError("an emitter needs the URL of the queue, or a table with sockets.queue")
    return QueueEmitter(queue, namespaces)
