"""Dependency injection for functions of a table: the keyword-only parameters `server` and `models`.

Server methods, listeners and validators access the models of their table without importing the application.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from hapiish.bridge import is_async

SUPPLIED = ("server", "models")
"""The names of the keyword-only parameters; parameters with a default are not supplied."""


def wanted(function: Callable[..., Any]) -> list[str]:
    """Returns the supplied parameters that a function declares."""
    try:
        known: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a builtin without a signature
        return []
    return [name for name in SUPPLIED if name in known and _is_open(known[name])]


def _is_open(parameter: inspect.Parameter) -> bool:
    return parameter.kind is parameter.KEYWORD_ONLY and parameter.default in (parameter.empty, None)


def supplied(function: Callable[..., Any], given: Mapping[str, Any]) -> Callable[..., Any]:
    """Wraps `function` with these keyword arguments; arguments of the caller override them."""
    if is_async(function) or is_async(type(function).__call__):

        @wraps(function)
        async def call(*args: Any, **named: Any) -> Any:
            return await function(*args, **{**given, **named})

        return call

    @wraps(function)
    def call_in_thread(*args: Any, **named: Any) -> Any:
        return function(*args, **{**given, **named})

    return call_in_thread
