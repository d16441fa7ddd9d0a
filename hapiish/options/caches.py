"""Server methods, their cache policies, and the stores (`methods:`, `caches:`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.options.declare import As, Chosen, Text, option, settings
from hapiish.options.manifest import BuiltIn, BuiltIns
from hapiish.options.values import MAY_BE_FUNCTION, NOWHERE, Duration, Function, Json, Mark, Size, TimeOfDay, TimeSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """How the values of a server method are cached (catbox's policy); without it they are not."""

    cache: str | None = option(
        None, "The name of the cache in `caches`; without it the default one.", examples=["shared"]
    )
    segment: str | None = option(
        None,
        "The part of the cache that the values are in; `#` and the method's name by default. A segment is for "
        "one policy alone unless it, or the cache, is shared.",
    )
    shared: bool = option(False, "Whether other policies may use the segment, too.")
    expires_in: TimeSpan | None = option(
        None,
        "How long a value is kept; excludes `expiresAt`. Without either only values with a ttl of their own are kept.",
        examples=["60s"],
    )
    expires_at: TimeOfDay | None = option(
        None, "Until when a value is kept, as local time of each day; excludes `expiresIn`.", examples=["03:30"]
    )
    generate_timeout: TimeSpan | Literal[False] = option(
        description="How long a caller waits for a value that must be made before it gets a 503; the value is "
        "kept when it comes. false waits for as long as it takes.",
        examples=["2s"],
        wanted='milliseconds above 0, text such as "250ms" or "10s", or false',
    )
    stale_in: TimeSpan | Function | None = option(
        None,
        "From what age on a value is made anew when it is asked for, while the old one is still good; less "
        "than `expiresIn`. Or `(stored, ttl)` as module:attribute, in milliseconds, which returns that age.",
        examples=["50s"],
        wanted='milliseconds above 0, text such as "10s", or a function "module:attribute"',
    )
    stale_timeout: TimeSpan | None = option(
        None, "How long a caller waits for the new value before it gets the stale one.", examples=["100ms"]
    )
    drop_on_error: bool = option(
        True,
        "Whether a stale value is forgotten when the method fails; if not, the caller gets it instead of the error.",
    )
    pending_generate_timeout: TimeSpan | None = option(
        None,
        "How long no second call of the method begins for a key whose first has not returned; more than "
        "`staleTimeout`.",
    )
    generate_on_read_error: bool = option(
        True, "Whether the method is called when the cache cannot be read; if not, that is an error."
    )
    generate_ignore_write_error: bool = option(
        True, "Whether a value that cannot be kept is returned all the same; if not, that is an error."
    )
    get_decorated_value: bool = option(
        False, "Whether the method returns an object with `value`, `cached` and `report` instead of the value."
    )


@settings(
    name="serverMethod", short="method", wanted='text of the form "module:attribute", or {method, cache, generateKey}'
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """A server method."""

    method: Function = option(
        description="The function as module:attribute; with a cache it may take `flags`, whose `ttl` "
        "(milliseconds, 0: do not keep) is the value's own."
    )
    cache: CachePolicy | None = option(None)
    generate_key: Function | None = option(
        None,
        "The function that makes the cache's key, a text, of the arguments; without it they must be text, "
        "numbers and booleans.",
    )
    mark: Mark = NOWHERE


@settings(name="memoryCacheOptions")
@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryCache:
    """Options of a cache in memory; each process has its own."""

    max_byte_size: Size = option(Size(104857600), "How much it may hold; what does not fit is not cached.")


@settings(name="redisCacheOptions")
@dataclass(frozen=True, slots=True, kw_only=True)
class RedisCache:
    """Options of a cache in Redis, which processes and machines share."""

    url: Annotated[str, Text("^(rediss?|unix)://", "a URL that begins with redis://, rediss:// or unix://")] = option(
        description="Where Redis is: redis://, rediss:// or unix://.", examples=["redis://127.0.0.1:6379/0"]
    )
    partition: str = option("hapiish", "What the keys begin with, so that applications can share one Redis.")
    timeout: TimeSpan = option(
        Duration(1000), "How long a call waits for Redis before the value is taken for not cached."
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
    """Where cached values are kept."""

    name: Annotated[str, Text("^[A-Za-z0-9][A-Za-z0-9_.-]*$", "a name of letters, digits, _, . and -")] | None = option(
        None, "The name that policies choose it by; without it, it is the default cache.", examples=["shared"]
    )
    provider: Annotated[
        str,
        Text(
            rf"^({'|'.join(PROVIDERS)}|[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*)$",
            f'{", ".join(PROVIDERS)} or text of the form "module:attribute"',
        ),
        MAY_BE_FUNCTION,
    ] = option(
        description="`memory`, `redis` (needs `hapiish[redis]`), or a store of one's own: `(server, options)` "
        "as module:attribute, which returns a `hapiish.caches.Store`.",
        examples=["redis"],
    )
    options: Annotated[Json, As(Mapping[str, Json])] = option(
        {}, "The store's options.", examples=[{"url": "${REDIS_URL}"}]
    )
    shared: bool = option(False, "Whether several policies may use one segment of it.")
    mark: Mark = NOWHERE
