"""Problems of a table as values: a position (`Mark`) and a message (`Problem`).

Problems are collected, sorted by position and reported together; only `load` raises them, and only the command line
turns them into an exit status.
"""

from dataclasses import dataclass, field

from hapiish.declare.types import Mark

__all__ = ["Mark", "Problem", "TableError"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem: `routes.yaml:41:9: HA0204 unknown option "validat"; did you mean "validate"?`

    `hint` says what to do; `related` has further positions, each with a text (the other side of a conflict).
    A table with only warnings loads.
    """

    mark: Mark
    code: str
    message: str
    hint: str = ""
    related: tuple[tuple[Mark, str], ...] = ()
    warning: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        level = "warning: " if self.warning else ""
        return f"{self.mark}: {level}{self.code} {self.message}"


class TableError(Exception):
    """An invalid table; `problems` are all of its problems, sorted by position."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(f"{each}\n    {each.hint}" if each.hint else str(each) for each in self.problems))
