"""Fills `${…}` into the values of a tree; what the keys mean is hardly known here, so both readings are kept.

`${NAME}`, `${NAME:default}`, `${NAME:?message}` read the environment, `${file:path}` a file (its last line break cut),
`${params.name}` what the table declares under `params`; `$${` is a literal `${`. A variable that is empty counts as not
set. No problem ever shows a value that was filled in.
"""

import json
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, Final

from hapiish.table.compose.params import Declared, Given, settle, unfit
from hapiish.table.form.wording import did_you_mean
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.problems.near import near
from hapiish.table.text import scalars
from hapiish.table.text.budget import Budget, read_file
from hapiish.table.text.marks import Marks, Path
from hapiish.table.text.source import DEEPEST, Substituted, Tree

_PIECE: Final = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)\}|\$\{")
_FORM: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::\?(?P<message>.*)|:(?P<default>.*))?", re.DOTALL)
_QUOTED: Final = re.compile(r'"([^"]*)"')
_PARAM: Final = re.compile(r"\$\{params\.(?P<name>[^{}]*)\}")
_FILE: Final = "file:"
_PARAMS: Final = "params."
_SHORT: Final = 4


def expand(
    tree: Tree, env: Mapping[str, str], folder: FilePath, given: Given | None = None, *, budget: Budget | None = None
) -> tuple[Tree, list[Problem]]:
    """`tree` with every `${…}` filled in from `env`, from files (relative ones beside the table, in `folder`) and from
    the table's `params`: as `given` by the table that uses this one, by their defaults where nobody gives any.

    What presets with parameters of their own say of those is left for `fill`. What is made is paid for from `budget`.
    """
    expansion = _Expansion(tree.marks, env, folder, budget or Budget(), broken=set(tree.broken))
    if not isinstance(tree.value, dict):
        return tree, []
    expansion.settle(tree.value.get("params"), given)
    value = {key: child if key == "params" else expansion.walk(child, (key,)) for key, child in tree.value.items()}
    return expansion.result(tree, value), expansion.problems


def fill(tree: Tree, values: Mapping[str, Any], budget: Budget) -> tuple[Tree, list[Problem]]:
    """`tree` with every `${params.name}` filled in."""
    expansion = _Expansion(tree.marks, {}, FilePath(), budget, params=values)
    return expansion.result(tree, expansion.walk(tree.value, ())), expansion.problems


def veil(problem: Problem, secrets: Mapping[str, str]) -> Problem:
    """`problem` with `${NAME}` in its quoted words for the values that came from outside of the file."""
    if not secrets:
        return problem

    def veiled(text: str) -> str:
        return _QUOTED.sub(lambda match: f'"{_veiled(match[1], secrets)}"', text)

    related = tuple((mark, veiled(text)) for mark, text in problem.related)
    return replace(problem, message=veiled(problem.message), hint=veiled(problem.hint), related=related)


def _veiled(word: str, secrets: Mapping[str, str]) -> str:
    for secret, shown in secrets.items():
        if word == secret or (len(secret) >= _SHORT and secret in word):
            word = word.replace(secret, shown)
    return word


