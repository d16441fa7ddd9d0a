"""The stores of one server by name, and their segments in use (hapi's cache provisioning, lib/core.js)."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakSet

from hapiish.bridge import anywhere, loop_only
from hapiish.caches.memory import MemoryStore
from hapiish.caches.policy import Policy, store_service
from hapiish.caches.rules import Rules
from hapiish.caches.store import Store, UnavailableError
from hapiish.outages import Service

DEFAULT = "_default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """A store before its start. A reload keeps the old store of the same `name` if `settings` are equal.

    `shared` if several policies may use the same segment.
    """

    store: Store
    name: str = DEFAULT
    settings: object = None
    shared: bool = False


@dataclass(slots=True)
class CacheClient:
    """A store with its segments in use and the service that logs its outages."""

    provision: Provision
    store: Store
    service: Service
    segments: set[str] = field(default_factory=set)


class Caches:
    """The stores of a table, and a memory store as the default.

    A reload creates new caches and keeps unchanged stores of `before`, the caches of the previous table. `start` starts
    the new stores, `release` stops those of the previous table only.
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
        # One set for all tables of a server: `stop` also cancels generations for requests of a previous table.
        self.policies: WeakSet[Policy] = before.policies if before is not None else WeakSet()
        self.clients: dict[str, CacheClient] = {}
        default = (
            () if any(provision.name == DEFAULT for provision in provisions) else (Provision(store=MemoryStore()),)
        )
        for provision in (*provisions, *default):
            old = before.clients.get(provision.name) if before is not None else None
            if old is not None and old.provision.settings == provision.settings:
                self.clients[provision.name] = CacheClient(provision, old.store, old.service)
            else:
                self.clients[provision.name] = CacheClient(provision, provision.store, store_service(provision.name))

    @property
    def stores(self) -> Mapping[str, Store]:
        """The stores by name."""
        return {name: client.store for name, client in self.clients.items()}

    def policy(self, rules: Rules, *, segment: str, cache: str | None = None, shared: bool = False) -> Policy:
        """Returns a policy over `segment` of the store named `cache`.

        Raises ValueError for an unknown store, and for a segment in use unless the policy or its store is `shared`.
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
        """Starts the new stores. Logs an unavailable server; its store works when the server answers."""
        self.loop = asyncio.get_running_loop()
        for policy in list(self.policies):
            policy.home = self.loop
        await asyncio.gather(*(_start(client) for client in self.clients.values() if not client.store.is_ready))

    @loop_only
    async def stop(self) -> None:
        """Cancels generations and stops the stores."""
        await asyncio.gather(*(policy.close() for policy in list(self.policies)))
        await asyncio.gather(*(store.stop() for store in self.stores.values()))

    def unused(self, *others: "Caches") -> list[Store]:
        """Returns the stores that none of `others` uses."""
        used = {id(store) for other in others for store in other.stores.values()}
        return [store for store in self.stores.values() if id(store) not in used]

    @anywhere
    async def release(self, *others: "Caches") -> None:
        """Stops the stores that none of `others` uses."""
        await asyncio.gather(*(store.stop() for store in self.unused(*others)))


async def _start(client: CacheClient) -> None:
    try:
        await client.store.start()
    except UnavailableError as error:
        client.service.lost(error.__cause__ or error, yet=True)
