"""The steps that judge what a route receives, by a schema or by a function, and what is answered when it does not fit.

Five sources one by one, in hapi's order, then all of them together. What fits costs one call of the engine.
"""

import contextlib
import html
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, Literal

from hapiish import boom, codec
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.validation.parse_text import is_too_long
from hapiish.http.validation.report import TOO_DEEP, Fault
from hapiish.http.validation.schema import unescape
from hapiish.http.validation.validator import Judge
from hapiish.types import AsyncHandler

Source = Literal["headers", "params", "payload", "query", "state"]
Convert = Callable[[Any], Any]
FailAction = str | Callable[[Request, boom.Boom], Awaitable[Response | None]]
"""`error`, `log`, `ignore`, or what calls the user's function and returns its takeover response."""

FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
"""The media types whose values are text, to be converted as a schema wants it."""

ALL: Final = ("params", "query", "payload", "headers", "state", "auth")
"""What the schema of `validate.all` sees, by name."""

_OF_CONTEXT: Final = (*ALL, "server", "models")

_SHOWN_OF_AUTH: Final = {
    "isAuthenticated": "is_authenticated",
    "isAuthorized": "is_authorized",
    **{name: name for name in ("credentials", "artifacts", "strategy", "mode")},
}


class InvalidInput(boom.BadRequest):
    """A failed validation as a `failAction` function gets it: raising it shows the client the details.

    `source` is headers, params, query, payload, state or all. `details` are the faults, `default_error` is what is
    answered without the function.
    """

    def __init__(self, source: str, details: list[Fault], default_error: boom.Boom, message: str = "") -> None:
        said = ". ".join(f'"{_dotted(fault["path"]) or source}" {fault["message"]}' for fault in details)
        super().__init__(message or said)
        self.answered(default_error.status)
        self.source = source
        self.details = details
        self.default_error = default_error


