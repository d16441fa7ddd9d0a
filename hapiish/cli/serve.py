"""Serves a checked table: starts the local MongoDB if necessary, handles indexes, runs uvicorn."""

import argparse
import gc
import logging.config
import math
import os
import secrets
import signal
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvicorn
from pymongo.errors import PyMongoError
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from hapiish import plugins
from hapiish.app import Application
from hapiish.cli import logs
from hapiish.cli.database import local_database
from hapiish.cli.refusal import Refusal
from hapiish.http.guards.csrf import RUN_SECRET
from hapiish.http.serving.connections import Limits
from hapiish.http.serving.protocol import HttpProtocol
from hapiish.http.serving.tls import Handshake
from hapiish.http.serving.websocket import WebSocketProtocol
from hapiish.options import Database, Table, Tls
from hapiish.store import indexes
from hapiish.store.connection import StoreError, Target, acquire, documents, release
from hapiish.store.store import pings

# Environment variables that pass the options to worker processes.
TABLE, DATABASE, WORKERS = "HAPIISH_RUN_TABLE", "HAPIISH_RUN_DATABASE", "HAPIISH_RUN_WORKERS"


class Config(uvicorn.Config):
    """uvicorn's configuration, with the settings of hapiish's protocol classes."""

    limits: Limits
    tls: ssl.SSLContext | None = None

    def load(self) -> None:
        """Loads the configuration; hapiish's protocol class negotiates TLS, so that handshakes count as connections."""
        super().load()
        if self.ssl is not None:
            self.tls, self.ssl = self.ssl, None
            self.http_protocol_class = Handshake


class UvicornServer(uvicorn.Server):
    """uvicorn's server, which prints the address when it is ready."""

    def __init__(self, config: uvicorn.Config, file: str) -> None:
        super().__init__(config)
        self.file = file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the server and prints its address."""
        await super().startup(sockets)
        if self.started:
            port = None if self.config.uds else self.servers[0].sockets[0].getsockname()[1]
            if port is not None and isinstance(self.config.app, Application):
                self.config.app.server.listening(port)
            announce(self.file, self.config, port)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Waits for running events and disconnects sockets, before uvicorn closes the connections."""
        app = self.config.app
        if isinstance(app, Application):
            app.server.stopping()
        if isinstance(app, Application) and app.server.realtime is not None:
            await app.server.realtime.shutdown(grace_ms=app.server.settings.shutdown_timeout)
        await super().shutdown(sockets)


def serve(options: argparse.Namespace, table: Table) -> int:
    """Serves until a signal; returns 0, or 1 if it cannot start. Raises Refusal and TableError."""
    logging.captureWarnings(True)  # such as an emit that was never awaited
    logging.config.dictConfig(logs.config(options.log))
    # As Ctrl-C: uvicorn raises the signal again after its shutdown, and the database must be closed after that.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    apps: list[Application] = []

    def patience() -> float:
        """Returns the seconds to wait for the local MongoDB's end; its keeper ends an unresponsive one alone."""
        if not apps or apps[0].server.store is None:
            return table.server.shutdown_timeout / 1000
        return 0 if apps[0].server.store.is_away else apps[0].server.time_to_stop()

    try:
        with local_database(table, workers=options.workers, patience=patience) as uri:
            app = Application(table, env=None, database_uri=uri, watch=options.reload)
            apps.append(app)
            if not options.reload:
                freeze_heap()
            if app.server.store is not None and look_after_indexes(table.database, uri, app.server.current.documents):
                app.server.store.indexes = "ignore"  # already handled
            if options.workers == 1:
                return serve_alone(configure(options, table, app), table)
            return serve_by_workers(configure(options, table, "hapiish.cli.serve:worker"), table, uri)
    except StoreError as error:
        raise Refusal(str(error)) from error


def worker() -> Application:
    """Returns the application of a worker process."""
    workers = int(os.environ[WORKERS])
    table = plugins.load(os.environ[TABLE], workers=workers)
    app = Application(table, env=None, database_uri=os.environ.get(DATABASE), watch=False, workers=workers)
    if app.server.store is not None:
        app.server.store.indexes = "ignore"  # the parent process has handled them
    freeze_heap()
    return app


def freeze_heap() -> None:
    """Exempts the table, which stays in memory, from garbage collection."""
    gc.collect()
    gc.freeze()


