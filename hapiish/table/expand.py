"""Fills `${…}` into the values of a tree; what the keys mean is not known here, so both readings of a value are kept.

`${NAME}`, `${NAME:default}`, `${NAME:?message}` read the environment, `${file:path}` a file (its last line break cut),
`$${` is a literal `${`. A variable that is empty counts as not set. No problem ever shows a value that was filled in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import Any, Final

from hapiish.table import scalars
from hapiish.table.codes import Code
from hapiish.table.marks import Marks, Path
from hapiish.table.problems import Problem
from hapiish.table.source import Substituted, Tree

_PIECE: Final = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)\}|\$\{")
_FORM: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::\?(?P<message>.*)|:(?P<default>.*))?", re.DOTALL)
_QUOTED: Final = re.compile(r'"([^"]*)"')
_FILE: Final = "file:"
_SHORT: Final = 4


def expand(tree: Tree, env: Mapping[str, str], folder: FilePath) -> tuple[Tree, list[Problem]]:
    """`tree` with every `${…}` filled in from `env` and from files (relative ones beside the table, in `folder`)."""
    expansion = _Expansion(tree.marks, env, folder)
    value = expansion.walk(tree.value, ())
    expanded = replace(
        tree,
        value=value,
        broken=tree.broken | expansion.broken,
        substituted=expansion.substituted,
        secrets=expansion.secrets,
    )
    return expanded, expansion.problems


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
    problems: list[Problem] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)
    substituted: dict[Path, Substituted] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)

    def walk(self, value: Any, path: Path) -> Any:
        if isinstance(value, str):
            return self.scalar(value, path) if "${" in value else value
        if isinstance(value, dict):
            return {key: self.walk(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, list):
            return [self.walk(child, (*path, index)) for index, child in enumerate(value)]
        return value

    def scalar(self, text: str, path: Path) -> scalars.Scalar:
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
            return self.refuse(path, Code.VARIABLE_FORM, '"${" is never closed', "write ${NAME}; a literal ${ is $${")
        inside = match["inside"]
        if inside.startswith(_FILE):
            return self.file(inside.removeprefix(_FILE), match[0], path)
        form = _FORM.fullmatch(inside)
        if form is None:
            hint = "write ${NAME}, ${NAME:default}, ${NAME:?message} or ${file:path}; a literal ${ is $${"
            return self.refuse(path, Code.VARIABLE_FORM, f'"{match[0]}" names no variable', hint)
        value = self.env.get(form["name"], "")
        if value:
            self.secrets[value] = match[0]
            return value
        if form["default"] is not None:
            return form["default"]
        return self.missing(form["name"], form["message"], path)

    def missing(self, name: str, message: str | None, path: Path) -> str:
        state = "is empty" if name in self.env else "is not set"
        said = f"environment variable {name} {state}" + (f": {message}" if message else "")
        close = get_close_matches(name, self.env, 1, 0.7)
        guess = f"did you mean {close[0]}? " if close and close[0] != name else ""
        advice = "" if message else f"set it, or write a default: ${{{name}:…}}"
        return self.refuse(path, Code.VARIABLE_MISSING, said, f"{guess}{advice}".rstrip())

    def file(self, name: str, shown: str, path: Path) -> str:
        try:
            value = (self.folder / name).read_text(encoding="utf-8")
        except (OSError, ValueError) as fault:
            reason = fault.strerror if isinstance(fault, OSError) and fault.strerror else "it is not text in UTF-8"
            return self.refuse(path, Code.SECRET_FILE, f'the file "{name}" cannot be read: {reason}')
        value = value.removesuffix("\n").removesuffix("\r")
        if value:
            self.secrets[value] = shown
        return value

    def refuse(self, path: Path, code: Code, message: str, hint: str = "") -> str:
        self.problems.append(Problem(self.marks.value(path), code, message, hint))
        self.broken.add(path)
        return ""


def _core(text: str) -> scalars.Scalar:
    try:
        return scalars.read(text)
    except scalars.ScalarError:
        return text
