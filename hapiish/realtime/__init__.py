"""Socket.IO namespaces and events. Knows the protocol and the lifecycle, nothing of tables."""

from hapiish.realtime.hooks import RESERVED, NamespaceHooks
from hapiish.realtime.server import RealtimeServer
from hapiish.realtime.socket import Socket

__all__ = ["RESERVED", "NamespaceHooks", "RealtimeServer", "Socket"]
