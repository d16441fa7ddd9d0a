"""`request.server` in the functions of a table that another one uses: the server, as that table by itself would see it.

A function sees the server of the table that wrote its name, whosever route it runs on. Routes of a table that uses no
other pay nothing for this: their server is the server.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hapiish.bridge import anywhere
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.toolkit import CONTINUE
from hapiish.store.models import Models
from hapiish.types import AsyncHandler


class Realm:
    """A used table's view of the server: `models`, namespaces and ids are its own, all else is the server's.

    `name` stands in front of its ids, `prefix` in front of its paths; `options` are what it was given `with:` its use.
    """

    def __init__(
        self, server: Any, models: Mapping[str, Any], *, name: str, prefix: str, options: Mapping[str, Any]
    ) -> None:
        self.root = server
        self.models = Models(models)
        self.name = name
        self.prefix = prefix
        self.options = options
        self.views: Any = None  # the table's templates, once they are compiled

    def __getattr__(self, name: str) -> Any:
        return getattr(self.root, name)

    def over(self, server: Any) -> "Realm":
        """The same view of another server: of the one that outlives its tables, for functions of start and stop."""
        made = Realm(server, {}, name=self.name, prefix=self.prefix, options=self.options)
        made.__dict__.update({**self.__dict__, "root": server})
        return made

    def namespace(self, name: str) -> str:
        """What one of the table's own namespaces is called in the whole."""
        return self.prefix if self.prefix and name == "/" else f"{self.prefix}{name}"

    @anywhere
    async def emit(
        self, event: str, data: Any, to: str | Sequence[str] | None = None, *, skip: Any = None, namespace: str = "/"
    ) -> None:
        """Sends a Socket.IO event in one of the table's own namespaces, see `Server.emit`."""
        await self.root.emit(event, data, to, skip=skip, namespace=self.namespace(namespace))

    def lookup(self, id: str) -> Any:
        """The table's own route with that id, else the whole's."""
        own = self.root.lookup(f"{self.name}.{id}") if self.name else None
        return own or self.root.lookup(id)


def entering(realm: Any) -> Callable[[Request], None]:
    """The first step of a used table's route."""

    def enter(request: Request) -> None:
        request.server = realm

    return enter


def visiting(function: AsyncHandler, realm: Any) -> AsyncHandler:
    """A function of the table behind `realm`, for the routes of another one: it sees the server as its own table does.

    A function of the server's start and stop, which has no request, is called with that view of the server.
    """

    async def visit(*given: Any) -> Any:
        request = next((each for each in given if isinstance(each, Request)), None)
        if request is None:
            outlives = realm.server
            return await function(*(_seen(realm, each) if each is outlives else each for each in given))
        before, request.server = request.server, realm
        try:
            return await function(*given)
        finally:
            request.server = before

    return visit


def _seen(realm: Any, server: Any) -> Any:
    """The server that a function of start and stop is called with: the one that outlives its tables."""
    return realm.over(server) if isinstance(realm, Realm) else server


def below(function: AsyncHandler, prefix: str, *, case_sensitive: bool) -> AsyncHandler:
    """An onRequest function of a used table, which runs before there is a route: for requests under its prefix only."""
    parts = ("[^/]+" if "{" in part else re.escape(part) for part in prefix.split("/"))
    pattern = re.compile("/".join(parts) + "(?:/|$)", 0 if case_sensitive else re.IGNORECASE)

    async def run(request: Request, h: Any) -> Any:
        return await function(request, h) if pattern.match(request.path) else CONTINUE

    return run
