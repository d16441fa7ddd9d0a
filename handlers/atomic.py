"""Changes of several documents, together or not at all."""

from collections.abc import Callable
from typing import Any, TypeVar, TypeVarTuple

from hapiish import Request
from hapiish.store.connection import StoreError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def atomically(request_or_server: Any, function: Callable[[*Ts], T], *args: *Ts) -> T:
    """Returns the result of `function(*args)`, run in a transaction; it may run several times.

    Without transactions (the database in memory, a server that is no replica set) its writes are separate.
    """
    server = request_or_server.server if isinstance(request_or_server, Request) else request_or_server
    try:
        result: T = server.store.transact(function, *args)
    except StoreError:
        return function(*args)
    return result
