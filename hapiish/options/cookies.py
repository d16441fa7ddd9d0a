"""Declared cookies (`state:`), the defaults of all cookies (`server.state`), and the parsing of the Cookie header."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from hapiish.declare.option import Form, Like, option, settings
from hapiish.declare.types import (
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
    """The expiry of sealed values, which the server checks."""

    ttl: TimeSpan | None = option(
        None,
        "The lifetime of a sealed value, independent of the cookie's `ttl`. Without it, sealed values never expire.",
        examples=["1d"],
    )
    timestamp_skew_sec: Seconds = option(Seconds(60), "The permitted clock skew between servers, in seconds.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """The signature of a value: clients can read the value but not change it."""

    password: Password = option(description="The password that signs values.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieAttributes:
    """The attributes of a cookie."""

    ttl: Duration | None = option(
        None,
        "The lifetime of the cookie in the browser. Without it, the cookie expires when the browser is closed.",
        examples=["1d"],
    )
    is_secure: bool = option(True, "Sent over HTTPS only (Secure).")
    is_http_only: bool = option(True, "Not readable by scripts (HttpOnly).")
    is_same_site: SameSite = option(
        "Strict", "Restricts the requests of other sites that carry the cookie (SameSite); false omits the attribute."
    )
    is_partitioned: bool = option(False, "Partitioned by top-level site (CHIPS); needs Secure and SameSite=None.")
    path: CookiePath | None = option(None, "The path at and below which the cookie is sent (Path).", examples=["/"])
    domain: Domain | None = option(None, "The domain to which the cookie is sent (Domain).")


@settings(bare=True)
@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie(CookieAttributes):
    """A cookie (RFC 6265)."""

    encoding: Literal["none", "base64", "base64json", "form", "iron"] = option(
        "none",
        "The encoding of the value: `none` for text as it is, `base64` for text, `base64json` for any "
        "JSON, `form` for a mapping, `iron` for any JSON, encrypted and signed.",
    )
    password: Password | None = option(None, "The password of the encoding `iron`; needs `hapiish[auth]`.")
    iron: Iron = option(Iron())
    sign: Sign | None = option(None)
    strict_header: bool = option(True, "Treats values outside RFC 6265 as errors.")
    ignore_errors: bool = option(False, "Ignores invalid values without an error.")
    clear_invalid: bool = option(False, "Tells the browser to delete a cookie with an invalid value.")
    auto_value: Annotated[Json, Form(_AUTO_VALUE, nullable=True), Like(ByFunction)] | None = option(
        None,
        "The value that clients without the cookie get: a value that the encoding supports, or `{method: "
        '"module:attribute"}` for a function of the request.',
        examples=["dark", {"method": "handlers.visits:new_id"}],
    )
    contextualize: Function | None = option(
        None,
        "A function `(settings, request)` as module:attribute that can change the cookie's settings for "
        "one response: a mapping of `is_same_site`, `ttl` and so on.",
    )
    pass_through: bool | None = option(
        None, "Lets proxies forward the cookie. The default is the `localStatePassThrough` of the handler."
    )
    mark: Mark = NOWHERE


@settings()
class SealedIron:
    """The expiry of sealed values, which the server checks."""

    ttl: TimeSpan | None = option(
        None, "The lifetime of a sealed value. The default is the cookie's `ttl`.", examples=["1d"]
    )
    timestamp_skew_sec: Seconds = option(60, "The permitted clock skew between servers, in seconds.")


@settings()
class SealedCookie(CookieAttributes):
    """The sealed cookie of a scheme."""

    name: CookieName = option(description="The name of the cookie.", required=False, shown="sid")
    password: Password = option(description="The password that seals the value.")
    clear_invalid: bool = option(
        False, "Tells the browser to delete a cookie that cannot be unsealed, or that `validate` refuses."
    )
    iron: SealedIron = option(SealedIron())


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRules:
    """The parsing of the Cookie header."""

    parse: bool = option(True, "Parses cookies into `request.state`.")
    fail_action: FailAction = option("error", "The action on an invalid Cookie header or value.")
