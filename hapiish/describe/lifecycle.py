"""The lifecycle of a route or event as a list of steps with what each is for, made from a checked table.

`compile/` makes the steps that run, by the same rules; a test compares both for every option. No function is imported:
a step that depends on a scheme or kind of the application is `possible`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from hapiish import options as model
from hapiish.grammar import call
from hapiish.options.kinds import KINDS
from hapiish.options.schemes import SCHEMES
from hapiish.table.compose.owned_names import owner_of
from hapiish.table.merging.extension_order import Hints, arranged
from hapiish.table.problems import Mark

SOURCES: Final = ("headers", "params", "query", "payload", "state")
_LATE: Final = ("credentials", "payload", "user")
"""Keys of limits that are known only after authentication and the body."""
_WRITES: Final = ("create", "replace", "update")
"""The actions of models that read a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: its name, what it is for, the function that it calls, and the option and the place that cause it.

    `phase` is request, route, handler, response or sent. `possible` says on what of the application the step depends.
    """

    phase: str
    name: str
    purpose: str
    function: str = ""
    option: str = ""
    mark: Mark | None = None
    possible: str = ""


class Lifecycle:
    """The steps of the routes and events of one table."""

    def __init__(self, table: model.Table) -> None:
        self.table = table

    def route(self, route: model.Route) -> list[Step]:
        """Returns the steps of a route in the order in which they run."""
        options = route.options
        return [
            *self._server(),
            *self._steps(route),
            self._handler(route),
            *self._after(options),
            *self._finalizers(route),
            self._send(options),
            *self._sent(route, options),
        ]

    def event(self, event: model.Event, namespace: model.Namespace) -> list[Step]:
        """Returns the steps of an event in the order in which they run."""
        options = event.options
        return [
            *self._limits(event, late=False),
            *self._access(options.auth),
            *self._limits(event, late=True),
            *self._validations(options.validate, "event", None),
            *self._last(options),
            self._handler(event),
            *self._after(options),
            *self._limit_headers(event),
            Step(phase="response", name="acknowledge", purpose=_acknowledgement(event, namespace)),
            *self._sent(event, options),
        ]

    def connection(self, namespace: model.Namespace) -> list[Step]:
        """Returns the steps of a handshake, by which a client opens the namespace."""
        steps = []
        if namespace.auth is not None:
            steps.append(self._authenticate(namespace.auth, "auth.token of the handshake"))
            steps += self._access(namespace.auth)
        steps += self._validations(namespace.validate, "handshake", None)
        connect, disconnect = _functions(namespace.on_connect), _functions(namespace.on_disconnect)
        steps += [
            Step(phase="route", name="onConnect", purpose="an error refuses the socket", function=each)
            for each in connect
        ]
        steps += [
            Step(phase="sent", name="onDisconnect", purpose="runs after the socket has left", function=each)
            for each in disconnect
        ]
        return steps

    def _server(self) -> Iterator[Step]:
        """Yields the steps before the route is known."""
        settings = self.table.server
        if settings.trusted_proxies:
            purpose = f"takes address, protocol and host from X-Forwarded-* of {', '.join(settings.trusted_proxies)}"
            yield Step(phase="request", name="forwarded", purpose=purpose, option="server.trustedProxies")
        load = settings.load
        if load.max_event_loop_delay or load.max_event_loop_utilization or load.max_rss_bytes:
            yield Step(phase="request", name="load", purpose="refuses with 503 under load", option="server.load")
        if settings.query.parser is not None:
            yield Step(
                phase="request",
                name="query",
                purpose="parses the query",
                function=settings.query.parser,
                option="server.query.parser",
            )
        yield from self._functions_at("request", "onRequest", None)
        yield Step(phase="request", name="router", purpose="finds the route; none is a 404, another method a 405")

    def _steps(self, route: model.Route) -> Iterator[Step]:
        options = route.options
        has_body = route.method != "GET"
        if route.realm:
            label = self.table.realm(route.realm).label
            yield Step(phase="route", name="realm", purpose=f"enters the used table {label}: its models and names")
        yield from self._cookies(options)
        yield from self._limits(route, late=False)
        if self._has_session(options):
            yield Step(phase="route", name="session", purpose="loads request.session", option="session")
        if options.csp is not None and options.csp.generate_nonces:
            yield Step(phase="route", name="nonces", purpose="provides nonces for the CSP", option="csp.generateNonces")
        yield from self._functions_at("route", "onPreAuth", options)
        if options.auth is not None:
            yield self._authenticate(options.auth, "the request")
        if has_body:
            yield Step(phase="route", name="payload", purpose=_payload(options.payload), option="payload")
        if options.auth is not None:
            if has_body:
                yield from self._payload_auth(options.auth)
            yield from self._functions_at("route", "onCredentials", options)
            yield from self._access(options.auth)
        yield from self._limits(route, late=True)
        if options.csrf is not None:
            yield Step(phase="route", name="csrf", purpose="refuses forged requests with 403", option="csrf")
        yield from self._functions_at("route", "onPostAuth", options)
        yield from self._validations(options.validate, "request", route)
        yield from self._last(options)

    def _cookies(self, options: model.RouteOptions) -> Iterator[Step]:
        table = self.table
        declared = [*table.state, *([table.session.name] if table.session is not None else [])]
        declared += [str(name) for name, each in table.auth.strategies.items() if _sealed_cookie(each)]
        custom = ", ".join(table.auth.schemes)
        purpose = "parses the Cookie header into request.state" if options.state.parse else "ignores the Cookie header"
        if options.state.parse and options.state.fail_action == "error":
            purpose += "; an invalid one is a 400"
        if declared or not options.state.parse:
            yield Step(phase="route", name="cookies", purpose=purpose, option="state")
        elif custom:
            possible = f"if a scheme ({custom}) declares a cookie"
            yield Step(phase="route", name="cookies", purpose=purpose, option="state", possible=possible)

    def _has_session(self, options: model.RouteOptions) -> bool:
        return self.table.session is not None and options.session and options.state.parse

    def _authenticate(self, auth: model.RouteAuth, what: str) -> Step:
        strategies = " or ".join(f"{name} ({self.table.auth.strategies[name].scheme})" for name in auth.strategies)
        failure = {
            "required": "without valid credentials a 401",
            "optional": "invalid credentials are a 401, none are accepted",
            "try": "invalid credentials are accepted, unauthenticated",
        }[auth.mode]
        purpose = f"authenticates {what} by {strategies}; {failure}"
        return Step(phase="route", name="authenticate", purpose=purpose, option="auth")

    def _payload_auth(self, auth: model.RouteAuth) -> Iterator[Step]:
        supporting, unknown = [], []
        for name in auth.strategies:
            manifest = SCHEMES.get(self.table.auth.strategies[name].scheme)
            if manifest is None:
                unknown.append(str(name))
            elif manifest.payload and auth.payload:
                supporting.append(str(name))
        purpose = "authenticates the body"
        if supporting:
            yield Step(phase="route", name="payload auth", purpose=purpose, option="auth.payload")
        elif unknown and auth.payload is not False:
            possible = f"if the scheme of {', '.join(unknown)} authenticates bodies"
            yield Step(phase="route", name="payload auth", purpose=purpose, option="auth.payload", possible=possible)

    def _access(self, auth: model.RouteAuth | None) -> Iterator[Step]:
        if auth is not None and auth.access:
            rules = " or ".join(
                " and ".join(
                    [
                        *([f"scope {', '.join(rule.scope)}"] if rule.scope else []),
                        *([f"entity {rule.entity}"] if rule.entity != "any" else []),
                    ]
                )
                for rule in auth.access
            )
            yield Step(phase="route", name="access", purpose=f"requires {rules}, else 403", option="auth.access")

    def _limits(self, given: model.Route | model.Event, *, late: bool) -> Iterator[Step]:
        limits = [each for each in given.options.limit or () if self._is_late(each, given) is late]
        if limits:
            rules = ", ".join(_limit(each) for each in limits)
            when = "after authentication" if late else "before authentication"
            purpose = f"allows {rules}, else 429; counted {when}"
            yield Step(phase="route", name="limit", purpose=purpose, option="limit", mark=limits[0].mark)

    def _is_late(self, limit: model.Limit, given: model.Route | model.Event) -> bool:
        is_public = isinstance(given, model.Route) and given.options.auth is None
        terms = ["address" if term == "user" and is_public else term for term in limit.by]
        return any(term.partition(".")[0] in _LATE for term in terms)

    def _validations(self, rules: model.Validate, what: str, route: model.Route | None) -> Iterator[Step]:
        method = route.method if route is not None else None
        kind = route.handler if route is not None and isinstance(route.handler, model.Kind) else None
        failure = {
            "error": f"a violation is a {rules.status}",
            "log": "a violation is logged",
            "ignore": "a violation is ignored",
        }.get(rules.fail_action, f"a violation calls {rules.fail_action}")
        for source in SOURCES:
            rule = getattr(rules, source)
            if source == "payload" and method == "GET":
                continue
            step = Step(
                phase="route",
                name=f"validate {source}",
                purpose=f"validates the {source} of the {what}; {failure}",
                function=rule if isinstance(rule, str) else "",
                option=f"validate.{source}",
            )
            if rule is None and kind is not None and _brings_schemas(kind, source):
                yield replace(step, option="handler", possible=f"if the kind {kind.name} brings a schema")
            elif rule is not None and rule is not True:
                yield step
        if rules.all is not None and rules.all is not True:
            yield Step(
                phase="route",
                name="validate all",
                purpose=f"validates all inputs together; {failure}",
                function=rules.all if isinstance(rules.all, str) else "",
                option="validate.all",
            )

    def _last(self, options: model.RouteOptions) -> Iterator[Step]:
        yield from self._functions_at("route", "onPreHandler", options)
        for together in options.pre:
            values = [f"request.pre.{name}" for name in map(_assigned, together) if name]
            purpose = f"provides {', '.join(values)}" if values else "runs before the handler"
            purpose += ", in parallel" if len(together) > 1 else ""
            names = ", ".join(str(pre.method) for pre in together)
            yield Step(phase="route", name="pre", purpose=purpose, function=names, option="pre", mark=together[0].mark)

    def _handler(self, given: model.Route | model.Event) -> Step:
        timeout = given.options.timeout.server
        purpose = "makes the response" if isinstance(given, model.Route) else "makes the acknowledgement"
        if timeout:
            purpose += f"; a 503 after {timeout} ms since the request was received"
        return Step(phase="handler", name="handler", purpose=purpose, function=str(given.handler), mark=given.mark)

    def _after(self, options: model.RouteOptions) -> Iterator[Step]:
        yield from self._functions_at("response", "onPostHandler", options)
        rules = options.response
        if rules.sample and (rules.schema is not None or rules.status):
            statuses = ", ".join(str(status) for status in rules.status)
            share = "" if rules.sample == 100 else f" of {rules.sample} % of the requests"
            which = f" with the status {statuses}" if statuses and rules.schema is None else ""
            failure = {"error": "a violation is a 500", "log": "a violation is logged"}.get(
                rules.fail_action, f"a violation calls {rules.fail_action}"
            )
            purpose = f"validates responses{which}{share}; {failure}"
            yield Step(phase="response", name="validate response", purpose=purpose, option="response")
        yield from self._functions_at("response", "onPreResponse", options)

    def _finalizers(self, route: model.Route) -> Iterator[Step]:
        options = route.options
        yield from self._limit_headers(route)
        if options.auth is not None:
            schemes = [str(name) for name in options.auth.strategies if self._is_custom(name)]
            if schemes:
                possible = f"if the scheme of {', '.join(schemes)} signs responses"
                yield Step(
                    phase="response",
                    name="response auth",
                    purpose="signs the response",
                    option="auth",
                    possible=possible,
                )
        if options.csp is not None and options.csp.generate_nonces:
            purpose = "adds the nonces that were used to the CSP"
            yield Step(phase="response", name="nonces", purpose=purpose, option="csp")
        if self._has_session(options):
            yield Step(phase="response", name="session", purpose="stores request.session", option="session")
        known = (self.table.server.state, *self.table.state.values())
        if any(cookie.auto_value is not None or cookie.contextualize is not None for cookie in known):
            yield Step(phase="response", name="cookies", purpose="sets automatic cookies", option="state")

    def _limit_headers(self, given: model.Route | model.Event) -> Iterator[Step]:
        limits = given.options.limit or ()
        if limits:
            shown = any(limit.headers for limit in limits)
            purpose = "adds RateLimit and RateLimit-Policy" if shown else "counts responses"
            yield Step(phase="response", name="limit", purpose=purpose, option="limit")

    def _is_custom(self, strategy: str) -> bool:
        return self.table.auth.strategies[strategy].scheme not in SCHEMES

    def _send(self, options: model.RouteOptions) -> Step:
        headers = [
            *(["CORS"] if options.cors is not None else []),
            *(["security headers"] if options.security is not None else []),
            *(["Content-Security-Policy"] if options.csp is not None else []),
            *(["Deprecation"] if options.deprecated is not None else []),
            *(["Cache-Control"] if options.cache is not None else []),
        ]
        codings = self.table.server.compression
        parts = ["renders and sends the response"]
        parts += [f"with {', '.join(headers)}"] if headers else []
        parts += ["compressed"] if options.compression is not None and codings is not None else []
        return Step(phase="response", name="send", purpose=", ".join(parts))

    def _sent(self, given: model.Route | model.Event, options: model.RouteOptions) -> Iterator[Step]:
        yield from self._functions_at("sent", "onPostResponse", options)
        if isinstance(given, model.Route) and given.method != "GET" and _stores(options.payload):
            yield Step(phase="sent", name="uploads", purpose="deletes the files of the body", option="payload.output")
        if any(limit.count != "all" for limit in options.limit or ()):
            yield Step(phase="sent", name="limit", purpose="ends the count of failures", option="limit.count")

    def _functions_at(self, phase: str, point: str, options: model.RouteOptions | None) -> Iterator[Step]:
        own: Mapping[str, tuple[model.Ext, ...]] = options.ext if options is not None else {}
        for ext in arranged((*self.table.ext.get(point, ()), *own.get(point, ())), self._hints):
            purpose = _POINTS[point]
            if ext.timeout is not None:
                purpose += f"; a 500 after {ext.timeout} ms"
            yield Step(
                phase=phase, name=point, purpose=purpose, function=str(ext.method), option=f"ext.{point}", mark=ext.mark
            )

    def _hints(self, ext: model.Ext) -> Hints:
        return Hints(self.table.realm(owner_of(ext.method)).label, ext.before, ext.after)


_POINTS: Final = {
    "onRequest": "before routing",
    "onPreAuth": "before authentication",
    "onCredentials": "after authentication, before authorization",
    "onPostAuth": "after authorization",
    "onPreHandler": "after validation, before pre and the handler",
    "onPostHandler": "may replace the response",
    "onPreResponse": "before any response is sent, errors included",
    "onPostResponse": "after the response is sent",
}


def _acknowledgement(event: model.Event, namespace: model.Namespace) -> str:
    if (event.ack or namespace.ack) == "raw":
        return "acknowledges with the handler's value, or the error"
    return "acknowledges with {ok: true, …} or {ok: false, error}"


def _functions(given: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else given or ()


def _sealed_cookie(strategy: model.Strategy) -> bool:
    manifest = SCHEMES.get(strategy.scheme)
    return manifest is not None and bool(manifest.cookie)


def _brings_schemas(kind: model.Kind, source: str) -> bool:
    if kind.name == "model":
        return source in ("params", "query") or (source == "payload" and kind.options.action in _WRITES)
    return kind.name not in KINDS


def _assigned(pre: model.Pre) -> str | None:
    return pre.assign or (call.parse(pre.method).method if call.is_call(pre.method) else None)


def _stores(payload: model.Payload) -> bool:
    output = payload.multipart and (payload.multipart.output or payload.output)
    return payload.output == "file" or output in ("file", "stream")


def _payload(payload: model.Payload) -> str:
    if payload.output == "stream":
        return f"passes the body on as a stream, at most {payload.max_bytes} bytes"
    what = {True: "reads and parses", False: "reads", "gunzip": "reads and decompresses"}[payload.parse]
    allowed = f" of the types {', '.join(payload.allow)}" if payload.allow else ""
    return f"{what} a body{allowed}, at most {payload.max_bytes} bytes"


def _limit(limit: model.Limit) -> str:
    seconds = limit.duration // 1000
    burst = f", bursts of {limit.burst}" if limit.burst else ""
    counted = "" if limit.count == "all" else " failures" if limit.count == "failures" else f" answers {limit.count}"
    return f"{limit.max}{counted} per {seconds} s by {' and '.join(limit.by)}{burst}"
