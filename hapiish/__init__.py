"""hapiish: a framework for HTTP routes and Socket.IO events as configuration, modelled on hapi."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hapiish import boom
from hapiish.collector import without_collector

if TYPE_CHECKING:
    from hapiish.app import Application, create_app
    from hapiish.http.exchange.request import Request
    from hapiish.http.exchange.response import Response
    from hapiish.http.exchange.toolkit import Toolkit
    from hapiish.outside import emitter
    from hapiish.table.problems import Mark, Problem, TableError

__all__ = [
    "Application",
    "Mark",
    "Problem",
    "Request",
    "Response",
    "TableError",
    "Toolkit",
    "boom",
    "create_app",
    "emitter",
]

# Imported lazily: `hapiish check` loads no Starlette, Socket.IO and MongoEngine, and the pytest plugin loads nothing in
# projects that do not use it.
_LATE = {
    "Application": "hapiish.app",
    "Mark": "hapiish.table.problems",
    "Problem": "hapiish.table.problems",
    "Request": "hapiish.http.exchange.request",
    "Response": "hapiish.http.exchange.response",
    "TableError": "hapiish.table.problems",
    "Toolkit": "hapiish.http.exchange.toolkit",
    "create_app": "hapiish.app",
    "emitter": "hapiish.outside",
}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        with without_collector():
            return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module 'hapiish' has no attribute {name!r}")
