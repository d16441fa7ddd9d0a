"""Sessions (`session:`)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.declare.option import As, option
from hapiish.declare.types import (
    NOWHERE,
    CookieName,
    CookiePath,
    Domain,
    Duration,
    Function,
    Mark,
    Password,
    Size,
    TimeSpan,
)
from hapiish.options.cookies import CookieAttributes, SameSite


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCookie(CookieAttributes):
    """The password and attributes of the cookie."""

    password: Password = option(description="The password that seals sessions.")
    is_same_site: SameSite = option(
        "Lax", "Restricts the requests of other sites that carry the cookie (SameSite); false omits the attribute."
    )
    path: CookiePath = option("/", "The path at and below which the cookie is sent (Path).")
    domain: Domain | None = option(None, "The domain to which the cookie is sent (Domain).")
    ignore_errors: bool = option(
        True, "Starts a new session if the cookie cannot be unsealed. Otherwise, the response is a 400."
    )
    clear_invalid: bool = option(True, "Tells the browser to delete a cookie that cannot be unsealed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCache:
    """The cache of sessions that are too large for the cookie, and the lifetime of all sessions."""

    cache: str | None = option(
        None, "The name of a cache in `caches`. Without it, the default cache is used.", examples=["shared"]
    )
    expires_in: TimeSpan = option(
        Duration(86400000), "The lifetime of a session after its last change, in the cache or in the cookie."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Sessions with yar's keys, `request.session`: values by key that persist between the requests of a browser. Small
    sessions are stored in a sealed cookie, large ones in a cache. Needs `hapiish[auth]`. Without this key, requests
    have no session.
    """

    name: CookieName = option("session", "The name of the cookie.")
    max_cookie_size: Annotated[Size, As(Size | Literal[0])] = option(
        Size(1024),
        "The maximum size of the sealed value in the cookie; a larger session is stored in the cache. 0 "
        "stores all sessions in the cache, which is the only way to revoke one.",
        wanted='bytes, text such as "1KB", or 0',
    )
    store_blank: bool = option(True, "Creates a session for a visitor before any value is stored in it.")
    error_on_cache_not_ready: bool = option(
        True,
        "Answers requests with 503 while the cache of their session does not respond. Otherwise, they "
        "get an empty session.",
    )
    cache: SessionCache = option(SessionCache())
    cookie_options: SessionCookie = option()
    custom_session_id_generator: Function | None = option(
        None,
        "`(request)` as module:attribute, a synchronous function that returns the id of a new session. "
        "The default is 192 random bits.",
        key="customSessionIDGenerator",
    )
    mark: Mark = NOWHERE
