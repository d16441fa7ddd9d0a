"""Terms that hooks of events share with the server: reserved names, acknowledgements, the check of emits."""

from collections.abc import Awaitable, Callable

from hapiish.types import Value

RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})
"""Event names that Socket.IO reserves: clients cannot send them and tables cannot declare them."""

CheckEmit = Callable[[str, Value], None]


class UndeclaredEmitError(ValueError):
    """An emit that the table does not declare."""


"""Raises for an event (its name, its data) that a namespace must not send."""


class AckArguments(tuple[Value, ...]):
    """The list of arguments of an acknowledgement; any other value is sent as the only argument."""

    __slots__ = ()


class Acknowledgement:
    """The result of an event hook that observes its acknowledgement: `ack`, and calls before and after it is sent."""

    __slots__ = ("ack",)

    def __init__(self, ack: Value) -> None:
        self.ack = ack

    def unsendable(self, error: Exception) -> Value:
        """Returns a replacement for an acknowledgement that cannot be encoded because of `error`."""
        raise error

    def left(self, size: int) -> Awaitable[None] | None:
        """Is called after an acknowledgement of `size` characters was sent; the next event waits for the result."""
        return None
