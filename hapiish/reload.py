"""A reload of the table: which changes of files cause it, its outcome, the restored state if it fails, its warnings."""

import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hapiish.options import NOWHERE, Presence, Sockets, Table
from hapiish.resolve import folders, imported_anew
from hapiish.server import Server
from hapiish.table.digest import differences, table_hash
from hapiish.table.problems import Problem

log = logging.getLogger("hapiish")


class DisagreedError(Exception):
    """A prepared table is not served, because the caller of the reload did not agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a reload: `problems` of the new table, which is None if it has any; `applied` if it serves now.

    `started` are the `start_settings` of the table that the server was started with.
    """

    old: Table
    new: Table | None
    started: Mapping[str, Any]
    problems: Sequence[Problem] = ()
    applied: bool = False

    @property
    def before(self) -> str:
        """The hash of the old table."""
        return table_hash(self.old)

    @property
    def after(self) -> str:
        """The hash of the new table, that of the old one if the new one is wrong."""
        return table_hash(self.new or self.old)

    def changes(self) -> list[str]:
        """Returns the differences, one line each. Takes as long as compiling a table."""
        return differences(self.old, self.new) if self.new is not None else []

    def at_next_start(self) -> list[str]:
        """Returns the changed settings that require a restart."""
        return needs_restart(self.started, self.new) if self.new is not None else []


Agree = Callable[[Outcome], Awaitable[bool]]
"""Is asked when the new table is prepared, before it serves."""


async def watch(server: Server, reload: Callable[[], Awaitable[Sequence[object]]]) -> None:
    """Calls `reload`, which returns problems, when a file of the table or an imported module of its folder changes."""
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
            log.info("%s: table %s", "the old table goes on" if problems else "reloaded", server.table_hash)
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


def warn_of_restart(started: Mapping[str, Any], new: Table) -> None:
    """Warns about settings that differ from those of the start and require a restart."""
    changed = needs_restart(started, new)
    if changed:
        log.warning("changes to %s take effect at the next start", " and ".join(changed))


def needs_restart(started: Mapping[str, Any], new: Table) -> list[str]:
    """Returns the settings of a table that take effect at the next start, because they differ from `started`."""
    return [name for name, value in start_settings(new).items() if value != started[name]]


def start_settings(table: Table) -> dict[str, Any]:
    """Returns the settings that are read at the start, by the names that messages have for them."""
    return {
        "database": table.database and replace(table.database, mark=NOWHERE),
        "the transport of sockets": _transport(table.sockets),
        "server.head and server.maxConnections": _listening(table),
        **{f"server.{key}": getattr(table.server, name) for key, name in _AT_START.items()},
    }


_AT_START: Final = {
    **{key: key for key in ("host", "address", "port", "socket", "tls", "app")},
    "trustedProxies": "trusted_proxies",
}
"""Settings of the server, besides those of connections, that are read at the start."""


def _listening(table: Table) -> tuple[Any, ...]:
    return table.server.head, table.server.max_connections


def _transport(sockets: Sockets | None) -> Sockets | None:
    """Returns the settings of sockets that only a start reads, without those that each table has of its own."""
    if sockets is None:
        return None
    presence = sockets.presence
    if presence is not None:
        presence = Presence(lease=presence.lease, grace=presence.grace)
    queue = replace(sockets.queue, mark=NOWHERE)
    return replace(sockets, namespaces=(), presence=presence, queue=queue, mark=NOWHERE)
