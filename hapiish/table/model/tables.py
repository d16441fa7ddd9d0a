"""The whole table, and the tables that it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hapiish.table.model.auth import Auth
from hapiish.table.model.caches import CacheStore, Method
from hapiish.table.model.cookies import Cookie
from hapiish.table.model.events import ServerEvent
from hapiish.table.model.kinds import KindSource, Views
from hapiish.table.model.options import Ext
from hapiish.table.model.routes import Route
from hapiish.table.model.server import Database, Server
from hapiish.table.model.sessions import Session
from hapiish.table.model.sockets import Sockets
from hapiish.table.model.values import NOWHERE, Json, Schema
from hapiish.table.problems import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """One of the tables that a table is made of: where its names are looked up, and what is its own.

    `folder` and then the absolute name, or `package` first. `name` stands in front of its ids. `models` are its own, or
    where it has none those of the table that uses it (`host`, an index). `options` are what it was given `with:`.
    """

    label: str = ""
    name: str = ""
    file: str
    folder: str
    package: str | None = None
    prefix: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Json] = field(default_factory=dict)
    views: Views | None = None
    host: int | None = None
    is_plugin: bool = False  # of Python, whose declarations are seen by the table that has it
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The whole checked table. `folder` is where the names of a table by path are looked up first.

    What the tables in `used` declare is among `routes`, `auth`, `state`, `kinds` and so on; a name that was written in
    one of them is a `homes.Name`, which says so.
    """

    file: str
    folder: str
    info: Mapping[str, Json] = field(default_factory=dict)
    server: Server = Server()
    database: Database | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, KindSource] = field(default_factory=dict)
    auth: Auth = Auth()
    methods: Mapping[str, Method] = field(default_factory=dict)
    caches: tuple[CacheStore, ...] = ()
    state: Mapping[str, Cookie] = field(default_factory=dict)
    session: Session | None = None
    ext: Mapping[str, tuple[Ext, ...]] = field(default_factory=dict)
    events: Mapping[str, ServerEvent] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    sockets: Sockets | None = None
    views: Views | None = None
    files: tuple[str, ...] = ()  # every file that was read, for the watcher
    names: Mapping[str, Mark] = field(default_factory=dict)  # every module:attribute, and where it is first written
    used: tuple[Realm, ...] = ()
    plugins: Any = None  # what has registered the Python plugins, where there are some
    is_partial: bool = False  # whether Python plugins were left out, so that it can be looked at and not be served
    is_names: bool = False  # whether only its names are known, because something is missing here

    @property
    def every_model(self) -> dict[str, str]:
        """The models of this table and of those that it uses, theirs with their label in front."""
        theirs = {f"{realm.label}/{name}": given for realm in self.used for name, given in realm.models.items()}
        return {**self.models, **theirs}

    def realm(self, index: int) -> Realm:
        """The table with that index: 0 for this one, then those that are used."""
        if index:
            return self.used[index - 1]
        return Realm(file=self.file, folder=self.folder, models=self.models, views=self.views)
