"""Caches values with a time to live, like catbox.

Order: `provision` creates the stores of a table (`memory`, `redis`; `store` is their protocol) and hands out segments,
`rules` holds a policy's settings, `policy` looks values up and generates missing or stale ones.
Another kind of store is a class with the methods of `Store`: a table names it, or a manifest in
`hapiish.options.caches`. The package imports no table.
"""

from hapiish.caches.policy import Cached, Decorated, Policy, Report, Stats
from hapiish.caches.provision import Caches, Provision
from hapiish.caches.rules import Flags, Rules
from hapiish.caches.store import Entry, Store, UnavailableError

__all__ = [
    "Cached",
    "Caches",
    "Decorated",
    "Entry",
    "Flags",
    "Policy",
    "Provision",
    "Report",
    "Rules",
    "Stats",
    "Store",
    "UnavailableError",
]
