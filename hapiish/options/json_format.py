"""JSON: the format of responses (`json` of a route), and limits of parsing (`server.json`)."""

from dataclasses import dataclass
from typing import Annotated

from hapiish.declare.option import As, Range, option, settings
from hapiish.declare.types import AnyText, Function


@settings(name="json")
@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFormat:
    """The format of JSON responses."""

    replacer: Annotated[tuple[str, ...] | str, As(tuple[AnyText, ...] | Function)] | None = option(
        None,
        "The keys of objects to send, without all others; or a function `(key, value)` that returns the "
        "value to send, or `...` to omit it.",
        examples=[["id", "name"], "handlers.json:replace"],
        wanted='a list of keys or a function "module:attribute"',
    )
    space: Annotated[int, Range(0, 10)] | None = option(None, "The number of spaces of indentation.")
    suffix: AnyText | None = option(None, "Text appended to the JSON.")
    escape: bool = option(False, "Escapes <, >, & and the line separators U+2028 and U+2029.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerJson:
    """The parsing of JSON: bodies, events and fields of forms. The maximum nesting depth is 128."""

    max_digits: Annotated[int, Range(19, 4300)] = option(
        1000,
        "The maximum number of digits of an integer. A longer one is refused with 400, because its "
        "conversion takes more than linear time.",
    )
