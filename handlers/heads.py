"""Heads of conversations: repaired when they are behind their messages."""

from typing import Any

from . import sweeper


def repair(server: Any) -> dict[str, int]:
    """Brings the heads up to their messages, after a process was killed between the two writes."""
    return {"heads": server.models.HeadRepair.run(server.models)}


sweeper.register("heads", 30, repair)
