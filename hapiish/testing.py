"""Test client: `response = await inject(app, url="/users/1", credentials={"scope": ["admin"]})`."""

from typing import Any, Unpack

from hapiish.http.inject import Injected, Injection
from hapiish.http.inject import inject as exchange

__all__ = ["Injected", "inject"]


async def inject(app: Any, *, allow_internals: bool = False, **request: Unpack[Injection]) -> Injected:
    """Sends a request to `app` without a network and returns the response; starts `app` if necessary.

    `allow_internals` also reaches routes with `isInternal`; it bypasses Starlette's middleware. `Injection` documents
    the other arguments.
    """
    if allow_internals:
        await app.server.start()
        app = app.server.internal
    return await exchange(app, **request)
