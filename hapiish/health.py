"""Handlers for the liveness and readiness routes of a table."""

from typing import Any

from hapiish.http.exchange.request import Request
from hapiish.http.exchange.toolkit import Toolkit


async def live(request: Request, h: Toolkit) -> Any:
    """Liveness probe: 200 while the event loop runs, so that a database outage does not restart the process."""
    return h.response({"status": "live"})


async def ready(request: Request, h: Toolkit) -> Any:
    """Readiness probe: 200 if all checks of the application pass, else 503; `checks` has the result of each check.

    `table` is the hash of the table that answers, as `hapiish routes` prints it for a file.
    """
    server = request.server
    checks = await server.readiness()
    hashed = getattr(server, "table_hash", None)
    more = {} if hashed is None else {"table": hashed}
    if all(checks.values()):
        return h.response({"status": "ready", "checks": checks, **more})
    return h.response({"status": "unavailable", "checks": checks, **more}).code(503).header("retry-after", "1")
