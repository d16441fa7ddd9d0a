"""The pages of a list: their order and size, and where each begins, by cursor or by offset."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hapiish.kinds.model.cursor import Condition, Key, Order
from hapiish.kinds.model.types import Schema
from hapiish.kinds.model.values import Unfit

_DIGITS = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Page:
    """What a request asks for; `parameter` is the one that the next page is asked for by."""

    order: Order
    limit: int
    parameter: str
    offset: int = 0
    conditions: tuple[Condition, ...] = ()


class Pages:
    """How a list is cut into pages; `options` are those of the table, `sortable` the keys that it may be sorted by."""

    def __init__(self, options: Any, sortable: Mapping[str, Key], identity: Key) -> None:
        self.options = options
        self.sortable = sortable
        self.identity = identity
        self.counts: bool = options.count
        self.parameter: str = options.paging
        self.default_order = self.order(options.sort.default)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The query parameters of every list."""
        return ("limit", self.parameter, "sort", "fields")

    def order(self, names: Sequence[str]) -> Order:
        """The order of these keys, each perhaps with a minus; the id settles what they leave open."""
        keys: dict[str, Key] = {}
        for name in names:
            path = name.removeprefix("-")
            keys.setdefault(path, Key(path, self.sortable[path].type, name.startswith("-")))
        last = keys[next(reversed(keys))].descending if keys else False
        keys.setdefault(self.identity.path, Key(self.identity.path, self.identity.type, last))
        return Order(tuple(keys.values()))

    def asked(self, query: Mapping[str, Any]) -> Page:
        """The page that a query asks for; Unfit for what a route's own rule let pass."""
        order, limit = self._order(query), self._whole(query, "limit", self.options.limit, 1)
        limit = min(limit, int(self.options.max_limit))
        if self.parameter == "offset":
            offset = self._whole(query, "offset", 0, 0)
            if offset > self.options.max_offset:
                raise Unfit(f"must be at most {self.options.max_offset}", ("offset",))
            return Page(order, limit, "offset", offset)
        conditions = (order.after(str(query["cursor"])),) if "cursor" in query else ()
        return Page(order, limit, "cursor", conditions=conditions)

    def following(self, page: Page, rows: Sequence[Mapping[str, Any]]) -> Any:
        """Where the page after these rows begins, None when there is none; one row more than the page has been read."""
        if len(rows) <= page.limit:
            return None
        if self.parameter == "cursor":
            return page.order.cursor(rows[page.limit - 1])
        offset = page.offset + page.limit
        return offset if offset <= self.options.max_offset else None

    def schemas(self) -> Schema:
        """The schemas of the query parameters."""
        most = self.options.max_limit
        limit = {"type": "integer", "minimum": 1, "maximum": most, "default": self.options.limit}
        if self.parameter == "offset":
            begins: Schema = {"type": "integer", "minimum": 0, "maximum": self.options.max_offset, "default": 0}
        else:
            begins = {"type": "string", "minLength": 1}
        found: Schema = {"limit": limit, self.parameter: begins}
        if self.options.sort.fields:
            found["sort"] = {"type": "string", "pattern": listed(self.options.sort.fields, "-?")}
        return found

    def _order(self, query: Mapping[str, Any]) -> Order:
        fields = self.options.sort.fields
        if not fields or "sort" not in query:
            return self.default_order
        names = str(query["sort"]).split(",")
        if any(name.removeprefix("-") not in fields for name in names):
            raise Unfit("is no order of this list", ("sort",))
        return self.order(names)

    @staticmethod
    def _whole(query: Mapping[str, Any], name: str, default: int, least: int) -> int:
        asked = query.get(name, default)
        if isinstance(asked, str) and _DIGITS.fullmatch(asked):
            asked = int(asked)
        if not isinstance(asked, int) or isinstance(asked, bool) or asked < least:
            raise Unfit(f"must be an integer of at least {least}", (name,))
        return asked


def listed(names: Any, sign: str = "") -> str:
    """The pattern of a list of names with commas between them."""
    one = f"{sign}({'|'.join(re.escape(name) for name in names)})"
    return f"^{one}(,{one})*$"
