"""Measures the growth of a function's work: compares the CPU times of an input and of one four times as long.

Linear work grows four times, quadratic work sixteen times.
"""

import contextlib
import gc
from collections.abc import Callable
from time import process_time
from typing import Any

TIMES = 4
MOST = 9.0
"""So many times the work of the small input the large one may be: between 4 and 16, far from both."""

NOTHING = 0.002
"""Seconds of CPU that are no work at all, whatever they grew from."""


def grows_linearly(function: Callable[[Any], Any], make: Callable[[int], Any], size: int) -> bool:
    """Whether `function(make(size))` costs about four times `function(make(size // 4))`, whatever it raises."""
    small, large = make(size // TIMES), make(size)
    return any(_is_linear(function, small, large) for _ in range(4))


def _is_linear(function: Callable[[Any], Any], small: Any, large: Any) -> bool:
    least = min(_cost(function, small) for _ in range(3))
    cost = _cost(function, large)
    return cost < NOTHING or cost <= MOST * least


def _cost(function: Callable[[Any], Any], value: Any) -> float:
    gc.disable()
    try:
        begun = process_time()
        with contextlib.suppress(Exception):
            function(value)
        return process_time() - begun
    finally:
        gc.enable()
