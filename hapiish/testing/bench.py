"""Bench: what the tests of one process share, an event loop and a scratch database, and the applications on them."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hapiish import plugins
from hapiish.app import Application
from hapiish.options import Table
from hapiish.store import local
from hapiish.testing.portal import Portal
from hapiish.testing.scratch import Scratch

Env = Mapping[str, str]


class Bench:
    """Opens applications on a scratch database, which is made when the first table needs it.

    `database` is the URI of a MongoDB, by default a local one with its data in `folder`. `suffix` distinguishes the
    processes of one run.
    """

    def __init__(self, folder: Path, *, database: str | None = None, suffix: str = "") -> None:
        self.portal = Portal()
        self._folder = folder
        self._uri = database
        self._suffix = suffix
        self._scratch: Scratch | None = None
        self._tables: dict[Any, tuple[Table, Any]] = {}
        self._served = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.portal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def scratch(self) -> Scratch:
        """The scratch database; starts a local MongoDB if necessary. Raises LocalError and ScratchError."""
        if self._scratch is None:
            uri = self._uri or self._stack.enter_context(local.start(self._folder)).uri
            self._scratch = self._stack.enter_context(Scratch(uri, suffix=self._suffix))
            if not self._uri:
                self._scratch.drop_forgotten()
        return self._scratch

    def table(self, file: str | os.PathLike[str], env: Env | None) -> Table:
        """Returns the table in `file`, read once as long as its files are unchanged; raises TableError."""
        key = (os.path.abspath(file), tuple(sorted((env or os.environ).items())))  # noqa: PTH100  links are kept
        known = self._tables.get(key)
        if known is None or _times(known[0]) != known[1]:
            table = plugins.load(file, env)
            known = self._tables[key] = table, _times(table)
        return known[0]

    def open(self, file: str | os.PathLike[str], env: Env | None = None) -> Application:
        """Returns an application on the scratch database, started and with its indexes built. Blocks.

        The database is emptied unless another application is open on it. The table's own database, Redis and queue
        are never used. Raises TableError, LocalError, ScratchError, and the error of a start.
        """
        return self.serve(self.table(file, env), env)

    def serve(self, table: Table, env: Env | None = None) -> Application:
        """Opens an application as `open` does, for a table that is loaded."""
        table = alone(table)
        if table.database is not None:
            if not self._served:
                self.scratch.empty()
            table = replace(table, database=replace(table.database, uri=self.scratch.uri, indexes="apply"))
        app = Application(table, env=env, database_uri=None, watch=False)
        self.portal.run(app.server.start())
        self._served += 1
        return app

    def close(self, app: Application) -> None:
        """Stops an application. Blocks."""
        self._served -= 1
        self.portal.run(app.server.stop())


def alone(table: Table) -> Table:
    """Returns a table whose queue, limits and caches are in memory: tests reach no Redis or broker of a service."""
    server = replace(table.server, limit=replace(table.server.limit, store=""))
    caches = tuple(
        replace(each, options={**each.options, "url": ""})
        if each.provider == "redis" and isinstance(each.options, Mapping)
        else each
        for each in table.caches
    )
    sockets = table.sockets
    if sockets is not None:
        sockets = replace(sockets, queue=replace(sockets.queue, url=""))
    return replace(table, server=server, caches=caches, sockets=sockets)


def _times(table: Table) -> list[int]:
    return [path.stat().st_mtime_ns for path in map(Path, table.files) if path.exists()]