class Context:
    """The inputs of a request as a validation function sees them: `headers`, `params`, `query`, `payload`, `state`.

    `auth`, `server` and `models` are the request's, `app.route` and `app.request` are the data of the two. Inputs that
    come later in the order headers, params, query, payload, state are as they came.
    """

    __slots__ = ("_request",)

    def __init__(self, request: Request) -> None:
        self._request = request

    def __getattr__(self, name: str) -> Any:
        if name in _OF_CONTEXT:
            return getattr(self._request, name)
        raise AttributeError(f"a validation's context has no {name!r}; it has {', '.join(_OF_CONTEXT)} and app")

    @property
    def app(self) -> Any:
        return SimpleNamespace(route=self._request.route.settings.app, request=self._request.app)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`validate.options` or `response.options` of a route, and the inputs: the second argument of a function."""

    allow_unknown: bool
    strip_unknown: bool
    abort_early: bool
    context: Context


def options_for(rules: Any, request: Request) -> Options:
    """The options that a validation function is called with; `rules` has the three switches."""
    return Options(
        allow_unknown=rules.allow_unknown,
        strip_unknown=rules.strip_unknown,
        abort_early=rules.abort_early,
        context=Context(request),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnFailure:
    """What becomes of an input that does not fit: `validate.failAction`, `status`, `detail` and `errorFields`.

    `status` is the error's. `detail: none` leaves it at hapi's three keys; `error_fields` are added to them.
    """

    fail_action: FailAction = "error"
    status: int = 400
    detail: Literal["full", "none"] = "full"
    error_fields: Mapping[str, Any] = field(default_factory=dict)

    def settle(self, request: Request, source: str, found: list[Fault]) -> None:
        """For the three words: raises the error, logs, or does nothing."""
        if self.fail_action == "error":
            raise self.failure(source, found)
        if self.fail_action == "log":
            request.note(["validation", "error", source], summary(found), printed=True)

    async def ask(self, request: Request, source: str, found: list[Fault]) -> Response | None:
        """For a function, which decides."""
        assert callable(self.fail_action)
        error = InvalidInput(source, found, self.failure(source, found))
        error.extra = {**self.error_fields, "validation": _shown(source, found)}
        return await self.fail_action(request, error)

    async def refused(self, request: Request, source: str, reason: Exception) -> Response | None:
        """For what a validation function raised: a boom is answered as it is, anything else an invalid input (hapi)."""
        if self.fail_action in ("log", "ignore"):
            if self.fail_action == "log":
                request.note(["validation", "error", source], reason, printed=True)
            return None
        error: boom.Boom
        if isinstance(reason, boom.Boom):
            error = default = reason
        else:
            if not isinstance(reason, ValueError):
                request.note(["validation", "error", source], reason, printed=True)
            default = self.failure(source, [])
            error = InvalidInput(source, [], default, str(reason))
        if self.detail == "full" or callable(self.fail_action):
            error.extra = {**self.error_fields, "validation": _shown(source, []), **error.extra}
        if callable(self.fail_action):
            return await self.fail_action(request, error)
        raise default

    def failure(self, source: str, found: list[Fault]) -> boom.Boom:
        """The error of an input with these faults."""
        extra = dict(self.error_fields)
        if self.detail == "full":
            extra["validation"] = _shown(source, found)
        said = f"Invalid request {source} input" if source != "all" else "Invalid request"
        return boom.BadRequest(said, extra=extra).answered(self.status)


@dataclass(slots=True, eq=False, kw_only=True)
class _Input:
    """One source of a route with its schema; `judge` and `ask` are the steps."""

    source: Source
    judge: Judge
    coerce: Convert | None
    defaults: Convert | None
    on_failure: OnFailure
    skips_get: bool
    most_digits: int

    def faults(self, request: Request) -> list[Fault]:
        source, judge = self.source, self.judge
        if self.skips_get and request.method in ("get", "head"):
            return []
        value = given = getattr(request, source)
        request.orig[source] = given
        change = self.defaults if source == "payload" and request.mime not in FORMS else self.coerce
        try:
            if change is not None and given is not None:
                value = change(given)
            found = [] if judge.is_valid(value) else judge.errors(value)
        except RecursionError:
            return [TOO_DEEP]
        except ValueError:
            found = judge.errors(value)
        if not found and value is not given:
            setattr(request, source, value)
        return [self.told(fault, value) for fault in found] if change is self.coerce else found

    def told(self, fault: Fault, value: Any) -> Fault:
        """A fault of a text; that an integer has too many digits is not to be seen from the schema."""
        if "integer" not in fault["message"] and "number" not in fault["message"]:
            return fault
        for token in fault["path"].split("/")[1:]:
            inside = value.get(unescape(token)) if isinstance(value, dict) else None
            value = value[int(token)] if isinstance(value, list) and token.isdecimal() else inside
        if not is_too_long(value, self.most_digits):
            return fault
        return {**fault, "message": f"{fault['message']} (an integer has at most {self.most_digits} digits)"}

    def settle(self, request: Request) -> None:
        if found := self.faults(request):
            self.on_failure.settle(request, self.source, found)

    async def ask(self, request: Request) -> Response | None:
        found = self.faults(request)
        return await self.on_failure.ask(request, self.source, found) if found else None


def validate_step(
    source: Source,
    judge: Judge,
    *,
    coerce: Convert | None = None,
    defaults: Convert | None = None,
    on_failure: OnFailure = OnFailure(),
    any_method: bool = False,
    most_digits: int = codec.MOST_DIGITS,
) -> Callable[[Request], Any]:
    """A step that replaces `request.<source>` by its coerced form, or fails; the original goes to `orig`.

    `coerce` is for text (params, query, headers, cookies, forms), `defaults` for JSON bodies. `any_method`: a `*`
    route, whose GET and HEAD have no body to judge. `most_digits` is told of an integer in a text that has more.
    The step is async only with a function as `failAction`.
    """
    given = _Input(
        source=source,
        judge=judge,
        coerce=coerce,
        defaults=defaults,
        on_failure=on_failure,
        skips_get=any_method and source == "payload",
        most_digits=most_digits,
    )
    if callable(on_failure.fail_action):
        return given.ask
    return given.settle if source == "payload" and (coerce or defaults or any_method) else _flat(given)


def _flat(given: _Input) -> Callable[[Request], None]:
    """`given.settle` for what fits, in as few operations as there are; what does not is looked at again."""
    source, change, is_valid = given.source, given.coerce, given.judge.is_valid

    def judge(request: Request) -> None:
        value = received = getattr(request, source)
        try:
            if change is not None:
                value = change(received)
            if is_valid(value):
                request.orig[source] = received
                if value is not received:
                    setattr(request, source, value)
                return
        except (RecursionError, ValueError):
            pass
        given.settle(request)

    return judge


def function_step(
    source: str, function: AsyncHandler, rules: Any, *, on_failure: OnFailure = OnFailure(), any_method: bool = False
) -> Callable[[Request], Awaitable[Response | None]]:
    """A step that asks `function(value, options)`: what it returns becomes the input, unless None; it raises to refuse.

    For the source `all` the value is the mapping of `ALL`, and what is returned says nothing. `rules` has the three
    switches of `validate.options`.
    """
    skips_get = any_method and source == "payload"

    async def judge(request: Request) -> Response | None:
        if skips_get and request.method in ("get", "head"):
            return None
        value = everything(request) if source == "all" else getattr(request, source)
        try:
            made = await function(value, options_for(rules, request))
        except Exception as error:  # noqa: BLE001 - whatever it raises refuses the input
            return await on_failure.refused(request, source, error)
        if made is not None and source != "all":
            request.orig[source] = value
            setattr(request, source, made)
        return None

    return judge


def together_step(judge: Judge, on_failure: OnFailure) -> Callable[[Request], Any]:
    """A step that judges all inputs by one schema, after each by its own: rules across sources.

    It only judges. Faults of one source are told as that source's, those of several as `all`.
    """

    def look(request: Request) -> tuple[str, list[Fault]]:
        found = _faults_together(judge, everything(request))
        sources = {fault["path"].split("/")[1] if fault["path"] else "all" for fault in found}
        if len(sources) != 1 or "all" in sources:
            return "all", found
        source = sources.pop()
        return source, [{**fault, "path": fault["path"][len(source) + 1 :]} for fault in found]

    def settle(request: Request) -> None:
        source, found = look(request)
        if found:
            on_failure.settle(request, source, found)

    async def ask(request: Request) -> Response | None:
        source, found = look(request)
        return await on_failure.ask(request, source, found) if found else None

    return ask if callable(on_failure.fail_action) else settle


def everything(request: Request) -> dict[str, Any]:
    """The inputs of a request by the names in `ALL`, `auth` with hapi's own keys."""
    inputs = {name: getattr(request, name) for name in ALL}
    inputs["auth"] = {key: getattr(request.auth, name) for key, name in _SHOWN_OF_AUTH.items()}
    return inputs


def _faults_together(judge: Judge, value: dict[str, Any]) -> list[Fault]:
    try:
        return [] if judge.is_valid(value) else judge.errors(value)
    except RecursionError:
        return [TOO_DEEP]
    except ValueError:
        pass
    with contextlib.suppress(TypeError):  # a body of bytes has no form in JSON; credentials with dates or ids have
        value = codec.plain(value)
    return judge.errors(value)


def _shown(source: str, found: list[Fault]) -> dict[str, Any]:
    keys = dict.fromkeys(_dotted(fault["path"]) for fault in found)
    return {"source": source, "keys": list(keys), "errors": found}


def _dotted(pointer: str) -> str:
    """A pointer as hapi writes it into `keys`: `a.0.b`, with what HTML would take for markup escaped."""
    return html.escape(".".join(map(unescape, pointer.split("/")[1:])))


def summary(found: list[Fault]) -> str:
    """One line for the log, whatever line breaks a client put into the names of properties."""
    text = "; ".join(f"{fault['path'] or '/'} {fault['message']}" for fault in found)
    return text if text.isprintable() else ascii(text)
