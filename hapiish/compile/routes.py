"""Compiles a route of a table: its steps in hapi's order, its handler, and the functions after the handler."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from hapiish import options as model
from hapiish.compile.auth import AuthCompiler
from hapiish.compile.extensions import ExtensionCompiler
from hapiish.compile.inputs import InputCompiler
from hapiish.compile.kinds import KindCompiler
from hapiish.compile.limits import LimitCompiler
from hapiish.compile.methods import MethodCompiler
from hapiish.compile.names import Names, missing
from hapiish.compile.protect import ProtectCompiler
from hapiish.compile.sessions import SessionCompiler
from hapiish.declare.option import declaring
from hapiish.http.content.cache_control import CacheControl
from hapiish.http.content.compression import LIBRARIES, Compression
from hapiish.http.content.mime import MimeTypes
from hapiish.http.cookies.cookies import Cookies, cookies_step
from hapiish.http.exchange.error_body import Errors
from hapiish.http.exchange.route import Finalizer, Route, Step
from hapiish.http.guards.cors import Cors
from hapiish.http.lifecycle import Prerequisite, extension_step, pre_step, timed, uninterrupted
from hapiish.http.render import Responder
from hapiish.realm import entering
from hapiish.resolve import resolve
from hapiish.types import AsyncHandler, Value

_UNCACHED = model.Cache(otherwise="")
_CONSTANT_HEADERS: Final = declaring(model.RouteOptions, "headers")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ResponseSettings:
    """The settings of a responder, which are also the key under which routes share it."""

    constant: tuple[object, ...]
    """The settings of the options that declare constant headers."""
    cors: model.Cors | None
    cache: model.Cache | None
    compression: model.Encoders | None
    json: model.JsonFormat
    empty_status_code: int
    ranges: bool
    method: str

    @classmethod
    def of(cls, options: model.RouteOptions, method: str) -> Self:
        """Returns the settings for these options."""
        rules = options.response
        return cls(
            constant=tuple(getattr(options, name) for name, _ in _CONSTANT_HEADERS),
            cors=options.cors,
            cache=options.cache,
            compression=options.compression,
            json=options.json,
            empty_status_code=rules.empty_status_code,
            ranges=rules.ranges,
            method=method,
        )


class RouteCompiler:
    """Compiles routes; shares steps and responders between routes with equal settings."""

    def __init__(self, names: Names, auth: AuthCompiler, cookies: Cookies, methods: MethodCompiler) -> None:
        self.names = names
        self.methods = methods
        self.inputs = InputCompiler(names)
        self.kinds = KindCompiler(names)
        self.table = names.table
        self.server = names.server
        self.auth = auth
        self.limits = LimitCompiler(names)
        self.protect = ProtectCompiler(names)
        self.sessions = SessionCompiler(names, cookies)
        self.cookies = cookies
        self.mime = MimeTypes(names.table.server.mime.override)
        self.ext = ExtensionCompiler(names)

    def route(self, given: model.Route) -> Route:
        self.names.realm = given.realm
        handler = self.handler(given)
        options = _judged(given, handler)
        if isinstance(given.handler, model.Kind):
            handler = uninterrupted(handler)
        else:
            handler = self.names.once(self._uninterrupted, given.handler)
        route = Route(
            id=given.id,
            method=given.method if given.method == "*" else given.method.lower(),
            path=given.path,
            vhost=given.vhost,
            context=self.bound(options),
            errors=self.errors(options),
            settings=options,
            handler=handler,
            responder=self.responder(options, given.method),
            files=self.folder(options),
            steps=self.names.once(tuple, tuple(self.steps(given, options))),
            finalizers=(*self.limits.finalizers(given), *self.finalizers(options)),
            **self.after(given, options),
        )
        return self.limited(route, options)

    def bound(self, options: model.RouteOptions) -> Value:
        """Returns the value of `h.context` for the route's functions."""
        return self.names.object(options.bind) if options.bind is not None else None

    def errors(self, options: model.RouteOptions) -> Errors | None:
        """Returns the error format; None for hapi's."""
        given = options.response.errors
        return self.names.once(self._errors, given) if given is not None else None

    def _errors(self, given: model.ErrorBody) -> Errors:
        return Errors(self.names.plain_function(given.body), given.type)

    def limited(self, route: Route, options: model.RouteOptions) -> Route:
        """Returns the route with its `timeout.server` applied."""
        return timed(route, options.timeout.server) if options.timeout.server else route

    def finalizers(self, options: model.RouteOptions) -> Iterator[Finalizer]:
        """Yields the finalizers of a response; cookies are last, because the others may set cookies."""
        if options.auth is not None:
            yield from self.auth.finalizers(options.auth)
        yield from self.protect.finalizers(options)
        yield from self.sessions.finalizers(options)
        if self.cookies.need_completion:
            yield self.names.once(self._completion, options.state.parse)

    def _completion(self, parsed: bool) -> Finalizer:
        return partial(self.cookies.complete, parsed=parsed)

    def folder(self, options: model.RouteOptions) -> str:
        """Returns the folder for `h.file`."""
        return self.names.once(self._folder, options.files.relative_to)

    def _folder(self, relative_to: str) -> str:
        return str(Path(self.table.realm(self.names.realm).folder, relative_to))

    def handler(self, given: model.Route | model.Event) -> AsyncHandler:
        """Returns the handler: a function, a call of a server method, or the handler of a kind."""
        if isinstance(given, model.Route) and isinstance(given.handler, model.Kind):
            return self.kinds.handler(given, given.handler)
        assert isinstance(given.handler, str)
        return self.names.once(self.methods.function, given.handler)

    def _uninterrupted(self, name: str) -> AsyncHandler:
        return uninterrupted(self.names.once(self.methods.function, name))

    def not_found_route(self, defaults: model.RouteOptions) -> Route:
        """Returns the internal route for unmatched requests: the server's `defaults`, no authentication (hapi)."""
        self.names.realm = 0
        defaults = replace(defaults, deprecated=None)  # no route is deprecated where none matches
        return Route(
            id=None,
            method="*",
            path="",
            errors=self.errors(defaults),
            settings=defaults,
            handler=missing,
            responder=self.responder(defaults, ""),
            files=self.folder(defaults),
            finalizers=tuple(self.finalizers(defaults)),
            on_pre_response=self.ext.at("onPreResponse"),
            on_post_response=self.ext.at("onPostResponse"),
        )

    def responder(self, options: model.RouteOptions, method: str) -> Responder:
        """Returns the responder of all routes with these settings."""
        return self.names.once(self._responder, _ResponseSettings.of(options, method))

    def _responder(self, given: "_ResponseSettings") -> Responder:
        return Responder(
            cookies=self.cookies,
            constant=[
                header
                for (_, function), settings in zip(_CONSTANT_HEADERS, given.constant, strict=True)
                if settings is not None
                for header in resolve(function)(settings)
            ],
            cors=Cors(given.cors) if given.cors is not None else None,
            cache=CacheControl(given.cache or _UNCACHED, given.method == "GET"),
            compression=self.names.once(self._compression, given.compression),
            formatter=self.inputs.format(given.json),
            empty=given.empty_status_code,
            ranges=given.ranges,
            get=given.method in ("GET", "*"),
            request_id=self.table.server.request_id.header,
        )

    def _compression(self, encoders: model.Encoders | None) -> Compression | None:
        """Returns the compression settings; None if off."""
        given = self.table.server.compression
        if given is None or encoders is None:
            return None
        libraries = [LIBRARIES[name] for name in given.encodings if name in LIBRARIES]
        if not all(self.names.has_package(name) for name in libraries):
            return None
        return Compression(given.encodings, given.min_bytes, encoders, self.mime)

    def after(self, given: model.Route | model.Event, options: model.RouteOptions) -> dict[str, Any]:
        """Returns the arguments of Route for everything after the handler."""
        return {
            "validate_response": self.inputs.response_step(given, options.response),
            "on_post_handler": self.ext.at("onPostHandler", options.ext),
            "on_pre_response": self.ext.at("onPreResponse", options.ext),
            "on_post_response": (
                *self.ext.at("onPostResponse", options.ext),
                *self.inputs.afterwards(given, options.payload),
                *self.limits.ended(given),
            ),
        }

    def steps(self, given: model.Route, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        """Yields the steps before the handler, in hapi's order."""
        if given.realm:
            yield entering(self.names.views[given.realm]), False
        if self.cookies.declared or not options.state.parse:
            yield self.names.once(self._cookies, options.state.parse, options.state.fail_action)
        yield from self.limits.early(given)
        yield from self.sessions.steps(options)
        yield from self.protect.nonces(options)
        yield from self.extensions("onPreAuth", options)
        if options.auth is not None:
            yield self.auth.authenticate(options.auth)
        if given.method != "GET":
            yield self.inputs.payload(given, options.payload)
        if options.auth is not None:
            if given.method != "GET":
                yield from self.auth.payload(options.auth, given.mark)
            yield from self.extensions("onCredentials", options)
            yield from self.auth.access(options.auth)
        yield from self.limits.late(given)
        yield from self.protect.csrf(options)
        yield from self.extensions("onPostAuth", options)
        yield from self.inputs.validations(given, options.validate)
        yield from self.last_steps(options)

    def _cookies(self, parse: bool, fail_action: str) -> tuple[Step, bool]:
        action = self.names.early_action(fail_action)
        return cookies_step(self.cookies, parse, action), callable(action)

    def last_steps(self, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        """Yields the steps of routes and events between validation and the handler."""
        yield from self.extensions("onPreHandler", options)
        yield from self.prerequisites(options)

    def extensions(self, point: str, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        for function in self.ext.at(point, options.ext):
            yield extension_step(point, function), True

    def prerequisites(self, options: model.RouteOptions) -> Iterator[tuple[Step, bool]]:
        for together in options.pre:
            yield pre_step([self.prerequisite(pre) for pre in together]), True

    def prerequisite(self, pre: model.Pre) -> Prerequisite:
        return Prerequisite(
            method=self.methods.function(pre.method),
            assign=self.methods.assigned(pre),
            action=self.names.action(pre.fail_action),
        )


def _judged(given: model.Route, handler: AsyncHandler) -> model.RouteOptions:
    """Returns the route's options, with the kind's schemas for inputs that the route does not validate."""
    if not isinstance(given.handler, model.Kind):
        return given.options
    rules = given.options.validate
    brought: Mapping[str, model.Schema] = getattr(handler, "validate", None) or {}
    added: dict[str, Any] = {source: schema for source, schema in brought.items() if getattr(rules, source) is None}
    return replace(given.options, validate=replace(rules, **added)) if added else given.options
