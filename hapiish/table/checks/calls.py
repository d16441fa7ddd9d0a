"""Checks calls of server methods in `handler` and `pre`: unknown methods, and arguments that requests do not have."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hapiish.grammar.call import ROOTS, Call, CallError, Reference, is_call, parse
from hapiish.table.checks.templates import Available
from hapiish.table.compose.owned_names import owner_of
from hapiish.table.draft import Draft
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merging.merge import Merged
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path

_NOT_OF_EVENTS: Final = ("query", "state")


def calls(draft: Draft) -> Iterator[Problem]:
    """Calls of routes and events."""
    for route in draft.routes:
        for method, merged in route.options.items():
            roots = tuple(root for root in ROOTS if root != "payload" or method != "GET")
            caller = Available(f"{method} {route.text}", roots, route.params)
            yield from _problems_of_calls(draft, merged, caller, route.handler, route.handler_at)
    for namespace in draft.namespaces:
        for event in namespace.events:
            none = _NOT_OF_EVENTS if namespace.params else (*_NOT_OF_EVENTS, "params")
            roots = tuple(root for root in ROOTS if root not in none)
            caller = Available(event.title, roots, namespace.params)
            yield from _problems_of_calls(draft, event.options, caller, event.handler, (*event.at, "handler"))


def _problems_of_calls(draft: Draft, merged: Merged, caller: Available, handler: Any, at: Path) -> Iterator[Problem]:
    """The problems of the calls in `pre` and the handler; each step sees what earlier steps assign."""
    assigned: set[str] = set()
    sets = merged.value.get("pre") or ()
    for number, parallel in enumerate(sets):
        steps = enumerate(parallel) if isinstance(parallel, list) else ((None, parallel),)
        assigned_in_parallel: set[str] = set()
        for index, step in steps:
            where = merged.origin("pre", number, *(() if index is None else (index,)))
            name, inner = step, where
            if isinstance(step, Mapping):
                name, inner = step.get("method"), (*where, "method")
            if is_call(name):
                yield from _problems(draft, name, inner, caller, assigned)
            assigned_in_parallel |= _assigned(step)
        assigned |= assigned_in_parallel
    if is_call(handler):
        yield from _problems(draft, handler, at, caller, assigned)


def assigned_by(pre: Any) -> set[str]:
    """The names that the steps of `pre` assign their results to."""
    return {name for step in steps_of(pre) for name in _assigned(step)}


def steps_of(pre: Any) -> Iterator[Any]:
    """The steps of `pre`, parallel ones included."""
    for steps in pre or ():
        yield from steps if isinstance(steps, list) else [steps]


def method_of(step: Any) -> Any:
    """The function that a step of `pre` calls."""
    return step.get("method") if isinstance(step, Mapping) else step


def _assigned(step: Any) -> set[str]:
    name = method_of(step)
    assigned = step.get("assign") if isinstance(step, Mapping) else None
    if assigned is None and is_call(name):
        try:
            assigned = parse(name).method
        except CallError:
            return set()
    return {assigned} if assigned else set()


def _problems(draft: Draft, text: str, at: Path, caller: Available, assigned: set[str]) -> Iterator[Problem]:
    mark = draft.mark(*at)
    try:
        call: Call = parse(text)
    except CallError as error:
        yield Problem(mark, Code.CALL, str(error))
        return
    writer = draft.realms[owner_of(text)]
    known = draft.known(writer.index, "methods")
    if call.method not in known and not draft.is_partial and not draft.was_pruned(*writer.at, "methods", call.method):
        hint = "" if known else "methods is empty"
        yield Problem(mark, Code.CALL, f'unknown server method "{call.method}"{did_you_mean(call.method, known)}', hint)
    for argument in call.args:
        if isinstance(argument, Reference):
            fault = _fault(argument, caller, assigned)
            if fault:
                yield Problem(mark, Code.CALL_ARGUMENT, fault)


def _fault(argument: Reference, caller: Available, assigned: set[str]) -> str:
    first = argument.keys[0] if argument.keys else None
    if argument.root not in caller.sources:
        fault = f'"{caller.owner}" has no "{argument.root}"' if argument.root in ROOTS else f'unknown "{argument.root}"'
        return f"{fault}{did_you_mean(argument.root, caller.sources)}"
    if argument.root == "params" and caller.params is not None and first is not None and first not in caller.params:
        return f'"{caller.owner}" has no parameter "{first}"{did_you_mean(str(first), caller.params)}'
    if argument.root == "pre" and first is not None and first not in assigned:
        return f'no earlier step of "{caller.owner}" assigns "{first}"{did_you_mean(str(first), assigned)}'
    return ""
