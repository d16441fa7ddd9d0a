"""For tests of an application: `response = await inject(app, url="/users/1", credentials={"scope": ["admin"]})`."""

from typing import Any, Unpack

from hapiish.http.inject import Injected, Injection
from hapiish.http.inject import inject as exchange

__all__ = ["Injected", "inject"]


async def inject(app: Any, *, allow_internals: bool = False, **request: Unpack[Injection]) -> Injected:
    """Sends one request into `app`, which is started first if it is not, and returns its response.

    `allow_internals` lets it reach routes with `isInternal`, past Starlette's middleware; see Injection for the rest.
    """
    if allow_internals:
        await app.server.start()
        app = app.server.internal
    return await exchange(app, **request)
