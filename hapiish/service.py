"""What the log says of a service that this process depends on: its loss is one warning, its return one line.

A database, a Redis, an issuer of keys: what calls it says how each call went, and nothing is told twice.
"""

import logging
from time import monotonic

BURST = 10
"""Losses that are told one after the other; of a service that comes and goes without end, one each `REFILL` seconds."""

REFILL = 10.0


class Service:
    """`name` begins both lines; `meanwhile` says what an absence means, and ends the warning."""

    __slots__ = ("_left", "_log", "_since", "_told", "is_away", "meanwhile", "name")

    def __init__(self, name: str, meanwhile: str, *, log: str = "hapiish") -> None:
        self.name = name
        self.meanwhile = meanwhile
        self.is_away = False
        self._log = logging.getLogger(log)
        self._told = False
        self._left = float(BURST)
        self._since = monotonic()

    def lost(self, error: object = None, *, yet: bool = False) -> None:
        """A call had no answer; `yet`: no call ever had one. The first one after an answer is told."""
        self.is_away = True
        if self._told or not self._has_left():
            return
        self._told = True
        reason = "" if error is None else f": {_on_a_line(str(error)) or type(error).__name__}"
        self._log.warning("%s does not answer%s%s; %s until it does", self.name, " yet" * yet, reason, self.meanwhile)

    def back(self) -> None:
        """A call had its answer. The first one after a loss is told."""
        if not self.is_away:
            return
        self.is_away = False
        if self._told:
            self._told = False
            self._log.info("%s answers again", self.name)

    def _has_left(self) -> bool:
        now = monotonic()
        self._left = min(float(BURST), self._left + (now - self._since) / REFILL)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def _on_a_line(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return line if line.isprintable() else line.encode("unicode_escape").decode("ascii")
