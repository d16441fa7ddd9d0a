"""Calls of server methods in `handler` and `pre`: whether the method exists, and requests have what it is given."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hapiish.table.calls import ROOTS, Call, CallError, Reference, is_call, parse
from hapiish.table.compose.owned_names import home
from hapiish.table.draft import Draft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merge import Merged
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path

_NOT_OF_EVENTS: Final = ("query", "state")


@dataclass(frozen=True, slots=True)
class _Place:
    """Who calls: `roots` that its requests have, the names of its path's parameters, None when they are not known."""

    owner: str
    roots: tuple[str, ...]
    params: tuple[str, ...] | None


def calls(draft: Draft) -> Iterator[Problem]:
    """Calls of routes and events."""
    for route in draft.routes:
        params = route.path.params if route.path is not None else None
        for method, merged in route.options.items():
            roots = tuple(root for root in ROOTS if root != "payload" or method != "GET")
            place = _Place(f"{method} {route.text}", roots, params)
            yield from _called(draft, merged, place, route.handler, route.handler_at)
    for namespace in draft.namespaces:
        for event in namespace.events:
            none = _NOT_OF_EVENTS if namespace.params else (*_NOT_OF_EVENTS, "params")
            roots = tuple(root for root in ROOTS if root not in none)
            place = _Place(f"event {event.value.get('event', '')}", roots, namespace.params)
            yield from _called(draft, event.options, place, event.handler, (*event.at, "handler"))


def _called(draft: Draft, merged: Merged, place: _Place, handler: Any, at: Path) -> Iterator[Problem]:
    """The calls of `pre`, then of the handler; `assigned` grows with every step."""
    assigned: set[str] = set()
    sets = merged.value.get("pre") or ()
    for number, together in enumerate(sets):
        steps = enumerate(together) if isinstance(together, list) else ((None, together),)
        new: set[str] = set()
        for index, step in steps:
            where = merged.origin("pre", number, *(() if index is None else (index,)))
            name, inner = step, where
            if isinstance(step, Mapping):
                name, inner = step.get("method"), (*where, "method")
            if is_call(name):
                yield from _read(draft, name, inner, place, assigned)
            new |= _assigned(step)
        assigned |= new
    if is_call(handler):
        yield from _read(draft, handler, at, place, assigned)


def assigned_by(pre: Any) -> set[str]:
    """The names under which the steps of `pre` leave their values."""
    return {name for step in steps_of(pre) for name in _assigned(step)}


def steps_of(pre: Any) -> Iterator[Any]:
    """The single steps of `pre`, those that run together as well."""
    for steps in pre or ():
        yield from steps if isinstance(steps, list) else [steps]


def method_of(step: Any) -> Any:
    """The function that a step of `pre` calls."""
    return step.get("method") if isinstance(step, Mapping) else step


def _assigned(step: Any) -> set[str]:
    name = method_of(step)
    given = step.get("assign") if isinstance(step, Mapping) else None
    if given is None and is_call(name):
        try:
            given = parse(name).method
        except CallError:
            return set()
    return {given} if given else set()


def _read(draft: Draft, text: str, at: Path, place: _Place, assigned: set[str]) -> Iterator[Problem]:
    """What is wrong with a call."""
    mark = draft.mark(*at)
    try:
        call: Call = parse(text)
    except CallError as error:
        yield Problem(mark, Code.CALL, str(error))
        return
    writer = draft.realms[home(text)]
    known = draft.known(writer.index, "methods")
    if call.method not in known and not draft.is_partial and not draft.lost(*writer.at, "methods", call.method):
        hint = "" if known else "methods is empty"
        yield Problem(mark, Code.CALL, f'unknown server method "{call.method}"{did_you_mean(call.method, known)}', hint)
    for argument in call.args:
        if isinstance(argument, Reference):
            fault = _fault(argument, place, assigned)
            if fault:
                yield Problem(mark, Code.CALL_ARGUMENT, fault)


def _fault(argument: Reference, place: _Place, assigned: set[str]) -> str:
    first = argument.keys[0] if argument.keys else None
    if argument.root not in place.roots:
        what = f'"{place.owner}" has no "{argument.root}"' if argument.root in ROOTS else f'unknown "{argument.root}"'
        return f"{what}{did_you_mean(argument.root, place.roots)}"
    if argument.root == "params" and place.params is not None and first is not None and first not in place.params:
        return f'"{place.owner}" has no parameter "{first}"{did_you_mean(str(first), place.params)}'
    if argument.root == "pre" and first is not None and first not in assigned:
        return f'no earlier step of "{place.owner}" assigns "{first}"{did_you_mean(str(first), assigned)}'
    return ""
