"""JSON: how it is written (`json` of a route) and read (`server.json`)."""

from dataclasses import dataclass
from typing import Annotated

from hapiish.options.declare import As, Range, option, settings
from hapiish.options.values import AnyText, Function


@settings(name="json")
@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFormat:
    """How responses are written as JSON."""

    replacer: Annotated[tuple[str, ...] | str, As(tuple[AnyText, ...] | Function)] | None = option(
        None,
        "The keys of objects that are sent, others are left out; or a function `(key, value)` that returns "
        "what is sent instead of each value, `...` to leave it out.",
        examples=[["id", "name"], "handlers.json:replace"],
        wanted='a list of keys or a function "module:attribute"',
    )
    space: Annotated[int, Range(0, 10)] | None = option(None, "Indentation of JSON, in spaces.")
    suffix: AnyText | None = option(None, "Text after the JSON.")
    escape: bool = option(False, "Escapes <, >, & and the line separators U+2028 and U+2029.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerJson:
    """How JSON is parsed: bodies, events and fields of forms. It may be nested 128 levels deep."""

    max_digits: Annotated[int, Range(19, 4300)] = option(
        1000,
        "The most digits that an integer may have. A longer one is refused with 400, because its conversion "
        "takes more than linear time.",
    )
