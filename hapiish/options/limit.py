"""`limit` of routes and events: how many requests are allowed."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.options import units
from hapiish.options.declare import As, Form, Items, Range, Text, option, settings
from hapiish.options.values import LARGEST, NOWHERE, AnyText, Function, Mark, TimeSpan

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
        description="How many requests may come in the duration.", examples=[5]
    )
    duration: TimeSpan = option(description="The duration, in whole seconds.", examples=["1s", "15m"])
    burst: Annotated[int, Range(1, LARGEST)] | None = option(
        None,
        "How many may come at once, where that is more than `max`. The rate stays: the window is as much "
        "longer, so that a burst of 20 at 5 a second is 20 in 4 seconds.",
        examples=[20],
    )
    by: Annotated[tuple[LimitBy, ...], Items(min=1, unique=True, one=True, wanted=_BY)] = option(
        ("user",),
        "What is counted apart: `address` (of IPv6 the /64), `user` (`credentials.id`, `credentials.user` or "
        "`credentials.sub`), a value of the request such as `params.id`, `payload.email` or `headers.x-key`, "
        "several of them together, or `route` for all callers together. A value that a request does not have "
        "is replaced by the caller's address. By user, credentials or payload a request is counted after "
        "authentication, by anything else before it.",
        examples=["address", ["address", "payload.email"]],
    )
    strategy: Literal["moving", "fixed"] = option(
        "moving",
        "`moving`: no stretch of the duration, wherever it begins, has more; it remembers the moment of each "
        "request. `fixed`: the count starts over when the duration is through; it remembers one number, and "
        "two windows side by side can let through twice as many.",
    )
    name: Annotated[str, Text("^[A-Za-z0-9_.:-]+$", "a name of letters, digits, _, ., : and -")] | None = option(
        None,
        "What the limit is called in headers. Routes and events whose limits have the same name are counted "
        "together; without it each is counted by itself.",
        examples=["messages"],
    )
    count: Annotated[
        Literal["all", "failures"] | tuple[int, ...],
        As(Literal["all", "failures"] | Annotated[tuple[Status, ...], Items(min=1, unique=True, one=True)]),
    ] = option(
        "all",
        "Which requests count. `all` counts every request. `failures` counts responses with the status 401 or "
        "403, which slows down guessing of passwords; a list such as `[401, 422]` counts those statuses. When "
        "the requests in progress could use up the limit, the next request waits for their outcome, at most 10 "
        "seconds; so use it on routes that respond quickly. A request whose body is incomplete does not make "
        "others wait.",
        examples=["failures", [401, 422]],
        wanted="all, failures, or a list of statuses from 200 to 599 such as [401, 422]",
    )
    headers: bool = option(
        True,
        "Whether responses say how much is left, in `RateLimit` and `RateLimit-Policy` "
        "(draft-ietf-httpapi-ratelimit-headers-10).",
    )
    skip: Function | None = option(
        None, "`(request, h)` as module:attribute; a request for which it returns true is not counted."
    )
    on_store_error: Literal["allow", "refuse"] = option(
        "allow", "What happens to requests while the store does not answer: `allow` them, or `refuse` them with 503."
    )
    mark: Mark = NOWHERE


Limits = Annotated[
    tuple[Limit, ...],
    As(Annotated[tuple[Limit, ...], Items(min=1, one=True, add=True)] | Literal[False]),
    Form(name="limit", wanted='false, a limit, a list of them, or text such as "5/second" or "100/15m"', nullable=True),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStore:
    """Where the limits of routes and events count."""

    store: Annotated[
        str, Text(r"^((redis|rediss|unix)://.+|.*\$\{.*)?$", 'empty, or a URL such as "redis://localhost:6379/0"')
    ] = option(
        "",
        "The URL of a Redis that all processes of the service share; empty: the memory of each process.",
        examples=["${REDIS_URL:}"],
    )
    partition: str = option("hapiish", "What keys in Redis begin with, for services that share one.")
    allowlist: tuple[AnyText, ...] = option(
        (), "Addresses and networks that are never limited.", examples=[["127.0.0.1", "10.0.0.0/8"]]
    )
    mark: Mark = NOWHERE
