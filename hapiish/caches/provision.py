"""The stores of one server by name, and the segments taken in them; hapi's cache provisioning (lib/core.js)."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

from hapiish.bridge import anywhere, loop_only
from hapiish.caches.memory import MemoryStore
from hapiish.caches.policy import Policy, called
from hapiish.caches.rules import Rules
from hapiish.caches.store import Store, UnavailableError
from hapiish.service import Service

DEFAULT = "_default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """A store at rest, what it is called, and `settings` that tell whether the one of another table is the same.

    `shared`: its segments may be taken more than once.
    """

    store: Store
    name: str = DEFAULT
    settings: Any = None
    shared: bool = False


@dataclass(slots=True)
class Client:
    """A store with the segments that are taken in it, and what the log says of it."""

    provision: Provision
    store: Store
    service: Service
    segments: set[str] = field(default_factory=set)


class Caches:
    """The stores that a table provides, and one in memory by default.

    Made anew with every table; `before`, the stores of the table before, are gone on with where nothing has changed
    for them. `start` begins what is new in it, `release` ends what only the table before had.
    """

    def __init__(
        self,
        provisions: Sequence[Provision] = (),
        *,
        before: "Caches | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self.loop: asyncio.AbstractEventLoop | None = before.loop if before is not None else None
        # One set for all tables of a server: what is being made for a request of an old one ends with the server, too.
        self.policies: WeakSet[Policy] = before.policies if before is not None else WeakSet()
        self.clients: dict[str, Client] = {}
        default = () if any(each.name == DEFAULT for each in provisions) else (Provision(store=MemoryStore()),)
        for provision in (*provisions, *default):
            old = before.clients.get(provision.name) if before is not None else None
            same = old is not None and old.provision.settings == provision.settings
            if old is not None and same:
                self.clients[provision.name] = Client(provision, old.store, old.service)
            else:
                self.clients[provision.name] = Client(provision, provision.store, called(provision.name))

    @property
    def stores(self) -> Mapping[str, Store]:
        """The stores by name."""
        return {name: client.store for name, client in self.clients.items()}

    def policy(self, rules: Rules, *, segment: str, cache: str | None = None, shared: bool = False) -> Policy:
        """A policy over `segment` of the store called `cache`.

        Raises ValueError for an unknown store and for a segment that is taken, unless it or its store is `shared`.
        """
        if not segment or "\0" in segment:
            raise ValueError("a segment needs a name, without NUL")
        client = self.clients.get(cache or DEFAULT)
        if client is None:
            raise ValueError(f'unknown cache "{cache}"')
        if segment in client.segments and not shared and not client.provision.shared:
            raise ValueError(f'the cache segment "{segment}" is taken; share it, or take another')
        client.segments.add(segment)
        policy = Policy(rules, client.store, segment, clock=self._clock, service=client.service)
        policy.home = self.loop
        self.policies.add(policy)
        return policy

    @anywhere
    async def start(self) -> None:
        """Starts the stores that are not started; one whose server is away is told of, and recovers by itself."""
        self.loop = asyncio.get_running_loop()
        for policy in list(self.policies):
            policy.home = self.loop
        await asyncio.gather(*(_start(client) for client in self.clients.values() if not client.store.is_ready))

    @loop_only
    async def stop(self) -> None:
        """Ends what is being made, and stops the stores."""
        await asyncio.gather(*(policy.close() for policy in list(self.policies)))
        await asyncio.gather(*(store.stop() for store in self.stores.values()))

    def unused(self, *others: "Caches") -> list[Store]:
        """Returns the stores that none of `others` has."""
        used = {id(store) for other in others for store in other.stores.values()}
        return [store for store in self.stores.values() if id(store) not in used]

    @anywhere
    async def release(self, *others: "Caches") -> None:
        """Stops the stores that none of `others` has."""
        await asyncio.gather(*(store.stop() for store in self.unused(*others)))


async def _start(client: Client) -> None:
    try:
        await client.store.start()
    except UnavailableError as error:
        client.service.lost(error.__cause__ or error, yet=True)
