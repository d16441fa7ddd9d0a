"""Type and Member: how the values of a field, and a field of a document, look to clients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hapiish.kinds.model.values import Convert, plain

Schema = dict[str, Any]

_EMPTY = ("array", "object")


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """How values of one field look to clients.

    `parse` makes of JSON what the document's attribute takes, `store` what the database compares with, `plain` of what
    the database has JSON again. `ordered` values can be sorted by, `ranged` ones compared with others, `text` searched;
    `many` marks a list, whose `item` is the type of each; `members` are those of an embedded document.
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
    """A field of a document: `name` is the database's, which clients use too, `attribute` the class's own."""

    name: str
    attribute: str
    type: Type | None  # None for what hapiish has no JSON for: files, geometry, generic references
    required: bool
    automatic: bool  # filled in by MongoEngine: the id, a sequence
    default: Any
    is_secret: bool
    why: str = ""

    @property
    def has_default(self) -> bool:
        return self.default is not None

    def absent(self) -> Any:
        """What a stored document without this field shows: a constant default, an empty list or object, or null."""
        if self.type is None:
            return None
        default = self.default() if callable(self.default) and self.type.schema.get("type") in _EMPTY else self.default
        return None if default is None or callable(default) else plain(default)
