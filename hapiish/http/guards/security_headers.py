"""The security headers of a route (`options.security`), which do not depend on requests."""

from typing import Final

from hapiish.options.security import Hsts, Security, Xframe

_XSS: Final = {"disabled": "0", "enabled": "1; mode=block"}


def headers(settings: Security) -> tuple[tuple[str, str], ...]:
    """Lower-case names and values for `options.security`, in hapi's order (lib/security.js)."""
    pairs: list[tuple[str, str]] = []
    if settings.hsts is not None:
        pairs.append(("strict-transport-security", _hsts(settings.hsts)))
    if settings.xframe is not None:
        pairs.append(("x-frame-options", _xframe(settings.xframe)))
    if settings.xss:
        pairs.append(("x-xss-protection", _XSS[settings.xss]))
    if settings.no_open:
        pairs.append(("x-download-options", "noopen"))
    if settings.no_sniff:
        pairs.append(("x-content-type-options", "nosniff"))
    # The empty policy is a value: it overrides the header of an earlier proxy.
    if settings.referrer is not False:
        pairs.append(("referrer-policy", settings.referrer))
    return tuple(pairs)


def _hsts(hsts: Hsts) -> str:
    parts = [f"max-age={hsts.max_age}"]
    if hsts.include_sub_domains:
        parts.append("includeSubDomains")
    if hsts.preload:
        parts.append("preload")
    return "; ".join(parts)


def _xframe(xframe: Xframe) -> str:
    if xframe.rule == "allow-from" and xframe.source:
        return f"ALLOW-FROM {xframe.source}"
    return "DENY" if xframe.rule == "deny" else "SAMEORIGIN"
