"""Server methods, their cache policies, and the stores (`methods:`, `caches:`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.declare.manifest import BuiltIn, BuiltIns
from hapiish.declare.option import As, Chosen, Text, option, settings
from hapiish.declare.types import MAY_BE_FUNCTION, NOWHERE, Duration, Function, Json, Mark, Size, TimeOfDay, TimeSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """The caching of a server method's values (catbox policy). Without it, they are not cached."""

    cache: str | None = option(
        None, "The name of a cache in `caches`. Without it, the default cache is used.", examples=["shared"]
    )
    segment: str | None = option(
        None,
        "The part of the cache that holds the values. The default is `#` and the name of the method. "
        "Only one policy can use a segment, unless the segment or the cache is shared.",
    )
    shared: bool = option(False, "Lets other policies use the same segment.")
    expires_in: TimeSpan | None = option(
        None,
        "The lifetime of a value; excludes `expiresAt`. Without either, only values with a ttl of their "
        "own are cached.",
        examples=["60s"],
    )
    expires_at: TimeOfDay | None = option(
        None, "The local time of day at which values expire; excludes `expiresIn`.", examples=["03:30"]
    )
    generate_timeout: TimeSpan | Literal[False] = option(
        description="The time that a caller waits for a new value before it gets a 503. The value is cached when it "
        "arrives. false waits without limit.",
        examples=["2s"],
        wanted='milliseconds above 0, text such as "250ms" or "10s", or false',
    )
    stale_in: TimeSpan | Function | None = option(
        None,
        "The age at which a value becomes stale; less than `expiresIn`. A stale value is valid, but a "
        "request for it generates a new one. Or `(stored, ttl)` as module:attribute, which returns that "
        "age; all three are in milliseconds.",
        examples=["50s"],
        wanted='milliseconds above 0, text such as "10s", or a function "module:attribute"',
    )
    stale_timeout: TimeSpan | None = option(
        None, "The time that a caller waits for the new value before it gets the stale one.", examples=["100ms"]
    )
    drop_on_error: bool = option(
        True,
        "Drops a stale value if the method fails. Otherwise, the caller gets the stale value instead of the error.",
    )
    pending_generate_timeout: TimeSpan | None = option(
        None,
        "The time during which a key gets no second call of the method while the first has not returned; "
        "more than `staleTimeout`.",
    )
    generate_on_read_error: bool = option(
        True, "Calls the method if the cache cannot be read. Otherwise, the caller gets the error."
    )
    generate_ignore_write_error: bool = option(
        True, "Returns a value that could not be cached. Otherwise, the caller gets the error."
    )
    get_decorated_value: bool = option(
        False, "Makes the method return an object with `value`, `cached` and `report` instead of the value."
    )


@settings(
    name="serverMethod", short="method", wanted='text of the form "module:attribute", or {method, cache, generateKey}'
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A server method."""

    method: Function = option(
        description="The function as module:attribute. With a cache, it can take `flags`, whose `ttl` (milliseconds; "
        "0: not cached) sets the lifetime of the value."
    )
    cache: CachePolicy | None = option(None)
    generate_key: Function | None = option(
        None,
        "A function of the arguments that returns the key in the cache, a text. Without it, the "
        "arguments must be texts, numbers and booleans.",
    )
    mark: Mark = NOWHERE


@settings(name="memoryCacheOptions")
@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCache:
    """Options of a cache in memory. Each process has its own."""

    max_byte_size: Size = option(
        Size(104857600), "The maximum size of the cache. A value that does not fit is not cached."
    )


@settings(name="redisCacheOptions")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisCache:
    """Options of a cache in Redis, shared by processes and machines."""

    url: Annotated[
        str,
        Text(r"^((rediss?|unix)://.*|.*\$\{.*)?$", "a URL that begins with redis://, rediss:// or unix://, or empty"),
    ] = option(
        description="The URL of Redis: redis://, rediss:// or unix://. Empty: a cache in the memory of the process.",
        examples=["redis://127.0.0.1:6379/0", "${REDIS_URL:}"],
    )
    partition: str = option("hapiish", "The prefix of all keys, which lets applications share one Redis.")
    timeout: TimeSpan = option(
        Duration(1000), "The maximum time that a call waits for Redis. The value then counts as not cached."
    )


PROVIDERS: Final = BuiltIns[BuiltIn](
    {
        "memory": BuiltIn(options=MemoryCache, implementation="hapiish.caches.memory:memory_store"),
        "redis": BuiltIn(
            options=RedisCache, implementation="hapiish.caches.redis:redis_store", extra="redis", packages=("redis",)
        ),
    }
)
"""The built-in providers of caches."""


@settings(chosen=Chosen("provider", "options", PROVIDERS))
@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStore:
    """A cache for values of server methods, sessions and plugins."""

    name: Annotated[str, Text("^[A-Za-z0-9][A-Za-z0-9_.-]*$", "a name of letters, digits, _, . and -")] | None = option(
        None, "The name that policies refer to. A cache without a name is the default cache.", examples=["shared"]
    )
    provider: Annotated[
        str,
        Text(
            rf"^({'|'.join(PROVIDERS)}|[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*)$",
            f'{", ".join(PROVIDERS)} or text of the form "module:attribute"',
        ),
        MAY_BE_FUNCTION,
    ] = option(
        description="`memory`, `redis` (needs `hapiish[redis]`), or a custom store: `(server, options)` as "
        "module:attribute, which returns a `hapiish.caches.Store`.",
        examples=["redis"],
    )
    options: Annotated[Json, As(Mapping[str, Json])] = option(
        {}, "Options of the store.", examples=[{"url": "${REDIS_URL}"}]
    )
    shared: bool = option(False, "Lets several policies use one segment of the cache.")
    mark: Mark = NOWHERE
