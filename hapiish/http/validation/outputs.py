"""The step that validates responses in the form that they are sent in (hapi's response validation)."""

from collections.abc import Awaitable, Callable, Mapping
from random import random

from hapiish import boom, codec
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import BODILESS, Response
from hapiish.http.exchange.toolkit import CONTINUE, Toolkit
from hapiish.http.validation.context import options_for
from hapiish.http.validation.failure import summary
from hapiish.http.validation.inputs import Convert
from hapiish.http.validation.report import Fault
from hapiish.http.validation.validator import Judge, faults_as_sent
from hapiish.options import ValidationOptions
from hapiish.types import AsyncHandler, Json

Validate = Callable[[Request, Json], Awaitable[tuple[Json, list[Fault]]]]
"""Returns the value that `modify` sends and the faults of the given one; may raise."""


def by_schema(judge: Judge, change: Convert | None = None) -> Validate:
    """Validates by a schema, after `change` has stripped unknown keys and filled in defaults."""

    def faults(value: Json) -> tuple[Json, list[Fault]]:
        if change is None:
            return value, faults_as_sent(judge, value)
        try:
            value = change(codec.round_trip(value))
        except codec.UnevaluatedError:
            raise
        except (TypeError, ValueError) as error:
            return value, [{"path": "", "message": f"is not JSON: {error}", "keyword": "type"}]
        return value, judge.errors(value)

    async def look(request: Request, value: Json) -> tuple[Json, list[Fault]]:
        try:
            return faults(value)
        except codec.UnevaluatedError:
            return faults(await request.server.pool.call(codec.to_json_types, value))

    return look


def by_function(function: AsyncHandler, rules: ValidationOptions) -> Validate:
    """Validates by `function(value, options)`, which returns the value to send (None: the same one) or raises."""

    async def look(request: Request, value: Json) -> tuple[Json, list[Fault]]:
        result = await function(value, options_for(rules, request))
        return value if result is None else result, []

    return look


def validate_response_step(
    default: Validate | None,
    by_status: Mapping[int, Validate | None],
    *,
    empty: int | None = 204,
    sample: int = 100,
    modify: bool = False,
    fail_action: str | AsyncHandler = "error",
) -> Callable[[Request, Response], Awaitable[Response | None]]:
    """Returns a step that validates responses; an invalid one becomes a 500 (hapi).

    The status decides which rule applies: the one that is sent, so `empty` instead of 200 for an empty response; events
    pass None, as they have no such status. `by_status` takes precedence over `default`, which applies neither to errors
    nor to statuses without a body; the rule None accepts any response. `sample` is the percentage of responses that are
    validated. With `modify` the validated value is sent. A `fail_action` function may replace the response.
    """

    async def judge(request: Request, response: Response) -> Response | None:
        status = response.status_code if empty is None else response.sent_status(empty)
        validate = by_status.get(status, default if status < 400 and status not in BODILESS else None)
        if validate is None or (sample < 100 and random() * 100 >= sample):  # noqa: S311 - a sample, not a secret
            return None
        cause: Exception | None = None
        try:
            value, faults = await validate(request, response.source)
            if not faults:
                if modify:
                    response.source = value
                return None
            reason = summary(faults)
        except Exception as raised:  # noqa: BLE001 - any exception of a function refuses the response
            reason, cause = str(raised) or type(raised).__name__, raised
        if fail_action == "ignore":
            return None
        route = request.route
        error = boom.InternalServerError(
            f"the {status} answer of {route.id or f'{route.method} {route.path}'} (request {request.id}) "
            f"does not fit its schema: {reason}"
        )
        if fail_action == "error":
            raise error from cause
        if callable(fail_action):
            h = Toolkit(request)
            value = await fail_action(request, h, error)
            return None if value is CONTINUE else h.response(value)
        request.note(["validation", "response", "error"], str(error), printed=True)
        return None

    return judge
