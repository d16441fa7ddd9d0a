"""Text of a table to a checked table, or to everything that is wrong with it; knows nothing of servers or requests."""

import gc
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from hapiish.options import Table
from hapiish.table.assembly import build_table, names_only
from hapiish.table.checks import cross_check
from hapiish.table.compose.composition import Composition, Register
from hapiish.table.compose.expand import veil
from hapiish.table.draft import Draft
from hapiish.table.problems import Mark, Problem, TableError
from hapiish.table.problems.codes import Code
from hapiish.table.problems.near import limited
from hapiish.table.text import source
from hapiish.table.text.budget import OverspentError, read_file


def load(
    path: str | os.PathLike[str], env: Mapping[str, str] | None = None, *, register: Register | None = None
) -> Table:
    """The checked table in the file at `path`; raises TableError with every problem of a wrong one.

    `env` is what `${NAME}` reads, the process's environment by default. `register` brings what Python plugins
    contribute; without it they are left out, and what only they can know is not judged.
    """
    table, problems = check(path, env, register=register)
    if table is None:
        raise TableError(problems)
    return table


def check(
    path: str | os.PathLike[str],
    env: Mapping[str, str] | None = None,
    *,
    register: Register | None = None,
    elsewhere: Collection[str] = (),
) -> tuple[Table | None, list[Problem]]:
    """The table, or None when it must not be served, and all of its problems, warnings among them, sorted by place.

    Problems with the codes in `elsewhere` are warnings; a table with such ones is no more than its names.
    """
    file = os.fspath(path)
    try:
        data = read_file(file)
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or "its name contains NUL"
        return None, [Problem(Mark(file, 1, 1), Code.UNREADABLE, f"the file cannot be read: {reason}")]
    text = source.decode(data, file)
    if isinstance(text, Problem):
        return None, [text]
    with _without_collector():
        return check_text(text, file, os.environ if env is None else env, register=register, elsewhere=elsewhere)


def check_text(
    text: str,
    file: str,
    env: Mapping[str, str],
    *,
    register: Register | None = None,
    elsewhere: Collection[str] = (),
) -> tuple[Table | None, list[Problem]]:
    """As `check`, of a text that stands for the contents of `file`."""
    whole = Composition(env, register)
    try:
        with limited():
            whole.read(text, file)
            draft = Draft(whole) if whole.parts else None
            found = dict.fromkeys([*whole.problems, *(cross_check(draft) if draft is not None else ())])
    except OverspentError as overspent:
        draft, found = None, dict.fromkeys([*whole.problems, overspent.problem])
    secrets = whole.secrets
    shown = sorted(veil(problem, secrets) for problem in found)
    is_whole = all(problem.warning for problem in shown)
    shown = [replace(each, warning=each.warning or each.code in elsewhere) for each in shown]
    if draft is None or any(not problem.warning for problem in shown):
        return None, shown
    return build_table(draft) if is_whole else names_only(draft), shown


@contextmanager
def _without_collector() -> Iterator[None]:
    """A large table is many small objects without cycles; walking them again and again doubles the time it takes."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
