"""Handlers for the liveness and readiness routes of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hapiish.http.exchange.request import Request
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.types import Value

DEGRADING = frozenset({"queue"})
"""Built-in checks whose failure leaves the server ready."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check that a function of `ext.onReadiness` returns.

    If a check that is not required fails, the server is ready and `degraded`. `details` is JSON in the response of the
    probe, whose route may be public.
    """

    passed: bool
    is_required: bool = True
    details: Mapping[str, Value] = field(default_factory=dict)


async def live(request: Request, h: Toolkit) -> Any:
    """Liveness probe: 200 while the event loop runs, so that a database outage does not restart the process."""
    return h.response({"status": "live"})


async def ready(request: Request, h: Toolkit) -> Any:
    """Readiness probe: 200 if the application can handle requests, else 503. `checks` has the result of each check.

    If only checks fail that are not required, such as the queue of its sockets, the server is `degraded` and handles
    requests. `details` has the details of the application's checks. `table` is the hash of the table in use, as
    `hapiish routes` prints it for a file.
    """
    server = request.server
    found = {
        name: each if isinstance(each, Check) else Check(bool(each), is_required=name not in DEGRADING)
        for name, each in (await server.readiness()).items()
    }
    body: dict[str, Any] = {"checks": {name: check.passed for name, check in found.items()}}
    details = {name: dict(check.details) for name, check in found.items() if check.details}
    if details:
        body["details"] = details
    if (hashed := getattr(server, "table_hash", None)) is not None:
        body["table"] = hashed
    if any(check.is_required and not check.passed for check in found.values()):
        return h.response({"status": "unavailable", **body}).code(503).header("retry-after", "1")
    is_whole = all(check.passed for check in found.values())
    return h.response({"status": "ready" if is_whole else "degraded", **body})
