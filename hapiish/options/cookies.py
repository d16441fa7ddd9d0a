"""Declared cookies (`state:`), the settings of every cookie (`server.state`), and how the Cookie header is read."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.options.declare import Form, Like, option, settings
from hapiish.options.values import (
    NOWHERE,
    ByFunction,
    CookieName,
    CookiePath,
    Domain,
    Duration,
    FailAction,
    Function,
    Json,
    Mark,
    Password,
    Seconds,
    TimeSpan,
)

SameSite = Literal["Strict", "Lax", "None", False]
_AUTO_VALUE: Final = {
    "if": {"type": "object", "required": ["method"]},
    "then": {
        "properties": {
            "method": {
                "description": "`(request)` as module:attribute, returns the value, or None for no cookie.",
                "allOf": [{"$ref": "#/definitions/function"}],
            }
        }
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Iron:
    """How long a sealed value is valid, whatever the browser does with it."""

    ttl: TimeSpan | None = option(None, "How long a sealed value is valid; without it for ever.", examples=["1d"])
    timestamp_skew_sec: Seconds = option(Seconds(60), "By how many seconds the clocks of servers may differ.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Signs the value, so that clients can read but not change it."""

    password: Password = option(description="What values are signed with.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieAttributes:
    """The attributes of a cookie."""

    ttl: Duration | None = option(
        None, "How long a browser keeps it; without it until the browser is closed.", examples=["1d"]
    )
    is_secure: bool = option(True, "Sent over HTTPS only.")
    is_http_only: bool = option(True, "Out of reach of scripts.")
    is_same_site: SameSite = option("Strict", "Whether other sites' requests carry it; false leaves the attribute out.")
    is_partitioned: bool = option(False, "Kept apart for each embedding site; needs Secure and SameSite=None.")
    path: CookiePath | None = option(None, "The path it is sent to.", examples=["/"])
    domain: Domain | None = option(None, "The domain it is sent to.")


@settings(bare=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie(CookieAttributes):
    """A cookie (RFC 6265)."""

    encoding: Literal["none", "base64", "base64json", "form", "iron"] = option(
        "none",
        "How its value is written: `none` is text as it is, `base64` text, `base64json` any JSON, `form` a "
        "mapping, `iron` any JSON, encrypted and signed.",
    )
    password: Password | None = option(None, "What the encoding `iron` seals values with; needs `hapiish[auth]`.")
    iron: Iron = option(Iron())
    sign: Sign | None = option(None)
    strict_header: bool = option(True, "Whether a value outside of RFC 6265 is an error.")
    ignore_errors: bool = option(False, "Whether a bad value is left out in silence.")
    clear_invalid: bool = option(False, "Whether the browser is told to drop a bad value.")
    auto_value: Annotated[Json, Form(_AUTO_VALUE, nullable=True), Like(ByFunction)] | None = option(
        None,
        "The value that clients without the cookie are given: a value that the encoding can hold, or `{method: "
        '"module:attribute"}` for a function of the request.',
        examples=["dark", {"method": "handlers.visits:new_id"}],
    )
    contextualize: Function | None = option(
        None,
        "A function `(settings, request)` as module:attribute, which may change the settings of the cookie for "
        "one response: a mapping of `is_same_site`, `ttl` and so on.",
    )
    pass_through: bool | None = option(
        None, "Whether a proxy sends the cookie on; without it what the handler says by `localStatePassThrough`."
    )
    mark: Mark = NOWHERE


@settings()
class SealedIron:
    """How long a sealed value is valid, whatever the browser does with it."""

    ttl: TimeSpan | None = option(
        None, "How long a sealed value is valid; without it as long as the cookie's `ttl`.", examples=["1d"]
    )
    timestamp_skew_sec: Seconds = option(60, "By how many seconds the clocks of servers may differ.")


@settings()
class SealedCookie(CookieAttributes):
    """The sealed cookie of a scheme."""

    name: CookieName = option(description="The cookie's name.", required=False, shown="sid")
    password: Password = option(description="What the value is sealed with.")
    clear_invalid: bool = option(
        False, "Whether the browser is told to drop one that cannot be opened, or that `validate` refuses."
    )
    iron: SealedIron = option(SealedIron())


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRules:
    """How the Cookie header is read."""

    parse: bool = option(True, "Whether cookies are read into `request.state`.")
    fail_action: FailAction = option("error", "What happens on a bad Cookie header or value.")
