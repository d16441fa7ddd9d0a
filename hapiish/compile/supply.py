"""What a function of a table may ask for besides what it is called with: `*, server` and `*, models`, by name.

So a server method, a listener or a validation reaches the models of its table without importing the application.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from hapiish.bridge import is_async

SUPPLIED = ("server", "models")
"""The parameters, after the `*` of a function and without a default of their own."""


def wanted(function: Callable[..., Any]) -> list[str]:
    """Which of them a function asks for."""
    try:
        known: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a builtin without a signature
        return []
    return [name for name in SUPPLIED if name in known and _is_open(known[name])]


def _is_open(parameter: inspect.Parameter) -> bool:
    return parameter.kind is parameter.KEYWORD_ONLY and parameter.default in (parameter.empty, None)


def supplied(function: Callable[..., Any], given: Mapping[str, Any]) -> Callable[..., Any]:
    """`function`, called with these besides; what a caller gives by the same name goes before."""
    if is_async(function) or is_async(type(function).__call__):

        @wraps(function)
        async def call(*args: Any, **named: Any) -> Any:
            return await function(*args, **{**given, **named})

        return call

    @wraps(function)
    def call_in_thread(*args: Any, **named: Any) -> Any:
        return function(*args, **{**given, **named})

    return call_in_thread
