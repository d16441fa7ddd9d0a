"""Examines a table as `hapiish run` would start it: problems, names, certificates, the port, the data folder."""

import errno
import os
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from hapiish.cli import control
from hapiish.cli.examination.finding import Finding, failed, ok, warning
from hapiish.options import Table
from hapiish.table import report
from hapiish.table.problems import Problem, TableError
from hapiish.table.problems.codes import Code

SHOWN: Final = 3
"""Problems that are shown of many."""
LEAST_SPACE: Final = 1 << 30
"""Bytes that MongoDB should find on the disk."""


def table_found(file: str) -> tuple[Table | None, list[Finding]]:
    """Reads and checks a table with its plugins, as `hapiish run` does."""
    if not Path(file).is_file():
        hint = "`hapiish new shop` writes a project; `hapiish doctor path/to/routes.yaml` examines another table"
        return None, [failed("table", f"there is no file {file}", hint)]
    from hapiish.plugins import Plugins
    from hapiish.table import check

    table, problems = check(file, register=Plugins())
    number = report.counts(problems)
    if table is None:
        errors = [each for each in problems if not each.warning]
        return None, [failed("table", _shown(errors), f"`hapiish check --import {file}` shows all with their lines")]
    message = f"{file}: valid, {report.counted(len(table.routes), 'route')}"
    if number["warnings"]:
        counted = report.counted(number["warnings"], "warning")
        return table, [warning("table", f"{message}, {counted}", f"`hapiish check {file}` shows them")]
    return table, [ok("table", message)]


def _shown(problems: list[Problem]) -> str:
    lines = [str(each) for each in problems[:SHOWN]]
    more = len(problems) - len(lines)
    return "\n".join([*lines, *([f"and {more:,} more"] if more else [])])


def names(table: Table) -> Iterator[Finding]:
    """Imports every name of the table, and compiles it as for serving."""
    from hapiish.app import Application

    try:
        Application(table, env=None, database_uri="mongodb://localhost", watch=False)
    except TableError as error:
        problems = [each for each in error.problems if each.code != Code.EXTRA]  # those of extras are findings already
        if problems:
            yield failed("names", _shown(problems), f"`hapiish check --import {table.file}` shows all with their lines")
            return
    yield ok("names", f"all {len(table.names):,} functions and classes can be imported")


def certificates(table: Table) -> Iterator[Finding]:
    """Examines the files of `server.tls`."""
    tls = table.server.tls
    if tls is None:
        return
    file = ""
    try:
        for given in filter(None, (tls.key, tls.cert, tls.ca)):
            file = str(Path(table.folder, given))
            Path(file).read_bytes()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(Path(table.folder, tls.cert), Path(table.folder, tls.key), tls.passphrase or "")
    except ssl.SSLError as error:
        yield failed("certificates", f"server.tls: certificate and key are unusable: {error.reason or error}")
    except OSError as error:
        yield failed("certificates", f"server.tls: {file} cannot be read: {error.strerror}")
    else:
        yield ok("certificates", f"{tls.cert} and its key are usable")


def port(table: Table) -> Iterator[Finding]:
    """Examines whether the server can listen on its address, and who else does."""
    server = table.server
    if server.socket is not None:
        path = Path(table.folder, server.socket)
        from hapiish.store.local import SOCKET_LIMIT

        if len(os.fsencode(path)) > SOCKET_LIMIT:
            yield failed("port", f"the path of server.socket is too long: {path}")
        elif not os.access(path.parent, os.W_OK):
            yield failed("port", f"the folder of server.socket cannot be written: {path.parent}")
        else:
            yield ok("port", f"{path} can be made")
        return
    host, number = server.address or server.host, server.port
    address = f"{host}:{number}" if number else f"{host}, any free port"
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except socket.gaierror as error:
        yield failed("port", f"the host {host} is unknown: {error.strerror}", "set server.host, or HOST")
    except OSError as error:
        yield _taken(table, address, error)
    else:
        yield ok("port", f"{address} is free")


def _taken(table: Table, address: str, error: OSError) -> Finding:
    if error.errno == errno.EADDRINUSE:
        for _, status in control.running(table.file):
            if status.get("port") == table.server.port:
                return warning(
                    "port", f"`hapiish run` (process {status['pid']}) already serves this table on {address}"
                )
        return failed("port", f"{address} is in use by another program", "`hapiish run --port 0` takes any free port")
    return failed("port", f"{address} cannot be used: {error.strerror}", "set server.host and server.port")


def data_folder(table: Table) -> Iterator[Finding]:
    """Examines the folder of the local MongoDB: its owner, its permissions, the space on its disk."""
    database = table.database
    if database is None or database.uri:
        return
    folder = Path(table.folder, database.data).absolute()
    present = next(each for each in (folder, *folder.parents) if each.exists())
    if not present.is_dir():
        yield failed("data folder", f"{present} is a file", "move it, or set database.data")
        return
    if not os.access(present, os.W_OK | os.X_OK):
        hint = f"chown or chmod it for user {os.geteuid()}"
        yield failed("data folder", f"{present} cannot be written by user {os.geteuid()}", hint)
        return
    for each, bits in ((folder, 0o022), (folder / "mongo", 0o077)):
        if each.exists() and each.stat().st_mode & bits:
            yield warning("data folder", f"{each} is open to other users of this machine", f"chmod 700 {each}")
            return
    free = shutil.disk_usage(present).free
    found = f"{folder} is usable" if present == folder else f"{folder} can be made"
    if free < LEAST_SPACE:
        yield warning("data folder", f"{found}; its disk has only {free >> 20:,} MB left")
    else:
        yield ok("data folder", found)
