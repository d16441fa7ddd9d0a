"""`csrf` of a route: protection against cross-site request forgery."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.declare.option import Range, option, settings
from hapiish.declare.types import (
    NOWHERE,
    CookieName,
    CookiePath,
    Domain,
    Duration,
    Function,
    HeaderName,
    Mark,
    Password,
)
from hapiish.options.cookies import SameSite


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrfCookie:
    """Attributes of the token's cookie. The defaults are those of `server.state`."""

    ttl: Duration | None = option(
        None, "The lifetime of the cookie in the browser. Without it, the cookie expires when the browser is closed."
    )
    is_secure: bool | None = option(None, "Sent over HTTPS only (Secure).")
    is_http_only: bool | None = option(
        None, "Not readable by scripts (HttpOnly); false lets a script copy the token into the header of `restful`."
    )
    is_same_site: SameSite | None = option(
        None, "Restricts the requests of other sites that carry the cookie (SameSite); false omits the attribute."
    )
    is_partitioned: bool | None = option(None, "Partitioned by top-level site (CHIPS); needs Secure and SameSite=None.")
    path: CookiePath = option("/", "The path at and below which the cookie is sent (Path).")
    domain: Domain | None = option(None, "The domain to which the cookie is sent (Domain).")


@settings(also=(True, False), wanted="true, false or settings")
@dataclass(frozen=True, slots=True, kw_only=True)
class Csrf:
    """Protection against cross-site request forgery, with crumb's keys: true for the defaults below, settings, or
    false. A request from another origin is refused with 403, unless the route's `cors` allows that origin. A request
    must also repeat the signed token of a cookie; the token is bound to the session if there is one.
    """

    key: CookieName = option("crumb", "The name of the cookie, and of the token in the body or the query.")
    size: Annotated[int, Range(22, 1024)] = option(43, "The length of the token in characters of 6 bits.")
    auto_generate: bool = option(True, "Issues a token to callers without one.")
    cookie_options: CsrfCookie = option(
        CsrfCookie(), "Attributes of the token's cookie. The defaults are those of `server.state`."
    )
    header_name: HeaderName = option("X-CSRF-Token", "The header that carries the token if `restful` is set.")
    password: Password | None = option(
        None,
        "The secret that signs the tokens. Without it, the server generates a secret at start: other "
        "servers refuse its tokens, and a restart invalidates them.",
    )
    restful: bool = option(
        False,
        "Requires the token in a header of POST, PUT, PATCH and DELETE requests, instead of in the body "
        "of POST requests.",
    )
    source: Literal["payload", "query"] = option(
        "payload", "The part of a POST request that carries the token, which is removed from there."
    )
    skip: Function | None = option(
        None,
        "`(request, h)` as module:attribute; a request for which it returns true is neither checked nor given a token.",
    )
    enforce: bool = option(
        True, "Refuses requests without a valid token; false only logs them, if `logUnauthorized` is set."
    )
    log_unauthorized: bool = option(False, "Logs requests without a valid token, with the tags crumb and unauthorized.")
    mark: Mark = NOWHERE
