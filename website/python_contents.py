"""The contents of docs/python: pages of classes and functions, each with its file and the name that users know."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A class or a function to show: its file below hapiish/, its name and the name under which users reach it.

    `text` replaces the docstring of a class that is written for the code beside it.
    """

    file: str
    name: str
    call: str = ""
    title: str = ""
    """The heading, by default `call` or the name."""
    text: str = ""
    hide: tuple[str, ...] = ()
    fields: bool = False
    """Shows all annotated attributes, as of a dataclass or a TypedDict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiPage:
    """A page with its introduction."""

    name: str
    title: str
    text: str
    sources: tuple[Source, ...]


REQUEST: Final = "http/exchange/request.py"
PAGES: Final = (
    ApiPage(
        name="request",
        title="`request`",
        text="The first argument of handlers, steps of `pre` and extension functions: an HTTP request, or an event of a socket.",
        sources=(
            Source(
                file=REQUEST,
                name="Request",
                call="request",
                hide=("is_set", "header", "note", "logs_all"),
                text="Inputs are validated and converted as the table says. Functions may set attributes, for later steps. An event "
                "of a socket has the same attributes.",
            ),
            Source(file=REQUEST, name="Auth", call="request.auth", hide=("copy",)),
            Source(file=REQUEST, name="Info", call="request.info"),
            Source(
                file="http/cookies/session.py",
                name="Session",
                call="request.session",
                hide=("is_changed",),
            ),
        ),
    ),
    ApiPage(
        name="h",
        title="`h`",
        text="The second argument of handlers, steps of `pre` and extension functions: hapi's response toolkit.",
        sources=(
            Source(
                file="http/exchange/toolkit.py",
                name="Toolkit",
                call="h",
                text="Its methods make responses and verdicts. `h.continue_` is the value for the next step.",
            ),
            Source(
                file="http/content/files.py",
                name="FileKeywords",
                title="Options of `h.file`",
                text="The keywords of `h.file`: inert's options in snake_case.",
                fields=True,
            ),
        ),
    ),
    ApiPage(
        name="response",
        title="Responses",
        text="`h.response(value)` returns one, and `request.response` is one after the handler. Every method that sets something "
        'returns the response: `h.response(made).code(201).header("x-kind", "new")`.',
        sources=(
            Source(
                file="http/exchange/response.py",
                name="Response",
                call="response",
                hide=("sent_status", "has_explicit_status", "prepare"),
                text="Methods that set something return the response itself.",
            ),
        ),
    ),
    ApiPage(
        name="boom",
        title="Errors: `boom`",
        text="`from hapiish import boom`. Raise one in any function. [Handlers](../handlers.md#errors) lists the class of each status.",
        sources=(
            Source(file="boom.py", name="Boom", title="`boom.Boom`", call="error", hide=("answered", "payload")),
            Source(file="boom.py", name="Unauthorized", title="`boom.Unauthorized`", call="error", hide=("payload",)),
            Source(file="boom.py", name="MethodNotAllowed", title="`boom.MethodNotAllowed`", call="error"),
            Source(file="boom.py", name="of", call="boom"),
            Source(file="problem.py", name="details", call="hapiish.problem"),
        ),
    ),
    ApiPage(
        name="server",
        title="`request.server`",
        text="The server, as the table of the request sees it. Functions that declare the keyword-only parameter `server` get it too.",
        sources=(
            Source(
                file="bound.py",
                name="BaseServer",
                call="server",
                hide=("operate", "server"),
                text="Data, models, methods and requests. An `async def` awaits the methods with `await`; a `def` calls them without.",
            ),
            Source(
                file="realtime/cluster/operator.py",
                name="BroadcastOperator",
                call="server",
                title="Sockets of rooms",
                hide=("operate",),
                text="Operations on the sockets of rooms, in all processes. `to` is a room, several (their union), the id of a socket, or None for "
                "all sockets of the namespace. `timeout` is in milliseconds; a process that does not reply in time makes the result `partial`. "
                "All raise ValueError for an undeclared namespace and a `timeout` below 1.",
            ),
            Source(file="realtime/cluster/operator.py", name="SocketList"),
            Source(file="realtime/cluster/operator.py", name="AnswerList"),
            Source(
                file="bound.py",
                name="BoundServer",
                call="server",
                title="For factories",
                hide=("complete", "listen"),
                text="For factories of schemes, kinds and caches.",
            ),
            Source(file="bound.py", name="ServerInfo", call="server.info"),
            Source(file="http/auth/service.py", name="AuthService", call="server.auth"),
            Source(
                file="http/exchange/events.py",
                name="Events",
                call="server.events",
                text="The events of the server and of the application: those that the table declares under `events`, and those of "
                "`server.event(name)`.",
                hide=("of", "loop", "home", "request", "log"),
            ),
            Source(
                file="realtime/presence/presence.py",
                name="Presence",
                call="server.presence",
                text="The users with a connected socket.",
                hide=("arrive", "depart", "start", "close"),
            ),
        ),
    ),
    ApiPage(
        name="socket",
        title="`request.socket`",
        text="The connection of a client to a namespace, in the functions of events, `onConnect` and `onDisconnect`.",
        sources=(
            Source(
                file="realtime/socketio/socket.py",
                name="Socket",
                call="socket",
                hide=("call", "forget_call", "admit", "forget", "home"),
            ),
            Source(file="realtime/presence/change.py", name="PresenceChange", call="change", fields=True),
        ),
    ),
    ApiPage(
        name="application",
        title="The application, tests and jobs",
        text="`from hapiish import create_app, emitter` and `from hapiish.testing import inject`.",
        sources=(
            Source(file="app.py", name="create_app"),
            Source(
                file="app.py",
                name="Application",
                call="app",
                hide=("home", "errors", "is_socket", "serve", "build_middleware_stack", "replace_table"),
            ),
            Source(file="testing/__init__.py", name="inject"),
            Source(file="http/inject.py", name="Injection", title="Arguments of `inject`", fields=True),
            Source(file="http/inject.py", name="Injected", title="Responses of `inject`", call="answer", fields=True),
            Source(file="testing/sockets.py", name="SocketClient", call="client"),
            Source(
                file="testing/fixtures.py",
                name="EventClients",
                call="events",
                hide=("close",),
                text="The fixture `events` ([testing](../testing.md)).",
            ),
            Source(
                file="testing/fixtures.py",
                name="EventSocket",
                call="socket",
                text="What `events.connect` returns; `await` its methods in an `async def` test.",
            ),
            Source(file="outside.py", name="emitter", call="hapiish"),
            Source(file="realtime/cluster/emitter.py", name="QueueEmitter", call="emitter", hide=("home", "operate")),
            Source(file="health.py", name="Check", call="hapiish.health"),
            Source(file="health.py", name="live", call="hapiish.health"),
            Source(file="health.py", name="ready", call="hapiish.health"),
        ),
    ),
    ApiPage(
        name="store",
        title="The database",
        text="Models are MongoEngine documents, reached by name: `request.models.Message`. [The store](../store.md) explains "
        "durability, transactions and threads.",
        sources=(
            Source(
                file="store/store.py",
                name="Store",
                call="server.store",
                hide=("start", "stop", "is_away", "adopt", "translate"),
            ),
            Source(file="store/rows.py", name="Find", fields=True),
            Source(file="store/rows.py", name="find", call="hapiish.store.rows"),
            Source(file="store/rows.py", name="get", call="hapiish.store.rows"),
            Source(file="store/rows.py", name="find_all", call="hapiish.store.rows"),
            Source(file="store/rows.py", name="insert", call="hapiish.store.rows"),
            Source(file="store/rows.py", name="insert_many", call="hapiish.store.rows"),
            Source(file="store/rows.py", name="update", call="hapiish.store.rows"),
            Source(file="store/rows.py", name="modify", call="hapiish.store.rows"),
        ),
    ),
    ApiPage(
        name="caches",
        title="Caches",
        text="A server method with a `cache` has one of these as `method.cache.policy`; `server.cache(…)` makes others.",
        sources=(
            Source(file="methods.py", name="MethodCache", call="method.cache", hide=("home",)),
            Source(file="caches/policy.py", name="Policy", call="policy", hide=("close", "home")),
            Source(file="caches/policy.py", name="Stats", call="policy.stats", fields=True),
            Source(file="caches/policy.py", name="Decorated", call="result", fields=True),
            Source(file="caches/rules.py", name="Rules", fields=True, hide=("ttl",)),
            Source(
                file="caches/store.py",
                name="Store",
                call="store",
                text="The protocol of a store of your own, for `caches[].provider`.",
            ),
            Source(file="caches/store.py", name="Entry", fields=True),
        ),
    ),
    ApiPage(
        name="plugins",
        title="Plugins and schemes",
        text="A plugin in Python registers what a table can declare. A scheme authenticates requests for strategies.",
        sources=(
            Source(file="plugins/registration.py", name="Plugin", call="plugin", fields=True),
            Source(
                file="registrar.py",
                name="Registrar",
                call="server",
                text="The `server` of `register`.",
            ),
            Source(file="registrar.py", name="AuthRegistrar", call="server.auth"),
            Source(file="types.py", name="Scheme", call="scheme"),
        ),
    ),
)
