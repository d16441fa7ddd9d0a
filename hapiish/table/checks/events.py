"""Checks server events: listeners for undeclared events and channels."""

from collections.abc import Iterator, Mapping
from typing import Any

from hapiish.table.draft import Draft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merging.merge import listed
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.types import SERVER_EVENTS


def names(draft: Draft) -> Iterator[Problem]:
    """Listeners for events that are neither built in nor declared by a table, and for undeclared channels."""
    sections = [(at, name, event) for _, at, found in draft.sections("events") for name, event in found.items()]
    known = {name: list(channels) for name, channels in SERVER_EVENTS.items()}
    for _, name, event in sections:
        if isinstance(event, Mapping) and name not in SERVER_EVENTS:
            known.setdefault(name, []).extend(listed(event.get("channels")))
    for at, name, event in sections:
        is_mapping = isinstance(event, Mapping)
        if name not in known:
            message = f'unknown server event "{name}"{did_you_mean(name, known)}'
            hint = "declare a custom event as a mapping with listeners and channels"
            yield Problem(draft.key_mark(*at, name), Code.EVENT_NAME, message, hint)
        elif is_mapping and name in SERVER_EVENTS and event.get("channels") is not None:
            message = f'"channels" cannot be set for the built-in event "{name}"'
            yield Problem(draft.key_mark(*at, name, "channels"), Code.EVENT_NAME, message)
        else:
            place: Path = (*at, name, "listeners") if is_mapping else (*at, name)
            yield from _channels(draft, name, event.get("listeners") if is_mapping else event, place, known[name])


def _channels(draft: Draft, name: str, listeners: Any, at: Path, known: Any) -> Iterator[Problem]:
    for index, listener in enumerate(listeners if isinstance(listeners, list) else ()):
        if not isinstance(listener, Mapping):
            continue
        for channel in listed(listener.get("channels")):
            if channel not in known:
                message = f'the event "{name}" has no channel "{channel}"{did_you_mean(channel, known)}'
                yield Problem(draft.key_mark(*at, index, "channels"), Code.EVENT_NAME, message)
