"""The reusable types of options: durations, sizes, functions, names and so on, each with its form in the file."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, NewType

from hapiish.declare.option import Form, Items, Refers, Role, Text, option, settings


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file; `line` and `column` count from 1. `chain` holds the places that refer to a used table."""

    file: str
    line: int
    column: int
    chain: tuple["Mark", ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Mark("", 1, 1)
LARGEST: Final = 9007199254740991
"""The largest integer that every JSON parser represents exactly."""

VARIABLE: Final = {"$ref": "#/definitions/variable"}
FUNCTION_NAME: Final = (
    r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*"
)
_TCHARS: Final = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
IDENTIFIER: Final = "^[A-Za-z_][A-Za-z0-9_]*$"

Duration = NewType("Duration", int)  # milliseconds
Size = NewType("Size", int)  # bytes
Seconds = NewType("Seconds", int)
Json = Any

_SPAN: Final = "[0-9]{1,13}(ms)?|[0-9]{1,10}s|[0-9]{1,8}m|[0-9]{1,6}h|[0-9]{1,5}d"
_DURATIONS: Final = 'milliseconds{}, or text such as "250ms", "10s", "5m", "1h", "1d"'


def is_function_name(text: str) -> bool:
    """Returns whether a text names a function: `module:attribute`."""
    return re.fullmatch(FUNCTION_NAME, text, re.ASCII) is not None


def _number(least: int, most: int, pattern: str) -> list[dict[str, Any]]:
    return [
        {"type": ["integer", "null"], "minimum": least, "maximum": most},
        {"type": "string", "pattern": pattern},
        VARIABLE,
    ]


FORMS: Final[dict[Any, Form]] = {
    bool: Form({"anyOf": [{"type": ["boolean", "null"]}, VARIABLE]}, name="boolean", nullable=True),
    Duration: Form(
        {"anyOf": _number(0, 9999999999999, f"^({_SPAN})$")},
        name="duration",
        wanted=_DURATIONS.format(""),
        nullable=True,
    ),
    Seconds: Form(
        {"anyOf": _number(0, 9999999999, "^([0-9]{1,10}s?|[0-9]{1,8}m|[0-9]{1,6}h|[0-9]{1,5}d)$")},
        name="seconds",
        wanted='seconds, or text such as "30s", "5m", "1h", "1d"',
        nullable=True,
    ),
    Size: Form(
        {"anyOf": _number(1, LARGEST, "^(?!0*[A-Z]*$)([0-9]{1,15}B?|[0-9]{1,12}KB|[0-9]{1,9}MB|[0-9]{1,6}GB)$")},
        name="size",
        wanted='bytes, or text such as "64KB" or "1MB" (1 KB is 1024 bytes)',
        nullable=True,
    ),
}
"""The forms of types that carry no markers."""

TimeSpan = Annotated[
    Duration,
    Form(
        {"anyOf": _number(1, 9999999999999, f"^(?!0*[a-z]*$)({_SPAN})$")},
        name="timeSpan",
        wanted=_DURATIONS.format(" above 0"),
        nullable=True,
    ),
]
FUNCTION: Final = Form(
    {
        "description": "A Python function as module:attribute. The folder of the table is searched first.",
        "anyOf": [{"type": "string", "pattern": f"^{FUNCTION_NAME}$"}, VARIABLE],
        "examples": ["handlers.messages:create"],
    },
    name="function",
    wanted='text of the form "module:attribute"',
)
Function = Annotated[str, FUNCTION, Refers(Role.FUNCTION)]
CALL: Final = Form(
    {
        "description": "A Python function as module:attribute, or a call of a server method: "
        "`users.load(params.id, 'text', 5, true)`, with literals and values of the request (None if it has none).",
        "anyOf": [{"type": "string", "pattern": rf"^({FUNCTION_NAME}|[A-Za-z_][A-Za-z0-9_.]*\s*\(.*\))$"}, VARIABLE],
        "examples": ["handlers.messages:create", "users.load(params.id)"],
    },
    name="functionOrCall",
    wanted='text of the form "module:attribute" or a call "method(params.id)"',
)
Call = Annotated[str, CALL, Refers(Role.CALL)]
"""A function, or a call of a server method."""

MAY_BE_FUNCTION: Final = Refers(Role.FUNCTION, like=FUNCTION_NAME)
"""Text that is a function if it has the form of one."""

FAIL_ACTION: Final = Form(
    {"anyOf": [{"enum": ["error", "log", "ignore", None]}, {"$ref": "#/definitions/function"}]},
    name="failAction",
    wanted='error, log, ignore or a function "module:attribute"',
    nullable=True,
)
FailAction = Annotated[str, FAIL_ACTION, Refers(Role.FUNCTION, unless=("error", "log", "ignore"))]
SCHEMA: Final = Form(
    {
        "description": 'A JSON Schema of the dialect 2020-12; `$ref: "#/schemas/Name"` refers to one of the table.',
        "type": ["object", "boolean", "null"],
    },
    name="jsonSchema",
    wanted="a JSON Schema: a mapping, true or false",
    nullable=True,
)
IS_SECRET: Final = Refers(Role.SECRET)
IS_SCHEMA: Final = Refers(Role.SCHEMA, types=(dict, bool))
Schema = Annotated[dict[str, Any] | bool, SCHEMA, IS_SCHEMA]
RULE: Final = Form(
    {"anyOf": [{"$ref": "#/definitions/jsonSchema"}, {"$ref": "#/definitions/function"}]},
    name="rule",
    wanted='a JSON Schema (a mapping, true or false) or a function "module:attribute"',
    nullable=True,
)
Rule = Annotated[dict[str, Any] | bool | str, RULE, IS_SCHEMA, Refers(Role.FUNCTION)]
"""A JSON Schema, or a function that validates."""

Password = Annotated[
    Json,
    Form(
        {
            "description": "A secret of at least 32 characters, or secrets by id: the first one seals new values, the "
            "others only unseal existing ones. Values that a single secret has sealed belong to the id `default`.",
            "examples": ["${COOKIE_PASSWORD}", {"v2": "${COOKIE_PASSWORD}", "default": "${OLD_COOKIE_PASSWORD}"}],
            "anyOf": [
                {"type": ["string", "null"], "minLength": 32},
                {
                    "type": "object",
                    "minProperties": 1,
                    "propertyNames": {"pattern": "^[A-Za-z0-9_]+$", "errorMessage": "an id of letters, digits and _"},
                    "additionalProperties": {
                        "anyOf": [{"type": "string", "minLength": 32}, VARIABLE],
                        "errorMessage": "a secret of at least 32 characters",
                    },
                },
                VARIABLE,
            ],
        },
        name="password",
        wanted="a secret of at least 32 characters, or several by id",
        nullable=True,
    ),
    Refers(Role.SECRET, types=(str, dict)),
]

AnyText = Annotated[str, Text(min=0)]
CookieName = Annotated[str, Text(f"^{_TCHARS}$", "the name of a cookie")]
HeaderName = Annotated[str, Text(f"^{_TCHARS}$", "the name of a header")]
MethodName = Annotated[str, Text(f"^{_TCHARS}$", 'a method such as GET, or "*" for any')]
MediaType = Annotated[str, Text(f"^{_TCHARS}/{_TCHARS}$", 'a media type such as "text/plain"')]
MediaTypeText = Annotated[
    str, Text(f"^{_TCHARS}/{_TCHARS}( *; *{_TCHARS}={_TCHARS})*$", 'a media type such as "application/problem+json"')
]
Identifier = Annotated[str, Text(IDENTIFIER, "a name of letters, digits and _")]
HttpUri = Annotated[str, Text("^https?://", "an http or https URI")]
TimeOfDay = Annotated[str, Text("^([01]?[0-9]|2[0-3]):[0-5][0-9]$", 'a time of day such as "03:30"')]
CookiePath = Annotated[str, Text("^/", 'a path that starts with "/"')]
Domain = Annotated[
    str,
    Text(
        r"^\.?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$", "a domain"
    ),
]
Hostname = Annotated[
    str,
    Text(
        "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
        "a hostname without port or wildcard",
        max=253,
    ),
]
Names = Annotated[
    tuple[str, ...], Items(one=True), Form(name="names", wanted="a name, or a list of names", nullable=True)
]


@settings(strict=True)
class ByFunction:
    """A function of the request in place of a value."""

    method: Function = option(description="`(request)` as module:attribute, returns the value.")
