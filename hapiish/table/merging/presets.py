"""Expands `use: [names]` into the layers of presets; the presets that a preset uses are below it.

A preset with `params` is substituted and validated for each set of arguments. A preset that is used more than once has
one layer, at its last use.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from hapiish.table.compose.composition import TablePart
from hapiish.table.compose.expand import fill
from hapiish.table.compose.owned_names import set_owners
from hapiish.table.compose.params import Arguments, DeclaredParams, declaration_problems, resolve_params
from hapiish.table.form.validation import validate_form
from hapiish.table.form.wording import did_you_mean
from hapiish.table.merging.merge import Layer
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.text.budget import Budget
from hapiish.table.text.marks import Path
from hapiish.table.text.source import DEEPEST
from hapiish.table.text.tree import section

SECTION: Final = "presets"
COST_OF_FILLING: Final = 20
"""The cost of substituting and validating an empty preset, in values of the budget."""

_Key = tuple[str, str]
"""The name of a preset and its arguments as text."""


@dataclass(frozen=True, slots=True)
class _Expansion:
    """The layers of a preset, bottom first, and the depth of the presets that they come from."""

    layers: Mapping[_Key, Layer]
    depth: int


class Presets:
    """The presets of a table; `problems` grows while they are used."""

    def __init__(self, part: TablePart, budget: Budget) -> None:
        self.part = part
        self.budget = budget
        self.at = part.at
        self.tree = part.tree
        self.presets = section(part.tree.value, SECTION)
        self.problems: dict[Problem, None] = {}
        self._cycles: set[frozenset[str]] = set()
        self._instances: dict[_Key, Mapping[str, Any]] = {}
        self._expansions: dict[_Key, _Expansion] = {}
        self._invalid: set[_Key] = set()
        self._used: dict[str, tuple[Layer, ...]] = {}

    def layers(self, options: Any, at: Path) -> tuple[Layer, ...]:
        """The layers of the presets that `options` use; `at` is the path of the options in this table's file.

        Returns the same tuple for the same `use`.
        """
        use = options.get("use") if isinstance(options, Mapping) else None
        if not use:
            return ()
        written = repr(use)
        if written not in self._used:
            before = len(self.problems)
            found = tuple(self._expand(use, (*at, "use"), ()).layers.values())
            if len(self.problems) > before:
                return found  # not cached: the next use reports the problem at its own position
            self._used[written] = found
        return self._used[written]

    def instances(self) -> Iterator[Layer]:
        """The options of presets with parameters, for each set of arguments so far."""
        for (name, _), body in self._instances.items():
            yield Layer(body, (*self.at, SECTION, name))

    def check(self) -> Iterator[Problem]:
        """The problems of the presets, and of their uses so far."""
        for name, preset in self.presets.items():
            if isinstance(preset, Mapping):
                for problem in declaration_problems(self._declared(name, preset)):
                    self.problems[problem] = None
                self._expand(preset.get("use"), (SECTION, name, "use"), ((name, (SECTION, name)),))
        yield from self.problems

    def _expand(self, use: Any, at: Path, chain: tuple[tuple[str, Path], ...]) -> _Expansion:
        """Expands a `use`; `chain` are the presets around it."""
        found: dict[_Key, Layer] = {}
        depth = 0
        for name, values, place in _uses(use, at):
            first = next((place for known, place in chain if known == name), None)
            if first is not None:
                self._cycle([*(known for known, _ in chain), name], place, chain[-1][1])
            elif not isinstance(self.presets.get(name), Mapping):
                self._unknown(name, place)
            elif len(chain) > DEEPEST:
                self._too_deep(place)
            else:
                expansion = self._preset(name, values, place, chain)
                self.budget.make(1 + len(expansion.layers), lambda place=place: self.tree.marks.value(place))  # type: ignore[misc]
                for key, layer in expansion.layers.items():
                    found.pop(key, None)
                    found[key] = layer
                depth = max(depth, expansion.depth)
        if depth > DEEPEST:
            self._too_deep(at)
        return _Expansion(found, depth)

    def _preset(
        self, name: str, values: Mapping[str, Any], place: Path, chain: tuple[tuple[str, Path], ...]
    ) -> _Expansion:
        """The layers of a preset: of the presets that it uses, then its own."""
        key = (name, repr(values) if values else "")
        if key in self._expansions:
            if key in self._invalid:
                self._resolve_params(key, values, place)  # reports each use with invalid arguments
            return self._expansions[key]
        preset = self._instance(key, values, place)
        below = self._expand(preset.get("use"), (SECTION, name, "use"), (*chain, (name, place)))
        options = {option: value for option, value in preset.items() if option not in ("params", "use")}
        layers = {**below.layers, key: Layer(options, (*self.at, SECTION, name))}
        self._expansions[key] = _Expansion(layers, below.depth + 1)
        return self._expansions[key]

    def _resolve_params(self, key: _Key, values: Mapping[str, Any], place: Path) -> dict[str, Any] | None:
        """The values of a preset's parameters; None and problems if the arguments are invalid."""
        declared = self._declared(key[0], self.presets[key[0]])
        params, problems = resolve_params(declared, Arguments(values, self.tree.marks, place))
        self.problems |= dict.fromkeys(problems)
        if problems:
            self._invalid.add(key)
        return None if problems else params

    def _instance(self, key: _Key, values: Mapping[str, Any], place: Path) -> Mapping[str, Any]:
        name = key[0]
        preset: Mapping[str, Any] = self.presets[name]
        params = self._resolve_params(key, values, place)
        body = self.tree.deferred.get((SECTION, name))
        if body is None or params is None:
            return preset
        if key not in self._instances:
            unexpanded = replace(self.tree, value={SECTION: {name: body}}, broken=frozenset())
            self.budget.make(COST_OF_FILLING, lambda: self.tree.marks.value(place))
            filled, unresolved = fill(unexpanded, params, self.budget)
            validated, invalid = validate_form(filled)
            self.problems |= dict.fromkeys([*unresolved, *invalid])
            if self.part.index:
                set_owners(validated, self.part.index, self.part.label)
            self._instances[key] = validated.value[SECTION].get(name) or {}
        return self._instances[key]

    def _declared(self, name: str, preset: Mapping[str, Any]) -> DeclaredParams:
        params = preset.get("params")
        return DeclaredParams(
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

    def _too_deep(self, place: Path) -> None:
        message = f"presets use each other more than {DEEPEST} levels deep"
        self.problems[Problem(self.tree.marks.value(place), Code.BUDGET, message)] = None

    def _cycle(self, names: list[str], place: Path, last: Path) -> None:
        names = names[names.index(names[-1]) :]
        if frozenset(names) in self._cycles:
            return
        self._cycles.add(frozenset(names))
        message = f"circular use of presets: {' → '.join(names)}"
        related = ((self.tree.marks.value(last), f'"{names[-2]}" is used here'),) if len(names) > 2 else ()
        self.problems[Problem(self.tree.marks.value(place), Code.PRESET_CYCLE, message, related=related)] = None


def _uses(use: Any, at: Path) -> Iterator[tuple[str, Mapping[str, Any], Path]]:
    """The names in a `use`, with their arguments and paths."""
    if isinstance(use, str):
        yield use, {}, at
    elif isinstance(use, list):
        for index, entry in enumerate(use):
            if isinstance(entry, str):
                yield entry, {}, (*at, index)
            elif isinstance(entry, Mapping):
                for name, values in entry.items():
                    yield name, values if isinstance(values, Mapping) else {}, (*at, index, name)
