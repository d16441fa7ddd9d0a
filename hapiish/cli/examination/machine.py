"""Examines the machine and the installation: Python, packages, extras, the limit of open files."""

import platform
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import Final

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from hapiish.cli.examination.finding import Finding, failed, ok, warning
from hapiish.options import Table
from hapiish.table import extras

NOT_FOR_USERS: Final = frozenset({"chat", "dev"})
"""Extras for work on hapiish itself."""
FEATURES: Final[Mapping[str, str]] = {
    "amqp": "a queue on RabbitMQ",
    "auth": "keys of issuers, public keys, sealed cookies, sessions, OAuth",
    "compression": "brotli and zstd",
    "contract": "hapiish test --contract",
    "kafka": "a queue on Kafka",
    "limits": "limit",
    "memory": "a database in memory, without a mongod",
    "mongod": "the local MongoDB",
    "proxy": "handlers of the kind proxy",
    "redis": "queues, caches and limits on Redis",
    "view": "templates",
}
"""The features of the extras."""
FILES_PER_PROCESS: Final = 128
"""Open files of a process besides its clients: modules, the database, logs."""


def python() -> Iterator[Finding]:
    """Examines the version of Python and of hapiish."""
    found = f"Python {platform.python_version()} ({sys.executable}), hapiish {version('hapiish')}"
    wanted = distribution("hapiish").metadata["Requires-Python"]
    if SpecifierSet(wanted).contains(platform.python_version(), prereleases=True):
        yield ok("python", found)
    else:
        yield failed("python", f"{found}: hapiish needs Python {wanted}", "install such a Python, and hapiish in it")


def packages() -> Iterator[Finding]:
    """Examines the packages that hapiish always needs."""
    needs = [need for need in _requirements() if not need.marker or need.marker.evaluate({"extra": ""})]
    faults = list(filter(None, map(_fault, needs)))
    if faults:
        yield failed("packages", "; ".join(faults), 'pip install --upgrade "hapiish"')
    else:
        yield ok("packages", f"all {len(needs)} required packages are installed")


def installed_extras(table: Table | None) -> Iterator[Finding]:
    """Examines the extras: which are installed, and which the table misses."""
    have: list[str] = []
    miss: list[str] = []
    for extra in distribution("hapiish").metadata.get_all("Provides-Extra") or []:
        if extra not in NOT_FOR_USERS:
            needs = [need for need in _requirements() if need.marker and _is_of(need, extra)]
            (miss if any(map(_fault, needs)) else have).append(extra)
    for problem in extras.missing(table) if table is not None else []:
        where = f"{problem.mark.file}:{problem.mark.line}:{problem.mark.column}"
        yield failed("extras", f"{where}: {problem.message}", problem.hint or "")
    unneeded = ", ".join(f"{extra} ({FEATURES[extra]})" if extra in FEATURES else extra for extra in miss)
    message = f"installed: {', '.join(have) or 'none'}"
    yield ok("extras", f"{message}; not installed: {unneeded}" if unneeded else message)


def _is_of(need: Requirement, extra: str) -> bool:
    """Returns whether a requirement belongs to an extra on this machine."""
    marker = need.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def _requirements() -> Iterator[Requirement]:
    """Yields the requirements of hapiish; those of extras that are extras of hapiish themselves are left out."""
    found = map(Requirement, distribution("hapiish").requires or [])
    return (need for need in found if re.sub("[-_.]+", "-", need.name).lower() != "hapiish")


def _fault(need: Requirement) -> str | None:
    """Returns what is wrong with the installation of a requirement."""
    try:
        found = version(need.name)
    except PackageNotFoundError:
        return f"{need.name} is not installed"
    if not need.specifier.contains(found, prereleases=True):
        return f"{need.name} {found} is installed, and hapiish needs {need.name}{need.specifier}"
    return None


def open_files(table: Table | None) -> Iterator[Finding]:
    """Examines the number of files and connections that a process may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        yield ok("open files", "no limit")
        return
    clients = soft - FILES_PER_PROCESS
    most = table.server.max_connections.total if table is not None else 0
    found = f"a process may have {soft:,} open, some {max(clients, 0):,} of them connections of clients"
    upper = "any number" if hard == resource.RLIM_INFINITY else f"up to {hard:,}"
    if (most and clients < most) or soft < 1024:
        reason = f"; server.maxConnections.total is {most:,}" if most and clients < most else ""
        yield warning("open files", found + reason, f"ulimit -n, {upper} without root")
    else:
        yield ok("open files", found)
