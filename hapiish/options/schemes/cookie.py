"""The scheme `cookie`: a session in a sealed cookie."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from hapiish.declare.manifest import SchemeManifest, StrategyFault
from hapiish.declare.option import Text, option, settings
from hapiish.declare.types import ByFunction, Function
from hapiish.options.cookies import SealedCookie


@settings(strict=True, short="name", also=(bool, str), wanted="true, false, a name or {name, raw}")
class AppendNext:
    """The query parameter of a redirect that holds the requested path."""

    name: str = option("next", "The name of the parameter.")
    raw: bool = option(False, "Uses the path as the client sent it.")


@settings(strict=True)
class CookieOptions:
    """Options of the scheme `cookie`."""

    cookie: SealedCookie = option(
        description="The sealed cookie of the session. A session ends with the `ttl` of its cookie, unless "
        "`iron.ttl` is set."
    )
    keep_alive: bool = option(False, "Renews the `ttl` of the session with each request.")
    redirect_to: str | ByFunction | Literal[False] = option(
        False,
        "The target of redirects for callers without a session, on routes that require one: a path or "
        'URI, `{method: "module:attribute"}` for a function of the request, or false for a 401. '
        "`plugins.cookie.redirectTo` of a route overrides it.",
        examples=["/login"],
        wanted="a path, {method} or false",
    )
    append_next: AppendNext | None = option(
        None,
        "Adds the requested path to the redirect: true for the parameter `next`, its name, or `{name, "
        "raw}`; raw uses the path as the client sent it. `request.cookie_auth.next()` returns it, and "
        "accepts only paths of this server.",
        shown=False,
    )
    request_decorator_name: Annotated[str, Text("^[A-Za-z][A-Za-z0-9_]*$", "the name of an attribute")] = option(
        "cookie_auth",
        "The attribute of requests with which handlers set and clear the session: `set(session)`, "
        "`set(key, value)`, `clear()`, `clear(key)`, `ttl(milliseconds)`, `next(default)`.",
    )
    validate: Function | None = option(
        None,
        "`(request, session, h)` as module:attribute, returns `{isValid, credentials}` or `{response}`; "
        "without it the session is the credentials.",
    )


def _faults(options: Mapping[str, Any]) -> Iterator[StrategyFault]:
    if options.get("keepAlive") is True and not (options.get("cookie") or {}).get("ttl"):
        yield StrategyFault(
            "keepAlive requires a cookie with a ttl", "keepAlive", "set a ttl on the cookie", is_at_key=True
        )


COOKIE: Final = SchemeManifest(
    options=CookieOptions,
    implementation="hapiish.http.auth.cookie:CookieScheme",
    extra="auth",
    packages=("cryptography",),
    cookie="sid",
    faults=_faults,
)
