"""Values kept for a while: stores (memory, Redis), and policies that say when a kept value is good (catbox)."""

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
