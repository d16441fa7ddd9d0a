"""The whole table, and the used tables that it consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from hapiish.declare.option import As, At, Form, Like, On, Text, option, settings
from hapiish.declare.types import (
    IDENTIFIER,
    IS_SCHEMA,
    NOWHERE,
    SCHEMA,
    AnyText,
    CookieName,
    Function,
    Identifier,
    Json,
    Mark,
)
from hapiish.options.auth import Auth
from hapiish.options.caches import CacheStore, Method
from hapiish.options.cookies import Cookie
from hapiish.options.database import Database
from hapiish.options.entries import Group, PluginEntry, Route
from hapiish.options.events import ServerEvent
from hapiish.options.ext import Ext, Points
from hapiish.options.kinds import KindSource
from hapiish.options.routes import RouteOptions
from hapiish.options.server import Server
from hapiish.options.sessions import Session
from hapiish.options.sockets import Namespace, Sockets
from hapiish.options.views import Views

MethodKey = Annotated[
    str,
    Text(
        r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$",
        "a name of letters, digits and _, with dots between its parts",
    ),
]
KindName = Annotated[str, Text(IDENTIFIER, "a new name of letters, digits and _; the built-in kinds keep theirs")]
SchemaName = Annotated[str, Text("^[^/~#]+$", "a name without /, ~ and #")]
NamedSchema = Annotated[dict[str, Any] | bool, Form({"type": ["object", "boolean"]}, wanted=SCHEMA.wanted), IS_SCHEMA]
PresetName = Annotated[str, Text("^[A-Za-z_][A-Za-z0-9_.-]*$", "a name of letters, digits, _, . and -")]
Params = Annotated[Mapping[Identifier, Mapping[str, Json] | None], Form(name="params", nullable=True)]
Preset = Annotated[
    Json,
    Form(
        {
            "anyOf": [
                {"type": "null"},
                {"$ref": "#/definitions/routeOptions"},
                {"$ref": "#/definitions/eventOptions"},
                {
                    "type": "object",
                    "required": ["params"],
                    "patternProperties": {"^params$": {"$ref": "#/definitions/params"}},
                },
            ]
        },
        name="preset",
        wanted="a mapping of route options",
        nullable=True,
    ),
    Like(RouteOptions),
]


@settings()
class Info:
    """Metadata of the service, for the documentation."""

    title: AnyText | None = option(None, "The name of the service.", examples=["Chat"])
    version: AnyText | None = option(None, "The version of the service, as text.", examples=["1.0.0"])
    description: AnyText | None = option(None, "The purpose of the service.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """The main table or a used one: the scope in which its names are resolved, and its own declarations.

    Modules are searched in `folder` first, or in `package`, then by their absolute name. `name` is the prefix of its
    ids. `models` are its own, or those of the table that uses it (`host`, an index). `options` are its `with:` values.
    `app` is its own `server.app`.
    """

    label: str = ""
    name: str = ""
    file: str
    folder: str
    package: str | None = None
    prefix: str = ""
    models: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Json] = field(default_factory=dict)
    app: Mapping[str, Json] = field(default_factory=dict)
    views: Views | None = None
    host: int | None = None
    is_plugin: bool = False  # a Python plugin, whose declarations are visible to its host
    mark: Mark = NOWHERE


class Sources:
    """The texts of a table with a value from outside of its files, a variable or a secret."""

    __slots__ = ("_outside",)
    _outside: Mapping[int, tuple[str, str]]

    @property
    def outside(self) -> Mapping[int, tuple[str, str]]:
        """The texts by the identity of the object, each with its source, such as `${NAME}`."""
        return getattr(self, "_outside", {})

    def set_outside(self, outside: Mapping[int, tuple[str, str]]) -> None:
        """Sets them, once the table is built; they are no part of what it declares."""
        object.__setattr__(self, "_outside", outside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Sources):
    """Routes, Socket.IO events and the settings of the server that answers them."""

    hapiish: ClassVar[Annotated[int, Form({"enum": [1]}, nullable=True)]] = option(
        None, "The version of this format.", shown=1
    )
    info: Annotated[Mapping[str, Json], As(Info)] = option({})
    server: Server = option(Server())
    database: Database | None = option(None)
    models: Mapping[Identifier, Function] = option(
        {},
        "Models by name, `request.models.Name`, as module:attribute.",
        examples=[{"User": "models.user:User"}],
    )
    methods: Mapping[MethodKey, Method] = option(
        {},
        "Server methods by dotted name, `request.server.methods.users.load(…)`: a function as "
        "module:attribute, or one with a cache. `handler` and `pre` can call them by text: "
        "`users.load(params.id)`.",
        examples=[
            {"users.load": {"method": "handlers.users:load", "cache": {"expiresIn": "60s", "generateTimeout": "2s"}}}
        ],
    )
    caches: tuple[CacheStore, ...] = option(
        (),
        "Caches of values, by name; the one without a name is the default cache. Without it, the default "
        "cache is in memory.",
        examples=[[{"name": "shared", "provider": "redis", "options": {"url": "redis://127.0.0.1:6379/0"}}]],
    )
    kinds: Mapping[KindName, KindSource] = option(
        {},
        "Custom kinds of handlers, by the name in `handler: {name: options}`: `(server, route, options)` "
        "as module:attribute, which returns a handler.",
        examples=[{"report": "acme.reports:kind"}],
    )
    auth: Auth = option(Auth())
    state: Mapping[CookieName, Cookie] = option({}, "Cookies by name.", examples=[{"sid": {"ttl": "1d"}}])
    session: Session | None = option(
        None, examples=[{"cookieOptions": {"password": "${SESSION_PASSWORD:?at least 32 characters}"}}]
    )
    ext: Annotated[Mapping[str, tuple[Ext, ...]], As(Annotated[Points, At(On.SERVER)])] = option(
        {}, "Extension functions of every route, and of the server's start and stop."
    )
    events: Mapping[str, ServerEvent] = option(
        {},
        "Listeners to the events of the server: `log`, `request`, `response`, `route`, `cachePolicy`, "
        "`start`, `closing` and `stop`. A mapping declares an event of the application.",
        examples=[{"response": ["handlers.audit:note"], "orders": {"listeners": ["handlers.orders:tell"]}}],
    )
    schemas: Mapping[SchemaName, NamedSchema] = option(
        {}, 'JSON Schemas by name, for `$ref: "#/schemas/Name"`. A schema with an `$id` can also be referenced by it.'
    )
    params: ClassVar[Params] = option(
        None,
        "Parameters that another table sets when it uses this one, read as `${params.name}`: a JSON "
        "Schema each. A parameter without a `default` is required.",
        examples=[{"userModel": {"type": "string", "default": "models.user:User"}}],
        shown={},
    )
    presets: ClassVar[Mapping[PresetName, Preset]] = option(
        None,
        "Route options by name, for `use` in the options of routes, groups and other presets. A preset "
        "with `params` is a template, filled in where it is used.",
        examples=[{"admin": {"auth": {"scope": ["admin"]}, "tags": ["admin"]}}],
        shown={},
    )
    routes: tuple[Route, ...] = option((), "The routes, in any order.")
    groups: ClassVar[tuple[Group, ...]] = option(
        None, "Routes that share a prefix, hosts or options; groups can be nested.", shown=[]
    )
    plugin_entries: ClassVar[tuple[PluginEntry, ...]] = option(
        None,
        "Other tables, used unchanged, and Python plugins (hapi's server.register).",
        shown=[],
        key="plugins",
    )
    sockets: Sockets | None = option(None)
    views: Views | None = option(None)
    # Facts about a table besides its options. Names are searched in `folder` first. `files` are all files read. `names`
    # maps each module:attribute to its first place. `extensions` are its keys x-… without values from outside.
    # `plugins` has registered the Python plugins. A table that `is_partial` was read without the plugins, one that
    # `is_names` contains only its names.
    file: str
    folder: str
    files: tuple[str, ...] = ()
    names: Mapping[str, Mark] = field(default_factory=dict)
    extensions: Mapping[str, Json] = field(default_factory=dict)
    used: tuple[Realm, ...] = ()
    plugins: Any = None
    is_partial: bool = False
    is_names: bool = False

    @property
    def every_model(self) -> dict[str, str]:
        """Returns the models of this table and of used ones, the latter with the prefix of their label."""
        theirs = {f"{realm.label}/{name}": model for realm in self.used for name, model in realm.models.items()}
        return {**self.models, **theirs}

    @property
    def namespaces(self) -> tuple[Namespace, ...]:
        """The namespaces of Socket.IO; empty without sockets."""
        return self.sockets.namespaces if self.sockets is not None else ()

    def realm(self, index: int) -> Realm:
        """Returns the table with that index: 0 for this one, then the used tables."""
        if index:
            return self.used[index - 1]
        return Realm(file=self.file, folder=self.folder, models=self.models, views=self.views)
