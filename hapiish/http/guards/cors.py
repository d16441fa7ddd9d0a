"""Cross-origin headers of a route (`options.cors`), for responses and preflights (lib/cors.js).

A preflight is answered by the settings of the route that the announced method matches; `dispatch` finds that route.
"""

import re
from collections.abc import MutableMapping
from typing import Any, Final

from hapiish import options
from hapiish.http.syntax.message_head import is_host

Preflight = tuple[int, dict[str, str], dict[str, str] | None]
"""Status, headers and JSON body of the response to a preflight."""

_ANY: Final = r"[^/?#\\@,\s]"
"""A character that `*` or `?` of a pattern matches: none that delimits the host of an origin (RFC 6454 §6.2)."""


class Cors:
    """The headers for a route's CORS settings. Requests of a refused origin are served; browsers enforce CORS."""

    __slots__ = ("_any", "_exact", "_granted", "_headers", "_ignore", "_patterns", "_preflight", "_status")

    def __init__(self, settings: options.Cors) -> None:
        self._ignore = settings.origin == "ignore"
        origins = () if settings.origin == "ignore" else settings.origin
        self._any = self._ignore or origins == ("*",)
        self._exact = frozenset(origin for origin in origins if "*" not in origin)
        self._patterns = tuple(_pattern(origin) for origin in origins if "*" in origin)
        allowed = (*settings.headers, *settings.additional_headers)
        exposed = (*settings.exposed_headers, *settings.additional_exposed_headers)
        self._headers = frozenset({"origin", *(name.lower() for name in allowed)})
        self._status: int = settings.preflight_status_code
        granted: dict[str, str] = {}
        if settings.credentials:
            granted["access-control-allow-credentials"] = "true"
        if exposed:
            granted["access-control-expose-headers"] = ",".join(exposed)
        self._granted = granted
        self._preflight = {
            "access-control-allow-headers": ",".join(allowed),
            "access-control-max-age": str(settings.max_age),
            **granted,
        }

    def allows(self, origin: str | None) -> bool:
        """Returns whether pages of `origin` may read the response; without an Origin header only if any origin may."""
        if self._any:
            return True
        if origin is None:
            return False
        if origin in self._exact:
            return True
        return any(pattern.fullmatch(origin) for pattern in self._patterns) and _names_a_host(origin)

    def apply(self, origin: str | None, headers: MutableMapping[str, Any]) -> None:
        """Adds the headers to a response, errors included; `origin` is the request's."""
        if not self._ignore:
            headers["vary"] = _varying(headers.get("vary"))
        if not self.allows(origin):
            return
        if self._ignore:
            headers["access-control-allow-origin"] = "*"
        elif origin is not None:
            headers["access-control-allow-origin"] = origin
        headers.update(self._granted)

    def preflight(self, origin: str, method: str, requested: str | None) -> Preflight:
        """Answers a preflight; `method` and `requested` are the `Access-Control-Request-` headers.

        A refusal is a 200 with the reason and no permission, as in hapi. Every response varies by origin, unlike
        hapi's.
        """
        headers = {} if self._ignore else {"vary": "origin"}
        if not self.allows(origin):
            return 200, headers, {"message": "CORS error: Origin not allowed"}
        names = [name for each in (requested or "").lower().split(",") if (name := each.strip())]
        if not self._headers.issuperset(names):
            return 200, headers, {"message": "CORS error: Some headers are not allowed"}
        headers["access-control-allow-origin"] = "*" if self._ignore else origin
        headers["access-control-allow-methods"] = method
        return self._status, headers | self._preflight, None


def _names_a_host(origin: str) -> bool:
    """Returns whether the rest after the scheme is a host with an optional port; `evil.com:80.good.example` is not."""
    return is_host(origin.partition("://")[2].encode("latin-1", "replace"))


def _varying(present: str | None) -> str:
    if not present:
        return "origin"
    names = [name.strip().lower() for name in present.split(",")]
    return present if "origin" in names or "*" in names else f"{present},origin"


def _pattern(origin: str) -> re.Pattern[str]:
    """Compiles a pattern: `*` is any text and `?` any character, anchored, scheme and port included (hapi).

    The text between two `*` matches only at its first occurrence; trying all would take polynomial time.
    """
    first, *inner, last = (re.escape(part).replace(r"\?", _ANY) for part in origin.split("*"))
    between = "".join(f"(?>{_ANY}*?{part})" for part in inner)
    return re.compile(f"{first}{between}{_ANY}*{last}")
