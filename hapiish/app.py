"""`create_app`: builds a Starlette application that serves a table; `reload` watches its files."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from starlette._utils import get_route_path
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp

from hapiish import plugins
from hapiish.bridge import anywhere
from hapiish.collector import without_collector
from hapiish.compile import Compiled
from hapiish.http.exchange.error_body import Errors
from hapiish.options import Database, Sockets, Table
from hapiish.reload import Agree, DisagreedError, Outcome, restored_on_failure, start_settings, warn_of_restart, watch
from hapiish.server import Server
from hapiish.store.threads import Pool
from hapiish.table.problems import Problem, TableError
from hapiish.table.problems.codes import Code
from hapiish.types import Receive, Send

if TYPE_CHECKING:
    from hapiish.realtime import RealtimeServer
    from hapiish.store.store import Store


@without_collector()
def create_app(
    file: str | os.PathLike[str] = "routes.yaml",
    *,
    env: Mapping[str, str] | None = None,
    database_uri: str | None = None,
    reload: bool = False,
) -> "Application":
    """Returns a Starlette application that serves the table in `file`; raises TableError with all problems.

    `env` replaces the process environment for `${…}`. `database_uri` is the database if the table sets none. `reload`
    watches the files of the table and the modules in its folder: it serves valid changes at once, and reports problems
    and keeps the previous table otherwise.
    """
    table = plugins.load(file, env)
    return Application(table, env=env, database_uri=database_uri, watch=reload)


class TableRoute(BaseRoute):
    """One Starlette route for the whole table."""

    def __init__(self, app: "Application") -> None:
        self.app = app

    def matches(self, scope: Any) -> tuple[Match, Any]:
        """Matches requests that the table serves; others reach the other routes of the application."""
        current = self.app.server.current
        ours = self.app.is_socket(scope) or (scope["type"] == "http" and current.dispatch.answers(scope))
        return (Match.FULL if ours else Match.NONE), {}

    async def handle(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serves one request or socket."""
        await self.app.serve(scope, receive, send)


