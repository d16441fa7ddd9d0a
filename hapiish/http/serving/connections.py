"""The connections of one server: how many there may be, how long each may keep it waiting, who makes room.

One timer watches all of them; a connection costs a request no more than the change from one dictionary to another.
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
from hapiish.http.syntax.message_head import Refused

log = logging.getLogger("hapiish")

LINGER = 2.0
"""Seconds for which what a refused client still sends is read away, so that it gets to see the answer."""

LINGERING = 256
"""Connections that linger at the same time; never more than a quarter of all."""

OLDEST = 100
"""So many of the oldest connections at work are asked whether their client owes them a body."""

QUIET = 10.0
"""Seconds between two lines of the log about refused requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a server admits. Bytes, headers, seconds; connections: None is what the process's descriptors allow.

    `trusted` are proxies, which `per_address` does not concern. `sockets` are the paths at or below which a WebSocket
    may be opened, None for any.
    """

    head_bytes: int = 32768
    head_count: int = 100
    head_timeout: float = 20.0
    total: int | None = None
    per_address: int | None = None
    trusted: tuple[str, ...] = ()
    sockets: tuple[str, ...] | None = None

    def takes_socket(self, path: str) -> bool:
        """Whether a WebSocket may be opened at a path."""
        return self.sockets is None or any(path == own or path.startswith(f"{own}/") for own in self.sockets)


class Connection(Protocol):
    """What is counted and watched: an HTTP connection, or a TLS handshake on its way to be one."""

    watched: dict[Any, float] | None

    def expire(self) -> None:
        """Its time is over."""

    def give_up(self) -> None:
        """Closes at once: somebody else needs the place."""


class Connections:
    """Every open connection is in one of `waiting` (for a head), `resting` (kept alive), `lingering`, or at work.

    Each of the three is in the order of its deadlines, so that the first is the next to end.
    """

    def __init__(self, limits: Limits, keep_alive: float) -> None:
        self.limits = limits
        self.keep_alive = keep_alive
        self.waiting: dict[Connection, float] = {}
        self.resting: dict[Connection, float] = {}
        self.lingering: dict[Connection, float] = {}
        self.places: dict[Any, str | None] = {}
        self.by_address: Counter[str] = Counter()
        self._trusted = Forwarding(limits.trusted)
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        descriptors = soft if soft != resource.RLIM_INFINITY else 1 << 20
        self.highest = descriptors - max(16, min(64, descriptors // 8))  # the rest is for files, stores and proxies
        self.total = max(1, self.highest if limits.total is None else limits.total)
        self._pause = max(0.05, min(1.0, limits.head_timeout / 4, keep_alive / 4))
        self._timer: asyncio.TimerHandle | None = None
        self._refused = 0
        self._quiet_until = 0.0

    # Places

    def admit(self, connection: Connection, address: str | None, descriptor: int) -> Refused | None:
        """Gives a new connection its place; otherwise the answer that it gets.

        Where there is none left, or descriptors run short, the connection that has kept silent for longest goes.
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

    def leave(self, connection: Connection) -> None:
        """The connection is over."""
        self.busy(connection)
        self.release(connection)

    def release(self, connection: Any) -> None:
        """The place is free; nothing happens where there is none."""
        if connection in self.places:
            peer = self.places.pop(connection)
            if peer is not None:
                self.by_address[peer] -= 1
                if not self.by_address[peer]:
                    del self.by_address[peer]

    def hand_over(self, connection: Connection, successor: Any) -> None:
        """The place goes on to what takes the connection over, which then leaves it."""
        self.busy(connection)
        if connection in self.places:
            self.places[successor] = self.places.pop(connection)

    def make_room(self) -> bool:
        """Gives up a connection that waits for its client, if there is one.

        The first to go has had its last answer, then come those between two requests, in a head, in a body.
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
        """Whom a connection counts for: an address, the /64 network of an IPv6 one, nobody for a trusted proxy."""
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
        # Unless the table says so, a proxy of this very machine need not be named to be let in.
        return inf if peer.startswith("127.") or peer == "0000:0000:0000:0000" else max(1, self.total // 2)

    # Time

    def wait(self, connection: Connection) -> None:
        """A head is to come now."""
        self._move(connection, self.waiting, self.limits.head_timeout)

    def rest(self, connection: Connection) -> None:
        """An answer is out, and another request may follow."""
        if connection.watched is not None:
            connection.watched.pop(connection, None)
        queue = connection.watched = self.resting
        queue[connection] = monotonic() + self.keep_alive

    def linger(self, connection: Connection) -> None:
        """The last answer is out."""
        if len(self.lingering) >= min(LINGERING, max(1, self.total // 4)):
            oldest = next(iter(self.lingering))
            self.busy(oldest)
            oldest.expire()
        self._move(connection, self.lingering, LINGER)

    def busy(self, connection: Connection) -> None:
        """The server is at work for it: no deadline is here any more."""
        if connection.watched is not None:
            connection.watched.pop(connection, None)
            connection.watched = None

    def _move(self, connection: Connection, queue: dict[Connection, float], seconds: float) -> None:
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

    # Telling

    def tell(self, refused: Refused, client: Any) -> None:
        """A line of the log about a refused request, unless there was one a moment ago: clients decide how many."""
        now = monotonic()
        if now < self._quiet_until:
            self._refused += 1
            return
        more = f", and {self._refused} requests since the last such line" if self._refused else ""
        log.warning("refused a request of %s: %d %s%s", client or "a client", refused.status, refused.reason, more)
        self._refused, self._quiet_until = 0, now + QUIET
