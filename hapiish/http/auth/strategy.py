"""The authentication step: tries a route's strategies in order, under its mode (hapi's lib/auth.js).

It fails closed: only `h.authenticated` authenticates a request. Any other result than a verdict or a response is a 500,
and so is any error but a boom below 500.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

from hapiish import boom
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import caller
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.exchange.verdict import Authenticated, Unauthenticated
from hapiish.types import AsyncHandler, Run, Scheme, Value

Mode = Literal["required", "optional", "try"]


def authenticate_step(
    strategies: Sequence[tuple[str, Scheme]], mode: Mode, run: Run
) -> Callable[[Request], Awaitable[Response | None]]:
    """The step that fills `request.auth`; `run` calls schemes written as `def` in the thread pool.

    Without credentials the next strategy is tried; invalid ones end the search: 401 in the modes `required` and
    `optional`; in `try` the request continues, unauthenticated, with `auth.error`.
    """
    return _Strategies([(name, caller(scheme.authenticate, run)) for name, scheme in strategies], mode).authenticate


class _Strategies:
    __slots__ = ("calls", "mode")

    def __init__(self, calls: Sequence[tuple[str, AsyncHandler]], mode: Mode) -> None:
        self.calls = tuple(calls)
        self.mode = mode

    async def authenticate(self, request: Request) -> Response | None:
        auth = request.auth
        auth.mode = self.mode
        if auth.is_injected:
            return None
        challenges: list[str] = []
        for name, call in self.calls:
            verdict = await _ask(name, call, request)
            if isinstance(verdict, Response):
                request.note(["auth", "unauthenticated", "response", name])
                return verdict
            refusal = verdict.error if isinstance(verdict, Unauthenticated) else None
            if refusal is not None and refusal.missing:
                challenges.append(refusal.headers["www-authenticate"])
                continue
            auth.is_authenticated = refusal is None
            auth.strategy = name
            auth.credentials = verdict.credentials
            auth.artifacts = verdict.artifacts
            auth.expires = verdict.expires
            auth.error = refusal
            if refusal is not None:
                request.note(["auth", "unauthenticated", "try" if self.mode == "try" else "error", name], refusal)
                if self.mode != "try":
                    raise refusal
            return None
        auth.error = boom.Unauthorized("Missing authentication", scheme=challenges or None, code="unauthorized")
        request.note(["auth", "unauthenticated", "missing"])
        if self.mode == "required":
            raise auth.error
        return None


async def asked(name: str, scheme: Scheme, request: Request, run: Run) -> Authenticated | Unauthenticated | Response:
    """The verdict of one strategy, outside of a route's mode."""
    return await _ask(name, caller(scheme.authenticate, run), request)


async def _ask(name: str, call: AsyncHandler, request: Request) -> Authenticated | Unauthenticated | Response:
    result: Value
    try:
        result = await call(request, Toolkit(request))
    except boom.Boom as error:
        result = error
    return _verdict(name, result)


def _verdict(name: str, result: Value) -> Authenticated | Unauthenticated | Response:
    """Converts the result of a strategy's scheme to a verdict; a boom below 500 means invalid credentials."""
    if isinstance(result, Authenticated) and result.credentials is not None:
        return result
    if isinstance(result, boom.Boom):
        result = Unauthenticated(result)
    if isinstance(result, Unauthenticated) and isinstance(result.error, boom.Boom):
        if result.error.status >= 500:
            raise result.error
        return result
    if isinstance(result, Response):
        return result
    what = "without credentials" if isinstance(result, Authenticated) else type(result).__name__
    raise boom.InternalServerError(
        f'the scheme of strategy "{name}" must return h.authenticated(credentials=…), h.unauthenticated(error) '
        f"or a response, not {what}"
    )
