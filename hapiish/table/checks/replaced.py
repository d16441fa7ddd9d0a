"""Lists that are replaced although something in them is needed: steps before the handler that assign a value."""

from collections.abc import Iterator

from hapiish.table.checks.calls import assigned_by
from hapiish.table.codes import Code
from hapiish.table.draft import Draft
from hapiish.table.marks import Path
from hapiish.table.merge import Merged, added_by, listed
from hapiish.table.problems import Problem


def steps(draft: Draft) -> Iterator[Problem]:
    """Warns of a `pre` that replaces inherited steps whose values no step assigns any more; null and [] mean it."""
    told: set[tuple[Path, str]] = set()
    events = (event.options for namespace in draft.namespaces for event in namespace.events)
    for merged in [*(merged for route in draft.routes for merged in route.options.values()), *events]:
        if merged.value.get("pre"):
            for name, before, at in _replaced(merged):
                if (at, name) not in told:
                    told.add((at, name))
                    message = f'this "pre" replaces the inherited one, which assigns "{name}"'
                    hint = "write {add: [...]} for steps that run after the inherited ones"
                    related = ((draft.mark(*before), f'"{name}" is assigned here'),)
                    yield Problem(draft.key_mark(*at), Code.REPLACED, message, hint, related, warning=True)


def _replaced(merged: Merged) -> Iterator[tuple[str, Path, Path]]:
    """The names that steps of lower layers assign and nobody in effect: those steps, and what replaces them."""
    known: dict[str, Path] = {}
    lost: dict[str, tuple[Path, Path]] = {}
    for layer in merged.layers:
        written = layer.value.get("pre")
        if "pre" not in layer.value:
            continue
        added, at = added_by(written), (*layer.at, "pre")
        if added is None:
            lost |= {name: (before, at) for name, before in known.items()} if listed(written) else {}
            known = {}
        for index, together in enumerate(listed(written) if added is None else added):
            place = (*at, index) if added is None else (*at, "add", index)
            known |= dict.fromkeys(assigned_by([together]), place)
    for name, (before, at) in lost.items():
        if name not in known:
            yield name, before, at
