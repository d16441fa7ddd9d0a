"""A table as AsyncAPI 3.0: a channel for each Socket.IO namespace, an operation for each event, seen from the server.

The server receives the events of clients and replies with an acknowledgement; it sends its emits. A client connects to
a channel with a library of Socket.IO, never with a bare WebSocket: the document describes the data of packets.
"""

from collections.abc import Mapping
from typing import Any, Final

from hapiish.describe.asyncapi.channels import ChannelMaker, extensions, is_extension
from hapiish.describe.asyncapi.draft07 import draft07
from hapiish.describe.components import Components
from hapiish.describe.openapi import info
from hapiish.describe.security import asyncapi_scheme, schemes_of
from hapiish.describe.surface import Surface, surface
from hapiish.options import Table

VERSION: Final = "3.0.0"
SERVER: Final = "main"
_TEXT: Final = (
    "Socket.IO, protocol 5 (Engine.IO 4): connect with a client library of Socket.IO, version 3 or newer. "
    "A channel is a namespace, a message is an event with one argument, and a reply is its acknowledgement."
)


def document(table: Table) -> dict[str, Any]:
    """Returns the AsyncAPI document of a checked table; without sockets it has no channels."""
    return _Document(surface(table), table).build()


class _Document:
    def __init__(self, given: Surface, table: Table) -> None:
        self.surface = given
        self.table = table
        self.components = Components(given.schemas)
        self.channels = ChannelMaker(self.components)

    def build(self) -> dict[str, Any]:
        """Returns the document."""
        for namespace in self.surface.namespaces:
            self.channels.add(namespace)
        tags = dict.fromkeys(tag for each in self.surface.namespaces for event in each.events for tag in event.tags)
        components = {
            "schemas": {key: draft07(schema) for key, schema in self.components.schemas().items()},
            "securitySchemes": {
                name: _extended(asyncapi_scheme(given))
                for name, given in schemes_of(self.surface.strategies, self.channels.strategies).items()
            },
        }
        return {
            "asyncapi": VERSION,
            "info": {
                **_extended(info(self.surface.info)),
                **({"tags": [{"name": tag} for tag in tags]} if tags else {}),
            },
            "defaultContentType": "application/json",
            **({"servers": {SERVER: self._server()}} if self.surface.sockets is not None else {}),
            "channels": self.channels.made,
            "operations": self.channels.operations,
            "components": {key: value for key, value in components.items() if value},
            **extensions(self.surface.extensions),
        }

    def _server(self) -> dict[str, Any]:
        assert self.surface.sockets is not None
        path, transports = self.surface.sockets.path, self.surface.sockets.transports
        server = self.table.server
        host, protocol = f"{server.host}:{server.port}", "wss" if server.tls is not None else "ws"
        if server.uri:
            scheme, _, host = server.uri.partition("://")
            protocol, host, prefix = "wss" if scheme == "https" else "ws", *_split(host)
            path = prefix + path
        return {
            "host": host,
            "pathname": path,
            "protocol": protocol,
            "protocolVersion": "13",
            "description": _TEXT,
            "x-socket.io": {"protocol": 5, "path": path, "transports": list(transports)},
        }


def _split(address: str) -> tuple[str, str]:
    host, slash, path = address.partition("/")
    return host, slash + path


def _extended(given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a mapping without the keys x-… that AsyncAPI does not allow."""
    return {key: value for key, value in given.items() if not key.startswith("x-") or is_extension(key)}
