"""States what is wrong with a table: `codes` are stable, `problem` has the place, `near` suggests a word.

Texts of problems about the form of the file are in `form/wording`, all others at their check in `checks`.
"""

from hapiish.table.problems.problem import Mark, Problem, TableError

__all__ = ["Mark", "Problem", "TableError"]
