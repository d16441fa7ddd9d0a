"""`use: [names]` to the layers of options that the presets stand for; what a preset itself uses lies below it.

A preset with `params` is filled in and judged anew for each set of values that it is used with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from hapiish.table.codes import Code
from hapiish.table.compose import Part
from hapiish.table.expand import fill
from hapiish.table.homes import settle as settle_names
from hapiish.table.marks import Path
from hapiish.table.merge import Layer
from hapiish.table.params import Declared, Given, faults, settle
from hapiish.table.places import section
from hapiish.table.problems import Problem
from hapiish.table.shape import check_shape
from hapiish.table.wording import did_you_mean

SECTION: Final = "presets"


class Presets:
    """The presets of one table. `problems` grows while they are used."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.at = part.at
        self.tree = part.tree
        self.presets = section(part.tree.value, SECTION)
        self.problems: dict[Problem, None] = {}
        self._circles: set[frozenset[str]] = set()
        self._filled: dict[tuple[str, str], Mapping[str, Any]] = {}

    def layers(self, options: Any, at: Path) -> tuple[Layer, ...]:
        """The layers that `use` in these options puts below them; `at` is their place in this table's file."""
        use = options.get("use") if isinstance(options, Mapping) else None
        return tuple(self._layers(use, (*at, "use"), ())) if use else ()

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
                list(self._layers(preset.get("use"), (SECTION, name, "use"), ((name, (SECTION, name)),)))
        yield from self.problems

    def _layers(self, use: Any, at: Path, chain: tuple[tuple[str, Path], ...]) -> Iterator[Layer]:
        for name, values, place in _uses(use, at):
            first = next((place for known, place in chain if known == name), None)
            if first is not None:
                self._cycle([*(known for known, _ in chain), name], place, chain[-1][1])
            elif not isinstance(self.presets.get(name), Mapping):
                self._unknown(name, place)
            else:
                preset = self._fill(name, values, place)
                yield from self._layers(preset.get("use"), (SECTION, name, "use"), (*chain, (name, place)))
                told = {key: value for key, value in preset.items() if key not in ("params", "use")}
                yield Layer(told, (*self.at, SECTION, name))

    def _fill(self, name: str, values: Mapping[str, Any], place: Path) -> Mapping[str, Any]:
        preset: Mapping[str, Any] = self.presets[name]
        given = Given(values, self.tree.marks, place)
        settled, problems = settle(self._declared(name, preset), given)
        self.problems |= dict.fromkeys(problems)
        body = self.tree.held.get((SECTION, name))
        if body is None or problems:
            return preset
        key = (name, repr(settled))
        if key not in self._filled:
            alone = replace(self.tree, value={SECTION: {name: body}}, broken=frozenset())
            filled, unfilled = fill(alone, settled)
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
        hint = "" if self.presets else 'there is none under "presets"'
        self.problems[Problem(self.tree.marks.value(place), Code.UNKNOWN_PRESET, message, hint)] = None

    def _cycle(self, names: list[str], place: Path, last: Path) -> None:
        names = names[names.index(names[-1]) :]
        if frozenset(names) in self._circles:
            return
        self._circles.add(frozenset(names))
        message = f"the presets use each other in a circle: {' → '.join(names)}"
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
