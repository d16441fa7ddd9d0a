"""The step that judges what a handler answers, in the form it will have on the wire (hapi's response validation)."""

from collections.abc import Awaitable, Callable, Mapping
from random import random
from typing import Any

from hapiish import boom, codec
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import BODILESS, Response
from hapiish.http.exchange.toolkit import CONTINUE, Toolkit
from hapiish.http.validation.inputs import Convert, options_for, summary
from hapiish.http.validation.report import Fault
from hapiish.http.validation.validator import Judge, faults_as_sent
from hapiish.types import AsyncHandler

Judgement = Callable[[Request, Any], Awaitable[tuple[Any, list[Fault]]]]
"""From a value to what should be sent instead of it under `modify`, and its faults; it may raise."""


def by_schema(judge: Judge, change: Convert | None = None) -> Judgement:
    """The judgement of a schema; `change` removes unknown keys and fills in defaults before it."""

    def faults(value: Any) -> tuple[Any, list[Fault]]:
        if change is None:
            return value, faults_as_sent(judge, value)
        try:
            value = change(codec.plain(value))
        except codec.UnevaluatedError:
            raise
        except (TypeError, ValueError) as error:
            return value, [{"path": "", "message": f"is not JSON: {error}", "keyword": "type"}]
        return value, judge.errors(value)

    async def look(request: Request, value: Any) -> tuple[Any, list[Fault]]:
        try:
            return faults(value)
        except codec.UnevaluatedError:
            return faults(await request.server.pool.call(codec.evaluated, value))

    return look


def by_function(function: AsyncHandler, rules: Any) -> Judgement:
    """The judgement of `function(value, options)`, which returns what to send (None: the same) or raises."""

    async def look(request: Request, value: Any) -> tuple[Any, list[Fault]]:
        made = await function(value, options_for(rules, request))
        return value if made is None else made, []

    return look


def validate_response_step(
    default: Judgement | None,
    by_status: Mapping[int, Judgement | None],
    *,
    empty: int | None = 204,
    sample: int = 100,
    modify: bool = False,
    fail_action: str | AsyncHandler = "error",
) -> Callable[[Request, Response], Awaitable[Response | None]]:
    """Judges answers; a wrong one is a 500 (hapi).

    An answer is judged by the status that is sent: `empty` in place of an empty 200, None where answers are events',
    which have no such status. `by_status` wins over `default`, which is not for errors, nor for a status that has no
    body; None accepts anything. `sample` is the percentage of
    responses that are looked at. With `modify` what the validation made of the answer is sent. A function as
    `fail_action` may replace the response by what it returns.
    """

    async def judge(request: Request, response: Response) -> Response | None:
        status = response.status_code if empty is None else response.sent_status(empty)
        look = by_status.get(status, default if status < 400 and status not in BODILESS else None)
        if look is None or (sample < 100 and random() * 100 >= sample):  # noqa: S311 - a sample, not a secret
            return None
        cause: Exception | None = None
        try:
            value, found = await look(request, response.source)
            if not found:
                if modify:
                    response.source = value
                return None
            reason = summary(found)
        except Exception as raised:  # noqa: BLE001 - whatever a function raises refuses the answer
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
