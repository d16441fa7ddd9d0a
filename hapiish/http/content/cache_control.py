"""`Cache-Control` of a route's responses (`options.cache`); constant values are computed at load (lib/headers.js)."""

import time
from collections.abc import Callable

from hapiish.grammar.expiry import until
from hapiish.options.cache import Cache


class CacheControl:
    """The header for a route's cache settings; `get` says whether the route is a GET, which alone is cached.

    `constant` is the value of every response without a `ttl`, None where it depends on the response.
    """

    __slots__ = ("_clock", "_expires_at", "_expires_in", "_ready", "_statuses", "_word", "constant", "otherwise")

    def __init__(self, settings: Cache, get: bool, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.otherwise: str = settings.otherwise
        self._word = "" if settings.privacy == "default" else f", {settings.privacy}"
        self._expires_in: int | None = settings.expires_in if get else None
        self._expires_at: str | None = settings.expires_at if get else None
        cached = self._expires_in is not None or self._expires_at is not None
        statuses = set(settings.statuses) if cached else set()
        self._statuses = frozenset(statuses | {304} if 200 in statuses else statuses)
        self._ready = None if self._expires_in is None else self._directive(self._expires_in, self._word)
        self.constant = None if cached else self.otherwise

    def value(self, status: int, ttl: int | None, private: bool) -> str:
        """The value for a response; `ttl` is its own, in ms; `private` means that it has credentials or cookies."""
        cached = status in self._statuses
        if not cached and not ttl:
            return self.otherwise
        if ttl is None and self._ready is not None and not private:
            return self._ready
        if ttl is None:
            ttl = self._expires_in if self._expires_at is None else until(self._expires_at, self._clock())
        return self._directive(ttl or 0, ", private" if private else self._word)

    @staticmethod
    def _directive(milliseconds: int, word: str) -> str:
        return f"max-age={milliseconds // 1000}, must-revalidate{word}"
