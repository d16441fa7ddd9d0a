"""Sessions (`session:`)."""

from dataclasses import dataclass
from typing import Literal

from hapiish.table.model.values import NOWHERE, Duration, Json, Size
from hapiish.table.problems import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCookie:
    """The cookie of sessions, which is sealed with `password`."""

    password: Json
    ttl: Duration | None = None
    is_secure: bool = True
    is_http_only: bool = True
    is_same_site: Literal["Strict", "Lax", "None", False] = "Lax"
    is_partitioned: bool = False
    path: str = "/"
    domain: str | None = None
    ignore_errors: bool = True
    clear_invalid: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCache:
    """`cache` is a name in `caches`, None for the default one; `expires_in` is how long a session lives unchanged."""

    cache: str | None = None
    expires_in: Duration = Duration(86_400_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`max_cookie_size` 0 keeps sessions in the cache always."""

    cookie_options: SessionCookie
    name: str = "session"
    max_cookie_size: Size = Size(1024)
    store_blank: bool = True
    error_on_cache_not_ready: bool = True
    cache: SessionCache = SessionCache()
    custom_session_id_generator: str | None = None
    mark: Mark = NOWHERE
