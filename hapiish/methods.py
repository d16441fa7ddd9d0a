"""Server methods: functions by dotted name, `await request.server.methods.users.load(id)`, perhaps with a cache.

hapi's `server.method` (lib/methods.js): the key of a cached value is made of the arguments, text, numbers and booleans
URL-encoded and joined by `:`; a method with other arguments needs a function that makes the key.
"""

from collections.abc import Callable, Mapping
from inspect import iscoroutine
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from hapiish import boom
from hapiish.bridge import anywhere, here, is_on_loop
from hapiish.caches import Flags, Policy, Stats
from hapiish.types import AsyncHandler

GenerateKey = Callable[..., str | None]

_UNRESERVED = "-_.!~*'()"  # what JavaScript's encodeURIComponent leaves as it is


class Methods(SimpleNamespace):
    """The methods of a table, with those of one prefix in a namespace of their own."""


def namespace(methods: Mapping[str, Any]) -> Methods:
    """`{"users.load": method}` as `.users.load`."""
    root = Methods()
    for name, method in methods.items():
        holder = root
        *outer, last = name.split(".")
        for part in outer:
            if not hasattr(holder, part):
                setattr(holder, part, Methods())
            holder = getattr(holder, part)
        setattr(holder, last, method)
    return root


class PlainMethod:
    """A method without a cache; for the rest it looks as the function that it calls.

    Called by a `def` in the pool, one that is a `def` too (`blocking`) goes on in the same thread, and so in its
    transaction.
    """

    __slots__ = ("_blocking", "_function", "_server")

    def __init__(self, function: AsyncHandler, server: Any, blocking: Callable[..., Any] | None = None) -> None:
        self._function = function
        self._server = server
        self._blocking = blocking

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the function returns."""
        if self._blocking is None or here.loop is None or is_on_loop():
            return self._elsewhere(*args, **kwargs)
        result = self._blocking(*args, **kwargs)
        return self._awaited(result) if iscoroutine(result) else result

    __call__.__dict__["bridged"] = True

    @anywhere
    async def _elsewhere(self, *args: Any, **kwargs: Any) -> Any:
        return await self._function(*args, **kwargs)

    @anywhere
    async def _awaited(self, result: Any) -> Any:
        return await result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._function, name)

    @property
    def home(self) -> Any:
        """The event loop of the server, for calls from threads."""
        return self._server.home


class CachedMethod:
    """A method whose values are kept by a policy; `cache` drops them and counts."""

    __slots__ = ("_key", "_name", "cache")

    def __init__(self, name: str, policy: Policy, generate_key: GenerateKey) -> None:
        self._name = name
        self._key = generate_key
        self.cache = MethodCache(self, policy)

    @anywhere
    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value, kept or made. Raises what the policy's `get` raises."""
        return await self.cache.policy.get({"id": self.key(args, kwargs), "args": args, "kwargs": kwargs})

    @property
    def home(self) -> Any:
        """The event loop of the server, for calls from threads."""
        return self.cache.home

    def key(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """The key of the value for these arguments; a 500 for arguments that have none."""
        key = self._key(*args, **kwargs)
        if not isinstance(key, str):
            raise boom.InternalServerError(f"Invalid method key when invoking: {self._name}")
        return key


class MethodCache:
    """`method.cache`: drops values by the arguments that they belong to."""

    __slots__ = ("_method", "policy")

    def __init__(self, method: CachedMethod, policy: Policy) -> None:
        self._method = method
        self.policy = policy

    @property
    def home(self) -> Any:
        """The event loop of the server, for calls from threads."""
        return self.policy.home

    @property
    def stats(self) -> Stats:
        """What was counted since the policy was made."""
        return self.policy.stats

    @anywhere
    async def drop(self, *args: Any, **kwargs: Any) -> None:
        """Forgets the value for these arguments."""
        await self.policy.drop(self._method.key(args, kwargs))


def generating(function: AsyncHandler, *, flagged: bool) -> Callable[[Any, Flags], Any]:
    """What a policy calls to make a value: `function`, with `flags` when it takes them."""

    async def generate(key: Any, flags: Flags) -> Any:
        more = {"flags": flags} if flagged else {}
        return await function(*key["args"], **key["kwargs"], **more)

    return generate


def default_key(*args: Any, **kwargs: Any) -> str | None:
    """hapi's key of text, numbers and booleans; None for other arguments, and for those given by name."""
    if kwargs or not all(isinstance(arg, str | int | float) for arg in args):
        return None
    return ":".join(quote(_text(arg), safe=_UNRESERVED) for arg in args)


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
