"""Routes, resources and groups (`routes:`, `groups:`), and used tables and plugins (`plugins:`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from hapiish.declare.option import As, Form, Items, Like, Text, option, settings
from hapiish.declare.types import NOWHERE, AnyText, Call, Function, Hostname, Json, Mark, MethodName
from hapiish.options.ext import Points
from hapiish.options.kinds import Handlers, Kind
from hapiish.options.routes import RouteOptions

Vhost = Annotated[
    tuple[Hostname, ...],
    Items(min=1, unique=True, one=True),
    Form(name="vhost", wanted="a hostname or a list of them", nullable=True),
]
Prefix = Annotated[str, Text("^/(.*[^/])$", 'a path that begins with "/" and does not end with it')]
Methods = Annotated[tuple[MethodName, ...], Items(min=1, unique=True, one=True)]
_FREE: Final = {"type": ["object", "null"]}
_OF_TABLES: Final = {
    "if": {"required": ["table"]},
    "then": {
        "properties": {
            "options": {
                "description": "Options of the table's routes, which override the table's defaults; options of a "
                "route itself take precedence.",
                "default": {},
                "anyOf": [{"type": "null"}, {"$ref": "#/definitions/routeOptions"}],
            }
        }
    },
}


@settings(also=(False, True), bare=True, wanted="false to omit the action, or {id, handler, options}")
class ResourceAction:
    """Settings of one action of a resource."""

    id: str | None = option(None, "The id of the route, in place of `<name>.<action>`.")
    handler: Function | Handlers | None = option(
        None,
        "The handler in place of the model's: `(request, h)` as module:attribute, or one kind of handler "
        "with its options.",
        wanted='text of the form "module:attribute" or one kind of handler',
    )
    options: RouteOptions = option(RouteOptions(), "Options of this route, which override those of the resource.")


@settings()
class ResourceActions:
    """Settings of single actions of a `resource`; false omits an action."""

    list: ResourceAction = option(ResourceAction(), "GET of the path: a page of documents.")
    create: ResourceAction = option(ResourceAction(), "POST to the path: a new document.")
    get: ResourceAction = option(ResourceAction(), "GET of the path of one document.")
    replace: ResourceAction = option(ResourceAction(), "PUT to the path of one document.")
    update: ResourceAction = option(ResourceAction(), "PATCH of the path of one document.")
    delete: ResourceAction = option(ResourceAction(), "DELETE of the path of one document.")


@settings(extra={"if": {"not": {"required": ["resource"]}}, "then": {"required": ["method"]}})
@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route: one method on one path. An entry with several methods or vhosts declares several routes."""

    method: Annotated[str, As(Methods)] = option(
        description="The HTTP method, a list of methods, or `*` for any. GET routes answer HEAD requests, too. "
        "Required except for resources.",
        examples=["GET", ["PUT", "PATCH"], "*"],
        wanted='a method such as GET, a list of them, or "*"',
        required=False,
    )
    path: AnyText = option(
        description="The path in hapi's syntax: `{name}`, `{name?}`, `{name*}`, `{name*2}`, `{name}.{ext}`.",
        examples=["/messages/{conversationId}"],
    )
    handler: Annotated[str | Kind, As(Call | Handlers)] = option(
        description="The handler: `(request, h)` as module:attribute, a call of a server method, or one kind of "
        "handler with its options.",
        examples=["handlers.messages:create", "users.load(params.id)"],
        wanted='text of the form "module:attribute", a call "method(params.id)" or one kind of handler',
    )
    id: str | None = option(None, "A name unique among routes and events.", examples=["messages.create"])
    resource: ClassVar[str | None] = option(
        None,
        "The name of a resource, in place of `method` and `id`. The entry then declares six routes over "
        "the model in `handler: {model: …}`: `<name>.list` (GET) and `<name>.create` (POST) on the path; "
        "`<name>.get` (GET), `<name>.replace` (PUT), `<name>.update` (PATCH) and `<name>.delete` "
        "(DELETE) on the path followed by `/{id}`.",
        examples=["todos"],
    )
    vhost: Annotated[str, As(Vhost)] | None = option(
        None,
        "The host, or list of hosts, that the route serves. Without it, the route serves all hosts.",
        examples=["api.example.com"],
    )
    options: RouteOptions = option(RouteOptions(), "Options of the route.")
    actions: ClassVar[ResourceActions] = option(None, examples=[{"delete": False}], shown={})
    extensions: Mapping[str, Json] = field(default_factory=dict)  # the keys x-… of the route and of its `options`
    realm: int = 0
    mark: Mark = NOWHERE


