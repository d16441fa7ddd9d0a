"""The lifecycle of a request: runs a route's compiled steps and calls users' functions, in this order:

    onRequest → route → cookies → onPreAuth → authenticate → body → onCredentials → access → onPostAuth
      → validate headers, params, query, payload, state → onPreHandler → pre → handler → onPostHandler
      → validate response → onPreResponse → finalizers and sending → onPostResponse

A step is `step(request)`: None continues, a `Response` ends the lifecycle (takeover), a boom fails it. The order is
hapi's (lib/request.js, lib/route.js); a step that a route does not configure is absent from its tuple.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import time
from types import CoroutineType

from hapiish import boom
from hapiish.http.content.stream import close, is_stream
from hapiish.http.exchange import log
from hapiish.http.exchange.error_body import error_response
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import UNINTERRUPTED, Route, Step
from hapiish.http.exchange.toolkit import CONTINUE, BoundToolkit, LifecycleAborted, Signal, Toolkit
from hapiish.types import AsyncHandler, Value


async def perform(route: Route, request: Request) -> Response:
    """Runs the steps of `route` up to and including onPreResponse; every outcome is a response."""
    try:
        for step, awaits in route.steps:
            taken = step(request)
            if taken is not None and awaits:
                taken = await taken
            if taken is not None:
                response = taken if taken.prepare is None else await _prepared(request, taken)
                break
        else:
            try:
                value = await route.handler(request, Toolkit(request))
                if value.__class__ is CoroutineType:
                    value = await value
            except Exception as error:
                request.note(["handler", "error"], error)
                raise
            response = respond(value)
            if response.prepare is not None:
                await _prepared(request, response)
            if route.on_post_handler and not response.taken_over and response.error is None:
                response = await _replace(route.on_post_handler, request, response)
    except Exception as error:  # noqa: BLE001 - every outcome is a response
        response = failed(request, error)
    if route.validate_response is not None:
        try:
            response = await route.validate_response(request, response) or response
        except Exception as error:  # noqa: BLE001 - every outcome is a response
            await close(response.source)
            response = failed(request, error)
    return await finish(route, request, response) if route.on_pre_response or route.finalizers else response


async def finish(route: Route, request: Request, response: Response) -> Response:
    """Runs onPreResponse once for any response, errors included, then the finalizers; an error they raise is sent."""
    try:
        response = await _replace(route.on_pre_response, request, response)
    except Exception as error:  # noqa: BLE001 - every outcome is a response
        response = failed(request, error)
    for finalize in route.finalizers:
        try:
            await finalize(request, response)
        except Exception as error:  # noqa: BLE001 - every outcome is a response
            await close(response.source)
            response = failed(request, error)
    return response


async def _replace(functions: tuple[AsyncHandler, ...], request: Request, response: Response) -> Response:
    for function in functions:
        request.response = response
        try:
            value = await awaited(await function(request, Toolkit(request)))
        except Exception:
            await close(response.source)
            raise
        if value is not CONTINUE:
            before, response = response.source, await _prepared(request, respond(value))
            if not is_stream(response.source):
                await close(before)
            if response.taken_over:
                break
    return response


def timed(route: Route, milliseconds: int) -> Route:
    """Limits the handler of `route`: responds 503 after that many milliseconds since the request was received (hapi).

    A running `async def` is cancelled. A `def` in its thread keeps running, its result discarded. Response validation
    and onPreResponse are not timed.
    """
    seconds = milliseconds / 1000
    inner = replace(route, validate_response=None, on_pre_response=(), finalizers=())

    async def within(request: Request, h: Toolkit) -> Response:
        try:
            async with asyncio.timeout(seconds - (time() - request.received)):
                return await perform(inner, request)
        except TimeoutError:
            request.is_active = False
            request.note(["request", "server", "timeout", "error"])
            return failed(request, boom.ServerUnavailable())

    return replace(route, steps=(), handler=within, on_post_handler=())


def uninterrupted(function: AsyncHandler) -> AsyncHandler:
    """Exempts a `def` handler from cancellation when the client leaves: its thread keeps running anyway.

    The steps after the handler then run too, for example those that publish its result.
    """
    if not isinstance(function, partial):
        return function

    async def finish(request: Request, h: Toolkit) -> Value:
        request.scope[UNINTERRUPTED] = True
        return await function(request, h)

    return finish


async def post_response(route: Route, request: Request, response: Response) -> None:
    """Runs onPostResponse after the response is sent; results are ignored and errors are logged."""
    request.response = response
    request.info.responded = time()
    for function in route.on_post_response:
        try:
            await awaited(await function(request, Toolkit(request)))
        except Exception as error:  # noqa: BLE001 - every outcome is a response
            log.crashed(request.id, "onPostResponse", error)


async def awaited(value: Value) -> Value:
    """Awaits `value` if it is a coroutine that the function should have awaited, as hapi resolves nested promises."""
    return await value if value.__class__ is CoroutineType else value


def respond(value: Value) -> Response:
    """Converts the return value of a handler to a response."""
    if isinstance(value, Response):
        return value
    if isinstance(value, Exception):
        raise value
    if value.__class__ is Signal:
        if value is not CONTINUE:
            raise LifecycleAborted(value)
        value = None
    return Response(value)


async def _prepared(request: Request, response: Response) -> Response:
    if response.prepare is not None:
        prepare, response.prepare = response.prepare, None
        await prepare(response, request)
    return response


def failed(request: Request, error: Exception) -> Response:
    """Converts an exception to a response: a boom as it is, an unavailable store as 503, any other as a logged 500."""
    known = error if isinstance(error, boom.Boom) else _translated(request, error)
    if known is None or known.status == 500:
        log.crashed(request.id, f"{request.method} {request.route.path}", error)
        request.note(["internal", "error"], error, channel="error")
        known = known or boom.InternalServerError()
    return error_response(request, known)


def _translated(request: Request, error: Exception) -> boom.Boom | None:
    """Translates an error of the store; a document that the store refuses gets the status of a failed validation."""
    known: boom.Boom | None = request.server.translate(error)
    if known is not None and known.status == 400:
        known.answered(request.route.settings.validate.status)
    return known


def extension_step(point: str, function: AsyncHandler) -> Step:
    """The step of a function at an extension point before the handler; it continues, takes over or raises."""

    async def extend(request: Request) -> Response | None:
        try:
            return _verdict(await awaited(await function(request, Toolkit(request))), point)
        except Exception as error:
            request.note(["ext", "error", point], error)
            raise

    return extend


def with_context(function: AsyncHandler, context: Value) -> AsyncHandler:
    """Wraps a function so that `h.context` is `context`."""

    async def call(request: Request, h: Toolkit) -> Value:
        return await function(request, BoundToolkit(request, context))

    return call


def with_timeout(function: AsyncHandler, milliseconds: int, name: str) -> AsyncHandler:
    """Wraps a function so that it is cancelled after `milliseconds`, which is a 500 (hapi); `name` is for the log."""

    async def call(*arguments: Value) -> Value:
        try:
            async with asyncio.timeout(milliseconds / 1000) as timer:
                return await function(*arguments)
        except TimeoutError:
            if not timer.expired():
                raise
            raise boom.InternalServerError(f"{name} took longer than {milliseconds} ms") from None

    return call


def fail_action(function: AsyncHandler) -> Callable[[Request, boom.Boom], Awaitable[Response | None]]:
    """The caller of a `failAction` function, `(request, h, err)`, which continues, takes over or raises."""

    async def act(request: Request, error: boom.Boom) -> Response | None:
        return _verdict(await awaited(await function(request, Toolkit(request), error)), "failAction")

    return act


def _verdict(value: Value, where: str) -> Response | None:
    if value is CONTINUE:
        return None
    if isinstance(value, Response) and value.taken_over:
        return value
    if isinstance(value, Exception):
        raise value
    if isinstance(value, Signal):
        raise LifecycleAborted(value)
    raise boom.InternalServerError(
        f"{where} must return h.continue_, a takeover response or raise, not {type(value).__name__}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prerequisite:
    """One `pre`. `assign` names its value; `action` is error, log, ignore or a failAction function."""

    method: AsyncHandler
    assign: str | None
    action: str | AsyncHandler


async def _require(pre: Prerequisite, request: Request) -> Response | None:
    try:
        response = respond(await awaited(await pre.method(request, Toolkit(request))))
        value: Value = response.source
    except Exception as error:
        if pre.action == "error":
            raise
        if callable(pre.action):
            response = respond(await awaited(await pre.action(request, Toolkit(request), error)))
            value = response.source
        else:
            if pre.action == "log":
                request.note(["pre", "error"], error, printed=True)
            response, value = Response(error), error
    if response.taken_over:
        return response
    if pre.assign is not None:
        request.pre[pre.assign] = value
        request.pre_responses[pre.assign] = response
    return None


def pre_step(together: Sequence[Prerequisite]) -> Step:
    """Runs prerequisites in parallel; after a first error the others keep running, results discarded (hapi)."""
    if len(together) == 1:
        return partial(_require, together[0])

    async def require_all(request: Request) -> Response | None:
        results = await asyncio.gather(*(_require(pre, request) for pre in together))
        return next((taken for taken in results if taken is not None), None)

    return require_all
