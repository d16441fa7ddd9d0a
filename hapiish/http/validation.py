"""Schemas to steps that judge what a route receives and what it answers.

The verdict is jsonschema-rs's, the report jsonschema's. What fits costs one call; only what does not
is looked at again, to say where and why.
"""

import html
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import random
from typing import Any, Literal
from weakref import WeakValueDictionary

import jsonschema_rs

from hapiish import boom, codec
from hapiish.http.report import TOO_DEEP, UNEXPLAINED, Fault, Reporter
from hapiish.http.request import Request
from hapiish.http.response import Response
from hapiish.http.schema import Schema, SchemaError, embed, unescape
from hapiish.http.toolkit import CONTINUE, Toolkit
from hapiish.types import AsyncHandler

Source = Literal["headers", "params", "payload", "query", "state"]
Convert = Callable[[Any], Any]
FailAction = str | Callable[[Request, boom.Boom], Awaitable[Response | None]]
"""`error`, `log`, `ignore`, or what calls the user's function and returns its takeover response."""

NOTHING: Schema = {"type": ["object", "null"], "additionalProperties": False}
"""What the schema `false` means for a whole query, body or answer: there is none (hapi)."""

FORM = "application/x-www-form-urlencoded"


class Validator:
    """One compiled schema. `is_valid` is jsonschema-rs's own method: it raises ValueError for values outside JSON."""

    __slots__ = ("__weakref__", "_document", "_engine", "_reporter", "is_valid")

    def __init__(self, document: Schema) -> None:
        try:
            self._engine = jsonschema_rs.Draft202012Validator(document, validate_formats=True, offline=True)
        except ValueError as error:
            raise SchemaError(str(error).partition("\n")[0]) from None
        self._document = document
        self._reporter: Reporter | None = None
        self.is_valid: Callable[[Any], bool] = self._engine.is_valid

    def errors(self, value: Any) -> list[Fault]:
        """The faults of `value`, sorted by place; empty when it is valid (of a value outside JSON, to jsonschema)."""
        try:
            if self.is_valid(value):
                return []
            unexplained = [UNEXPLAINED]
        except ValueError:
            unexplained = []
        if self._reporter is None:
            self._reporter = Reporter(self._document, self._engine)
        return self._reporter.faults(value) or unexplained


_compiled: WeakValueDictionary[str, Validator] = WeakValueDictionary()


def compile_schema(schema: Schema, schemas: Mapping[str, Any]) -> Validator:
    """The validator of a JSON Schema 2020-12 whose `#/schemas/Name` are found in `schemas`.

    Equal schemas share one validator. `false` accepts only what is empty: null or `{}`. Raises SchemaError for an
    unknown name, a remote reference or a wrong schema.
    """
    document = embed(NOTHING if schema is False else schema, schemas)
    key = json.dumps(document, sort_keys=True)
    validator = _compiled.get(key)
    if validator is None:
        validator = _compiled[key] = Validator(document)
    return validator


@dataclass(slots=True, eq=False, kw_only=True)
class _Input:
    """One source of a route with its schema; `judge` and `ask` are the steps."""

    source: Source
    validator: Validator
    coerce: Convert | None
    defaults: Convert | None
    fail_action: FailAction
    detail: Literal["full", "none"]
    error_fields: Mapping[str, Any] | None
    skips_get: bool

    def faults(self, request: Request) -> list[Fault]:
        source, validator = self.source, self.validator
        if self.skips_get and request.method in ("get", "head"):
            return []
        value = given = getattr(request, source)
        request.orig[source] = given
        change = self.defaults if source == "payload" and request.mime != FORM else self.coerce
        try:
            if change is not None and given is not None:
                value = change(given)
            found = [] if validator.is_valid(value) else validator.errors(value)
        except RecursionError:
            return [TOO_DEEP]
        except ValueError:
            found = validator.errors(value)
        if not found and value is not given:
            setattr(request, source, value)
        return found

    def failure(self, found: list[Fault]) -> boom.Boom:
        extra = dict(self.error_fields or {})
        if self.detail == "full":
            keys = dict.fromkeys(_dotted(fault["path"]) for fault in found)
            extra["validation"] = {"source": self.source, "keys": list(keys), "errors": found}
        return boom.BadRequest(f"Invalid request {self.source} input", extra=extra)

    def judge(self, request: Request) -> None:
        found = self.faults(request)
        if found and self.fail_action == "error":
            raise self.failure(found)
        if found and self.fail_action == "log":
            request.log(["validation", "error", self.source], _summary(found))

    async def ask(self, request: Request) -> Response | None:
        found = self.faults(request)
        if not found:
            return None
        assert callable(self.fail_action)
        return await self.fail_action(request, self.failure(found))


