"""Examines the services that a table names: MongoDB with its indexes, Redis, message queues."""

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from hapiish.cli.examination.finding import Finding, failed, ok, warning
from hapiish.options import Database, Table
from hapiish.options.caches import RedisCache
from hapiish.table import extras
from hapiish.table.problems.secrets import without_passwords

PATIENCE: Final = 3.0
"""Seconds that a service has to answer."""
BROKER_PORTS: Final = {"amqp": 5672, "amqps": 5671, "kafka": 9092}


def mongodb(table: Table | None) -> Iterator[Finding]:
    """Examines the database: that of the URI, or the local one, which is started; then the indexes of the models."""
    if table is None or table.database is None:
        program, finding = _program(needed=False)
        yield finding if program else Finding("mongod", "skipped", f"{finding.message}; no table needs it here")
        return
    with ExitStack() as stack:
        uri = table.database.uri
        if not uri:
            program, finding = _program(needed=True)
            yield finding
            if program is None:
                return
            started, findings = _started(table, table.database, stack)
            yield from findings
            if started is None:
                return
            uri = started
        yield from _answers(table, table.database, uri)


def _program(*, needed: bool) -> tuple[Path | None, Finding]:
    """Finds the mongod of the local MongoDB, with its version."""
    from hapiish.store import local

    try:
        program = local.find()
    except local.LocalError as error:
        memory = extras.is_installed("mongomock_ng")
        if needed and memory and isinstance(error, local.UnusableError):
            return None, warning("mongod", f"{error}; `hapiish run` keeps the data in memory, until it ends")
        return None, failed("mongod", str(error).partition(";")[0], local.CURE)
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
        first = next(iter((done.stdout or done.stderr).splitlines()), "")
        reason = "" if done.returncode == 0 else f"{first or f'exit code {done.returncode}'}"
    except (OSError, subprocess.TimeoutExpired) as error:
        first, reason = "", str(error)
    if reason:
        return (None if needed else program), failed("mongod", f"{program} does not run: {reason}", local.CURE)
    return program, ok("mongod", f"{first.replace('db version v', 'version ')} ({program})")


def _started(table: Table, database: Database, stack: ExitStack) -> tuple[str | None, list[Finding]]:
    """Starts the local MongoDB on the data of the project, or on a temporary folder while there is no data."""
    from hapiish.store import local

    folder = Path(table.folder, database.data)
    has_data = (folder / "mongo").is_dir()
    if not has_data:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hapiish-doctor-"))) / "data"
    try:
        server = local.start(folder)
    except local.LocalError as error:
        return None, [failed("database", f"the local MongoDB does not start: {error}")]
    stack.callback(server.stop)
    where = f"on the data in {folder}" if has_data else "(there is no data yet)"
    return server.uri, [ok("database", f"the local MongoDB {'runs' if server.attached else 'starts'} {where}")]


def _answers(table: Table, database: Database, uri: str) -> Iterator[Finding]:
    """Connects to the database, and compares its indexes with those of the models."""
    from pymongo.errors import PyMongoError

    from hapiish.resolve import ResolveError, resolve
    from hapiish.store import indexes
    from hapiish.store.connection import StoreError, Target, acquire, documents, release
    from hapiish.table.compose.owned_names import owner_of

    shown = without_passwords(uri)
    try:
        realms = {name: table.realm(owner_of(name)) for name in table.every_model.values()}
        models = [resolve(name, realm.folder, realm.package, table.folder) for name, realm in realms.items()]
        classes = documents(models)
    except ResolveError:  # a finding of `names`
        classes = []
    try:
        connection = acquire(Target(uri, database.name, timeout_ms=int(PATIENCE * 1000)), classes)
    except (StoreError, PyMongoError, ValueError) as error:
        yield failed("database", f"{shown} cannot be used: {error}")
        return
    try:
        hello: Any = connection.client.admin.command("hello")
        if database.uri:
            version = connection.client.server_info()["version"]
            kind = "replica set" if "setName" in hello else "mongos" if hello.get("msg") == "isdbgrid" else "standalone"
            message = f"MongoDB {version} at {shown} answers ({kind})"
            single = kind == "standalone"
            hint = "transactions and change streams need a replica set"
            yield warning("database", message, hint) if single else ok("database", message)
        yield from _indexes(indexes.compare(classes), database)
    except PyMongoError as error:
        reason = str(error).partition(", Timeout:")[0]
        yield failed(
            "database", f"{shown} does not answer: {reason}", "`hapiish run` starts, and answers 503 until it does"
        )
    finally:
        release(connection)


