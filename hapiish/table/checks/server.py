"""Checks settings of the server: load limits without measurement, invalid trusted proxies."""

from collections.abc import Iterator
from ipaddress import ip_network

from hapiish.table.draft import Draft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code


def load(draft: Draft) -> Iterator[Problem]:
    """Load limits without `sampleInterval`."""
    section = draft.section("server", "load")
    if draft.was_pruned("server", "load", "sampleInterval") or section.get("sampleInterval") not in (None, 0):
        return
    for key, value in section.items():
        if key.startswith("max") and value not in (None, 0):
            message = f'"{key}" without "sampleInterval": nothing is measured'
            mark = draft.key_mark("server", "load", key)
            yield Problem(mark, Code.LOAD, message, "set an interval, such as sampleInterval: 1s")


def proxies(draft: Draft) -> Iterator[Problem]:
    """Trusted proxies that are not IP addresses or networks."""
    for index, name in enumerate(draft.section("server").get("trustedProxies") or ()):
        if name == "unix":
            continue
        try:
            ip_network(name)
        except ValueError as error:
            yield Problem(draft.mark("server", "trustedProxies", index), Code.PROXY, str(error), _network_hint(name))


def _network_hint(name: str) -> str:
    """A hint for a network with bits of a host in it."""
    try:
        return f'write "{ip_network(name, strict=False)}" for the network, or "{name.partition("/")[0]}" for the host'
    except ValueError:
        return ""
