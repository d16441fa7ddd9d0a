"""The forms of a value, and the JSON Schema that they make."""

from dataclasses import dataclass, field
from typing import Any, Final

from hapiish.declare.option import Range, Text
from hapiish.declare.types import VARIABLE

Schema = dict[str, Any]

EXTRA: Final = {"^x-": {"$ref": "#/definitions/extra"}}


@dataclass(slots=True)
class Forms:
    """The forms of a value: literals and schemas. `takes_null`: one of them accepts null."""

    literals: list[Any] = field(default_factory=list)
    schemas: list[Schema] = field(default_factory=list)
    wanted: str = ""
    takes_null: bool = False

    def add(self, other: "Forms") -> None:
        """Adds the forms of an alternative."""
        self.literals += other.literals
        self.schemas += other.schemas
        self.takes_null |= other.takes_null


def scalar(kind: Any, markers: tuple[Any, ...]) -> Forms:
    """Returns the form of text, a number or a boolean, with the bounds of its markers; of any value for `Any`."""
    if kind is Any:
        return Forms([], [{}])
    schema: Schema = {}
    wanted = ""
    for marker in markers:
        if isinstance(marker, Range):
            schema |= {} if marker.min is None else {"minimum": marker.min}
            schema |= {} if marker.max is None else {"maximum": marker.max}
    if kind is str:
        bounds = next((each for each in markers if isinstance(each, Text)), Text())
        schema = {"pattern": bounds.pattern} if bounds.pattern else {"minLength": bounds.min} if bounds.min else {}
        schema |= {"maxLength": bounds.max} if bounds.max else {}
        schema |= {"minLength": bounds.min} if bounds.pattern and bounds.min > 1 else {}
        wanted = bounds.wanted
        schema |= {"errorMessage": wanted} if wanted else {}
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return Forms([], [{"type": names[kind], **schema}], wanted)


def assembled(forms: Forms, wanted: str, *, nullable: bool) -> Schema:
    """Returns one schema of all forms; `nullable` adds null, and forms without text accept a variable."""
    schemas = [dict(each) for each in forms.schemas]
    literals = list(forms.literals)
    wanted = wanted or forms.wanted
    if nullable and not forms.takes_null:
        plain = next((each for each in schemas if isinstance(each.get("type"), str)), None)
        if literals:
            literals.append(None)
        elif plain is not None:
            plain["type"] = [plain["type"], "null"]
        elif schemas != [{}]:
            schemas.append({"type": "null"})
    if literals:
        schemas.insert(0, {"enum": literals})
    if _wants_variable(schemas):
        schemas.append(VARIABLE)
    if len(schemas) > 1:
        return {"anyOf": schemas, **({"errorMessage": wanted} if wanted else {})}
    (only,) = schemas
    return only if "$ref" in only else {**only, **({"errorMessage": wanted} if wanted else {})}


def _wants_variable(schemas: list[Schema]) -> bool:
    """Returns True for scalars that do not accept a variable as text."""
    types = [each.get("type") for each in schemas]
    scalars = [name for each in types for name in (each if isinstance(each, list) else [each])]
    free = any("string" in (each.get("type") or ()) and "pattern" not in each for each in schemas)
    return not free and (any("enum" in each for each in schemas) or bool({"integer", "number", "boolean"} & {*scalars}))


def addition(listed: Schema) -> Schema:
    """Returns the schema of `{add: […]}`, which appends to the inherited list."""
    entries = {"description": "Entries that are appended to the inherited list.", **listed, "minItems": 1}
    return {
        "type": "object",
        "required": ["add"],
        "properties": {"add": entries},
        "patternProperties": EXTRA,
        "additionalProperties": False,
    }
