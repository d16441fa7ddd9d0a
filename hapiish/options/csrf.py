"""`csrf` of a route: protection against cross-site request forgery."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.options.cookies import SameSite
from hapiish.options.declare import Range, option, settings
from hapiish.options.values import NOWHERE, CookieName, CookiePath, Duration, Function, HeaderName, Mark, Password


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrfCookie:
    """Attributes of the token's cookie; what is not said here is as for every cookie (`server.state`)."""

    ttl: Duration | None = option(None, "How long a browser keeps it; without it until the browser is closed.")
    is_secure: bool | None = option(None, "Sent over HTTPS only.")
    is_http_only: bool | None = option(
        None, "Out of reach of scripts; false where a script puts the token into the header of `restful`."
    )
    is_same_site: SameSite | None = option(
        None, "Whether other sites' requests carry it; false leaves the attribute out."
    )
    is_partitioned: bool | None = option(None, "Kept apart for each embedding site; needs Secure and SameSite=None.")
    path: CookiePath = option("/", "The path it is sent to.")
    domain: str | None = option(None, "The domain it is sent to.")


@settings(also=(True, False), wanted="true, false or settings")
@dataclass(frozen=True, slots=True, kw_only=True)
class Csrf:
    """Protection against cross-site request forgery, with crumb's keys: true for the defaults below, settings, or
    false. A request from another origin is refused with 403, unless the route's `cors` allows that origin. A request
    must also repeat the signed token of a cookie; the token is bound to the session if there is one.
    """

    key: CookieName = option("crumb", "The name of the cookie, and of the token in the body or the query.")
    size: Annotated[int, Range(22, 1024)] = option(43, "The length of the token, 6 bits a character.")
    auto_generate: bool = option(True, "Whether a caller without a token is given one.")
    cookie_options: CsrfCookie = option(
        CsrfCookie(), "The cookie's attributes; what is not said here is as for every cookie (`server.state`)."
    )
    header_name: HeaderName = option("X-CSRF-Token", "The header that carries the token under `restful`.")
    password: Password | None = option(
        None,
        "The secret that signs the tokens. Without it, the server makes a secret at start: other servers "
        "refuse its tokens, and a restart invalidates them.",
    )
    restful: bool = option(
        False, "Whether POST, PUT, PATCH and DELETE must bring the token in a header, rather than POST in its body."
    )
    source: Literal["payload", "query"] = option("payload", "Where a POST brings the token; it is removed from there.")
    skip: Function | None = option(
        None,
        "`(request, h)` as module:attribute; a request for which it returns true is neither checked nor given a token.",
    )
    enforce: bool = option(
        True, "Whether a request without the token is refused; false only logs it, with `logUnauthorized`."
    )
    log_unauthorized: bool = option(
        False, "Whether a request without the token is logged, with the tags crumb and unauthorized."
    )
    mark: Mark = NOWHERE
