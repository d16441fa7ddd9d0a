"""The steps that validate the inputs of a route, by a schema or a function.

The five sources are validated one by one, in hapi's order, then all together. A valid input costs one engine call.
"""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal

from hapiish import codec
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import Step
from hapiish.http.validation.context import everything, options_for
from hapiish.http.validation.failure import ERROR, OnFailure
from hapiish.http.validation.parse_text import is_too_long
from hapiish.http.validation.report import TOO_DEEP, Fault
from hapiish.http.validation.schema import unescape
from hapiish.http.validation.validator import Judge
from hapiish.options import ValidationOptions
from hapiish.types import AsyncHandler, Json

Source = Literal["headers", "params", "payload", "query", "state"]
Convert = Callable[[Json], Json]
FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
"""The media types whose values are text and are coerced by the schema."""


@dataclass(slots=True, eq=False, kw_only=True)
class _Input:
    """One source of a route with its schema; `check` and `check_and_call` are the steps."""

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
        value = original = getattr(request, source)
        request.orig[source] = original
        change = self.defaults if source == "payload" and request.mime not in FORMS else self.coerce
        try:
            if change is not None and original is not None:
                value = change(original)
            faults = [] if judge.is_valid(value) else judge.errors(value)
        except RecursionError:
            return [TOO_DEEP]
        except ValueError:
            faults = judge.errors(value)
        if not faults and value is not original:
            setattr(request, source, value)
        return [self.explained(fault, value) for fault in faults] if change is self.coerce else faults

    def explained(self, fault: Fault, value: Json) -> Fault:
        """Returns a fault of a text value; that of a long integer states the limit of digits, which no schema shows."""
        if "integer" not in fault["message"] and "number" not in fault["message"]:
            return fault
        for token in fault["path"].split("/")[1:]:
            inside = value.get(unescape(token)) if isinstance(value, dict) else None
            value = value[int(token)] if isinstance(value, list) and token.isdecimal() else inside
        if not is_too_long(value, self.most_digits):
            return fault
        return {**fault, "message": f"{fault['message']} (an integer has at most {self.most_digits} digits)"}

    def check(self, request: Request) -> None:
        if faults := self.faults(request):
            self.on_failure.apply(request, self.source, faults)

    async def check_and_call(self, request: Request) -> Response | None:
        faults = self.faults(request)
        return await self.on_failure.call(request, self.source, faults) if faults else None


def validate_step(
    source: Source,
    judge: Judge,
    *,
    coerce: Convert | None = None,
    defaults: Convert | None = None,
    on_failure: OnFailure = ERROR,
    any_method: bool = False,
    most_digits: int = codec.MOST_DIGITS,
) -> Step:
    """Returns a step that replaces `request.<source>` by its coerced form, or fails; `request.orig` keeps the original.

    `coerce` is for text (params, query, headers, cookies, forms), `defaults` for JSON bodies. `any_method` marks a `*`
    route, whose GET and HEAD requests have no body. `most_digits` is the limit of digits of an integer in a text.
    The step is async only if `failAction` is a function.
    """
    validation = _Input(
        source=source,
        judge=judge,
        coerce=coerce,
        defaults=defaults,
        on_failure=on_failure,
        skips_get=any_method and source == "payload",
        most_digits=most_digits,
    )
    if callable(on_failure.fail_action):
        return validation.check_and_call
    return validation.check if source == "payload" and (coerce or defaults or any_method) else _flat(validation)


def _flat(validation: _Input) -> Callable[[Request], None]:
    """Returns the shortest step for a valid input; `validation.check` validates an invalid one again."""
    source, change, is_valid = validation.source, validation.coerce, validation.judge.is_valid

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
        validation.check(request)

    return judge


def function_step(
    source: str,
    function: AsyncHandler,
    rules: ValidationOptions,
    *,
    on_failure: OnFailure = ERROR,
    any_method: bool = False,
) -> Callable[[Request], Awaitable[Response | None]]:
    """Returns a step that calls `function(value, options)`, whose result replaces the input unless it is None.

    An exception refuses the input. For the source `all` the value is the mapping of `ALL`, and the result is ignored.
    """
    skips_get = any_method and source == "payload"

    async def judge(request: Request) -> Response | None:
        if skips_get and request.method in ("get", "head"):
            return None
        value = everything(request) if source == "all" else getattr(request, source)
        try:
            result = await function(value, options_for(rules, request))
        except Exception as error:  # noqa: BLE001 - any exception of a function refuses the input
            return await on_failure.function_raised(request, source, error)
        if result is not None and source != "all":
            request.orig[source] = value
            setattr(request, source, result)
        return None

    return judge


def together_step(judge: Judge, on_failure: OnFailure) -> Step:
    """Returns a step that validates all inputs by one schema, for rules across sources; it changes no input.

    Faults of a single source are reported with that source, those of several sources with `all`.
    """

    def validate(request: Request) -> tuple[str, list[Fault]]:
        faults = _faults_together(judge, everything(request))
        sources = {fault["path"].split("/")[1] if fault["path"] else "all" for fault in faults}
        if len(sources) != 1 or "all" in sources:
            return "all", faults
        source = sources.pop()
        return source, [{**fault, "path": fault["path"][len(source) + 1 :]} for fault in faults]

    def check(request: Request) -> None:
        source, faults = validate(request)
        if faults:
            on_failure.apply(request, source, faults)

    async def check_and_call(request: Request) -> Response | None:
        source, faults = validate(request)
        return await on_failure.call(request, source, faults) if faults else None

    return check_and_call if callable(on_failure.fail_action) else check


def _faults_together(judge: Judge, value: dict[str, Json]) -> list[Fault]:
    try:
        return [] if judge.is_valid(value) else judge.errors(value)
    except RecursionError:
        return [TOO_DEEP]
    except ValueError:
        pass
    with contextlib.suppress(TypeError):  # a body of bytes has no form in JSON; credentials with dates or ids have
        value = codec.round_trip(value)
    return judge.errors(value)
