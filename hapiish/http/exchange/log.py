"""Request ids, the access log and the log of errors, all on the standard library's `logging`.

Loggers: `hapiish.access` has one line per request (path without query, so that no token gets there) and per event of a
socket, `hapiish` the rest. A record's `request_id` attribute ties them together.
"""

import logging
import os
from itertools import count
from time import time
from typing import Any

from hapiish.boom import Boom
from hapiish.http.exchange.log_lines import direct

access = logging.getLogger("hapiish.access")
main = logging.getLogger("hapiish")

NAME = 128
"""Characters of an event's name that a line has at most; a client may send any."""

_prefix = os.urandom(5).hex()
_counter = count(1)


def next_id() -> str:
    """An id that no other request of this or another process has; not a secret."""
    return f"{_prefix}-{next(_counter):x}"


def log_request(request: Any, response: Any, status: int, size: int) -> None:
    """What a dispatcher tells of a response that has left: one line, unless nobody reads them; `size` in bytes.

    The numbers are attributes of the record for structured logs.
    """
    if not access.isEnabledFor(logging.INFO):
        return
    now = time()
    milliseconds = round((now - request.received) * 1000, 2)
    scope, path, route = request.scope, request.path, request.route
    method, client = scope["method"], scope.get("client")
    line(
        now,
        f"{method} {path} {status} {size}B {milliseconds}ms {request.id}",
        {
            "request_id": request.id,
            "method": method,
            "path": path,
            "route": route.id or route.path,
            "status": status,
            "bytes": size,
            "duration_ms": milliseconds,
            "remote_address": client[0] if client else None,
        },
    )


def log_event(request: Any, response: Any, status: int, size: int) -> None:
    """As `told`, of an event whose acknowledgement, of so many characters, has left."""
    if not access.isEnabledFor(logging.INFO):
        return
    now = time()
    milliseconds = round((now - request.received) * 1000, 2)
    socket, path, route = request.socket, request.path[:NAME], request.route
    client = request.scope.get("client")
    line(
        now,
        f"EVENT {socket.namespace} {path} {status} {size}B {milliseconds}ms {request.id} {socket.id}",
        {
            "request_id": request.id,
            "method": "EVENT",
            "namespace": socket.namespace,
            "path": path,
            "route": route.id or route.path,
            "status": status,
            "bytes": size,
            "duration_ms": milliseconds,
            "socket": socket.id,
            "remote_address": client[0] if client else None,
        },
    )


def log_connection(request: Any, outcome: int | str) -> None:
    """As `told`, of a client that comes to a namespace, with the status of that, or leaves it, with the reason."""
    if not access.isEnabledFor(logging.INFO):
        return
    now = time()
    milliseconds = round((now - request.received) * 1000, 2)
    socket, method, client = request.socket, request.method.upper(), request.scope.get("client")
    line(
        now,
        f"{method} {socket.namespace} {outcome} {milliseconds}ms {request.id} {socket.id}",
        {
            "request_id": request.id,
            "method": method,
            "namespace": socket.namespace,
            "reason" if method == "DISCONNECT" else "status": outcome,
            "duration_ms": milliseconds,
            "socket": socket.id,
            "remote_address": client[0] if client else None,
        },
    )


def line(now: float, message: str, fields: dict[str, Any]) -> None:
    """A line of the access log at level INFO; characters that would break it are escaped. `now` is the time of it."""
    if not message.isprintable():
        message = message.encode("unicode_escape").decode("ascii")
    handler = direct(access)
    if handler is None:
        access.info("%s", message, extra={"fields": fields})
    else:
        handler.line(now, message, fields)


def event(request_id: str | None, tags: list[str], data: Any) -> None:
    """An event with hapi's tags; an exception as `data` is logged with its traceback at level ERROR.

    What a client has done wrong is a WARNING without one.
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
    """A 500: always logged, with the traceback; the client sees none of it."""
    main.error(
        "%s failed (request %s)", where, request_id, extra={"fields": {"request_id": request_id}}, exc_info=error
    )
