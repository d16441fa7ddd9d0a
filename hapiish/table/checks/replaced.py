"""Lists that are replaced although something in them is needed: steps before the handler.

Of a route that is what a step assigns, since whatever reads it fails. Of an event it is every step of its namespace:
one that assigns nothing judges the caller once more, and nothing fails when it is gone.
"""

from collections.abc import Iterator
from typing import Any

from hapiish.table.checks.calls import assigned_by, method_of, steps_of
from hapiish.table.draft import Draft
from hapiish.table.merge import Merged, added_by, listed
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.marks import Path


def steps(draft: Draft) -> Iterator[Problem]:
    """Warns of a `pre` that replaces inherited steps and has nothing in their place; null and [] mean it."""
    told: set[tuple[Path, str]] = set()
    routes = ((merged, False) for route in draft.routes for merged in route.options.values())
    events = ((event.options, True) for namespace in draft.namespaces for event in namespace.events)
    for merged, is_event in (*routes, *events):
        if merged.value.get("pre"):
            for what, before, at in _replaced(merged, every=is_event):
                if (at, what) not in told:
                    told.add((at, what))
                    message = f'this "pre" replaces the inherited one, which {what}'
                    hint = "write {add: [...]} for steps that run after the inherited ones"
                    related = ((draft.mark(*before), "the step that no longer runs"),)
                    yield Problem(draft.key_mark(*at), Code.REPLACED, message, hint, related, warning=True)


def _replaced(merged: Merged, *, every: bool) -> Iterator[tuple[str, Path, Path]]:
    """What steps of lower layers do and nobody in effect: those steps, and what replaces them."""
    known: dict[str, Path] = {}
    lost: dict[str, tuple[Path, Path]] = {}
    for layer in merged.layers:
        written = layer.value.get("pre")
        if "pre" not in layer.value:
            continue
        added, at = added_by(written), (*layer.at, "pre")
        if added is None:
            lost |= {what: (before, at) for what, before in known.items()} if listed(written) else {}
            known = {}
        for index, together in enumerate(listed(written) if added is None else added):
            place = (*at, index) if added is None else (*at, "add", index)
            known |= dict.fromkeys(_done_by(together, every=every), place)
    for what, (before, at) in lost.items():
        if what not in known:
            yield what, before, at


def _done_by(together: Any, *, every: bool) -> Iterator[str]:
    for step in steps_of([together]):
        names = assigned_by([step])
        yield from (f'assigns "{name}"' for name in names)
        if every and not names:
            yield f'calls "{method_of(step)}"'
