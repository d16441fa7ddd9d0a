"""Server methods, their cache policies, and the stores (`methods:`, `caches:`)."""

from dataclasses import dataclass, field
from typing import Literal

from hapiish.table.model.values import NOWHERE, Duration, Function, Json, Size
from hapiish.table.problems import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """How the values of a server method are kept, as `hapiish.caches.Rules` has it."""

    cache: str | None = None
    segment: str | None = None
    shared: bool = False
    expires_in: Duration | None = None
    expires_at: str | None = None
    generate_timeout: Duration | Literal[False]
    stale_in: Duration | Function | None = None
    stale_timeout: Duration | None = None
    drop_on_error: bool = True
    pending_generate_timeout: Duration | None = None
    generate_on_read_error: bool = True
    generate_ignore_write_error: bool = True
    get_decorated_value: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A server method; `generate_key` makes the key of its cache."""

    method: str
    cache: CachePolicy | None = None
    generate_key: str | None = None
    mark: Mark = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCache:
    max_byte_size: Size = Size(104857600)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisCache:
    url: str
    partition: str = "hapiish"
    timeout: Duration = Duration(1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStore:
    """Where cached values are kept; `options` of a `provider` of one's own (module:attribute) are as they are written.

    `name` None: the default cache.
    """

    provider: str
    name: str | None = None
    options: Json = field(default_factory=dict)  # MemoryCache, RedisCache or a mapping
    shared: bool = False
    mark: Mark = NOWHERE