def configure(options: argparse.Namespace, table: Table, app: Any) -> Config:
    """Returns uvicorn's configuration from the options and the table; disables unused features of uvicorn."""
    server = table.server
    config = Config(
        app,
        factory=isinstance(app, str),
        host=options.host or server.address or server.host,
        port=server.port if options.port is None else options.port,
        uds=str(Path(table.folder, server.socket)) if server.socket is not None and options.port is None else None,
        **_tls(server.tls, table.folder),
        workers=options.workers,
        loop="uvloop",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        ws_max_size=table.sockets.max_bytes if table.sockets is not None else 1,
        ws_per_message_deflate=False,  # costs more time than it saves for small messages, and memory per client
        ws_ping_interval=None,  # Socket.IO has its own heartbeat
        lifespan="on",
        access_log=False,  # hapiish's access log has the route and the request id
        server_header=False,
        proxy_headers=not server.trusted_proxies and "FORWARDED_ALLOW_IPS" in os.environ,
        timeout_graceful_shutdown=math.ceil(server.shutdown_timeout / 1000),
        log_config=logs.config(options.log),
    )
    config.limits = limits(table)
    return config


def limits(table: Table) -> Limits:
    """Returns the table's limits on heads and connections."""
    server, sockets = table.server, table.sockets
    opens = sockets is not None and "websocket" in sockets.transports
    return Limits(
        head_bytes=server.head.max_bytes,
        head_count=server.head.max_count,
        head_timeout=server.head.timeout / 1000,
        total=server.max_connections.total,
        per_address=server.max_connections.per_address,
        trusted=server.trusted_proxies,
        sockets=("/" + sockets.path.strip("/"),) if sockets is not None and opens else (),
    )


def _tls(tls: Tls | None, folder: str) -> dict[str, Any]:
    """Returns uvicorn's TLS settings from the table's. Raises Refusal for a missing file."""
    if tls is None:
        return {}
    files = {"ssl_keyfile": tls.key, "ssl_certfile": tls.cert, "ssl_ca_certs": tls.ca}
    keywords: dict[str, Any] = {name: str(Path(folder, file)) for name, file in files.items() if file is not None}
    for file in keywords.values():
        if not Path(file).is_file():
            raise Refusal(f"server.tls: there is no file {file}")
    if tls.passphrase:
        keywords["ssl_keyfile_password"] = tls.passphrase
    if tls.ciphers is not None:
        keywords["ssl_ciphers"] = tls.ciphers
    if tls.request_cert:
        keywords["ssl_cert_reqs"] = ssl.CERT_REQUIRED if tls.reject_unauthorized else ssl.CERT_OPTIONAL
    return keywords


def serve_alone(config: uvicorn.Config, table: Table) -> int:
    """Serves in one process, in which a reload can replace the table."""
    server = UvicornServer(config, table.file)
    try:
        server.run()
    except KeyboardInterrupt:
        return 0
    except SystemExit:  # uvicorn has logged the reason
        return 1
    return 0 if server.started else 1


def serve_by_workers(config: uvicorn.Config, table: Table, uri: str | None) -> int:
    """Serves from several processes on one port; a process that ends is replaced."""
    os.environ[TABLE], os.environ[WORKERS] = table.file, str(config.workers)
    os.environ.setdefault(RUN_SECRET, secrets.token_hex(32))
    if uri is not None:
        os.environ[DATABASE] = uri
    try:
        listener = config.bind_socket()
    except SystemExit:
        return 1
    listener.listen(config.backlog)  # before the first worker starts, so that no client is refused
    announce(table.file, config, None if config.uds else listener.getsockname()[1])
    supervisor = Multiprocess(config, sockets=[listener])
    supervisor.run()
    return 1 if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes) else 0


def announce(file: str, config: uvicorn.Config, port: int | None) -> None:
    """Prints the address; without a port, the Unix socket."""
    host = f"[{config.host}]" if ":" in config.host else config.host
    where = f"{'https' if config.is_ssl else 'http'}://{host}:{port}" if port is not None else f"unix:{config.uds}"
    print(f"hapiish: serving {file} on {where}", flush=True)


def look_after_indexes(database: Database | None, uri: str | None, models: Mapping[str, Any]) -> bool:
    """Checks or builds indexes as the table says, before serving; returns False if the database is unavailable.

    Raises StoreError if the data violates an index to build.
    """
    if database is None:
        return True
    classes = documents(models.values())
    connection = acquire(Target(uri or database.uri, database.name, timeout_ms=database.timeout), classes)
    try:
        if not pings(connection, database.timeout / 1000):
            return False  # the application starts without its database, and logs that
        indexes.look_after(classes, database.indexes or ("apply" if uri else "check"))
    except PyMongoError:
        return False  # it has become unavailable
    finally:
        release(connection)
    return True
