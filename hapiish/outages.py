"""Logging of outages of external services (database, Redis, key issuer): one warning, and one line on recovery.

Callers report the result of each call; repeated results are not logged.
"""

import logging
from time import monotonic

BURST = 10
"""Outages that are logged without delay; after that, a flapping service is logged once in `REFILL` seconds."""

REFILL = 10.0


class Service:
    """An external service. `name` starts both log lines; the warning ends with `meanwhile`, the effect of an outage."""

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
        """Reports a failed call; `yet`: no call has succeeded so far. Logs the first failure after a success."""
        self.is_away = True
        if self._told or not self._has_left():
            return
        self._told = True
        reason = "" if error is None else f": {_on_a_line(str(error)) or type(error).__name__}"
        self._log.warning("%s does not answer%s%s; %s until it does", self.name, " yet" * yet, reason, self.meanwhile)

    def back(self) -> None:
        """Reports a successful call. Logs the first success after a logged outage."""
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
