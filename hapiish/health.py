"""Handlers for the liveness and readiness routes of a table."""

from typing import Any

from hapiish.http.exchange.request import Request
from hapiish.http.exchange.toolkit import Toolkit

DEGRADING = frozenset({"queue"})
"""Checks whose failure leaves the server ready."""


async def live(request: Request, h: Toolkit) -> Any:
    """Liveness probe: 200 while the event loop runs, so that a database outage does not restart the process."""
    return h.response({"status": "live"})


async def ready(request: Request, h: Toolkit) -> Any:
    """Readiness probe: 200 if the application can serve, else 503; `checks` has the result of each check.

    Without the queue of its sockets it is `degraded`, and serves. `table` is the hash of the table that answers, as
    `hapiish routes` prints it for a file.
    """
    server = request.server
    checks = await server.readiness()
    hashed = getattr(server, "table_hash", None)
    more = {} if hashed is None else {"table": hashed}
    if all(passed for name, passed in checks.items() if name not in DEGRADING):
        return h.response({"status": "ready" if all(checks.values()) else "degraded", "checks": checks, **more})
    return h.response({"status": "unavailable", "checks": checks, **more}).code(503).header("retry-after", "1")
