"""The examples of a table as samples of documents: what is whole, and depends on no other example."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jsonschema_rs

from hapiish.declare.types import Json, Schema
from hapiish.describe.surface.parts import FailureReason
from hapiish.grammar.example import MATCH
from hapiish.grammar.schema import embed, for_engine
from hapiish.options import RouteOptions
from hapiish.options.examples import Example

_REFERENCE: Final = re.compile(r"\{[A-Za-z_]\w*(\.[^{}]*)?\}")
_UNSAFE: Final = re.compile(r"[^a-z0-9]+")
_ERROR_KEYS: Final = frozenset({"code", "data", "message"})


@dataclass(frozen=True, slots=True)
class Sample:
    """A value with its name: `key` is the name in letters, digits and dashes."""

    key: str
    name: str
    value: Json


def is_whole(value: Json) -> bool:
    """Returns whether a value has no reference to another example and no `$match`."""
    if isinstance(value, str):
        return _REFERENCE.search(value) is None
    if isinstance(value, Mapping):
        return MATCH not in value and all(is_whole(key) and is_whole(each) for key, each in value.items())
    return all(map(is_whole, value)) if isinstance(value, list) else True


def payload_samples(options: RouteOptions) -> Iterator[Sample]:
    """Yields the payloads of examples that succeed."""
    for number, example in enumerate(options.examples, 1):
        payload = example.request.payload
        if payload is not None and example.succeeds and is_whole(payload):
            yield _sample(example, number, payload)


def value_sample(options: RouteOptions, part: str, name: str) -> Json:
    """Returns the first value of a member of `params`, `query`, `headers` or `cookies`; None without one."""
    for example in options.examples:
        values: Mapping[str, Json] = getattr(example.request, part)
        if example.succeeds and values.get(name) is not None and is_whole(values[name]):
            return values[name]
    return None


def answer_samples(
    options: RouteOptions, status: int | None, schema: Schema | None, schemas: Mapping[str, Json]
) -> Iterator[Sample]:
    """Yields the payloads of responses with a status (None: of any success) that are complete by a schema."""
    for number, example in enumerate(options.examples, 1):
        response, payload = example.response, example.response.payload
        if payload is None or not example.succeeds or not is_whole(payload):
            continue
        if response.status in (None, status) and is_valid(payload, schema, schemas):
            yield _sample(example, number, payload)


def media_sample(options: RouteOptions, status: int) -> str | None:
    """Returns the media type of a status by the first example that shows it: in `content-type`, or by a JSON body."""
    for example in options.examples:
        response = example.response
        if response.status not in (None, status) or not example.succeeds:
            continue
        named = next((value for name, value in response.headers.items() if name.lower() == "content-type"), None)
        if isinstance(named, str) and is_whole(named):
            return named.partition(";")[0].strip().lower()
        if isinstance(response.payload, (Mapping, list)):
            return "application/json"
    return None


def is_valid(value: Json, schema: Schema | None, schemas: Mapping[str, Json]) -> bool:
    """Returns whether a value is valid by a schema of the table; None accepts any."""
    if schema is None or schema is True:
        return True
    return bool(jsonschema_rs.validator_for(for_engine(embed(schema, schemas))).is_valid(value))


def failure_reasons(options: RouteOptions) -> Iterator[tuple[int, FailureReason]]:
    """Yields the errors that examples show, with their codes."""
    for number, example in enumerate(options.examples, 1):
        status, payload = example.response.status, example.response.payload
        if status is None or status < 400:
            continue
        known: Any = payload if isinstance(payload, Mapping) and is_whole(payload) else {}
        if known.keys() <= _ERROR_KEYS:
            more = {"data": known["data"]} if "data" in known else {}
            sample = _sample(example, number, None)
            text = sample.name[:1].upper() + sample.name[1:]
            message = known.get("message")
            exact = message is not None
            yield status, FailureReason(sample.key, text, message, known.get("code"), more, exact)


def statuses(options: RouteOptions) -> list[int]:
    """Returns the statuses below 400 that examples show."""
    found = {example.response.status for example in options.examples}
    return sorted(status for status in found if status is not None and status < 400)


def _sample(example: Example, number: int, value: Json) -> Sample:
    name = example.name or f"example {number}"
    return Sample(_UNSAFE.sub("-", name.lower()).strip("-") or f"example-{number}", name, value)