@settings()
class Placement:
    """The location of the routes of a used table."""

    prefix: Prefix | None = option(
        None,
        "The prefix of the paths of its routes. Nested prefixes are concatenated, and the path `/` becomes the prefix "
        "itself.",
        examples=["/conversations"],
    )
    vhost: Vhost | None = option(
        None,
        "The host, or list of hosts, that its routes serve. The outermost setting takes precedence.",
        examples=["api.example.com"],
    )


@settings()
class Group(Placement):
    """Routes that share a prefix, hosts or options."""

    options: RouteOptions = option(RouteOptions(), "Default options of its routes.")
    ext: Points = option(
        Points(), "Extension functions of its routes. They run after those of the server and of enclosing groups."
    )
    routes: tuple[Route, ...] = option((), "Its routes, in any order.")
    groups: tuple["Group", ...] = option((), "Nested groups.")


@settings()
class Override:
    """Overrides for one route or event of a used table."""

    handler: Function | Handlers = option(
        description="The handler in place of the original. Names are resolved in this file.",
        examples=["handlers.accounts:register"],
        wanted='text of the form "module:attribute" or one kind of handler',
        required=False,
    )
    options: RouteOptions = option(RouteOptions(), "Options that override those of the route or event.")


@settings(name="plugin", extra={"allOf": [_OF_TABLES]})
class PluginEntry:
    """Another table, used unchanged, or a Python plugin."""

    table: str = option(
        description="The path of another table relative to this file, or `package:name/path.yaml` in an installed "
        "package.",
        examples=["./accounts.yaml", "package:acme_accounts/routes.yaml"],
        required=False,
    )
    plugin: Annotated[
        str,
        Text(
            r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*(:[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*)?$",
            'text of the form "module:attribute" or "module"',
        ),
    ] = option(
        description="A Python plugin as module:attribute, or a module that is one. The folder of the table is "
        "searched first.",
        examples=["acme.status:plugin"],
        required=False,
    )
    as_: Annotated[str, Text("^[A-Za-z_][A-Za-z0-9_-]*$", "a name of letters, digits, _ and -")] | None = option(
        None,
        "The prefix of the ids of the table's routes and events: `name.messages.create`. Required if a "
        "table is used twice.",
        examples=["support"],
    )
    with_: Mapping[str, Json] = option(
        {},
        "Values of the parameters that the table declares under `params`. Names in them are resolved in this file.",
        examples=[{"userModel": "models.staff:Staff"}],
    )
    routes: Placement = option(Placement(), "The location of its routes.")
    options: Annotated[Mapping[str, Json], Form(_FREE, nullable=True), Like(RouteOptions, beside="table")] = option(
        {},
        "For a table: options of its routes, which override the table's defaults; options of a route "
        "itself take precedence. For a Python plugin: its own options.",
    )
    override: Mapping[
        str,
        Annotated[
            Json,
            As(Override | Literal[False] | None),
            Form(name="overridden", wanted="false, or a handler and options", nullable=True),
        ],
    ] = option(
        {},
        "Overrides for single routes and events of the table, by id: another handler, options that "
        "override the route's own, or false to omit it.",
        examples=[{"accounts.register": {"options": {"auth": {"scope": ["admin"]}}}}],
    )
