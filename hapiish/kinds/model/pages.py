"""Pagination of a list, by cursor or by offset: order, page size and position."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hapiish.kinds.model.cursor import Condition, Order, SortKey
from hapiish.kinds.model.types import Schema
from hapiish.kinds.model.values import Unfit
from hapiish.options import ModelHandler
from hapiish.types import Value

_DIGITS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Page:
    """The page that a request asks for. `parameter` is the query parameter for the next page."""

    order: Order
    limit: int
    parameter: str
    offset: int = 0
    conditions: tuple[Condition, ...] = ()


class Pages:
    """The pagination of a list. `options` are those of the table, `sortable` are the allowed sort keys by path."""

    def __init__(self, options: ModelHandler, sortable: Mapping[str, SortKey], identity: SortKey) -> None:
        self.options = options
        self.sortable = sortable
        self.identity = identity
        self.counts: bool = options.count
        self.parameter: str = options.paging
        self.default_order = self.order(options.sort.default)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The query parameters that every list has."""
        return ("limit", self.parameter, "sort", "fields")

    def order(self, names: Sequence[str]) -> Order:
        """Returns the order by these keys, `-` for descending ones. The id is appended as a tie-breaker."""
        keys: dict[str, SortKey] = {}
        for name in names:
            path = name.removeprefix("-")
            keys.setdefault(path, SortKey(path, self.sortable[path].type, name.startswith("-")))
        last = keys[next(reversed(keys))].descending if keys else False
        keys.setdefault(self.identity.path, SortKey(self.identity.path, self.identity.type, last))
        return Order(tuple(keys.values()))

    def requested(self, query: Mapping[str, Value]) -> Page:
        """Returns the page that a query asks for.

        Raises Unfit for wrong parameters, which a route's own validation may accept.
        """
        order, limit = self._order(query), self._integer(query, "limit", self.options.limit, 1)
        limit = min(limit, int(self.options.max_limit))
        if self.parameter == "offset":
            offset = self._integer(query, "offset", 0, 0)
            if offset > self.options.max_offset:
                raise Unfit(f"must be at most {self.options.max_offset}", ("offset",))
            return Page(order, limit, "offset", offset)
        conditions = (order.after(str(query["cursor"])),) if "cursor" in query else ()
        return Page(order, limit, "cursor", conditions=conditions)

    def following(self, page: Page, rows: Sequence[Mapping[str, Value]]) -> Value:
        """Returns cursor or offset of the next page, None after the last one. `rows` has one row more than the page."""
        if len(rows) <= page.limit:
            return None
        if self.parameter == "cursor":
            return page.order.cursor(rows[page.limit - 1])
        offset = page.offset + page.limit
        return offset if offset <= self.options.max_offset else None

    def schemas(self) -> Schema:
        """Returns the schemas of the query parameters."""
        options = self.options
        limit = {"type": "integer", "minimum": 1, "maximum": options.max_limit, "default": options.limit}
        if self.parameter == "offset":
            position: Schema = {"type": "integer", "minimum": 0, "maximum": options.max_offset, "default": 0}
        else:
            position = {"type": "string", "minLength": 1}
        schemas: Schema = {"limit": limit, self.parameter: position}
        if options.sort.fields:
            schemas["sort"] = {"type": "string", "pattern": list_pattern(options.sort.fields, "-?")}
        return schemas

    def _order(self, query: Mapping[str, Value]) -> Order:
        fields = self.options.sort.fields
        if not fields or "sort" not in query:
            return self.default_order
        names = str(query["sort"]).split(",")
        if any(name.removeprefix("-") not in fields for name in names):
            raise Unfit("is not a sort order of this list", ("sort",))
        return self.order(names)

    @staticmethod
    def _integer(query: Mapping[str, Value], name: str, default: int, minimum: int) -> int:
        value = query.get(name, default)
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise Unfit(f"must be an integer of at least {minimum}", (name,))
        return value


def list_pattern(names: Iterable[str], sign: str = "") -> str:
    """Returns the pattern of a comma-separated list of names."""
    item = f"{sign}({'|'.join(re.escape(name) for name in names)})"
    return f"^{item}(,{item})*$"