def validate_step(
    source: Source,
    validator: Validator,
    *,
    coerce: Convert | None = None,
    defaults: Convert | None = None,
    fail_action: FailAction = "error",
    detail: Literal["full", "none"] = "full",
    error_fields: Mapping[str, Any] | None = None,
    any_method: bool = False,
) -> Callable[[Request], Any]:
    """A step that replaces `request.<source>` by its coerced form, or fails with 400; the original goes to `orig`.

    `coerce` is for text (params, query, headers, cookies, form bodies), `defaults` for JSON bodies. `detail: none`
    leaves the error at hapi's three keys; `error_fields` are added to them. `any_method`: a `*` route, whose GET and
    HEAD have no body to judge. The step is async only with a function as `fail_action`.
    """
    given = _Input(
        source=source,
        validator=validator,
        coerce=coerce,
        defaults=defaults,
        fail_action=fail_action,
        detail=detail,
        error_fields=error_fields,
        skips_get=any_method and source == "payload",
    )
    if callable(fail_action):
        return given.ask
    return given.judge if source == "payload" and (coerce or defaults or any_method) else _flat(given)


def _flat(given: _Input) -> Callable[[Request], None]:
    """`given.judge` for what fits, in as few operations as there are; what does not is looked at again."""
    source, change, is_valid = given.source, given.coerce, given.validator.is_valid

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
        given.judge(request)

    return judge


def _dotted(pointer: str) -> str:
    """A pointer as hapi writes it into `keys`: `a.0.b`, with what HTML would take for markup escaped."""
    return html.escape(".".join(map(unescape, pointer.split("/")[1:])))


def _summary(found: list[Fault]) -> str:
    """One line for the log, whatever line breaks a client put into the names of properties."""
    text = "; ".join(f"{fault['path'] or '/'} {fault['message']}" for fault in found)
    return text if text.isprintable() else ascii(text)


def validate_response_step(
    default: Validator | None,
    by_status: Mapping[int, Validator | None],
    sample: int = 100,
    fail_action: str | AsyncHandler = "error",
) -> Callable[[Request, Response], Awaitable[Response | None]]:
    """Judges what a handler answers, in the form it will have on the wire; a wrong answer is a 500 (hapi).

    `by_status` wins over `default`, which is not for errors; None accepts anything. `sample` is the percentage of
    responses that are looked at. A function as `fail_action` may replace the response by what it returns.
    """

    async def judge(request: Request, response: Response) -> Response | None:
        status = response.status_code
        validator = by_status.get(status, default if status < 400 else None)
        if validator is None or (sample < 100 and random() * 100 >= sample):  # noqa: S311 - a sample, not a secret
            return None
        found = faults_as_sent(validator, response.source)
        if not found or fail_action == "ignore":
            return None
        route = request.route
        error = boom.InternalServerError(
            f"the {status} answer of {route.id or f'{route.method} {route.path}'} (request {request.id}) "
            f"does not fit its schema: {_summary(found)}"
        )
        if fail_action == "error":
            raise error
        if callable(fail_action):
            h = Toolkit(request)
            value = await fail_action(request, h, error)
            return None if value is CONTINUE else h.response(value)
        request.log(["validation", "response", "error"], str(error))
        return None

    return judge


def faults_as_sent(validator: Validator, source: Any) -> list[Fault]:
    """The faults of a handler's value; dates, ids and documents are judged by the JSON they become."""
    try:
        if validator.is_valid(source):
            return []
    except ValueError:
        pass
    try:
        return validator.errors(codec.decode(codec.encode(source)))
    except (TypeError, ValueError) as error:
        return [{"path": "", "message": f"is not JSON: {error}", "keyword": "type"}]
