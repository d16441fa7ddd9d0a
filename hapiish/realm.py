"""Realms: `request.server` in functions of a used table is a view of the server with that table's own names.

A function sees the view of the table that wrote its name, independent of the route that it runs on. An application of
one table has no realms: its functions see the server itself.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from hapiish import options
from hapiish.bridge import anywhere
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.toolkit import CONTINUE, Toolkit
from hapiish.realtime.cluster.operator import BroadcastOperator, Operation, Replies, To
from hapiish.store.models import Models
from hapiish.types import AsyncHandler


class Realm(BroadcastOperator):
    """A used table's view of the server: its own `models`, namespaces and ids; other attributes are the server's.

    `name` is the prefix of its ids, `prefix` that of its paths; `options` are the values of `with:`.
    """

    def __init__(self, server: Any, models: Mapping[str, Any], declared: options.Realm) -> None:
        self.root = server
        self.models = Models(models)
        self.declared = declared
        self.name = declared.name
        self.prefix = declared.prefix
        self.options = declared.options
        self.views: Any = None  # the table's compiled templates

    def __getattr__(self, name: str) -> Any:
        return getattr(self.root, name)

    @cached_property
    def settings(self) -> options.Server:
        """The settings of the server. In `app`, the table's own `server.app` precedes the data of the application."""
        settings: options.Server = self.root.settings
        return replace(settings, app={**settings.app, **self.declared.app}) if self.declared.app else settings

    def over(self, server: Any) -> "Realm":
        """Returns this view for another server, such as the process-wide one for functions of start and stop."""
        made = Realm(server, {}, self.declared)
        made.__dict__.update({**self.__dict__, "root": server})
        return made

    def namespace(self, name: str) -> str:
        """Returns the full name of one of the table's namespaces."""
        return self.prefix if self.prefix and name == "/" else f"{self.prefix}{name}"

    @anywhere
    async def emit(
        self,
        event: str,
        data: Any = None,
        to: str | Sequence[str] | None = None,
        *,
        skip: Any = None,
        except_: str | Collection[str] = (),
        namespace: str = "/",
        local: bool = False,
    ) -> None:
        """Sends a Socket.IO event in one of the table's namespaces, see `Server.emit`."""
        full = self.namespace(namespace)
        await self.root.emit(event, data, to, skip=skip, except_=except_, namespace=full, local=local)

    def rooms(self, *, namespace: str = "/") -> list[str]:
        """Returns the rooms of one of the table's namespaces in this process, see `Server.rooms`."""
        rooms: list[str] = self.root.rooms(namespace=self.namespace(namespace))
        return rooms

    @anywhere
    async def operate(self, operation: Operation, to: To, *, namespace: str, timeout: int) -> Replies:
        """Performs an operation on sockets in one of the table's namespaces."""
        replies: Replies = await self.root.operate(operation, to, namespace=self.namespace(namespace), timeout=timeout)
        return replies

    def lookup(self, id: str) -> Any:
        """Returns the table's route with that id, else the application's."""
        own = self.root.lookup(f"{self.name}.{id}") if self.name else None
        return own or self.root.lookup(id)


def entering(realm: Any) -> Callable[[Request], None]:
    """Returns the first step of a used table's route, which sets the realm."""

    def enter(request: Request) -> None:
        request.server = realm

    return enter


def visiting(function: AsyncHandler, realm: Any) -> AsyncHandler:
    """Wraps a function of the realm's table for routes of other tables: it sees its own table's view of the server.

    A function of start and stop, which has no request, is called with that view as the server.
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
    """Returns the server for functions of start and stop, which outlives reloads."""
    return realm.over(server) if isinstance(realm, Realm) else server


def below(function: AsyncHandler, prefix: str, *, case_sensitive: bool) -> AsyncHandler:
    """Limits an onRequest function of a used table, which runs before routing, to requests under its prefix."""
    parts = ("[^/]+" if "{" in part else re.escape(part) for part in prefix.split("/"))
    pattern = re.compile("/".join(parts) + "(?:/|$)", 0 if case_sensitive else re.IGNORECASE)

    async def run(request: Request, h: Toolkit) -> Any:
        return await function(request, h) if pattern.match(request.path) else CONTINUE

    return run
