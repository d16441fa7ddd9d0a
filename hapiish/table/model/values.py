"""Values of a table that are more than text and numbers: durations, sizes, schemas, names of functions."""

from typing import Any, NewType

from hapiish.table.problems import Mark

Duration = NewType("Duration", int)
Size = NewType("Size", int)
Seconds = NewType("Seconds", int)
Json = Any
Schema = dict[str, Any] | bool
Rule = Schema | str  # a JSON Schema, or the module:attribute of a function that validates
Function = NewType("Function", str)  # module:attribute, where a number may stand, too
FailAction = str  # error | log | ignore | module:attribute
NOWHERE = Mark("", 1, 1)
