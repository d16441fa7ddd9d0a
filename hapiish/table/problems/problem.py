"""What is wrong with a table, as values: where (`Mark`), what (`Problem`) and how it reads on a terminal.

Problems are collected, sorted by place and shown together; only a door (`create_app`, the command line) turns them
into an exception or an exit status.
"""

from dataclasses import dataclass, field

from hapiish.options.values import Mark

__all__ = ["Mark", "Problem", "TableError"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault: `routes.yaml:41:9: HA0204 unknown option "validat"; did you mean "validate"?`

    `hint` says what to do; `related` are further places with what stands there (the other side of a conflict).
    A `warning` is shown and does not stop a table from loading.
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
    """A table that must not be served; `problems` are all of its faults, sorted by place."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(f"{each}\n    {each.hint}" if each.hint else str(each) for each in self.problems))
