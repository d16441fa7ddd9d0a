"""Compares the Socket.IO namespaces, events and emits of two tables."""

from collections.abc import Iterator
from typing import Any

from hapiish.describe.diff.change import ChangeSubject, TableChange, Verdict
from hapiish.describe.diff.parts import ChangeReporter, access, common, is_past
from hapiish.describe.diff.values import Side
from hapiish.describe.surface import EmitSurface, EventSurface, NamespaceSurface, Surface

_SOCKETS = ChangeSubject("sockets", "sockets")


def compare_sockets(old: Surface, new: Surface) -> Iterator[TableChange]:
    """Yields the changes of Socket.IO."""
    yield from _transport(old, new)
    before = {each.namespace: each for each in old.namespaces}
    after = {each.namespace: each for each in new.namespaces}
    for name, namespace in before.items():
        if name in after:
            yield from _namespace(namespace, after[name], (old, new))
        else:
            to = ChangeReporter(ChangeSubject("namespace", name), namespace.mark, None)
            yield to.change("namespace-removed", "breaking", "the namespace is gone")
    for name, namespace in after.items():
        if name not in before:
            to = ChangeReporter(ChangeSubject("namespace", name), None, namespace.mark)
            yield to.change("namespace-added", "safe", "new namespace")
    yield from _events(old, new)


def _transport(old: Surface, new: Surface) -> Iterator[TableChange]:
    to = ChangeReporter(_SOCKETS, None, None)
    if old.sockets is None or new.sockets is None:
        if new.sockets is not None:
            yield to.change("sockets-added", "safe", "Socket.IO is served")
        elif old.sockets is not None:
            yield to.change("sockets-removed", "breaking", "Socket.IO is no longer served")
        return
    before, after = old.sockets, new.sockets
    if before.path != after.path:
        yield to.change("sockets-path", "breaking", f"the path {before.path} becomes {after.path}")
    for transport in before.transports:
        if transport not in after.transports:
            yield to.change("transport-removed", "breaking", f"no transport {transport}")
    for transport in after.transports:
        if transport not in before.transports:
            yield to.change("transport-added", "safe", f"the transport {transport} is served too")


def _namespace(old: NamespaceSurface, new: NamespaceSurface, tables: tuple[Surface, Surface]) -> Iterator[TableChange]:
    to = ChangeReporter(ChangeSubject("namespace", new.namespace), old.mark, new.mark)
    yield from access(old.auth, new.auth, tables, to)
    schemas = tables[0].schemas, tables[1].schemas
    handshakes = (old.handshake, None, schemas[0], None), (new.handshake, None, schemas[1], None)
    yield from to.rule("auth of the handshake", *handshakes)
    for source in ("params", "query", "headers"):
        before, after = getattr(old, source), getattr(new, source)
        yield from to.rule(
            f"{source} of the handshake",
            (before.schema, before.function, schemas[0], None),
            (after.schema, after.function, schemas[1], None),
            is_text=True,
        )
    former = {emit.event: emit for emit in old.emits}
    latter = {emit.event: emit for emit in new.emits}
    for event, emit in former.items():
        if event in latter:
            other = latter[event]
            where = ChangeReporter(_emit(other), emit.mark, other.mark)
            yield from where.schema("data", Side(emit.payload, schemas[0]), Side(other.payload, schemas[1]), "received")
        else:
            text = "the event to clients is gone"
            yield ChangeReporter(_emit(emit), emit.mark, None).change(
                "emit-removed", "breaking", text, direction="received"
            )
    for event, emit in latter.items():
        if event not in former:
            text = "new event to clients"
            yield ChangeReporter(_emit(emit), None, emit.mark).change("emit-added", "safe", text, direction="received")


def _emit(emit: EmitSurface) -> ChangeSubject:
    return ChangeSubject("emit", f"{emit.event} (to clients, {emit.namespace})")


def _events(old: Surface, new: Surface) -> Iterator[TableChange]:
    before, after = _keyed(old), _keyed(new)
    ids = {event.id: key for key, event in after.items() if event.id is not None}
    moved: set[Any] = set()
    gone = {each.namespace for each in old.namespaces} - {each.namespace for each in new.namespaces}
    for key, event in before.items():
        if key in after:
            to = ChangeReporter(_subject(after[key]), event.mark, after[key].mark)
            yield from _event(event, after[key], (old, new), to)
            continue
        target = ids.get(event.id) if event.id is not None else None
        verdict: Verdict = "safe" if is_past(event.deprecated) else "breaking"
        if target is not None and target not in before:
            moved.add(target)
            to = ChangeReporter(_subject(event), event.mark, after[target].mark)
            yield to.change("event-moved", verdict, f"the event is called {_subject(after[target]).label}")
            yield from _event(event, after[target], (old, new), to)
        elif event.namespace not in gone:
            to = ChangeReporter(_subject(event), event.mark, None)
            text = "the event is gone, after its sunset" if verdict == "safe" else "the event is gone"
            if verdict == "breaking" and (event.namespace, "*") in after:
                verdict, text = "unknown", "the event is gone; the handler of undeclared events gets it"
            yield to.change("event-removed", verdict, text)
    for key, event in after.items():
        if key not in before and key not in moved:
            yield ChangeReporter(_subject(event), None, event.mark).change("event-added", "safe", "new event")


def _keyed(table: Surface) -> dict[tuple[str, str], EventSurface]:
    return {(event.namespace, event.event): event for each in table.namespaces for event in each.events}


def _subject(event: EventSurface) -> ChangeSubject:
    return ChangeSubject("event", f"{event.event} ({event.namespace})", event.id)


def _event(
    old: EventSurface, new: EventSurface, tables: tuple[Surface, Surface], to: ChangeReporter
) -> Iterator[TableChange]:
    yield from common(old, new, tables, to)
    if old.arguments != new.arguments:
        text = "clients send several arguments" if new.arguments else "clients send one argument"
        yield to.change("event-form", "breaking", text, direction="sent")
    else:
        rules = old.options.validate, new.options.validate
        yield from to.rule(
            "payload",
            (old.payload, old.function, tables[0].schemas, rules[0]),
            (new.payload, new.function, tables[1].schemas, rules[1]),
        )
    if old.binary and not new.binary:
        yield to.change("event-form", "breaking", "binary data is refused", direction="sent")
    if old.ack != new.ack:
        text = f"the acknowledgement has the form {new.ack} instead of {old.ack}"
        yield to.change("event-form", "breaking", text, direction="received", part="ack")
        return
    for part, before, after in (("ack", old.ok, new.ok), ("ack of errors", old.error, new.error)):
        sides = Side(before, tables[0].schemas), Side(after, tables[1].schemas)
        yield from to.schema(part, *sides, "received")
