"""The argument `route` of a handler kind.

The returned handler may have an attribute `validate`: schemas by source (`params`, `query`, `payload` …). They validate
the inputs for which the route declares no schema.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hapiish.options import RouteOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRoute:
    """A route that needs a handler.

    `method` is upper case, `settings` are the route's options, `folder` is the table's folder, `models` are the classes
    by name, `views` are the table's templates.
    """

    id: str | None
    method: str
    path: str
    settings: RouteOptions
    folder: str
    models: Mapping[str, Any]
    views: Any = None
