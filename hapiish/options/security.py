"""`security` of a route: headers that browsers obey."""

from dataclasses import dataclass
from typing import Annotated, Literal

from hapiish.declare.option import As, Range, option, settings
from hapiish.declare.types import LARGEST, Seconds


@settings(
    short="maxAge", also=(True, False, Annotated[int, Range(0, LARGEST)]), wanted="true, false, seconds or settings"
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Hsts:
    """Strict-Transport-Security (RFC 6797)."""

    max_age: Seconds = option(Seconds(15768000), "The time that browsers use HTTPS only, in seconds.")
    include_sub_domains: bool = option(False, "Includes subdomains.")
    preload: bool = option(False, "Permits browsers to preload the policy.")


@settings(
    short="rule",
    also=(True, False, "deny", "sameorigin"),
    wanted="true, false, deny, sameorigin or settings",
    extra={"dependencies": {"source": {"properties": {"rule": {"enum": ["allow-from"]}}, "required": ["rule"]}}},
)
@dataclass(frozen=True, slots=True, kw_only=True)
class Xframe:
    """X-Frame-Options (RFC 7034)."""

    rule: Literal["deny", "sameorigin", "allow-from"] = option(
        "deny", "The pages that may frame this one: none, those of the same origin, or those of `source`."
    )
    source: str | None = option(None, "The origin of `allow-from`. Without it, the rule is sameorigin.")


@settings(also=(True, False), wanted="true, false or settings", headers="hapiish.http.guards.security_headers:headers")
@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """Security headers: true for the defaults below, settings, or false."""

    hsts: Hsts | None = option(
        Hsts(), "Strict-Transport-Security: true, seconds, settings, or false.", shown={"maxAge": 15768000}
    )
    xframe: Xframe | None = option(
        Xframe(), "X-Frame-Options: true for deny, a rule, settings, or false.", shown={"rule": "deny"}
    )
    xss: Literal["disabled", "enabled", False] = option(
        "disabled", "X-XSS-Protection: `disabled` sends 0, `enabled` 1; mode=block, false nothing."
    )
    no_open: bool = option(True, "X-Download-Options: noopen.")
    no_sniff: bool = option(True, "X-Content-Type-Options: nosniff.")
    referrer: Annotated[
        str | Literal[False],
        As(
            Literal[
                False,
                "",
                "no-referrer",
                "no-referrer-when-downgrade",
                "unsafe-url",
                "same-origin",
                "origin",
                "strict-origin",
                "origin-when-cross-origin",
                "strict-origin-when-cross-origin",
            ]
        ),
    ] = option(False, "Referrer-Policy; false sends none.")
