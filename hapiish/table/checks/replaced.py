"""Warns when a list of `pre` replaces inherited steps that are still needed.

On a route these are the steps that assign a value, since its readers fail. On an event it is every step of its
namespace: a step that assigns nothing may authorize the caller, and nothing fails without it.
"""

from collections.abc import Iterator
from typing import Any

from hapiish.table.checks.calls import assigned_by, method_of, steps_of
from hapiish.table.draft import Draft
from hapiish.table.merging.merge import Merged, added_by, listed
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path


def steps(draft: Draft) -> Iterator[Problem]:
    """Warns of a `pre` that replaces inherited steps without an equivalent; null and [] are deliberate."""
    reported: set[tuple[Path, str]] = set()
    routes = ((merged, False) for route in draft.routes for merged in route.options.values())
    events = ((event.options, True) for namespace in draft.namespaces for event in namespace.events)
    for merged, is_event in (*routes, *events):
        if merged.value.get("pre"):
            for effect, before, at in _replaced(merged, all_steps=is_event):
                if (at, effect) not in reported:
                    reported.add((at, effect))
                    message = f'this "pre" replaces the inherited one, which {effect}'
                    hint = "write {add: [...]} for steps that run after the inherited ones"
                    related = ((draft.mark(*before), "the step that no longer runs"),)
                    yield Problem(draft.key_mark(*at), Code.REPLACED, message, hint, related, warning=True)


def _replaced(merged: Merged, *, all_steps: bool) -> Iterator[tuple[str, Path, Path]]:
    """The effects of inherited steps that no effective step has, with the path of the step and of its replacement."""
    effective: dict[str, Path] = {}
    missing: dict[str, tuple[Path, Path]] = {}
    for layer in merged.layers:
        written = layer.value.get("pre")
        if "pre" not in layer.value:
            continue
        added, at = added_by(written), (*layer.at, "pre")
        if added is None:
            missing |= {effect: (before, at) for effect, before in effective.items()} if listed(written) else {}
            effective = {}
        for index, parallel in enumerate(listed(written) if added is None else added):
            place = (*at, index) if added is None else (*at, "add", index)
            effective |= dict.fromkeys(_effects(parallel, all_steps=all_steps), place)
    for effect, (before, at) in missing.items():
        if effect not in effective:
            yield effect, before, at


def _effects(parallel: Any, *, all_steps: bool) -> Iterator[str]:
    for step in steps_of([parallel]):
        names = assigned_by([step])
        yield from (f'assigns "{name}"' for name in names)
        if all_steps and not names:
            yield f'calls "{method_of(step)}"'
