"""Checks Socket.IO namespaces and events: duplicates, invalid and reserved names, conflicting paths."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.grammar import path as paths
from hapiish.table.draft import Draft
from hapiish.table.draft.parts import NamespaceDraft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path
from hapiish.table.text.tree import section

RESERVED: Final = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""Events that Socket.IO's clients and servers emit themselves."""

_PATH: Final = "/socket.io"
_PARAMETER: Final = re.compile(r"\{\w+(?:\*\d*|\?)?\}")


def namespaces(draft: Draft) -> Iterator[Problem]:
    """Namespaces declared twice."""
    taken: dict[str, Path] = {}
    for namespace in draft.namespaces:
        first = taken.setdefault(namespace.name, namespace.at)
        if first != namespace.at:
            related = ((draft.mark(*first), "the first one"),)
            message = f'the namespace "{namespace.name}" is declared twice'
            yield Problem(
                draft.mark(*namespace.at), Code.DUPLICATE_EVENT, message, "merge their events into one entry", related
            )


def names(draft: Draft) -> Iterator[Problem]:
    """Names of namespaces that clients cannot request, or that match the names of another namespace."""
    taken: dict[str, NamespaceDraft] = {}
    for namespace in draft.namespaces:
        name, mark = namespace.name, draft.mark(*namespace.at, "namespace")
        if found := re.search(r"[,?*\s]", _PARAMETER.sub("", name)):
            message = f'the namespace "{name}" has "{found[0]}" in its name, which no client can request'
            hint = "for a variable part, use a parameter: /room-{id}" if found[0] == "*" else ""
            yield Problem(mark, Code.NAMESPACE_NAME, message, hint)
        elif "{" in name or "}" in name:
            try:
                path = paths.parse(name)
            except paths.PathError as error:
                yield Problem(mark, Code.NAMESPACE_NAME, f"the namespace's name: {error}")
                continue
            for key in paths.occupies(path):
                first = taken.setdefault(key, namespace)
                if first is not namespace and first.name != name:
                    related = ((draft.mark(*first.at, "namespace"), "the first one"),)
                    message = f'the namespaces "{first.name}" and "{name}" match the same names'
                    yield Problem(mark, Code.DUPLICATE_EVENT, message, related=related)
                    break


def params(draft: Draft) -> Iterator[Problem]:
    """Parameters in `validate.params` that the name of the namespace does not have."""
    for namespace in draft.namespaces:
        schema = section(namespace.value, "validate").get("params")
        at, has = (*namespace.at, "validate", "params"), namespace.params
        if schema is None or schema is True:
            continue
        if not has:
            message = f'"validate.params" on the namespace "{namespace.name}", which has no parameters'
            yield Problem(draft.key_mark(*at), Code.PARAMS, message)
        elif isinstance(schema, Mapping):
            for name in section(schema, "properties"):
                if name not in has:
                    message = f'"{namespace.name}" has no parameter "{name}"{did_you_mean(name, has)}'
                    yield Problem(draft.key_mark(*at, "properties", name), Code.PARAMS, message)


def patterns(draft: Draft) -> Iterator[Problem]:
    """Names of events that look like patterns."""
    for namespace in draft.namespaces:
        for direction in ("events", "emits"):
            for name, at in _events(namespace.value, namespace.at, direction):
                if name == "*" and direction == "emits":
                    message = 'an emit needs a literal name: "*" is only for events from clients'
                    yield Problem(draft.mark(*at), Code.EVENT_NAME_PATTERN, message)
                elif name != "*" and ("*" in name or _PARAMETER.search(name)):
                    message = f'the event "{name}" would be matched literally: event names have no patterns'
                    hint = 'move the variable part into the payload, or handle undeclared events by "*"'
                    yield Problem(draft.mark(*at), Code.EVENT_NAME_PATTERN, message, hint)


def duplicates(draft: Draft) -> Iterator[Problem]:
    """Duplicate events of a namespace in one direction."""
    for namespace in draft.namespaces:
        for direction in ("events", "emits"):
            taken: dict[str, Path] = {}
            for name, at in _events(namespace.value, namespace.at, direction):
                first = taken.setdefault(name, at)
                if first != at:
                    related = ((draft.mark(*first), "the first one"),)
                    message = f'the event "{name}" is declared twice in "{direction}" of "{namespace.name}"'
                    yield Problem(draft.mark(*at), Code.DUPLICATE_EVENT, message, related=related)


def duplicate_options(draft: Draft) -> Iterator[Problem]:
    """Options that a namespace sets both directly and under `options`."""
    for namespace in draft.namespaces:
        inner = section(namespace.value, "options")
        for key in ("limit", "pre"):
            if inner.get(key) is not None and namespace.value.get(key) is not None:
                related = ((draft.key_mark(*namespace.at, "options", key), "also set here"),)
                message = f'the namespace "{namespace.name}" has "{key}" twice: here and in its options'
                yield Problem(draft.key_mark(*namespace.at, key), Code.NAMESPACE_OPTION, message, related=related)


def reserved(draft: Draft) -> Iterator[Problem]:
    """Events with a name that Socket.IO reserves."""
    hints = {"connect": "use onConnect of the namespace", "disconnect": "use onDisconnect of the namespace"}
    for namespace in draft.namespaces:
        for direction in ("events", "emits"):
            for name, at in _events(namespace.value, namespace.at, direction):
                if name in RESERVED:
                    message = f'the event name "{name}" is reserved by Socket.IO'
                    hint = hints.get(name, "") if direction == "events" else ""
                    yield Problem(draft.mark(*at), Code.RESERVED_EVENT, message, hint)


def path(draft: Draft) -> Iterator[Problem]:
    """Routes at or below the path of Socket.IO."""
    realm = next((realm for realm in draft.realms if isinstance(realm.value.get("sockets"), Mapping)), None)
    if realm is None:
        return
    taken = str(realm.value["sockets"].get("path") or _PATH).rstrip("/")
    for route in draft.routes:
        text = route.text
        if text == taken or text.startswith(f"{taken}/"):
            related = ((draft.mark(*realm.at, "sockets", "path"), f'Socket.IO answers at "{taken}"'),)
            message = f'the path "{text}" is reserved for Socket.IO'
            yield Problem(draft.mark(*route.at, "path"), Code.SOCKETS_PATH, message, "move one of the two", related)


def prefixes(draft: Draft) -> Iterator[Problem]:
    """Tables with namespaces that are used under a prefix with parameters."""
    for realm in draft.realms:
        if realm.host is not None and "{" in realm.prefix and realm.value.get("sockets") is not None:
            mark = draft.mark(*realm.host.at, *realm.part.entry_at, "routes", "prefix")
            message = f'a table with sockets cannot be used under a prefix with parameters ("{realm.prefix}")'
            related = ((draft.key_mark(*realm.at, "sockets"), "its sockets"),)
            yield Problem(mark, Code.SOCKET_PREFIX, message, related=related)


def _events(namespace: Mapping[str, Any], at: Path, direction: str) -> Iterator[tuple[str, Path]]:
    for index, event in enumerate(namespace.get(direction) or ()):
        if isinstance(event, Mapping) and isinstance(event.get("event"), str):
            yield event["event"], (*at, direction, index, "event")
