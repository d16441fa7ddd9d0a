"""Substitutes `${…}` in the values of a tree; types are not known here, so both readings of a scalar are kept.

`${NAME}`, `${NAME:default}`, `${NAME:?message}` read the environment, `${file:path}` a file (without its last line
break), `${params.name}` a parameter of the table; `$${` is a literal `${`. An empty variable counts as not set. No
problem shows a substituted value.
"""

import json
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any, Final

from hapiish.table.compose.params import Arguments, DeclaredParams, resolve_params, value_problems
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
_SHORTEST_SECRET: Final = 4


def expand(
    tree: Tree,
    env: Mapping[str, str],
    folder: FilePath,
    arguments: Arguments | None = None,
    *,
    budget: Budget | None = None,
) -> tuple[Tree, list[Problem]]:
    """Substitutes every `${…}` in `tree` from `env`, from files (relative to `folder`) and from the table's `params`.

    `arguments` are those of the table that uses this one; other parameters have their defaults. Parameters of presets
    are deferred to `fill`. The result is charged to `budget`.
    """
    expansion = _Expansion(tree.marks, env, folder, budget or Budget(), broken=set(tree.broken), outside=tree.outside)
    if not isinstance(tree.value, dict):
        return tree, []
    expansion.resolve_params(tree.value.get("params"), arguments)
    value = {key: child if key == "params" else expansion.walk(child, (key,)) for key, child in tree.value.items()}
    return expansion.result(tree, value), expansion.problems


def fill(tree: Tree, values: Mapping[str, Any], budget: Budget) -> tuple[Tree, list[Problem]]:
    """Substitutes every `${params.name}` in `tree`."""
    expansion = _Expansion(tree.marks, {}, FilePath(), budget, params=values, outside=tree.outside)
    return expansion.result(tree, expansion.walk(tree.value, ())), expansion.problems


def redact(problem: Problem, secrets: Mapping[str, str]) -> Problem:
    """Replaces substituted values in the quoted words of a problem by their `${NAME}`."""
    if not secrets:
        return problem

    def redacted(text: str) -> str:
        return _QUOTED.sub(lambda match: f'"{_redacted_word(match[1], secrets)}"', text)

    related = tuple((mark, redacted(text)) for mark, text in problem.related)
    return replace(problem, message=redacted(problem.message), hint=redacted(problem.hint), related=related)


