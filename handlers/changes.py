"""Live events of changes. A module that owns a kind of change registers the function that sends its event.

A request sends the event when it publishes the change. After a crash, the sweeper publishes the change and sends the
event. A module may also register a function that updates data derived from the changed state. It runs before the
change gets its number: a reader who sees the number then also sees the derived data.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from . import sweeper
from .settings import settings

Act = Callable[..., None]

_announcers: dict[str, Act] = {}
_preparers: dict[str, Act] = {}


def register(kind: str, announce: Act, prepare: Act | None = None) -> None:
    """Registers `announce(server, change)`, which sends the live event of a change of this kind, in a thread.

    `prepare(server, entry, document=None)` is called before the entry is published; it may be called again after a
    crash. `document` is the changed document as it was stored with the entry. Without it, the function must read it.
    """
    _announcers[kind] = announce
    if prepare is not None:
        _preparers[kind] = prepare


def announcing(server: Any) -> Callable[[dict[str, Any]], None]:
    """Returns the argument `emit` of `Change.publish` and `Change.repair`."""
    return partial(_act, _announcers, server)


def publish(
    server: Any,
    source: Any,
    document_id: Any,
    entries: Sequence[dict[str, Any]],
    document: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Publishes pending entries of a document and sends their events; returns the changes. Call it in a `def`.

    `document` is the document that was stored with the entries, if the caller has it.
    """
    for entry in entries:
        _act(_preparers, server, entry, document)
    changes: list[dict[str, Any]] = server.models.Change.publish(source, document_id, entries, announcing(server))
    return changes


def repair(server: Any) -> dict[str, int]:
    """Publishes changes that a crash has left unpublished; returns their number as `changes`."""
    models = server.models
    sources = [each for each in map(partial(getattr, models), models) if "pending" in getattr(each, "_fields", ())]
    prepare = partial(_act, _preparers, server)
    return {"changes": models.Change.repair(100, announcing(server), sources, prepare)}


def expire(server: Any) -> None:
    """Removes changes that are older than `changes.days`. A client that has not read them must read the state again."""
    for sequence in (server.models.Change, server.models.UserChange):
        sequence.expire(settings(server)["changes"]["days"], 100_000)


def _act(registered: Mapping[str, Act], server: Any, change: dict[str, Any], *more: Any) -> None:
    act = registered.get(change["kind"])
    if act is not None:
        act(server, change, *more)


sweeper.register("changes", 15, repair)
sweeper.register("expired changes", 3600, expire)
