"""One route of a table."""

from dataclasses import dataclass

from hapiish.table.model.kinds import Kind
from hapiish.table.model.options import RouteOptions
from hapiish.table.model.values import NOWHERE
from hapiish.table.problems import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path; an entry with several methods or vhosts becomes several of these."""

    method: str  # upper case, "*" for any
    path: str
    handler: str | Kind
    id: str | None = None
    vhost: str | None = None
    options: RouteOptions = RouteOptions()
    realm: int = 0  # the table that it is of, see `Table.realm`
    mark: Mark = NOWHERE