def _redacted_word(word: str, secrets: Mapping[str, str]) -> str:
    for secret, shown in secrets.items():
        if word == secret or (len(secret) >= _SHORTEST_SECRET and secret in word):
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
    declared: AbstractSet[str] = frozenset()  # includes parameters without a value
    arguments: Arguments | None = None
    owners_in_argument: dict[Any, list[tuple[Path, int]]] = field(default_factory=dict)
    deferred: dict[Path, Any] = field(default_factory=dict)
    deferred_params: AbstractSet[str] = frozenset()  # parameters of the preset that is being walked
    owners: dict[Path, int] = field(default_factory=dict)
    outside: dict[int, tuple[str, str]] = field(default_factory=dict)

    def result(self, tree: Tree, value: Any) -> Tree:
        return replace(
            tree,
            value=value,
            broken=tree.broken | self.broken,
            substituted={**tree.substituted, **self.substituted},
            secrets={**tree.secrets, **self.secrets},
            owners={**tree.owners, **self.owners},
            deferred={**tree.deferred, **self.deferred},
        )

    def resolve_params(self, params: Any, arguments: Arguments | None) -> None:
        """Resolves the values of the table's parameters; the default of one with an argument is not expanded."""
        marks = self.marks
        declared = DeclaredParams("the table", params if isinstance(params, dict) else {}, marks, ("params",))
        values, problems = resolve_params(
            declared, arguments or Arguments({}, marks, ("params",)), is_root=arguments is None
        )
        self.arguments = arguments
        for (name, *inside), owner in arguments.owners.items() if arguments is not None else ():
            self.owners_in_argument.setdefault(name, []).append((tuple(inside), owner))
        for name in values.keys() - (arguments.values.keys() if arguments is not None else ()):
            at: Path = ("params", name, "default")
            values[name] = self.walk(values[name], at)
            if at in self.broken:
                del values[name]  # already reported; its uses are not reported again
            else:
                problems += value_problems(declared, name, values[name], marks.value(at))
        self.problems += problems
        self.params = values
        self.declared = declared.params.keys()

    def walk(self, value: Any, path: Path) -> Any:
        """Returns the expanded value; mappings and lists without `${…}` stay the same objects."""
        if isinstance(value, str):
            return self.scalar(value, path) if "${" in value else value
        if not isinstance(value, dict | list):
            return value
        if (
            len(path) == 2
            and path[0] == "presets"
            and isinstance(value, dict)
            and isinstance(value.get("params"), dict)
        ):
            return self.defer(value, path)
        self.spend(len(value), path)
        changed: dict[str | int, Any] = {}
        for step, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(child, dict | list) or (isinstance(child, str) and "${" in child):
                new = self.walk(child, (*path, step))
                if new is not child:
                    changed[step] = new
        if not changed:
            return value
        if isinstance(value, dict):
            return {**value, **changed}
        return [changed.get(index, child) for index, child in enumerate(value)]

    def spend(self, count: int, path: Path) -> None:
        if not self.budget.affords(count):
            self.budget.make(0, lambda: self.marks.value(path))

    def read(self, text: str, path: Path) -> str:
        self.budget.read(len(text), lambda: self.marks.value(path))
        return text

    def defer(self, preset: dict[str, Any], path: Path) -> dict[str, Any]:
        """Defers a preset with parameters to `fill`; the tree keeps only its declarations."""
        self.deferred_params = preset["params"].keys()
        self.deferred[path] = {key: self.walk(child, (*path, key)) for key, child in preset.items() if key != "params"}
        self.deferred_params = frozenset()
        return {"params": preset["params"]}

    def scalar(self, text: str, path: Path) -> Any:
        whole = _PARAM.fullmatch(text)
        if whole is not None:
            return self.param(whole["name"], path)
        if path in self.broken:
            return text
        filled = _PIECE.sub(lambda match: self.substitution(match, path), text)
        if path in self.broken:
            return text
        filled = self.from_outside(filled, text)
        whole = _PIECE.fullmatch(text)
        other = _core_scalar(filled)
        if whole is None or whole["inside"] is None or self.marks.written(path) is None:
            self.substituted[path] = Substituted(text, other)
            return filled
        self.substituted[path] = Substituted(text, filled)
        return other

    def from_outside(self, filled: str, text: str) -> str:
        """Returns `filled` as an object of its own, registered in `outside`, if the environment or a file is in it."""
        shown = _PIECE.sub(self.shown, text)
        if len(filled) < 2 or "${" not in shown:
            return filled
        own = "".join((filled[:1], filled[1:]))  # Python shares equal constants
        self.outside[id(own)] = own, shown
        return own

    def shown(self, match: re.Match[str]) -> str:
        inside = match["inside"]
        if inside is None or not inside.startswith(_PARAMS):
            return "$" if inside is None else match[0]
        value = self.params.get(inside.removeprefix(_PARAMS))
        return self.outside.get(id(value), ("", str(value)))[1]

    def substitution(self, match: re.Match[str], path: Path) -> str:
        if match[0] == "$${":
            return "${"
        if match[0] == "${":
            return self.refuse(path, Code.VARIABLE_FORM, 'unclosed "${"', "write ${NAME}; a literal ${ is $${")
        inside = match["inside"]
        if inside.startswith(_FILE):
            return self.file(inside.removeprefix(_FILE), match[0], path)
        if inside.startswith(_PARAMS):
            return self.param_in_text(inside.removeprefix(_PARAMS), match[0], path)
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
        return self.missing_variable(form["name"], form["message"], path)

    def param(self, name: str, path: Path) -> Any:
        """The value of a scalar that is exactly one parameter, with the type of the parameter."""
        if name in self.deferred_params:
            return f"${{{_PARAMS}{name}}}"
        if name not in self.params:
            return self.param_in_text(name, "", path)
        written = f"${{{_PARAMS}{name}}}"
        value = self.copied(self.params[name], path, len(path))
        if path in self.broken:
            return written
        if self.arguments is not None:
            self.owners |= {(*path, *inside): owner for inside, owner in self.owners_in_argument.get(name, ())}
        if isinstance(value, str):
            self.substituted[path] = Substituted(written, _core_scalar(value))
        elif not isinstance(value, dict | list):
            self.substituted[path] = Substituted(written, json.dumps(value))
        return value

    def copied(self, value: Any, path: Path, depth: int) -> Any:
        """A copy of a parameter's value, within the maximum depth of a file."""
        if isinstance(value, str):
            return self.read(value, path)
        if not isinstance(value, dict | list):
            return value
        if depth >= DEEPEST:
            if path not in self.broken:
                self.refuse(path, Code.TOO_DEEP, f"nested deeper than {DEEPEST} levels by this parameter")
            return value
        self.spend(len(value), path)
        if isinstance(value, dict):
            return {key: self.copied(child, path, depth + 1) for key, child in value.items()}
        return [self.copied(child, path, depth + 1) for child in value]

    def param_in_text(self, name: str, shown: str, path: Path) -> str:
        """The value of a parameter inside other text."""
        if name in self.deferred_params:
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

    def missing_variable(self, name: str, message: str | None, path: Path) -> str:
        state = "is empty" if name in self.env else "is not set"
        problem = f"environment variable {name} {state}" + (f": {message}" if message else "")
        close = near(name, self.env, 0.7)
        guess = f"did you mean {close}? " if close and close != name else ""
        advice = "" if message else f"set it, or write a default: ${{{name}:…}}"
        return self.refuse(path, Code.VARIABLE_MISSING, problem, f"{guess}{advice}".rstrip())

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


def _core_scalar(text: str) -> scalars.Scalar:
    try:
        return scalars.read(text)
    except scalars.ScalarError:
        return text
