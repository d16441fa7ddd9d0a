"""Test clients: `response = await inject(app, url="/users/1", credentials={"scope": ["admin"]})`, and `SocketClient`.

`hapiish.pytest_plugin` has both as fixtures.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Unpack

from hapiish.http.inject import Injected, Injection
from hapiish.http.inject import inject as exchange

if TYPE_CHECKING:
    from hapiish.testing.sockets import HandshakeRefused, SocketClient

__all__ = ["HandshakeRefused", "Injected", "SocketClient", "inject"]


def __getattr__(name: str) -> Any:
    if name in ("HandshakeRefused", "SocketClient"):  # python-socketio is loaded by their users only
        return getattr(import_module("hapiish.testing.sockets"), name)
    raise AttributeError(f"module 'hapiish.testing' has no attribute {name!r}")


async def inject(app: Any, *, allow_internals: bool = False, **request: Unpack[Injection]) -> Injected:
    """Sends a request to `app` without a network and returns the response; starts `app` if necessary.

    `allow_internals` also reaches routes with `isInternal`; it bypasses Starlette's middleware. `Injection` documents
    the other arguments.
    """
    if allow_internals:
        await app.server.start()
        app = app.server.internal
    return await exchange(app, **request)
