"""What a kind of handler is told of the route that it makes a handler for.

The handler may have an attribute `validate`, schemas by source (`params`, `query`, `payload` …): they judge the inputs
for which the route has no schema of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRoute:
    """`method` is upper case; `settings` are the route's options; `folder` is the table's; `models` classes by name;
    `views` its templates, for those who render.
    """

    id: str | None
    method: str
    path: str
    settings: Any
    folder: str
    models: Mapping[str, Any]
    views: Any = None
