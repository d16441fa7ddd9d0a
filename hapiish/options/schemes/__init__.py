"""The options of the built-in authentication schemes, a module each; a table may have schemes besides."""

from collections.abc import Mapping
from typing import Final

SCHEMES: Final[Mapping[str, str]] = {
    "apiKey": "hapiish.options.schemes.api_key:ApiKeyOptions",
    "basic": "hapiish.options.schemes.basic:BasicOptions",
    "cookie": "hapiish.options.schemes.cookie:CookieOptions",
    "jwt": "hapiish.options.schemes.jwt:JwtOptions",
    "oauth2": "hapiish.options.schemes.oauth2:OAuth2Options",
}
"""The built-in schemes, and the classes of their options, which are imported for tables that use them."""

NO_HANDSHAKE: Final = frozenset({"oauth2"})
"""The schemes that need a browser to go to and fro, which the handshake of a socket cannot."""
