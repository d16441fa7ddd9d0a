"""Limits of a route or event (`options.limit`): counts requests by key, refuses with 429, and adds headers.

Limits by address or header run before authentication, those by user or payload after it. The headers `RateLimit-Policy`
and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import blake2b
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from math import ceil
from typing import Final, NamedTuple

from hapiish import boom, options
from hapiish.http.auth.access import claim, text_of
from hapiish.http.body.reader import PendingReceive
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.route import Finalizer, Step
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.guards.counters import Counters, Window
from hapiish.http.guards.turns import Look, Turn, Verdict
from hapiish.types import AsyncHandler, Message, Receive

Network = IPv4Network | IPv6Network
Read = Callable[[Request], str | None]

_LATE: Final = ("credentials", "payload", "user")


class Judged(NamedTuple):
    """The verdict of a limit on a request; `request.plugins["limit"]` is their list."""

    limit: "Limit"
    key: str
    verdict: Verdict


FAILURES: Final = frozenset({401, 403})
"""The statuses of `count: failures`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(options.Limit):
    """One limit with its function resolved; requests with the same `scope` and values of `by` are counted together."""

    scope: str
    skip: AsyncHandler | None = None  # type: ignore[assignment]

    window: Window = field(init=False)
    counted: frozenset[int] = field(init=False)
    """The statuses of responses that count; empty where every request counts."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "window", Window.of(self.max, self.duration, self.burst, self.strategy))
        counted = frozenset(self.count) if isinstance(self.count, tuple) else frozenset[int]()
        object.__setattr__(self, "counted", FAILURES if self.count == "failures" else counted)

    @property
    def label(self) -> str:
        """The name of the limit in headers."""
        return self.name or f"{self.window.amount}-in-{self.window.seconds}s"

    @property
    def is_late(self) -> bool:
        """Returns whether the limit runs after authentication and the body."""
        return any(term.partition(".")[0] in _LATE for term in self.by)


def limit_step(
    limits: Sequence[Limit], counters: Counters, allowlist: Iterable[Network] = (), *, streams: bool = False
) -> Step:
    """The step that counts a request or refuses it with 429 and `Retry-After`; `allowlist` is exempt.

    `streams`: the handler reads the body, so the request is counted before the body is complete.
    """
    keyed = [(limit, key_reader(limit.scope, limit.by)) for limit in limits]
    free = tuple(allowlist)

    async def waited(request: Request, key: str, look: Look) -> Verdict | None:
        """Waits until fewer requests of a key are running than `look` still allows."""
        turns = counters.trials.of(request)
        turn = Turn(counters.trials, key, look)
        verdict = await _taken(turn)
        turns.append(turn)
        if len(turns) == 1:
            request.pausing = partial(_pausing, turns, streams)
        return verdict

    async def check(request: Request) -> None:
        if free and _is_within(request.info.remote_address, free):
            return
        judged: list[Judged] = request.plugins.setdefault("limit", [])
        for limit, read in keyed:
            if limit.skip is not None and await limit.skip(request, Toolkit(request)):
                continue
            key = read(request)
            if limit.counted:  # each running request may fail
                verdict = await waited(request, key, partial(counters.look, limit.window, key))
            else:
                verdict = await counters.take(limit.window, key)
            if verdict is not None:
                judged.append(Judged(limit, key, verdict))
                if not verdict.allowed:
                    raise _too_many(verdict)
            elif limit.on_store_error == "refuse":
                raise boom.ServerUnavailable("Limits are unavailable", code="limits_unavailable")
            if limit.concurrency is not None:
                await waited(request, f"at once {key}", partial(_free, limit.concurrency))

    return check


async def _free(concurrency: int) -> Verdict:
    return Verdict(True, concurrency, 0.0)


async def _taken(turn: Turn) -> Verdict | None:
    try:
        return await turn.take()
    except TimeoutError:
        raise boom.ServerUnavailable(code="limit_busy", headers={"retry-after": "1"}) from None


def _pausing(turns: Sequence[Turn], streams: bool, receive: Receive) -> Receive:
    """Wraps `receive`: releases the request's turns while it waits for its client; 429 if none is left after.

    They are taken again when the body is complete, or, if it `streams`, with each piece.
    """
    over = False

    async def pausing() -> Message:
        nonlocal over
        if over:
            return await receive()
        steps = receive().__await__()
        try:
            until = next(steps)
        except StopIteration as done:
            message: Message = done.value
        else:
            for turn in turns:
                turn.pause()
            message = await PendingReceive(steps, until)
        over = not message.get("more_body", False)
        if (over or streams) and message["type"] == "http.request":
            for turn in turns:
                verdict = None if turn.holds else await _taken(turn)
                if verdict is not None and not verdict.allowed:
                    raise _too_many(verdict)
        return message

    return pausing


def limit_finalizer(limits: Sequence[Limit], counters: Counters) -> Finalizer:
    """The finalizer of a limited route: counts responses and adds the rate-limit headers to every response."""
    policy = ", ".join(f'"{limit.label}";q={limit.window.amount};w={limit.window.seconds}' for limit in shown(limits))
    counted = frozenset[int]().union(*(limit.counted for limit in limits))

    async def touch(request: Request, response: Response) -> None:
        judged: list[Judged] = request.plugins.get("limit", [])
        if response.status_code in counted:
            for index, (limit, key, before) in enumerate(judged):
                if response.status_code in limit.counted and before.allowed:
                    judged[index] = Judged(limit, key, await counters.take(limit.window, key) or before)
                    counters.trials.failed(key)
        counters.trials.end(request)
        if policy:
            response.headers["ratelimit-policy"] = policy
            now = ", ".join(
                f'"{limit.label}";r={verdict.remaining};t={ceil(verdict.reset)}'
                for limit, _, verdict in judged
                if limit.headers
            )
            if now:
                response.headers["ratelimit"] = now

    return touch


def trials_ended(counters: Counters) -> AsyncHandler:
    """The onPostResponse that ends the turns of a request without a response, whose client left."""

    async def ended(request: Request, h: Toolkit) -> None:
        counters.trials.end(request)

    return ended


def shown(limits: Iterable[Limit]) -> list[Limit]:
    """The limits that appear in the headers."""
    return [limit for limit in limits if limit.headers]


def key_reader(scope: str, by: Sequence[str]) -> Callable[[Request], str]:
    """The function that computes the key of a request.

    A missing value is replaced by the caller's address, so that omitting it neither avoids the limit nor uses up that
    of others. Keys are digests: a store holds no addresses and names.
    """
    readers = [_reader(term) for term in by if term != "route"]

    def read(request: Request) -> str:
        parts = [scope]
        for reader in readers:
            text = reader(request)
            parts.append(f"@{caller_address(request)}" if text is None else f"={text}")
        return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    return read


def caller_address(request: Request) -> str:
    """The address that identifies a caller: for IPv6 the /64 network, which one subscriber has."""
    return _grouped(request.info.remote_address or "")


def _reader(term: str) -> Read:
    if term == "address":
        return lambda request: None
    if term == "user":
        return _user
    root, *names = term.split(".")
    if root == "headers":
        name = ".".join(names).lower()
        return lambda request: request.headers.get(name)

    def read(request: Request) -> str | None:
        value = request.auth.credentials if root == "credentials" else getattr(request, root)
        for name in names:
            value = claim(value, name)
        text = text_of(value)
        return text.strip().casefold() if text else None

    return read


def _user(request: Request) -> str | None:
    """The user's id: the first of `credentials.id`, `credentials.user.id`, `credentials.user` and `credentials.sub`."""
    credentials = request.auth.credentials
    user = claim(credentials, "user")
    for value in (claim(credentials, "id"), claim(user, "id"), user, claim(credentials, "sub")):
        text = text_of(value)
        if text:
            return text
    return None


@lru_cache(maxsize=4096)
def _grouped(address: str) -> str:
    ip = _parsed(address)
    if not isinstance(ip, IPv6Address):
        return str(ip or address)
    return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False))


@lru_cache(maxsize=4096)
def _is_within(address: str | None, networks: tuple[Network, ...]) -> bool:
    ip = _parsed(address or "")
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip is not None and any(ip in network for network in networks)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address.partition("%")[0])
    except ValueError:
        return None


def _too_many(verdict: Verdict) -> boom.TooManyRequests:
    wait = max(1, ceil(verdict.reset))
    return boom.TooManyRequests(code="too_many_requests", headers={"retry-after": str(wait)})
