"""Server methods: functions by dotted name, with an optional cache: `await request.server.methods.users.load(id)`.

As hapi's `server.method` (lib/methods.js): the cache key consists of the arguments (text, numbers and booleans),
URL-encoded and joined by `:`. A method with other arguments needs a function that generates the key.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import iscoroutine
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from hapiish import boom
from hapiish.bridge import anywhere, here, is_on_loop
from hapiish.caches import Flags, Policy, Stats
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.route import caller
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.types import AsyncHandler, Run

GenerateKey = Callable[..., str | None]
Getter = Callable[[Any], Any]
"""Returns an argument of a method call for a request."""

_UNRESERVED = "-_.!~*'()"  # not encoded by JavaScript's encodeURIComponent


class Methods(SimpleNamespace):
    """The methods of a table; a nested namespace for each prefix."""


def namespace(methods: Mapping[str, Any]) -> Methods:
    """Converts `{"users.load": method}` to the attributes `.users.load`."""
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
    """A method without a cache; it has the attributes of its function.

    A `def` method (`blocking`) that a `def` function calls in the pool runs in the same thread, so it takes part in the
    caller's transaction.
    """

    __slots__ = ("_blocking", "_function", "_server")

    def __init__(self, function: AsyncHandler, server: Any, blocking: Callable[..., Any] | None = None) -> None:
        self._function = function
        self._server = server
        self._blocking = blocking

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
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
    """A method whose values a policy caches; `cache` drops values and has statistics."""

    __slots__ = ("_key", "_name", "cache")

    def __init__(self, name: str, policy: Policy, generate_key: GenerateKey) -> None:
        self._name = name
        self._key = generate_key
        self.cache = MethodCache(self, policy)

    @anywhere
    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Returns the cached or generated value. Raises the errors of the policy's `get`."""
        return await self.cache.policy.get({"id": self.key(args, kwargs), "args": args, "kwargs": kwargs})

    @property
    def home(self) -> Any:
        """The event loop of the server, for calls from threads."""
        return self.cache.home

    def key(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """Returns the cache key for these arguments; raises a 500 for arguments without a key."""
        key = self._key(*args, **kwargs)
        if not isinstance(key, str):
            raise boom.InternalServerError(f"Invalid method key when invoking: {self._name}")
        return key


class MethodCache:
    """`method.cache`: drops values by their arguments."""

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
        """Statistics of the policy since its creation."""
        return self.policy.stats

    @anywhere
    async def drop(self, *args: Any, **kwargs: Any) -> None:
        """Deletes the cached value for these arguments."""
        await self.policy.drop(self._method.key(args, kwargs))


def awaitable(function: Callable[..., Any], run: Run) -> AsyncHandler:
    """Returns `function` as a coroutine function: a `def` runs in the pool by `run`, with keyword arguments too."""
    called = caller(function, run)
    if called is function:
        return called

    async def call(*args: Any, **kwargs: Any) -> Any:
        result = await run(partial(function, *args, **kwargs))
        return await result if iscoroutine(result) else result

    return call


def call_handler(method: AsyncHandler, getters: Sequence[Getter]) -> AsyncHandler:
    """Returns a handler that calls `method` with values of the request."""

    async def handler(request: Request, h: Toolkit) -> Any:
        return await method(*[get(request) for get in getters])

    return handler


def constant(value: Any) -> Getter:
    """Returns a getter of the same value for every request."""
    return lambda request: value


def request_value(root: str, keys: tuple[str | int, ...]) -> Getter:
    """Returns a getter of a value of the request such as `params.id`; a missing value is None.

    `root` is an attribute of the request, `request` for the request itself, or `credentials` for `auth.credentials`.
    """
    if root == "request":
        return lambda request: _reach(request, keys)
    if root == "credentials":
        return lambda request: _reach(request.auth.credentials, keys)
    if root == "headers":
        keys = tuple(key.lower() if isinstance(key, str) else key for key in keys)
    if len(keys) == 1 and root == "params":
        name = keys[0]
        return lambda request: request.params.get(name)
    return lambda request: _reach(getattr(request, root), keys)


def _reach(value: Any, keys: tuple[str | int, ...]) -> Any:
    """Follows `keys` through mappings, lists and attributes; None if one of them is missing (Hoek.reach)."""
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(key, int):
            value = value[key] if isinstance(value, list | tuple) and key < len(value) else None
        else:
            value = getattr(value, key, None)
        if value is None:
            return None
    return value


def generating(function: AsyncHandler, *, flagged: bool) -> Callable[[Any, Flags], Any]:
    """Returns the generate function of a policy: `function`, with `flags` if it accepts them."""

    async def generate(key: Any, flags: Flags) -> Any:
        more = {"flags": flags} if flagged else {}
        return await function(*key["args"], **key["kwargs"], **more)

    return generate


def default_key(*args: Any, **kwargs: Any) -> str | None:
    """Returns hapi's key of text, numbers and booleans; None for other and for keyword arguments."""
    if kwargs or not all(isinstance(arg, str | int | float) for arg in args):
        return None
    return ":".join(quote(_text(arg), safe=_UNRESERVED) for arg in args)


def _text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
