"""The table's `models:` as an object: `request.models.Message` is the class with that name.

Handlers access models through it instead of imports, so that another project can replace the classes.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn


class Models:
    """The table's models as attributes. Iteration yields the names in the table's order."""

    def __init__(self, models: Mapping[str, Any]) -> None:
        self.__dict__.update(models)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    # Called for unknown names only: known ones are in the instance's dictionary.
    def __getattr__(self, name: str) -> Any:
        near = get_close_matches(name, self.__dict__, n=1)
        known = ", ".join(self.__dict__) or "none"
        hint = f'did you mean "{near[0]}"? ' if near else ""
        raise AttributeError(f'no model "{name}"; {hint}known names: {known}', name=name, obj=self)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f'models cannot be set; name "{name}" under models: of the table')

    def __repr__(self) -> str:
        return f"<models {', '.join(self.__dict__)}>"
