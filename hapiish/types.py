"""The shapes that users' code and the parts of hapiish agree on. Imports nothing of ours."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

Handler = Callable[..., Any]
"""`(request, h)` → value, response or error; `async def`, or `def` to run in the bounded pool of threads."""

AsyncHandler = Callable[..., Awaitable[Any]]
"""A handler after `caller` has put the `def` ones into the pool."""

Run = Callable[..., Awaitable[Any]]
"""`await run(function, *args)` calls a blocking function in the pool."""


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
"""The server's own events, and their channels where they have several."""


class Scheme(Protocol):
    """What an authentication scheme's factory `(server, options)` gives back (hapi's server.auth.scheme).

    Besides `authenticate` it may have, each `async def` or `def`:

    - `payload(request, h)`: judges the parsed body of a caller whom it knows; `options = {"payload": True}` demands it
    - `response(request, h)`: signs `request.response`; both return `h.continue_` or raise
    - `verify(auth)`: judges `request.auth` once more, for `server.auth.verify`; raises when it is over
    - `api`: anything, published as `server.auth.api[strategy]`
    - `cookies`, `decorations`: definitions by name, and functions of a request by the attribute that they make
    - `token_header`: the name of the header that a socket's token stands in, and what precedes it there; None for none
    - `handshake = False`: a handshake of a socket says too little for it
    """

    def authenticate(self, request: Any, h: Any) -> Any:
        """`h.authenticated(…)`, `h.unauthenticated(…)`, a takeover response, or a raised boom; may be async."""
