"""Socket.IO namespaces and events on the lifecycle of requests.

`engineio` serves sessions over long polling and WebSockets. `socketio` opens namespaces in a session and calls their
hooks. `server` makes both an ASGI application. `binding` implements the hooks with the lifecycle of `http`, and
`acknowledgement` forms the answer to an event.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hapiish.realtime.socketio.events import RESERVED, Acknowledgement
from hapiish.realtime.socketio.hooks import NamespaceHooks

if TYPE_CHECKING:
    from hapiish.realtime.server import RealtimeServer
    from hapiish.realtime.socketio.socket import Socket

__all__ = ["RESERVED", "Acknowledgement", "NamespaceHooks", "RealtimeServer", "Socket"]

# Imported on first use: a table without sockets does not load python-socketio.
_LATE = {"RealtimeServer": "hapiish.realtime.server", "Socket": "hapiish.realtime.socketio.socket"}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
