"""Warns of what a table may say and probably does not mean; only `hapiish check` asks for it.

Each function takes the tables and yields warnings; none changes what is served. `x-hapiish-ignore: [HA0505]` in a
mapping silences a warning about the mapping and what is in it. The work is linear in the table.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from hapiish.table.advice import bodies, patterns, routes, secrets, sockets, unused
from hapiish.table.advice.ignored import without_ignored
from hapiish.table.advice.own import Advised
from hapiish.table.draft import Draft
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code

__all__ = ["advice", "without_ignored"]

_MEANT: Final = re.compile(r'did you mean "([^"]+)"')
_QUOTED: Final = re.compile(r'"([^"]*)"')

ADVICE: Final[tuple[Callable[[Advised], Iterator[Problem]], ...]] = (
    patterns.unbounded,
    patterns.costly,
    patterns.foreign,
    bodies.contradictions,
    bodies.open_responses,
    routes.changes_by_get,
    routes.contradictory_scopes,
    sockets.unvalidated_names,
    sockets.foreign_names,
    sockets.catch_all,
    secrets.plain_text,
    unused.declarations,
    unused.params,
)


def advice(draft: Draft, found: Iterable[Problem]) -> list[Problem]:
    """Returns the warnings about the tables that belong to the project, those of installed packages excluded.

    A name that one of the problems `found` suggests is not reported as unused: its use is misspelled.
    """
    advised = Advised(draft)
    meant = {name for each in found for name in _MEANT.findall(f"{each.message} {each.hint}")}
    warnings = dict.fromkeys(warning for advise in ADVICE for warning in advise(advised))
    return [each for each in warnings if each.code != Code.UNUSED or meant.isdisjoint(_QUOTED.findall(each.message))]
