"""Routes, resources and groups (`routes:`, `groups:`), and the tables and plugins that a table uses (`plugins:`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from hapiish.options.declare import As, Form, Items, Like, Text, option, settings
from hapiish.options.ext import Points
from hapiish.options.kinds import Handlers, Kind
from hapiish.options.routes import RouteOptions
from hapiish.options.values import NOWHERE, AnyText, Call, Function, Hostname, Json, Mark, MethodName

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
                "description": "Options of the table's routes, over its own defaults and below what its routes say.",
                "default": {},
                "anyOf": [{"type": "null"}, {"$ref": "#/definitions/routeOptions"}],
            }
        }
    },
}


@settings(also=(False, True), bare=True, wanted="false to leave the action out, or {id, handler, options}")
class ResourceAction:
    """What is different for one action of a resource."""

    id: str | None = option(None, "Another id.")
    handler: Function | Handlers | None = option(
        None,
        "What answers instead: `(request, h)` as module:attribute, or one kind of handler with its options.",
        wanted='text of the form "module:attribute" or one kind of handler',
    )
    options: RouteOptions = option(RouteOptions(), "Options of this route, over those of the resource.")


@settings()
class ResourceActions:
    """What is different for single actions of a `resource`; false leaves one out."""

    list: ResourceAction = option(ResourceAction(), "GET of the path: a page of documents.")
    create: ResourceAction = option(ResourceAction(), "POST to the path: a new document.")
    get: ResourceAction = option(ResourceAction(), "GET of the path of one document.")
    replace: ResourceAction = option(ResourceAction(), "PUT to the path of one document.")
    update: ResourceAction = option(ResourceAction(), "PATCH of the path of one document.")
    delete: ResourceAction = option(ResourceAction(), "DELETE of the path of one document.")


@settings(extra={"if": {"not": {"required": ["resource"]}}, "then": {"required": ["method"]}})
@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path; an entry with several methods or vhosts becomes several of these."""

    method: Annotated[str, As(Methods)] = option(
        description="The method, a list of them, or `*` for any. HEAD is answered by GET. Required of all but "
        "resources.",
        examples=["GET", ["PUT", "PATCH"], "*"],
        wanted='a method such as GET, a list of them, or "*"',
        required=False,
    )
    path: AnyText = option(
        description="The path in hapi's syntax: `{name}`, `{name?}`, `{name*}`, `{name*2}`, `{name}.{ext}`.",
        examples=["/messages/{conversationId}"],
    )
    handler: Annotated[str | Kind, As(Call | Handlers)] = option(
        description="What answers: `(request, h)` as module:attribute, a call of a server method, or one kind "
        "of handler with its options.",
        examples=["handlers.messages:create", "users.load(params.id)"],
        wanted='text of the form "module:attribute", a call "method(params.id)" or one kind of handler',
    )
    id: str | None = option(None, "A name unique among routes and events.", examples=["messages.create"])
    resource: ClassVar[str | None] = option(
        None,
        "In place of `method` and `id`: the name of a resource. The entry then stands for six routes over the "
        "model in `handler: {model: …}`, called `<name>.list` (GET) and `<name>.create` (POST) on the path, "
        "`<name>.get` (GET), `<name>.replace` (PUT), `<name>.update` (PATCH) and `<name>.delete` (DELETE) on "
        "the path with `/{id}` after it.",
        examples=["todos"],
    )
    vhost: Annotated[str, As(Vhost)] | None = option(
        None, "The host, or a list of hosts, that the route is for; without it all.", examples=["api.example.com"]
    )
    options: RouteOptions = option(RouteOptions(), "The route's options.")
    actions: ClassVar[ResourceActions] = option(None, examples=[{"delete": False}], shown={})
    realm: int = 0
    mark: Mark = NOWHERE


@settings()
class Placement:
    """Where the routes of a used table are."""

    prefix: Prefix | None = option(
        None,
        "What is put in front of the paths of its routes; prefixes always add up, and the path `/` becomes the prefix "
        "itself.",
        examples=["/conversations"],
    )
    vhost: Vhost | None = option(
        None,
        "The host, or a list of hosts, of its routes; the outermost one that is written holds.",
        examples=["api.example.com"],
    )


@settings()
class Group(Placement):
    """Routes with a prefix, a host or options in common."""

    options: RouteOptions = option(RouteOptions(), "Options that its routes have unless they say otherwise.")
    ext: Points = option(
        Points(), "Extension functions of its routes, after those of the server and of groups around it."
    )
    routes: tuple[Route, ...] = option((), "Its routes; their order never matters.")
    groups: tuple["Group", ...] = option((), "Groups within it.")


@settings()
class Override:
    """What a table says of a single route or event of a table that it uses."""

    handler: Function | Handlers = option(
        description="What answers instead; a name means what it means in this file.",
        examples=["handlers.accounts:register"],
        wanted='text of the form "module:attribute" or one kind of handler',
        required=False,
    )
    options: RouteOptions = option(RouteOptions(), "Options that lie over those of the route or event.")


@settings(name="plugin", extra={"allOf": [_OF_TABLES]})
class PluginEntry:
    """Another table that is used as it is, or a Python plugin."""

    table: str = option(
        description="Another table: its path from this file, or `package:name/path.yaml` in an installed package.",
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
        description="A Python plugin, as module:attribute, or a module that is one; looked up beside the table first.",
        examples=["acme.status:plugin"],
        required=False,
    )
    as_: Annotated[str, Text("^[A-Za-z_][A-Za-z0-9_-]*$", "a name of letters, digits, _ and -")] | None = option(
        None,
        "The name that stands in front of the ids of the table's routes and events: `name.messages.create`. A "
        "table that is used twice needs one.",
        examples=["support"],
    )
    with_: Mapping[str, Json] = option(
        {},
        "Values for what the table declares under `params`. Names in them mean what they mean in this file.",
        examples=[{"userModel": "models.staff:Staff"}],
    )
    routes: Placement = option(Placement(), "Where its routes are.")
    options: Annotated[Mapping[str, Json], Form(_FREE, nullable=True), Like(RouteOptions, beside="table")] = option(
        {},
        "Of a table: options of its routes, over its own defaults and below what its routes say. Of a Python "
        "plugin: its own options.",
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
        "What this file says of single routes and events of the table, by id: another handler, options over "
        "the route's own, or false to leave it out.",
        examples=[{"accounts.register": {"options": {"auth": {"scope": ["admin"]}}}}],
    )
