"""`use: [names]` to the layers of options that the presets stand for; what a preset itself uses lies below it.

A preset with `params` is filled in and judged anew for each set of values that it is used with. One that comes in more
than once, because several presets use it, lies where it comes last: it says no more the second time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from hapiish.table.compose.composition import Part
from hapiish.table.compose.expand import fill
from hapiish.table.compose.owned_names import settle as settle_names
from hapiish.table.compose.params import Declared, Given, faults, settle
from hapiish.table.form.validation import check_shape
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merge import Layer
from hapiish.table.places import section
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.budget import Budget
from hapiish.table.text.marks import Path
from hapiish.table.text.source import DEEPEST

SECTION: Final = "presets"
COST_OF_FILLING: Final = 20
"""What filling in and judging an empty preset is worth, in values of the budget."""

_Key = tuple[str, str]
"""A preset by its name and the values that it is given, as text."""


@dataclass(frozen=True, slots=True)
class _Laid:
    """The layers of one preset, from the bottom, and how many levels of presets they come from."""

    layers: Mapping[_Key, Layer]
    depth: int


class Presets:
    """The presets of one table. `problems` grows while they are used."""

    def __init__(self, part: Part, budget: Budget) -> None:
        self.part = part
        self.budget = budget
        self.at = part.at
        self.tree = part.tree
        self.presets = section(part.tree.value, SECTION)
        self.problems: dict[Problem, None] = {}
        self._circles: set[frozenset[str]] = set()
        self._filled: dict[_Key, Mapping[str, Any]] = {}
        self._laid: dict[_Key, _Laid] = {}
        self._unfit: set[_Key] = set()
        self._used: dict[str, tuple[Layer, ...]] = {}

    def layers(self, options: Any, at: Path) -> tuple[Layer, ...]:
        """The layers that `use` in these options puts below them; `at` is their place in this table's file.

        The same tuple for the same `use`.
        """
        use = options.get("use") if isinstance(options, Mapping) else None
        if not use:
            return ()
        written = repr(use)
        if written not in self._used:
            before = len(self.problems)
            found = tuple(self._lay(use, (*at, "use"), ()).layers.values())
            if len(self.problems) > before:
                return found  # whoever uses it next is told at its own place
            self._used[written] = found
        return self._used[written]

    def filled(self) -> Iterator[Layer]:
        """The options of the presets with parameters, with each set of values that they have been used with so far."""
        for (name, _), body in self._filled.items():
            yield Layer(body, (*self.at, SECTION, name))

    def judge(self) -> Iterator[Problem]:
        """Everything wrong with the presets and with the places that have used them so far."""
        for name, preset in self.presets.items():
            if isinstance(preset, Mapping):
                for problem in faults(self._declared(name, preset)):
                    self.problems[problem] = None
                self._lay(preset.get("use"), (SECTION, name, "use"), ((name, (SECTION, name)),))
        yield from self.problems

    def _lay(self, use: Any, at: Path, chain: tuple[tuple[str, Path], ...]) -> _Laid:
        """What a `use` stands for; `chain` are the presets that lead to it."""
        found: dict[_Key, Layer] = {}
        depth = 0
        for name, values, place in _uses(use, at):
            first = next((place for known, place in chain if known == name), None)
            if first is not None:
                self._cycle([*(known for known, _ in chain), name], place, chain[-1][1])
            elif not isinstance(self.presets.get(name), Mapping):
                self._unknown(name, place)
            elif len(chain) > DEEPEST:
                self._deep(place)
            else:
                laid = self._preset(name, values, place, chain)
                self.budget.make(1 + len(laid.layers), lambda place=place: self.tree.marks.value(place))  # type: ignore[misc]
                for key, layer in laid.layers.items():
                    found.pop(key, None)
                    found[key] = layer
                depth = max(depth, laid.depth)
        if depth > DEEPEST:
            self._deep(at)
        return _Laid(found, depth)

    def _preset(self, name: str, values: Mapping[str, Any], place: Path, chain: tuple[tuple[str, Path], ...]) -> _Laid:
        """The layers of one preset: of those that it uses, then its own."""
        key = (name, repr(values) if values else "")
        if key in self._laid:
            if key in self._unfit:
                self._settle(key, values, place)  # every place that gives them is told
            return self._laid[key]
        preset = self._fill(key, values, place)
        below = self._lay(preset.get("use"), (SECTION, name, "use"), (*chain, (name, place)))
        told = {given: value for given, value in preset.items() if given not in ("params", "use")}
        self._laid[key] = _Laid({**below.layers, key: Layer(told, (*self.at, SECTION, name))}, below.depth + 1)
        return self._laid[key]

    def _settle(self, key: _Key, values: Mapping[str, Any], place: Path) -> dict[str, Any] | None:
        """The values of a preset's parameters; None when those that are given are wrong, which is told."""
        declared = self._declared(key[0], self.presets[key[0]])
        settled, problems = settle(declared, Given(values, self.tree.marks, place))
        self.problems |= dict.fromkeys(problems)
        if problems:
            self._unfit.add(key)
        return None if problems else settled

    def _fill(self, key: _Key, values: Mapping[str, Any], place: Path) -> Mapping[str, Any]:
        name = key[0]
        preset: Mapping[str, Any] = self.presets[name]
        settled = self._settle(key, values, place)
        body = self.tree.held.get((SECTION, name))
        if body is None or settled is None:
            return preset
        if key not in self._filled:
            alone = replace(self.tree, value={SECTION: {name: body}}, broken=frozenset())
            self.budget.make(COST_OF_FILLING, lambda: self.tree.marks.value(place))
            filled, unfilled = fill(alone, settled, self.budget)
            shaped, misshapen = check_shape(filled)
            self.problems |= dict.fromkeys([*unfilled, *misshapen])
            if self.part.index:
                settle_names(shaped, self.part.index, self.part.label)
            self._filled[key] = shaped.value[SECTION].get(name) or {}
        return self._filled[key]

    def _declared(self, name: str, preset: Mapping[str, Any]) -> Declared:
        params = preset.get("params")
        return Declared(
            f'the preset "{name}"',
            params if isinstance(params, Mapping) else {},
            self.tree.marks,
            (SECTION, name, "params"),
        )

    def _unknown(self, name: str, place: Path) -> None:
        if any(gone[:2] == (SECTION, name)[: len(gone)] for gone in self.tree.broken):
            return
        message = f'unknown preset "{name}"{did_you_mean(name, self.presets)}'
        hint = "" if self.presets else '"presets" is empty'
        self.problems[Problem(self.tree.marks.value(place), Code.UNKNOWN_PRESET, message, hint)] = None

    def _deep(self, place: Path) -> None:
        message = f"presets use each other more than {DEEPEST} levels deep"
        self.problems[Problem(self.tree.marks.value(place), Code.BUDGET, message)] = None

    def _cycle(self, names: list[str], place: Path, last: Path) -> None:
        names = names[names.index(names[-1]) :]
        if frozenset(names) in self._circles:
            return
        self._circles.add(frozenset(names))
        message = f"circular use of presets: {' → '.join(names)}"
        related = ((self.tree.marks.value(last), f'"{names[-2]}" is used here'),) if len(names) > 2 else ()
        self.problems[Problem(self.tree.marks.value(place), Code.PRESET_CYCLE, message, related=related)] = None


def _uses(use: Any, at: Path) -> Iterator[tuple[str, Mapping[str, Any], Path]]:
    """The names of a `use`, the values that each is given, and where."""
    if isinstance(use, str):
        yield use, {}, at
    elif isinstance(use, list):
        for index, entry in enumerate(use):
            if isinstance(entry, str):
                yield entry, {}, (*at, index)
            elif isinstance(entry, Mapping):
                for name, values in entry.items():
                    yield name, values if isinstance(values, Mapping) else {}, (*at, index, name)
