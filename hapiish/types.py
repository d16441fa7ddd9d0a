"""Types shared by user code and the packages of hapiish. Imports no other module of hapiish."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, Protocol

Json = Any
"""A value of JSON: null, a boolean, a number, text, a list or a dictionary. Also a JSON Schema, and options as the
file has them."""

Value = Any
"""A value of the application, such as a result, credentials, or the data of an event: passed on, with no type assumed.
"""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Handler = Callable[..., Any]
"""`(request, h)` → value, response or error. `async def` runs in the event loop, `def` in the thread pool."""

AsyncHandler = Callable[..., Awaitable[Any]]
"""A handler after `caller` has wrapped `def` handlers to run in the thread pool."""

Run = Callable[..., Awaitable[Any]]
"""`await run(function, *args)` runs a blocking function in the thread pool."""


SERVER_POINTS: Final = ("onPreStart", "onPostStart", "onPostReload", "onReadiness", "onPreStop", "onPostStop")
"""The server extension points, whose functions are called with the server (hapi's server.ext, and two of ours)."""

SERVER_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "log": ("app", "internal"),
    "request": ("app", "internal", "error"),
    "response": (),
    "route": (),
    "cachePolicy": (),
    "start": (),
    "closing": (),
    "stop": (),
}
"""The built-in events of the server, with their channels if they have several."""


class Scheme(Protocol):
    """An authentication scheme, the return value of its factory `(server, options)` (hapi's server.auth.scheme).

    Optional attributes; the methods may be `async def` or `def`:

    - `payload(request, h)`: authenticates the parsed body of an authenticated caller; returns `h.continue_` or raises.
      `options = {"payload": True}` makes it mandatory.
    - `response(request, h)`: signs `request.response`; returns `h.continue_` or raises.
    - `verify(auth)`: verifies `request.auth` again, for `server.auth.verify`; raises if it has expired.
    - `api`: any value, published as `server.auth.api[strategy]`.
    - `cookies`: cookie definitions by name.
    - `decorations`: functions of the request by name; each result is an attribute of the request.
    - `token_header`: header name and value prefix for the token of a socket's handshake, or None.
    - `handshake = False`: the scheme cannot authenticate the handshake of a socket.
    """

    def authenticate(self, request: Any, h: Any) -> Any:
        """Returns `h.authenticated(…)`, `h.unauthenticated(…)` or a takeover response, or raises; may be async."""
