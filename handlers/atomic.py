"""Changes of several documents, together or not at all."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from hapiish import Request
from hapiish.store.connection import StoreError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def atomically(request: Request, function: Callable[[*Ts], T], *args: *Ts) -> T:
    """Returns the result of `function(*args)`, run in a transaction; it may run several times.

    Without transactions (the database in memory, a server that is no replica set) its writes are separate.
    """
    try:
        result: T = request.server.store.transact(function, *args)
    except StoreError:
        return function(*args)
    return result
