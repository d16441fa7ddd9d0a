"""`Type` and `Member`: the type of a field's values, and a field of a document."""

from collections.abc import Mapping
from dataclasses import dataclass

from hapiish.kinds.model.values import Convert, plain
from hapiish.types import Json, Value

Schema = dict[str, Json]

_EMPTY = ("array", "object")


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """The type of a field's values.

    `parse` converts JSON to the document's attribute, `store` converts JSON to a value to query by, `plain` converts a
    stored value to JSON. `ordered` values can be sorted, `ranged` ones compared by less and greater, `text` searched.
    `many` marks a list, `item` is the type of its items, `members` are the fields of an embedded document.
    """

    schema: Schema
    parse: Convert
    plain: Convert
    store: Convert | None = None
    ordered: bool = False
    ranged: bool = False
    text: bool = False
    many: bool = False
    item: "Type | None" = None
    members: "Mapping[str, Member] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A field of a document: `name` in the database and for clients, `attribute` in the class."""

    name: str
    attribute: str
    type: Type | None  # None without a JSON representation: files, geometry, generic references
    required: bool
    automatic: bool  # set by MongoEngine: the id, a sequence
    default: Value
    is_secret: bool
    why_untyped: str = ""

    @property
    def has_default(self) -> bool:
        return self.default is not None

    def missing_value(self) -> Value:
        """Returns the value for a stored document without this field: a constant default, an empty value or null."""
        if self.type is None:
            return None
        default = self.default() if callable(self.default) and self.type.schema.get("type") in _EMPTY else self.default
        return None if default is None or callable(default) else plain(default)
