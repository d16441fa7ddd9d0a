"""A reload of the table: which changes of files cause it, the restored state if it fails, and its warnings."""

import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hapiish.options import NOWHERE, Sockets, Table
from hapiish.resolve import folders, imported_anew
from hapiish.server import Server
from hapiish.table.problems import Problem

log = logging.getLogger("hapiish")


async def watch(server: Server, reload: Callable[[], Awaitable[list[Problem]]]) -> None:
    """Calls `reload` when a file of the table or an imported module of its folder changes."""
    from watchfiles import awatch

    while True:
        files, places = _watched(server)
        # Not recursive: the folder may contain a virtual environment or the files of a database.
        async for changes in awatch(*places, recursive=False):
            if not any(_concerns(path, files, server) for _, path in changes):
                continue
            try:
                problems = await reload()
            except Exception:
                log.exception("the reload failed; the next change is tried again")
                continue
            for said in dict.fromkeys(map(str, problems)):  # a table that is used twice reports its problems twice
                log.error("%s", said)
            log.info("the old table goes on" if problems else "reloaded")
            if not _watched(server)[1] <= places:
                break


def _concerns(path: str, files: set[str], server: Server) -> bool:
    """Returns True if a change of this file may change the served table."""
    if path.endswith(".py") or os.path.realpath(path) in files:
        return True
    return any(views.is_template(path) for views in server.current.templates)


def _watched(server: Server) -> tuple[set[str], set[str]]:
    """Returns the files of a table, and the folders of these files, of imported modules and of templates."""
    table = server.current.table
    files = {os.path.realpath(file) for file in table.files}
    modules = {folder for part in (table.folder, *(realm.folder for realm in table.used)) for folder in folders(part)}
    templates = {folder for views in server.current.templates for folder in views.watched}
    return files, {str(Path(file).parent) for file in files} | modules | templates


@contextmanager
def restored_on_failure(table: Table) -> Iterator[None]:
    """Context that imports the modules of `table` again; an exception restores the former modules and models."""
    folders = (table.folder, *(realm.folder for realm in table.used))
    with ExitStack() as stack:
        stack.enter_context(imported_anew(folders))
        if "mongoengine" in sys.modules:
            from hapiish.store.connection import registered_anew

            stack.enter_context(registered_anew())
        yield


def warn_of_restart(old: Table, new: Table) -> None:
    """Warns about changed settings that require a restart."""
    if (new.database, _transport(new.sockets)) != (old.database, _transport(old.sockets)):
        log.warning("changes to database and to the transport of sockets take effect at the next start")
    if _listening(new) != _listening(old):
        log.warning("changes to server.head and server.maxConnections take effect at the next start")


def _listening(table: Table) -> tuple[Any, ...]:
    return table.server.head, table.server.max_connections


def _transport(sockets: Sockets | None) -> Sockets | None:
    return replace(sockets, namespaces=(), mark=NOWHERE) if sockets is not None else None
