"""The connections of one server: their number, their deadlines, and which are closed to admit others.

One timer checks all deadlines; a request costs a connection two dictionary operations.
"""

import asyncio
import logging
import resource
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice
from math import inf
from time import monotonic
from typing import Any, Protocol

from hapiish.http.routing.forwarded import Forwarding
from hapiish.http.syntax.header import Pair
from hapiish.http.syntax.message_head import Refused

log = logging.getLogger("hapiish")

LINGER = 2.0
"""Seconds for which input of a refused client is discarded, so that it can read the response before a reset."""

LINGERING = 256
"""Maximum number of lingering connections, at most a quarter of all."""

OLDEST = 100
"""Number of the oldest busy connections that are checked for a client that owes a body."""

QUIET = 10.0
"""Minimum seconds between two log lines about refused requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of a server: bytes, headers, seconds, connections; None is derived from the process's descriptors.

    `trusted` are proxies, exempt from `per_address`. A WebSocket may be opened at or below the paths of `sockets`, None
    for any path.
    """

    head_bytes: int = 32768
    head_count: int = 100
    head_timeout: float = 20.0
    total: int | None = None
    per_address: int | None = None
    trusted: tuple[str, ...] = ()
    sockets: tuple[str, ...] | None = None

    def takes_socket(self, path: str) -> bool:
        """Returns whether a WebSocket may be opened at a path."""
        return self.sockets is None or any(path == own or path.startswith(f"{own}/") for own in self.sockets)


class TrackedConnection(Protocol):
    """A connection or a TLS handshake, which is counted and has a deadline."""

    watched: dict[Any, float] | None

    def expire(self) -> None:
        """Called at the deadline."""

    def give_up(self) -> None:
        """Closes the connection at once to free its place."""


class Connections:
    """Tracks open connections; each is `waiting` (for a head), `resting` (kept alive), `lingering`, or busy.

    The three dictionaries are ordered by deadline, so that the first entry expires first.
    """

    def __init__(self, limits: Limits, keep_alive: float) -> None:
        self.limits = limits
        self.keep_alive = keep_alive
        self.waiting: dict[TrackedConnection, float] = {}
        self.resting: dict[TrackedConnection, float] = {}
        self.lingering: dict[TrackedConnection, float] = {}
        self.places: dict[Any, str | None] = {}
        self.by_address: Counter[str] = Counter()
        self.default_headers: list[Pair] = []  # of uvicorn
        self.default_head: tuple[bytes, list[Pair]] = b"", []
        self._trusted = Forwarding(limits.trusted)
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        descriptors = soft if soft != resource.RLIM_INFINITY else 1 << 20
        self.highest = descriptors - max(16, min(64, descriptors // 8))  # reserved for files, stores and proxies
        self.total = max(1, self.highest if limits.total is None else limits.total)
        self._pause = max(0.05, min(1.0, limits.head_timeout / 4, keep_alive / 4))
        self._timer: asyncio.TimerHandle | None = None
        self._refused = 0
        self._quiet_until = 0.0

    # Places

    def admit(self, connection: TrackedConnection, address: str | None, descriptor: int) -> Refused | None:
        """Admits a new connection, or returns the refusal to send.

        At the limit of connections or descriptors, the connection that has been idle longest is closed.
        """
        peer = self._peer(address)
        if peer is not None and self.by_address[peer] >= self._per_address(peer):
            return Refused(429, "Too many connections from this address")
        if (len(self.places) >= self.total or descriptor >= self.highest) and not self.make_room():
            return Refused(503, "Too many connections")
        self.places[connection] = peer
        if peer is not None:
            self.by_address[peer] += 1
        self.wait(connection)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._sweep)
        return None

    def leave(self, connection: TrackedConnection) -> None:
        """Removes a closed connection."""
        self.busy(connection)
        self.release(connection)

    def release(self, connection: Any) -> None:
        """Frees the connection's place, if it has one."""
        if connection in self.places:
            peer = self.places.pop(connection)
            if peer is not None:
                self.by_address[peer] -= 1
                if not self.by_address[peer]:
                    del self.by_address[peer]

    def hand_over(self, connection: TrackedConnection, successor: Any) -> None:
        """Transfers the place to `successor`, which must release it."""
        self.busy(connection)
        if connection in self.places:
            self.places[successor] = self.places.pop(connection)

    def make_room(self) -> bool:
        """Closes a connection that waits for its client; returns False if there is none.

        Order: after a last response, between requests, in a head, in a body.
        """
        for queue in (self.lingering, self.resting, self.waiting):
            for connection in queue:
                self.leave(connection)
                connection.give_up()
                return True
        for holder in islice(self.places, OLDEST):
            if getattr(holder, "wants_body", False):
                self.leave(holder)
                holder.give_up()
                return True
        return False

    def _peer(self, address: str | None) -> str | None:
        """The address that a connection counts for: IPv6 by its /64 network, None for a trusted proxy."""
        if address is None or self._trusted.trusts(address):
            return None
        try:
            found = ip_address(address.partition("%")[0])
        except ValueError:
            return None
        if found.version == 4:
            return str(found)
        return str(found.ipv4_mapped) if found.ipv4_mapped else found.exploded[:19]

    def _per_address(self, peer: str) -> float:
        if self.limits.per_address is not None:
            return self.limits.per_address
        # Without a setting, a local proxy is exempt even if it is not listed as trusted.
        return inf if peer.startswith("127.") or peer == "0000:0000:0000:0000" else max(1, self.total // 2)

    # Time

    def wait(self, connection: TrackedConnection) -> None:
        """Starts the deadline for a request head."""
        self._move(connection, self.waiting, self.limits.head_timeout)

    def rest(self, connection: TrackedConnection) -> None:
        """Starts the keep-alive deadline after a response."""
        if connection.watched is not None:
            connection.watched.pop(connection, None)
        queue = connection.watched = self.resting
        queue[connection] = monotonic() + self.keep_alive

    def linger(self, connection: TrackedConnection) -> None:
        """Starts the linger period after a last response."""
        if len(self.lingering) >= min(LINGERING, max(1, self.total // 4)):
            oldest = next(iter(self.lingering))
            self.busy(oldest)
            oldest.expire()
        self._move(connection, self.lingering, LINGER)

    def busy(self, connection: TrackedConnection) -> None:
        """Stops the deadline while the server processes a request."""
        if connection.watched is not None:
            connection.watched.pop(connection, None)
            connection.watched = None

    def _move(self, connection: TrackedConnection, queue: dict[TrackedConnection, float], seconds: float) -> None:
        if connection.watched is not None:
            connection.watched.pop(connection, None)
        queue[connection] = monotonic() + seconds
        connection.watched = queue

    def _sweep(self) -> None:
        now = monotonic()
        for queue in (self.waiting, self.resting, self.lingering):
            while queue and queue[first := next(iter(queue))] <= now:
                self.busy(first)
                first.expire()
        alive = bool(self.places or self.lingering)
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._sweep) if alive else None

    # Logging

    def log_refusal(self, refused: Refused, client: tuple[str, int] | None) -> None:
        """Logs a refused request; rate-limited, because clients decide how many there are."""
        now = monotonic()
        if now < self._quiet_until:
            self._refused += 1
            return
        more = f", and {self._refused} requests since the last such line" if self._refused else ""
        log.warning("refused a request from %s: %d %s%s", client or "a client", refused.status, refused.reason, more)
        self._refused, self._quiet_until = 0, now + QUIET
