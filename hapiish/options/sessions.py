"""Sessions (`session:`)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.options.cookies import CookieAttributes, SameSite
from hapiish.options.declare import As, option
from hapiish.options.values import NOWHERE, CookieName, CookiePath, Duration, Function, Mark, Password, Size, TimeSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCookie(CookieAttributes):
    """The cookie's secret and attributes."""

    password: Password = option(description="What sessions are sealed with.")
    is_same_site: SameSite = option("Lax", "Whether other sites' requests carry it; false leaves the attribute out.")
    path: CookiePath = option("/", "The path it is sent to.")
    domain: str | None = option(None, "The domain it is sent to.")
    ignore_errors: bool = option(
        True, "Whether a cookie that cannot be opened begins a new session, rather than be a 400."
    )
    clear_invalid: bool = option(True, "Whether the browser is told to drop a cookie that cannot be opened.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCache:
    """Where sessions are kept that are too large for the cookie, and how long all of them live."""

    cache: str | None = option(
        None, "The name of a cache in `caches`; without it the default one.", examples=["shared"]
    )
    expires_in: TimeSpan = option(
        Duration(86400000), "How long a session lives after it was last written, in the cache or in the cookie."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Sessions with yar's keys, `request.session`: values by key that a browser has again in its next request. Small
    ones are in a sealed cookie, large ones in a cache. Needs `hapiish[auth]`; without this key there are none.
    """

    name: CookieName = option("session", "The name of the cookie.")
    max_cookie_size: Annotated[Size, As(Size | Literal[0])] = option(
        Size(1024),
        "How large the sealed value of the cookie may be; a larger session is kept in the cache. 0 keeps all "
        "of them there, which is the only way to revoke one.",
        wanted='bytes, text such as "1KB", or 0',
    )
    store_blank: bool = option(True, "Whether a visitor is given a session before anything is put into it.")
    error_on_cache_not_ready: bool = option(
        True,
        "Whether requests are answered with 503 while the cache of their session does not answer; if not, they "
        "have an empty one.",
    )
    cache: SessionCache = option(SessionCache())
    cookie_options: SessionCookie = option()
    custom_session_id_generator: Function | None = option(
        None,
        "`(request)` as module:attribute, a plain function that returns the id of a new session; without it "
        "ids are 192 random bits.",
        key="customSessionIDGenerator",
    )
    mark: Mark = NOWHERE
