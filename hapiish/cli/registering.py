"""Registers the Python plugins of a table for a command that only reads it."""

from collections.abc import Sequence
from typing import Any, Final

from hapiish.table.compose.composition import Contribution, PluginEntry, Register
from hapiish.table.problems import Problem

_OWN: Final = "hapiish.plugins."


def registering(imports: bool) -> Register:
    """Returns the registration of all plugins, or without `imports` of those that hapiish brings.

    A table with other plugins is read without any: only their code knows what they add to it.
    """
    return _plugins() if imports else _own


def _own(entries: Sequence[PluginEntry]) -> tuple[Sequence[Contribution], Sequence[Problem]] | None:
    return _plugins()(entries) if all(entry.name.startswith(_OWN) for entry in entries) else None


def _plugins() -> Any:
    """Returns the plugins of a load: a served table keeps what they have registered and exposed."""
    from hapiish.plugins import Plugins

    return Plugins()
