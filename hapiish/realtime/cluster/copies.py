"""Copies: which sockets have got an emit that arrives on the channels of several rooms."""

MOST_EMITS = 256
"""Emits that are remembered. The copies of an emit follow one another, unless they come from several servers."""

MOST_SOCKETS = 65536
"""Sockets that are remembered, of all emits together."""


class Copies:
    """The sockets that have got the latest emits to several rooms."""

    __slots__ = ("_emits",)

    def __init__(self) -> None:
        self._emits: dict[tuple[bytes, int], set[str]] = {}

    def of(self, node: bytes, number: int) -> set[str]:
        """Returns the ids of the sockets that have got the emit, a set to add to."""
        emit = self._emits.get((node, number))
        if emit is None:
            self._forget()
            emit = self._emits[node, number] = set()
        return emit

    def _forget(self) -> None:
        while len(self._emits) >= MOST_EMITS or (self._emits and self._size() > MOST_SOCKETS):
            del self._emits[next(iter(self._emits))]

    def _size(self) -> int:
        return sum(map(len, self._emits.values()))
