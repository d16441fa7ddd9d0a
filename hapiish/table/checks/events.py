"""Events of the server: who listens to something that never happens."""

from collections.abc import Iterator, Mapping
from typing import Any

from hapiish.table.draft import Draft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.types import SERVER_EVENTS


def names(draft: Draft) -> Iterator[Problem]:
    """Events that the server does not have and that no table declares, and channels that an event lacks."""
    sections = [(at, name, given) for _, at, found in draft.sections("events") for name, given in found.items()]
    known = {name: list(channels) for name, channels in SERVER_EVENTS.items()}
    for _, name, given in sections:
        if isinstance(given, Mapping) and name not in SERVER_EVENTS:
            known.setdefault(name, []).extend(_listed(given.get("channels")))
    for at, name, given in sections:
        own = isinstance(given, Mapping)
        if name not in known:
            message = f'unknown server event "{name}"{did_you_mean(name, known)}'
            hint = "declare a custom event as a mapping with listeners and channels"
            yield Problem(draft.key_mark(*at, name), Code.EVENT_NAME, message, hint)
        elif own and name in SERVER_EVENTS and given.get("channels") is not None:
            message = f'"channels" cannot be set for the built-in event "{name}"'
            yield Problem(draft.key_mark(*at, name, "channels"), Code.EVENT_NAME, message)
        else:
            place: Path = (*at, name, "listeners") if own else (*at, name)
            yield from _channels(draft, name, given.get("listeners") if own else given, place, known[name])


def _channels(draft: Draft, name: str, listeners: Any, at: Path, known: Any) -> Iterator[Problem]:
    for index, listener in enumerate(listeners if isinstance(listeners, list) else ()):
        if not isinstance(listener, Mapping):
            continue
        for channel in _listed(listener.get("channels")):
            if channel not in known:
                message = f'the event "{name}" has no channel "{channel}"{did_you_mean(channel, known)}'
                yield Problem(draft.key_mark(*at, index, "channels"), Code.EVENT_NAME, message)


def _listed(given: Any) -> list[str]:
    return [] if given is None else given if isinstance(given, list) else [given]