class Application(Starlette):
    """A Starlette application that serves a table; supports mounts, middleware and lifespan.

    `workers` is the number of processes that serve it on one port. `start` is the table that the run was started with,
    if it is another: the settings that only a start reads are taken from it.
    """

    def __init__(
        self,
        table: Table,
        *,
        env: Mapping[str, str] | None,
        database_uri: str | None,
        watch: bool,
        workers: int = 1,
        start: Table | None = None,
    ) -> None:
        super().__init__(lifespan=_lifespan)
        self.workers = workers
        self.env = env
        self.watch = watch
        start = start or table
        self.started = start_settings(start)
        self.server = Server(table)
        compiled = self.server.compile(table)
        if start.database is not None:
            uri = start.database.uri or database_uri
            if not uri:
                raise TableError([_no_database(start.database)])
            self.server.store = _store(start.database, uri, self.server.pool, compiled.documents)
        self.direct = False
        self.reloading = asyncio.Lock()
        self.socket_path: str | None = None
        if start.sockets is not None:
            self.server.realtime = _realtime(start, start.sockets, self.server)
            self.socket_path = self.server.realtime.path
        self.server.switch(compiled)
        self.router.routes.append(TableRoute(self))
        self.router.default = self.serve

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Handles an ASGI call; bypasses Starlette's middleware if the application has only the table."""
        if self.direct and self.server.started and len(self.router.routes) == 1 and scope["type"] != "lifespan":
            scope["app"] = self
            if scope["type"] == "http" and (self.socket_path is None or self.socket_path not in scope["path"]):
                await self.server.current.dispatch(scope, receive, send)
            else:
                await self.serve(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Builds Starlette's middleware stack, and detects added middleware and routes."""
        self.direct = not self.user_middleware and not self.exception_handlers and self.max_body_size is None
        return super().build_middleware_stack()

    @property
    def errors(self) -> Errors | None:
        """The error format for requests without a route and for malformed HTTP."""
        return self.server.current.dispatch.not_found_route.errors

    async def serve(self, scope: Any, receive: Receive, send: Send) -> None:
        """Passes sockets to Socket.IO and requests to the table; starts the server if necessary."""
        if not self.server.started:
            await self.server.start()
        if self.is_socket(scope):
            assert self.server.realtime is not None
            if self.server.current.forwarding is not None:
                self.server.current.forwarding.apply(scope)
            await self.server.realtime(scope, receive, send)
        elif scope["type"] == "http":
            await self.server.current.dispatch(scope, receive, send)
        else:
            await self.router.not_found(scope, receive, send)

    def is_socket(self, scope: Any) -> bool:
        """Returns True for a WebSocket or request of Socket.IO, by its path."""
        realtime = self.server.realtime
        if realtime is None or scope["type"] not in ("http", "websocket"):
            return False
        return realtime.handles(get_route_path(scope))

    @property
    def home(self) -> asyncio.AbstractEventLoop | None:
        """The event loop of the server, for calls from threads."""
        return self.server.home

    @anywhere
    async def reload(self) -> list[Problem]:
        """Reloads the table and the modules in its folder; the next request and event use them.

        Returns the problems. Problems and exceptions leave the current table unchanged. Cancelling the caller does not
        stop the reload, because its thread cannot be cancelled.
        """
        home = self.home
        if home is not None and home.is_running() and home is not asyncio.get_running_loop():
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._reload(), home))
        return await asyncio.shield(asyncio.ensure_future(self._reload()))

    async def _reload(self) -> list[Problem]:
        return [*(await self.replace_table()).problems]

    async def replace_table(self, agree: Agree | None = None) -> Outcome:
        """Reloads as `reload`, on the event loop of the server, and returns the outcome.

        The new table serves if `agree(outcome)` returns True, which is asked once the table is prepared; otherwise
        nothing changes.
        """
        server = self.server
        async with self.reloading:
            old = server.current
            try:
                with restored_on_failure(old.table):
                    new = await asyncio.to_thread(self._compile_anew, old.table.file)
                    await server.prepare(new)
                    outcome = Outcome(old=old.table, new=new.table, started=self.started)
                    if agree is not None:
                        await self._ask(agree, outcome, new)
            except TableError as error:
                return Outcome(old=old.table, new=None, started=self.started, problems=error.problems)
            except DisagreedError:
                return outcome
            server.switch(new)
            await asyncio.sleep(0)  # for the listeners of `route` and `cachePolicy`
            warn_of_restart(self.started, new.table)
            if server.realtime is not None:
                await server.realtime.review(old.namespaces)
            await server.reloaded()
        return replace(outcome, applied=True)

    async def _ask(self, agree: Agree, outcome: Outcome, new: Compiled) -> None:
        """Raises DisagreedError, or the error of `agree`, once what was prepared for the new table is closed again."""
        try:
            if not await agree(outcome):
                raise DisagreedError
        except BaseException:
            await self.server.discard(new)
            raise

    def _compile_anew(self, file: str) -> Compiled:
        return self.server.compile(plugins.load(file, self.env, workers=self.workers))


def _store(database: Database, uri: str, pool: Pool, models: Mapping[str, Any]) -> "Store":
    from hapiish.store.store import Store

    return Store(
        uri,
        name=database.name,
        pool=pool,
        timeout_ms=database.timeout,
        models=models,
        indexes=database.indexes or "check",
    )


def _realtime(table: Table, sockets: Sockets, server: Server) -> "RealtimeServer":
    from hapiish.realtime import RealtimeServer

    async def presence_changed(change: object) -> None:
        if server.current.on_presence is not None:
            await server.current.on_presence(server, change)

    return RealtimeServer(
        sockets,
        namespaces={},
        run=server.pool.call,
        most_digits=table.server.json.max_digits,
        presence_changed=presence_changed,
    )


def _no_database(database: Database) -> Problem:
    return Problem(
        database.mark,
        Code.NO_DATABASE,
        "no database: database.uri is empty",
        hint="set MONGODB_URI, or start with `hapiish run`, which brings a local MongoDB",
    )


@asynccontextmanager
async def _lifespan(app: Application) -> AsyncIterator[None]:
    await app.server.start()
    watcher = asyncio.create_task(watch(app.server, app.reload)) if app.watch else None
    try:
        yield
    finally:
        if watcher is not None:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
        async with app.reloading:
            await app.server.stop()