@dataclass(slots=True)
class _Expansion:
    marks: Marks
    env: Mapping[str, str]
    folder: FilePath
    budget: Budget
    problems: list[Problem] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)
    substituted: dict[Path, Substituted] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    declared: AbstractSet[str] = frozenset()  # with those that have no value, which is a problem of its own
    given: Given | None = None
    homes: dict[Any, list[tuple[Path, int]]] = field(default_factory=dict)  # of the texts in each given value
    held: dict[Path, Any] = field(default_factory=dict)
    holding: AbstractSet[str] = frozenset()  # parameters of the preset that is being walked
    passed: dict[Path, int] = field(default_factory=dict)

    def result(self, tree: Tree, value: Any) -> Tree:
        return replace(
            tree,
            value=value,
            broken=tree.broken | self.broken,
            substituted={**tree.substituted, **self.substituted},
            secrets={**tree.secrets, **self.secrets},
            passed={**tree.passed, **self.passed},
            held={**tree.held, **self.held},
        )

    def settle(self, params: Any, given: Given | None) -> None:
        """Finds the values of the table's parameters; the default of one that is given is not looked at."""
        marks = self.marks
        declared = Declared("the table", params if isinstance(params, dict) else {}, marks, ("params",))
        values, problems = settle(declared, given or Given({}, marks, ("params",)), alone=given is None)
        self.given = given
        for (name, *inside), home in given.homes.items() if given is not None else ():
            self.homes.setdefault(name, []).append((tuple(inside), home))
        for name in values.keys() - (given.values.keys() if given is not None else ()):
            at: Path = ("params", name, "default")
            values[name] = self.walk(values[name], at)
            if at in self.broken:
                del values[name]  # what is wrong with it is told; its uses are not wrong for that
            else:
                problems += unfit(declared, name, values[name], marks.value(at))
        self.problems += problems
        self.params = values
        self.declared = declared.params.keys()

    def walk(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return self.scalar(value, path) if "${" in value else value
        if isinstance(value, dict):
            if len(path) == 2 and path[0] == "presets" and isinstance(value.get("params"), dict):
                return self.hold(value, path)
            self.pay(len(value), path)
            return {key: self.walk(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, list):
            self.pay(len(value), path)
            return [self.walk(child, (*path, index)) for index, child in enumerate(value)]
        return value

    def pay(self, count: int, path: Path) -> None:
        if not self.budget.affords(count):
            self.budget.make(0, lambda: self.marks.value(path))

    def read(self, text: str, path: Path) -> str:
        self.budget.read(len(text), lambda: self.marks.value(path))
        return text

    def hold(self, preset: dict[str, Any], path: Path) -> dict[str, Any]:
        """Keeps a preset with parameters for `fill`; in the tree stays what it says of them and what it uses."""
        self.holding = preset["params"].keys()
        self.held[path] = {key: self.walk(child, (*path, key)) for key, child in preset.items() if key != "params"}
        self.holding = frozenset()
        return {"params": preset["params"]}

    def scalar(self, text: str, path: Path) -> Any:
        whole = _PARAM.fullmatch(text)
        if whole is not None:
            return self.param(whole["name"], path)
        if path in self.broken:
            return text
        filled = _PIECE.sub(lambda match: self.piece(match, path), text)
        if path in self.broken:
            return text
        whole = _PIECE.fullmatch(text)
        other = _core(filled)
        if whole is None or whole["inside"] is None or self.marks.written(path) is None:
            self.substituted[path] = Substituted(text, other)
            return filled
        self.substituted[path] = Substituted(text, filled)
        return other

    def piece(self, match: re.Match[str], path: Path) -> str:
        if match[0] == "$${":
            return "${"
        if match[0] == "${":
            return self.refuse(path, Code.VARIABLE_FORM, 'unclosed "${"', "write ${NAME}; a literal ${ is $${")
        inside = match["inside"]
        if inside.startswith(_FILE):
            return self.file(inside.removeprefix(_FILE), match[0], path)
        if inside.startswith(_PARAMS):
            return self.inner_param(inside.removeprefix(_PARAMS), match[0], path)
        form = _FORM.fullmatch(inside)
        if form is None:
            hint = (
                "write ${NAME}, ${NAME:default}, ${NAME:?message}, ${file:path} or ${params.name}; a literal ${ is $${"
            )
            return self.refuse(path, Code.VARIABLE_FORM, f'"{match[0]}" is not a valid reference to a variable', hint)
        value = self.env.get(form["name"], "")
        if value:
            self.secrets[value] = match[0]
            return self.read(value, path)
        if form["default"] is not None:
            return form["default"]
        return self.missing(form["name"], form["message"], path)

    def param(self, name: str, path: Path) -> Any:
        """The value of a place that is exactly one parameter: of the kind that the parameter is."""
        if name in self.holding:
            return f"${{{_PARAMS}{name}}}"
        if name not in self.params:
            return self.inner_param(name, "", path)
        written = f"${{{_PARAMS}{name}}}"
        value = self.copied(self.params[name], path, len(path))
        if path in self.broken:
            return written
        if self.given is not None:
            self.passed |= {(*path, *inside): home for inside, home in self.homes.get(name, ())}
        if isinstance(value, str):
            self.substituted[path] = Substituted(written, _core(value))
        elif not isinstance(value, dict | list):
            self.substituted[path] = Substituted(written, json.dumps(value))
        return value

    def copied(self, value: Any, path: Path, depth: int) -> Any:
        """A copy of a parameter's value, which must not make the table deeper than a file may be."""
        if isinstance(value, str):
            return self.read(value, path)
        if not isinstance(value, dict | list):
            return value
        if depth >= DEEPEST:
            if path not in self.broken:
                self.refuse(path, Code.TOO_DEEP, f"nested deeper than {DEEPEST} levels by this parameter")
            return value
        self.pay(len(value), path)
        if isinstance(value, dict):
            return {key: self.copied(child, path, depth + 1) for key, child in value.items()}
        return [self.copied(child, path, depth + 1) for child in value]

    def inner_param(self, name: str, shown: str, path: Path) -> str:
        """The text of a parameter within other text."""
        if name in self.holding:
            return shown
        if name in self.params:
            value = self.params[name]
            if not isinstance(value, dict | list):
                return self.read(value if isinstance(value, str) else json.dumps(value), path)
            message = f'the parameter "{name}" is {"a list" if isinstance(value, list) else "a mapping"}, not text'
            return self.refuse(path, Code.PARAM_VALUE, message, "make it the whole value, without text around it")
        if name in self.declared:
            self.broken.add(path)
            return ""
        known = did_you_mean(name, self.declared)
        hint = "" if self.declared else 'declare it under "params"'
        return self.refuse(path, Code.PARAM_UNKNOWN, f'unknown parameter "{name}"{known}', hint)

    def missing(self, name: str, message: str | None, path: Path) -> str:
        state = "is empty" if name in self.env else "is not set"
        said = f"environment variable {name} {state}" + (f": {message}" if message else "")
        close = near(name, self.env, 0.7)
        guess = f"did you mean {close}? " if close and close != name else ""
        advice = "" if message else f"set it, or write a default: ${{{name}:…}}"
        return self.refuse(path, Code.VARIABLE_MISSING, said, f"{guess}{advice}".rstrip())

    def file(self, name: str, shown: str, path: Path) -> str:
        try:
            value = read_file(self.folder / name).decode("utf-8").replace("\r\n", "\n")
        except (OSError, ValueError) as fault:
            reason = "its name contains NUL" if "\0" in name else "it is not UTF-8 text"
            reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else reason
            return self.refuse(path, Code.SECRET_FILE, f'the file "{name}" cannot be read: {reason}')
        value = value.removesuffix("\n").removesuffix("\r")
        if value:
            self.secrets[value] = shown
        return self.read(value, path)

    def refuse(self, path: Path, code: Code, message: str, hint: str = "") -> str:
        self.problems.append(Problem(self.marks.value(path), code, message, hint))
        self.broken.add(path)
        return ""


def _core(text: str) -> scalars.Scalar:
    try:
        return scalars.read(text)
    except scalars.ScalarError:
        return text
