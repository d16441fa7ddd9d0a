"""Serves a checked table: starts the local MongoDB if necessary, handles indexes, runs uvicorn."""

import argparse
import gc
import logging.config
import os
import secrets
import signal
import ssl
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvicorn
from pymongo.errors import PyMongoError

from hapiish.app import Application
from hapiish.cli import logs
from hapiish.cli.database import local_database
from hapiish.cli.process import Alone, address_of, end_process
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
            app = Application(
                table,
                env=None,
                database_uri=uri,
                watch=options.reload and options.workers == 1,
                workers=options.workers,
            )
            apps.append(app)
            if not options.reload:
                freeze_heap()
            if app.server.store is not None and look_after_indexes(table.database, uri, app.server.current.documents):
                app.server.store.indexes = "ignore"  # already handled
            if options.workers == 1:
                status = serve_alone(configure(options, table, app), app)
            else:
                status = serve_by_workers(options, app, uri)
    except StoreError as error:
        raise Refusal(str(error)) from error
    return end_process(status)


def freeze_heap() -> None:
    """Exempts the table, which stays in memory, from garbage collection."""
    gc.collect()
    gc.freeze()


def configure(options: argparse.Namespace, table: Table, app: Application) -> Config:
    """Returns uvicorn's configuration from the options and the table; disables unused features of uvicorn."""
    server = table.server
    config = Config(
        app,
        host=options.host or server.address or server.host,
        port=server.port if options.port is None else options.port,
        uds=str(Path(table.folder, server.socket)) if server.socket is not None and options.port is None else None,
        **_tls(server.tls, table.folder),
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


def serve_alone(config: uvicorn.Config, app: Application) -> int:
    """Serves in one process."""
    file = app.server.current.table.file
    server = Alone(config, app, lambda port: announce(file, address_of(config, port)))
    try:
        server.run()
    except KeyboardInterrupt:
        return 0
    except SystemExit:  # uvicorn has logged the reason
        if not server.lifespan.should_exit:
            suggest_another(config)
        return 1
    return 0 if server.started and not server.force_exit else 1


def serve_by_workers(options: argparse.Namespace, app: Application, uri: str | None) -> int:
    """Serves from several processes on one port; a process that ends is replaced."""
    from hapiish.cli.supervisor import Supervisor
    from hapiish.cli.worker import Worker

    os.environ.setdefault(RUN_SECRET, secrets.token_hex(32))
    table = app.server.current.table
    config = configure(options, table, app)
    try:
        listener = config.bind_socket()
    except SystemExit:
        suggest_another(config)
        return 1
    listener.listen(config.backlog)  # before the first worker starts, so that no client is refused
    port = None if config.uds else listener.getsockname()[1]

    def make_worker(template: Application, connection: Connection, index: int) -> Worker:
        """Returns the server of a worker, in its process: with the table of the template and a state of its own.

        The settings of the start are those of the first workers, so that all workers of a run have the same.
        """
        current = template.server.current.table
        app = Application(current, env=None, database_uri=uri, watch=False, workers=options.workers, start=table)
        if app.server.store is not None:
            app.server.store.indexes = "ignore"  # already handled
        return Worker(configure(options, table, app), app, connection, watches=options.reload and index == 0)

    if port is not None:
        app.server.listening(port)
    supervisor = Supervisor(
        app,
        listener,
        options.workers,
        address=address_of(config, port),
        make_worker=make_worker,
        announce=lambda address: announce(table.file, address),
    )
    return supervisor.run()


def suggest_another(config: uvicorn.Config) -> None:
    """Prints how to serve on another address than that of `config`, which cannot be used."""
    hint = "; `hapiish run --port 0` takes any free port" if config.uds is None and config.port else ""
    address = address_of(config, None if config.uds else config.port)
    print(f"hapiish: {address} cannot be served{hint}", file=sys.stderr)


def announce(file: str, address: str) -> None:
    """Prints the address."""
    print(f"hapiish: serving {file} on {address}", flush=True)


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
