"""Socket.IO namespaces and events. Knows the protocol and the lifecycle, nothing of tables."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hapiish.realtime.hooks import RESERVED, Answer, NamespaceHooks

if TYPE_CHECKING:
    from hapiish.realtime.server import RealtimeServer
    from hapiish.realtime.socket import Socket

__all__ = ["RESERVED", "Answer", "NamespaceHooks", "RealtimeServer", "Socket"]

# Late, so that a table without sockets never pays for Socket.IO.
_LATE = {"RealtimeServer": "hapiish.realtime.server", "Socket": "hapiish.realtime.socket"}


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