def _indexes(diff: Any, database: Database) -> Iterator[Finding]:
    applies = database.indexes == "apply" or (database.indexes is None and not database.uri)
    parts = [
        f"{len(found)} {word}: {', '.join(map(str, found[:5]))}"
        for word, found in (("missing", diff.missing), ("changed", [declared for declared, _ in diff.changed]))
        if found
    ]
    if not parts:
        yield ok("indexes", "the database has those of the models")
    elif applies and not diff.changed:
        yield ok("indexes", f"{len(diff.missing)} missing; `hapiish run` builds them")
    else:
        yield warning("indexes", "; ".join(parts), "`hapiish indexes --apply` builds them")


def queues(table: Table) -> Iterator[Finding]:
    """Examines every Redis and every message queue that the table names, each once."""
    for url, uses in _urls(table).items():
        name = ", ".join(uses)
        scheme = url.partition(":")[0]
        if scheme in BROKER_PORTS:
            yield _reached(name, url, BROKER_PORTS[scheme])
        elif extras.is_installed("redis"):  # without it, the extra is a finding
            yield _redis(name, url)


def _urls(table: Table) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    if table.sockets is not None and table.sockets.queue:
        found.setdefault(table.sockets.queue.url, []).append("sockets.queue")
    if table.server.limit.store:
        found.setdefault(table.server.limit.store, []).append("server.limit.store")
    for store in table.caches:
        if isinstance(store.options, RedisCache) and store.options.url:
            found.setdefault(store.options.url, []).append(f"caches ({store.name or 'default'})")
    return found


def _redis(name: str, url: str) -> Finding:
    from redis import Redis
    from redis.exceptions import RedisError

    shown = without_passwords(url)
    faults = []
    for server in _servers(url):
        try:
            client = Redis.from_url(server, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE)
            try:
                known: Any = client.info("server")
            finally:
                client.close()
        except (RedisError, OSError, ValueError) as error:
            faults.append(str(error) or type(error).__name__)
        else:
            version = known.get("valkey_version") or known.get("redis_version", "of unknown version")
            kind = "Valkey" if "valkey_version" in known else "Redis"
            cluster = ", a cluster" if known.get("redis_mode") == "cluster" else ""
            return ok("redis", f"{name}: {kind} {version} at {shown} answers{cluster}")
    hint = "`hapiish run` starts, and does without it until it answers"
    return failed("redis", f"{name}: {shown} does not answer: {faults[0]}", hint)


def _servers(url: str) -> Iterator[str]:
    """Yields the URL of each server for redis-py: Valkey's schemes are Redis's, a cluster names several servers."""
    parts = urlsplit(url)
    scheme = parts.scheme.removesuffix("+cluster").replace("valkey", "redis")
    login, at, addresses = parts.netloc.rpartition("@")
    for address in addresses.split(","):
        yield urlunsplit(parts._replace(scheme=scheme, netloc=login + at + address))


def _reached(name: str, url: str, port: int) -> Finding:
    """Examines whether a server listens at the address of a message queue."""
    parts = urlsplit(url)
    addresses = [address.rpartition("@")[2] for address in parts.netloc.split(",")]
    reason = ""
    for address in addresses:
        host, _, number = address.partition(":")
        try:
            socket.create_connection((host or "localhost", int(number or port)), PATIENCE).close()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
        else:
            return ok("queue", f"{name}: {without_passwords(url)} is reached")
    hint = "`hapiish run` starts, and its processes are alone until it answers"
    return failed("queue", f"{name}: {without_passwords(url)} is not reached: {reason}", hint)
