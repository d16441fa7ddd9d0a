"""Schemes, strategies and the default (`auth:`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hapiish.table.model.options import RouteAuth
from hapiish.table.model.values import NOWHERE, Json
from hapiish.table.problems import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    scheme: str
    options: Mapping[str, Json] = field(default_factory=dict)
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """`schemes` are the table's own, name → module:attribute; `default` is what routes without `auth` get."""

    schemes: Mapping[str, str] = field(default_factory=dict)
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    default: RouteAuth | None = None
