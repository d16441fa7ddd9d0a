"""Request ids, the access log and the error log, on the standard library's `logging`.

`hapiish.access` logs one line per request (without the query, which may hold tokens) and per event of a socket;
`hapiish` logs everything else. A record's `request_id` attribute correlates them.
"""

import logging
import os
from itertools import count
from time import time
from typing import Any

from hapiish.boom import Boom
from hapiish.http.exchange.log_lines import LineFields, direct
from hapiish.http.exchange.response import Response
from hapiish.types import Value

access = logging.getLogger("hapiish.access")
main = logging.getLogger("hapiish")

NAME = 128
"""Maximum number of characters of an event's name in a line; clients choose the name."""

REQUEST = LineFields(
    *("request_id", "method", "path", "route:t"),
    *("status:d", "bytes:d", "duration_ms:f", "remote_address:t", "table"),
)
"""The fields of a request's line."""

EVENT = LineFields(
    *("request_id", "method", "namespace", "path", "route:t", "status:d", "bytes:d"),
    *("duration_ms:f", "socket", "remote_address:t", "table"),
)
"""The fields of an event's line."""

CONNECT, DISCONNECT = (
    LineFields("request_id", "method", "namespace", outcome, "duration_ms:f", "socket", "remote_address:t", "table")
    for outcome in ("status:d", "reason")
)
"""The fields of a line about a client that joins or leaves a namespace."""

_prefix = os.urandom(5).hex()
_counter = count(1)


def _renew_ids() -> None:
    """Gives a forked worker its own ids."""
    global _prefix, _counter
    _prefix, _counter = os.urandom(5).hex(), count(1)


os.register_at_fork(after_in_child=_renew_ids)


def next_id() -> str:
    """A request id that is unique across processes; not a secret."""
    return f"{_prefix}-{next(_counter):x}"


def log_request(request: Any, response: Response, status: int, size: int) -> None:
    """Logs a sent response in one line at level INFO; `size` in bytes.

    The fields are attributes of the record, for structured logs.
    """
    if not access.isEnabledFor(logging.INFO):
        return
    now = time()
    milliseconds = f"{(now - request.received) * 1000:.2f}"
    scope, path, route, request_id = request.scope, request.path, request.route, request.id
    method, client = scope["method"], scope.get("client")
    line(
        now,
        f"{method} {path} {status} {size}B {milliseconds}ms {request_id}",
        REQUEST,
        (
            *(request_id, method, path, route.id or route.path, status, size, milliseconds),
            *(client[0] if client else None, request.server.table_hash),
        ),
    )


def log_event(request: Any, response: Response, status: int, size: int) -> None:
    """Logs an event whose acknowledgement, of `size` characters, is sent."""
    if not access.isEnabledFor(logging.INFO):
        return
    path, route = request.path[:NAME], request.route
    values = (path, route.id or route.path, status, size)
    _log_of_socket(request, "EVENT", f"{path} {status} {size}B", EVENT, values)


def log_connection(request: Any, outcome: int | str) -> None:
    """Logs a client that joins a namespace (with the status) or leaves it (with the reason)."""
    if not access.isEnabledFor(logging.INFO):
        return
    method = request.method.upper()
    _log_of_socket(request, method, str(outcome), DISCONNECT if method == "DISCONNECT" else CONNECT, (outcome,))


def _log_of_socket(request: Any, method: str, text: str, shape: LineFields, values: tuple[Value, ...]) -> None:
    now = time()
    milliseconds = f"{(now - request.received) * 1000:.2f}"
    socket, client, request_id = request.socket, request.scope.get("client"), request.id
    namespace, address = socket.namespace, client[0] if client else None
    line(
        now,
        f"{method} {namespace} {text} {milliseconds}ms {request_id} {socket.id}",
        shape,
        (request_id, method, namespace, *values, milliseconds, socket.id, address, request.server.table_hash),
    )


def line(now: float, message: str, shape: LineFields, values: tuple[Value, ...]) -> None:
    """Writes a line of the access log at level INFO and escapes control characters; `now` is its time."""
    if not message.isprintable():
        message = message.encode("unicode_escape").decode("ascii")
    handler = direct(access)
    if handler is None:
        access.info("%s", message, extra={"fields": shape.fields(values)})
    else:
        handler.line(now, message, shape, values)


def event(request_id: str | None, tags: list[str], data: Value) -> None:
    """Logs an event with hapi's tags; an exception as `data` is logged with its traceback at level ERROR.

    A client error (a boom below 500) is logged as WARNING without a traceback.
    """
    level = logging.ERROR if "error" in tags else logging.DEBUG if "debug" in tags else logging.INFO
    failed = data if isinstance(data, BaseException) else None
    if isinstance(data, Boom) and data.status < 500:
        level, failed = min(level, logging.WARNING), None
    if main.isEnabledFor(level):
        text = "" if data is None else f" {data}"
        main.log(
            level,
            "[%s]%s",
            " ".join(tags),
            text,
            extra={"fields": {"request_id": request_id, "tags": tags}},
            exc_info=failed,
        )


def crashed(request_id: str, where: str, error: BaseException) -> None:
    """Logs a 500 with the traceback, which the client never receives."""
    main.error(
        "%s failed (request %s)", where, request_id, extra={"fields": {"request_id": request_id}}, exc_info=error
    )
