"""From a checked table to what serves it. The one module that knows both sides: every option is read here, once.

Settings become steps and prepared values; an option that a route does not use leaves nothing behind. What many routes
have in common (a responder, a payload step, an authentication step) is made once and shared.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from hapiish import boom
from hapiish import path as paths
from hapiish.http import security, validation
from hapiish.http.auth.access import access_step
from hapiish.http.auth.basic import BasicScheme
from hapiish.http.auth.jwt import JwtScheme
from hapiish.http.auth.strategy import authenticate_step
from hapiish.http.caching import CacheControl
from hapiish.http.coerce import compile_coercer, compile_defaults
from hapiish.http.cookies import Cookies, cookies_step
from hapiish.http.cors import Cors
from hapiish.http.dispatch import Dispatcher
from hapiish.http.lifecycle import Prerequisite, Route, Step, caller, extension_step, fail_action, pre_step
from hapiish.http.payload import payload_step
from hapiish.http.respond import Responder
from hapiish.http.router import Router
from hapiish.realtime import NamespaceHooks
from hapiish.realtime.binding import Connection, Emits, EventRoute
from hapiish.resolve import ResolveError, resolve
from hapiish.table import model
from hapiish.table.codes import Code
from hapiish.table.problems import Mark, Problem, TableError
from hapiish.types import AsyncHandler

T = TypeVar("T")

SCHEMES: dict[str, Any] = {"basic": BasicScheme, "jwt": JwtScheme}
"""The built-in authentication schemes, by the name that a strategy gives."""

SOURCES: tuple[validation.Source, ...] = ("headers", "params", "query", "payload", "state")
SERVER_POINTS = ("onPreStart", "onPostStart", "onPreStop", "onPostStop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """All that a running server takes from a table; a reload replaces it as one value."""

    table: model.Table
    dispatch: Dispatcher
    namespaces: Mapping[str, NamespaceHooks]
    models: Mapping[str, Any]
    cookies: Cookies
    server_ext: Mapping[str, tuple[AsyncHandler, ...]]


def compile_table(table: model.Table, server: Any) -> Compiled:
    """Compiles `table` for `server` (its pool runs the `def` functions). Raises TableError with every unknown name."""
    compiler = _Compiler(table, server)
    compiled = compiler.compile()
    if compiler.problems:
        raise TableError(compiler.problems)
    return compiled


class _Compiler:
    def __init__(self, table: model.Table, server: Any) -> None:
        self.table = table
        self.server = server
        self.problems: list[Problem] = []
        self.cookies = Cookies(table.state)
        self.strategies: dict[str, Any] = {}
        self.shared: dict[Hashable, Any] = {}
        self.names: dict[str, Any] = {}

    def compile(self) -> Compiled:
        table = self.table
        models = {name: self.object(given) for name, given in table.models.items()}
        self.strategies = {name: self.strategy(name, given) for name, given in table.auth.strategies.items()}
        self.ext = {point: self.functions(exts) for point, exts in table.ext.items()}
        router = Router(table.server.router.is_case_sensitive, table.server.router.strip_trailing_slash)
        routes: dict[str, Route] = {}
        for given in table.routes:
            route = self.route(given)
            router.add(given.method, paths.parse(given.path), route, given.vhost)
            if route.id is not None:
                routes[route.id] = route
        dispatch = Dispatcher(
            server=self.server,
            router=router.freeze(),
            routes=routes,
            absent=self.absent(),
            on_request=tuple(
                (extension_step("onRequest", function), True) for function in self.ext.get("onRequest", ())
            ),
            strip_trailing_slash=table.server.router.strip_trailing_slash,
            vhosts=any(route.vhost is not None for route in table.routes),
            any_cors=any(route.options.cors is not None for route in table.routes),
            method_not_allowed=table.server.router.method_not_allowed,
            access_log=table.server.access_log,
            trust_id=table.server.request_id.trust,
        )
        return Compiled(
            table=table,
            dispatch=dispatch,
            namespaces={given.namespace: self.namespace(given) for given in table.sockets.namespaces}
            if table.sockets
            else {},
            models=models,
            cookies=self.cookies,
            server_ext={point: self.ext[point] for point in SERVER_POINTS if point in self.ext},
        )

    # Names

    def object(self, name: str) -> Any:
        """What `name` stands for; an unknown one becomes a problem, and the work goes on to find the others."""
        if name not in self.names:
            try:
                self.names[name] = resolve(name, self.table.folder)
            except ResolveError as error:
                self.problems.append(Problem(self.place(name), Code.IMPORT, f'"{name}": {error}'))
                self.names[name] = _missing
        return self.names[name]

    def function(self, name: str) -> AsyncHandler:
        found = self.object(name)
        if callable(found):
            return caller(found, self.server.pool.call)
        message = f'"{name}" is {type(found).__name__}, not a function'
        self.problems.append(Problem(self.place(name), Code.NOT_CALLABLE, message))
        self.names[name] = _missing
        return _missing

    def place(self, name: str) -> Mark:
        """Where `name` is first written; the start of the file for one inside the options of a scheme of one's own."""
        return self.table.names.get(name, Mark(self.table.file, 1, 1))

    def functions(self, exts: tuple[model.Ext, ...]) -> tuple[AsyncHandler, ...]:
        return tuple(self.function(ext.method) for ext in exts)

    def action(self, name: str) -> Any:
        """A failAction: one of the three words, or a function."""
        return name if name in _WORDS else self.function(name)

    def early_action(self, name: str) -> Any:
        """A failAction before the handler, whose function may only go on, take over or fail."""
        action = self.action(name)
        return fail_action(action) if callable(action) else action

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What routes with equal settings share."""
        if key not in self.shared:
            self.shared[key] = make()
        found: T = self.shared[key]
        return found

    # Authentication

    def strategy(self, name: str, given: model.Strategy) -> Any:
        own = self.table.auth.schemes.get(given.scheme)
        factory = self.object(own) if own else SCHEMES[given.scheme]
        options = dict(given.options)
        schema = getattr(factory, "options_schema", None)
        if schema is not None:
            # Our own report never shows a value: an option may be a secret.
            faults = validation.compile_schema(schema, {}).errors(options)
            for fault in faults:
                said = f"options{fault['path'].replace('/', '.')} {fault['message']}"
                self.problems.append(Problem(given.mark, Code.STRATEGY_OPTIONS, f'strategy "{name}": {said}'))
            if faults:
                return None
        for key in getattr(factory, "references", ()):
            if isinstance(options.get(key), str):
                options[key] = self.function(options[key])
        try:
            return factory(self.server, options)
        except ValueError as error:
            self.problems.append(Problem(given.mark, Code.STRATEGY_OPTIONS, f'strategy "{name}": {error}'))
            return None

    def authenticate(self, auth: model.RouteAuth) -> tuple[Step, bool]:
        key = ("authenticate", auth.strategies, auth.mode)
        chosen = tuple((name, self.strategies[name]) for name in auth.strategies if self.strategies[name] is not None)
        return self.once(key, lambda: (authenticate_step(chosen, auth.mode, self.server.pool.call), True))

    def access(self, auth: model.RouteAuth) -> Iterator[tuple[Step, bool]]:
        if auth.access:
            yield self.once(("access", auth.access, auth.mode), lambda: (access_step(auth.access, auth.mode), False))

    # Routes

    def route(self, given: model.Route) -> Route:
        options = given.options
        return Route(
            id=given.id,
            method=given.method if given.method == "*" else given.method.lower(),
            path=given.path,
            vhost=given.vhost,
            settings=options,
            handler=self.function(given.handler),
            responder=self.responder(options, given.method),
            steps=tuple(self.steps(given, options)),
            **self.after(given, options),
        )

    def absent(self) -> Route:
        """The internal route of what no route answers: the server's own defaults, no authentication (hapi)."""
        defaults = self.table.server.routes
        return Route(
            id=None,
            method="*",
            path="",
            settings=defaults,
            handler=_missing,
            responder=self.responder(defaults, ""),
            on_pre_response=self.ext.get("onPreResponse", ()),
            on_post_response=self.ext.get("onPostResponse", ()),
        )

    def responder(self, options: model.RouteOptions, method: str) -> Responder:
        rules = options.response
        request_id = self.table.server.request_id
        key = (
            options.security,
            options.cors,
            options.cache,
            options.json,
            rules.empty_status_code,
            rules.ranges,
            method,
        )
        return self.once(
            key,
            lambda: Responder(
                cookies=self.cookies,
                security=security.headers(options.security) if options.security is not None else (),
                cors=Cors(options.cors) if options.cors is not None else None,
                cache=CacheControl(options.cache or _UNCACHED, method == "GET"),
                formatter=options.json,
                empty=rules.empty_status_code,
                ranges=rules.ranges,
                get=method in ("GET", "*"),
                request_id=request_id.header,
            ),
        )

    def after(self, given: model.Route | model.Event, options: model.RouteOptions) -> dict[str, Any]:
        """What follows the handler."""
        ext = {point: (*self.ext.get(point, ()), *self.functions(options.ext.get(point, ()))) for point in _AFTER}
        rules = options.response
        check = None
        if rules.sample and (rules.schema is not None or rules.status):
            check = validation.validate_response_step(
                self.validator(rules.schema),
                {status: self.validator(schema) for status, schema in rules.status.items()},
                rules.sample,
                self.action(rules.fail_action),
            )
        return {
            "validate_response": check,
            "on_post_handler": ext["onPostHandler"],
            "on_pre_response": ext["onPreResponse"],
            "on_post_response": ext["onPostResponse"],
        }

    def steps(self, given: model.Route, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        """The steps before the handler, in hapi's order."""
        if self.table.state or not options.state.parse:
            action = self.early_action(options.state.fail_action)
            yield cookies_step(self.cookies, options.state.parse, action), callable(action)
        yield from self.extensions("onPreAuth", options)
        if options.auth is not None:
            yield self.authenticate(options.auth)
        if given.method != "GET":
            action = self.early_action(options.payload.fail_action)
            key = ("payload", options.payload, given.method == "*")
            yield self.once(key, lambda: (payload_step(options.payload, action, any_method=given.method == "*"), True))
        if options.auth is not None:
            yield from self.extensions("onCredentials", options)
            yield from self.access(options.auth)
        yield from self.extensions("onPostAuth", options)
        yield from self.validations(given, options.validate)
        yield from self.extensions("onPreHandler", options)
        yield from self.prerequisites(options)

    def extensions(self, point: str, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        for function in (*self.ext.get(point, ()), *self.functions(options.ext.get(point, ()))):
            yield extension_step(point, function), True

    def prerequisites(self, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        for together in options.pre:
            yield pre_step([self.prerequisite(pre) for pre in together]), True

    def prerequisite(self, pre: model.Pre) -> Prerequisite:
        return Prerequisite(method=self.function(pre.method), assign=pre.assign, action=self.action(pre.fail_action))

    # Schemas

    def validator(self, schema: model.Schema | None) -> validation.Validator | None:
        return None if schema is None or schema is True else validation.compile_schema(schema, self.table.schemas)

    def validations(self, given: model.Route | model.Event, rules: model.Validate) -> Iterator[tuple[Step, bool]]:
        action = self.early_action(rules.fail_action)
        for source in SOURCES:
            schema = getattr(rules, source)
            if schema is None or schema is True or (source == "payload" and getattr(given, "method", None) == "GET"):
                continue
            text = source != "payload"
            step = validation.validate_step(
                source,
                validation.compile_schema(schema, self.table.schemas),
                coerce=compile_coercer(schema, self.table.schemas),
                defaults=None if text else compile_defaults(schema, self.table.schemas),
                fail_action=action,
                detail=rules.detail,
                error_fields=rules.error_fields,
                any_method=getattr(given, "method", None) == "*",
            )
            yield step, callable(action)

    # Sockets

    def namespace(self, given: model.Namespace) -> NamespaceHooks:
        connection = Connection(
            self.server,
            route=self.connection_route(given),
            authenticate=self.authenticate(given.auth)[0] if given.auth is not None else None,
            access=tuple(self.access(given.auth)) if given.auth is not None else (),
            on_connect=self.function(given.on_connect) if given.on_connect else None,
            on_disconnect=self.function(given.on_disconnect) if given.on_disconnect else None,
        )
        return NamespaceHooks(
            connect=connection.connect,
            disconnect=connection.disconnect,
            events={event.event: EventRoute(self.server, self.event(event)).acknowledge for event in given.events},
            emits=Emits({emit.event: self.validator(emit.payload) for emit in given.emits}).check,
        )

    def connection_route(self, given: model.Namespace) -> Route:
        """What `request.route` is while a client comes and goes."""
        options = model.RouteOptions(auth=given.auth)
        responder = self.responder(options, "")
        return Route(
            id=None, method="connect", path=given.namespace, settings=options, handler=_missing, responder=responder
        )

    def event(self, given: model.Event) -> Route:
        options = given.options
        return Route(
            id=given.id,
            method="event",
            path=given.event,
            settings=options,
            handler=self.function(given.handler),
            responder=self.responder(options, ""),
            steps=tuple(self.event_steps(given, options)),
            **self.after(given, options),
        )

    def event_steps(self, given: model.Event, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        """As a route's, as far as an event has it: its caller was authenticated when the socket connected."""
        if options.auth is not None:
            yield from self.access(options.auth)
        yield from self.validations(given, options.validate)
        yield from self.extensions("onPreHandler", options)
        yield from self.prerequisites(options)


async def _missing(request: Any, h: Any) -> Any:
    raise boom.NotFound


_UNCACHED = model.Cache(otherwise="")
_WORDS = ("error", "log", "ignore")
_AFTER = ("onPostHandler", "onPreResponse", "onPostResponse")
