"""Payload and response authentication of schemes (hapi's `payload` and `response`).

The payload is authenticated after the body is read, the response when it is finished.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from hapiish import boom
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import Finalizer
from hapiish.http.exchange.toolkit import CONTINUE, Toolkit
from hapiish.types import AsyncHandler, Value

Demand = Literal["required", "optional"]


def payload_authentication(
    methods: Mapping[str, tuple[AsyncHandler, Demand]],
) -> Callable[[Request], Awaitable[Response | None]]:
    """The step in which the caller's strategy authenticates the payload; `methods` are by strategy.

    A missing signature (an error without a message) is a 401 if payload authentication is `required`.
    """

    async def authenticate(request: Request) -> Response | None:
        auth = request.auth
        known = methods.get(auth.strategy or "")
        if not auth.is_authenticated or known is None:
            return None
        method, demand = known
        try:
            outcome: Value = await method(request, Toolkit(request))
        except boom.Boom as error:
            outcome = error
        if outcome is CONTINUE:
            return None
        if isinstance(outcome, Response) and outcome.taken_over:
            return outcome
        if isinstance(outcome, boom.Boom) and outcome.missing:
            if demand == "optional":
                return None
            raise boom.Unauthorized("Missing payload authentication", code="unauthorized")
        raise _failure(outcome, f'payload() of the strategy "{auth.strategy}"')

    return authenticate


def response_authentication(methods: Mapping[str, AsyncHandler]) -> Finalizer:
    """The finalizer through which the strategy that authenticated the caller signs the response or adds headers."""

    async def touch(request: Request, response: Response) -> None:
        auth = request.auth
        method = methods.get(auth.strategy or "")
        if not auth.is_authenticated or method is None:
            return
        request.response = response
        outcome = await method(request, Toolkit(request))
        if outcome is not CONTINUE and outcome is not None:
            raise _failure(outcome, f'response() of the strategy "{auth.strategy}"')

    return touch


def _failure(outcome: Value, where: str) -> Exception:
    """Converts a result other than h.continue_ to an error: itself if it is one, else a 500."""
    if isinstance(outcome, Exception):
        return outcome
    return boom.InternalServerError(f"{where} must return h.continue_ or raise, not {type(outcome).__name__}")
