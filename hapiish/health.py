"""Handlers for probes, to be named in a table: is the process alive, and may it get requests."""

from typing import Any


async def live(request: Any, h: Any) -> Any:
    """200 while the event loop turns; looks at nothing else, so that a lost database restarts nobody."""
    return h.response({"status": "live"})


async def ready(request: Any, h: Any) -> Any:
    """200 when every check of the application passes, else 503; which one failed is in `checks`."""
    checks = await request.server.readiness()
    if all(checks.values()):
        return h.response({"status": "ready", "checks": checks})
    return h.response({"status": "unavailable", "checks": checks}).code(503).header("retry-after", "1")
