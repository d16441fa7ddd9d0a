"""Problems of a table: `codes` are stable, `problem` has the classes, `near` suggests names.

The texts of problems about keys, types and values are in `form/wording`, all others in their check in `checks`.
"""

from hapiish.table.problems.problem import Mark, Problem, TableError

__all__ = ["Mark", "Problem", "TableError"]
