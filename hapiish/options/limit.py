"""`limit` of routes and events: how many requests are allowed."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.declare import units
from hapiish.declare.option import As, Form, Items, Range, Text, option, settings
from hapiish.declare.types import LARGEST, NOWHERE, AnyText, Function, Mark, TimeSpan

LimitText = Annotated[
    str,
    Text("^[1-9][0-9]{0,8}/(second|minute|hour|day|[1-9][0-9]{0,5}(s|m|h|d))$", 'text such as "5/second" or "100/15m"'),
]
LimitBy = Annotated[
    str,
    Text(
        r"^(route|address|user|(credentials|headers|params|payload|query|state)(\.[^.{}\s]+)+)$",
        'route, address, user, or a value such as "credentials.id" or "params.id"',
    ),
]
Status = Annotated[int, Range(200, 599)]
_BY: Final = 'route, address, user, a value such as "credentials.id" or "params.id", or a list of these'


@settings(
    name="limitRule",
    short=units.rate,
    also=(LimitText,),
    wanted='a limit: settings, or text such as "5/second" or "100/15m"',
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit: `max` requests in `duration`, or `burst` at once at the same rate."""

    max: Annotated[int, Range(1, LARGEST)] = option(
        description="The maximum number of requests in the duration.", examples=[5]
    )
    duration: TimeSpan = option(description="The length of the window, in whole seconds.", examples=["1s", "15m"])
    burst: Annotated[int, Range(1, LARGEST)] | None = option(
        None,
        "The maximum number of requests at once, if more than `max`. The rate does not change: the "
        "window is extended, so that a burst of 20 at 5 a second is 20 in 4 seconds.",
        examples=[20],
    )
    by: Annotated[tuple[LimitBy, ...], Items(min=1, unique=True, one=True, wanted=_BY)] = option(
        ("user",),
        "The key of the count: `address` (for IPv6, its /64 network), `user` (`credentials.id`, "
        "`credentials.user` or `credentials.sub`), a value of the request such as `params.id`, "
        "`payload.email` or `headers.x-key`, several of them combined, or `route` for all callers "
        "together. A value that a request does not have is replaced by the caller's address. By user, "
        "credentials or payload, requests are counted after authentication, otherwise before it.",
        examples=["address", ["address", "payload.email"]],
    )
    strategy: Literal["moving", "fixed"] = option(
        "moving",
        "`moving` is a sliding window: no period of the duration admits more requests. It stores the "
        "time of each request. `fixed` restarts the count after each duration. It stores one number, and "
        "two adjacent windows can admit twice as many requests in a row.",
    )
    name: Annotated[str, Text("^[A-Za-z0-9_.:-]+$", "a name of letters, digits, _, ., : and -")] | None = option(
        None,
        "The name of the limit in headers. Routes and events whose limits have the same name share one "
        "count. Without a name, each has its own.",
        examples=["messages"],
    )
    count: Annotated[
        Literal["all", "failures"] | tuple[int, ...],
        As(Literal["all", "failures"] | Annotated[tuple[Status, ...], Items(min=1, unique=True, one=True)]),
    ] = option(
        "all",
        "The requests that count. `all` counts every request. `failures` counts responses with the "
        "status 401 or 403, which slows down guessing of passwords; a list such as `[401, 422]` counts "
        "those statuses. When the requests in progress could use up the limit, the next request waits "
        "for their outcome, at most 10 seconds; use it on routes that respond quickly. A request whose "
        "body is incomplete does not make others wait.",
        examples=["failures", [401, 422]],
        wanted="all, failures, or a list of statuses from 200 to 599 such as [401, 422]",
    )
    concurrency: Annotated[int, Range(1, LARGEST)] | None = option(
        None,
        "The maximum number of requests of a key that a process handles at once, for handlers that need much CPU "
        "time or memory. Further requests wait in order. After 10 seconds, they get a 503. A request does not count "
        "while it waits for the rest of its body, or after its response has begun.",
        examples=[4],
    )
    headers: bool = option(
        True,
        "Sends the remaining quota in the headers `RateLimit` and `RateLimit-Policy` "
        "(draft-ietf-httpapi-ratelimit-headers-10).",
    )
    skip: Function | None = option(
        None, "`(request, h)` as module:attribute; a request for which it returns true is not counted."
    )
    on_store_error: Literal["allow", "refuse"] = option(
        "allow", "The action while the store does not respond: `allow` requests, or `refuse` them with 503."
    )
    mark: Mark = NOWHERE


Limits = Annotated[
    tuple[Limit, ...],
    As(Annotated[tuple[Limit, ...], Items(min=1, one=True, add=True)] | Literal[False]),
    Form(name="limit", wanted='false, a limit, a list of them, or text such as "5/second" or "100/15m"', nullable=True),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStore:
    """The store of rate limits, and exemptions from them."""

    store: Annotated[
        str, Text(r"^((redis|rediss|unix)://.+|.*\$\{.*)?$", 'empty, or a URL such as "redis://localhost:6379/0"')
    ] = option(
        "",
        "The URL of a Redis that all processes of the service share; empty: the memory of each process.",
        examples=["${REDIS_URL:}"],
    )
    partition: str = option("hapiish", "The prefix of keys in Redis, for services that share one.")
    allowlist: tuple[AnyText, ...] = option(
        (), "Addresses and networks that are exempt from all limits.", examples=[["127.0.0.1", "10.0.0.0/8"]]
    )
    mark: Mark = NOWHERE
