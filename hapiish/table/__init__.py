"""Parses and checks a table: text to a `Table`, or to all of its problems. Knows nothing of servers or requests."""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from hapiish.collector import without_collector
from hapiish.options import Table
from hapiish.table.assembly import build_table, names_only
from hapiish.table.checks import cross_check
from hapiish.table.compose.composition import Composition, Register
from hapiish.table.compose.expand import redact
from hapiish.table.draft import Draft
from hapiish.table.problems import Mark, Problem, TableError
from hapiish.table.problems.codes import Code
from hapiish.table.problems.near import limited
from hapiish.table.text import source
from hapiish.table.text.budget import OverspentError, read_file


def load(
    path: str | os.PathLike[str],
    env: Mapping[str, str] | None = None,
    *,
    register: Register | None = None,
    workers: int = 1,
) -> Table:
    """Returns the checked table in the file at `path`; raises TableError with all problems of an invalid one.

    `env` has the values of `${NAME}`, by default the environment of the process. `register` returns the contributions
    of Python plugins; without it they are ignored, and checks that need them are skipped. `workers` is the number of
    processes that share a port and serve the table.
    """
    table, problems = check(path, env, register=register, workers=workers)
    if table is None:
        raise TableError(problems)
    return table


def check(
    path: str | os.PathLike[str],
    env: Mapping[str, str] | None = None,
    *,
    register: Register | None = None,
    as_warnings: Collection[str] = (),
    workers: int = 1,
    advise: bool = False,
) -> tuple[Table | None, list[Problem]]:
    """Returns the table, or None if it has errors, and all of its problems and warnings, sorted by position.

    With `advise`, the warnings include those of what is allowed and probably not meant (HA05…). Problems with the codes
    in `as_warnings` are warnings; a table that has any contains only its names.
    """
    file = os.fspath(path)
    text = _text(file)
    if isinstance(text, Problem):
        return None, [text]
    with without_collector():
        return check_text(
            text,
            file,
            os.environ if env is None else env,
            register=register,
            as_warnings=as_warnings,
            workers=workers,
            advise=advise,
        )


def check_text(
    text: str,
    file: str,
    env: Mapping[str, str],
    *,
    register: Register | None = None,
    as_warnings: Collection[str] = (),
    workers: int = 1,
    advise: bool = False,
) -> tuple[Table | None, list[Problem]]:
    """As `check`, for `text` as the contents of `file`."""
    draft, problems = _draft(Composition(env, register), text, file, workers, advise=advise)
    is_complete = all(problem.warning for problem in problems)
    problems = [replace(each, warning=each.warning or each.code in as_warnings) for each in problems]
    if draft is None or any(not problem.warning for problem in problems):
        return None, problems
    return build_table(draft) if is_complete else names_only(draft), problems


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """A checked table, and its draft, which knows where each option comes from."""

    table: Table
    draft: Draft


def examine(
    path: str | os.PathLike[str], env: Mapping[str, str] | None = None, *, register: Register | None = None
) -> tuple[Examined | None, list[Problem]]:
    """As `check`, with the draft of the table: its layers of options and the positions of all values."""
    file = os.fspath(path)
    text = _text(file)
    if isinstance(text, Problem):
        return None, [text]
    with without_collector():
        draft, problems = _draft(Composition(os.environ if env is None else env, register), text, file)
        if draft is None or any(not problem.warning for problem in problems):
            return None, problems
        return Examined(build_table(draft), draft), problems


def _text(file: str) -> str | Problem:
    try:
        return source.decode(read_file(file), file)
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or "its name contains NUL"
        return Problem(Mark(file, 1, 1), Code.UNREADABLE, f"the file cannot be read: {reason}")


def _draft(
    composition: Composition, text: str, file: str, workers: int = 1, *, advise: bool = False
) -> tuple[Draft | None, list[Problem]]:
    """Returns the draft of a table, None if there is nothing to check, and all of its problems, sorted."""
    try:
        with limited():
            composition.read(text, file)
            draft = Draft(composition, workers) if composition.parts else None
            found = dict.fromkeys([*composition.problems, *(cross_check(draft) if draft is not None else ())])
            if draft is not None and advise:
                from hapiish.table.advice import advice, without_ignored  # for `hapiish check` only

                found = dict.fromkeys(without_ignored(draft, [*found, *advice(draft, found)]))
    except OverspentError as overspent:
        draft, found = None, dict.fromkeys([*composition.problems, overspent.problem])
    secrets = composition.secrets
    return draft, sorted(redact(problem, secrets) for problem in found)
