"""The settings of a cache policy, from a table or from Python, validated like catbox."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, fields
from typing import Literal

from hapiish.declare.option import camel
from hapiish.grammar.expiry import contradictions, until
from hapiish.types import Value

Generate = Callable[[Value, "Flags"], Awaitable[Value]]
StaleIn = Callable[[int, int], int]


class Flags:
    """Flags that a `generate_func` sets for its value.

    `ttl` in milliseconds overrides the policy's. 0 stores no value and removes the stored one.
    """

    __slots__ = ("ttl",)

    def __init__(self) -> None:
        self.ttl: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """catbox's policy options, durations in milliseconds. Raises ValueError for contradictory settings.

    `generate_func(key, flags)` generates missing values. `stale_in` may be a function of `stored` (milliseconds since
    the epoch) and `ttl`. Without `expires_in` and `expires_at`, only values set with a ttl are stored.
    """

    expires_in: int | None = None
    """As `expiresIn` of a [method](../reference/methods.md#methodsnamecache)."""
    expires_at: str | None = None  # local time, "03:30"
    """As `expiresAt` of a [method](../reference/methods.md#methodsnamecache)."""
    generate_func: Generate | None = None
    """`(key, flags)`: generates a missing value."""
    generate_timeout: int | Literal[False] | None = None
    """As `generateTimeout` of a [method](../reference/methods.md#methodsnamecache)."""
    stale_in: int | StaleIn | None = None
    """As `staleIn` of a [method](../reference/methods.md#methodsnamecache)."""
    stale_timeout: int | None = None
    """As `staleTimeout` of a [method](../reference/methods.md#methodsnamecache)."""
    drop_on_error: bool | None = None
    """As `dropOnError` of a [method](../reference/methods.md#methodsnamecache)."""
    pending_generate_timeout: int | None = None
    """As `pendingGenerateTimeout` of a [method](../reference/methods.md#methodsnamecache)."""
    generate_on_read_error: bool | None = None
    """As `generateOnReadError` of a [method](../reference/methods.md#methodsnamecache)."""
    generate_ignore_write_error: bool | None = None
    """As `generateIgnoreWriteError` of a [method](../reference/methods.md#methodsnamecache)."""
    get_decorated_value: bool = False
    """As `getDecoratedValue` of a [method](../reference/methods.md#methodsnamecache)."""

    def __post_init__(self) -> None:
        options = {camel(field.name): getattr(self, field.name) for field in fields(self)}
        for _, fault in contradictions(options):
            raise ValueError(fault)
        if self.expires_at is not None and _TIME.fullmatch(self.expires_at) is None:
            raise ValueError('"expiresAt" must be a time of day such as "03:30"')
        for name, value in options.items():
            if isinstance(value, int) and not isinstance(value, bool) and value < 1:
                raise ValueError(f'"{name}" must be at least 1 millisecond')
        for name in ("drop_on_error", "generate_on_read_error", "generate_ignore_write_error"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, True)

    def ttl(self, now: float) -> int:
        """Returns the lifetime in ms of a value created at `now` (seconds since the epoch); 0: it is not stored."""
        if self.expires_at is not None:
            return until(self.expires_at, now)
        return self.expires_in or 0


_TIME = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]")
