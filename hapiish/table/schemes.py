"""The built-in authentication schemes as the table knows them, without importing what they do."""

from collections.abc import Mapping
from typing import Final

Reference = tuple[str, ...]

BUILT_IN: Final[Mapping[str, tuple[Reference, ...]]] = {
    "apiKey": (("validate",),),
    "basic": (("validate",),),
    "cookie": (("validate",), ("redirectTo", "method")),
    "jwt": (("validate",), ("keys", "method")),
    "oauth2": (
        ("profile",),
        ("runtimeStateCallback",),
        *((name, "method") for name in ("clientSecret", "location", "profileParams", "providerParams", "scope")),
        ("tokenParams", "method"),
    ),
}
"""The schemes, and where functions are named in their options; a list on the way is gone through."""

NO_HANDSHAKE: Final = frozenset({"oauth2"})
"""The schemes that need a browser to go to and fro, which the handshake of a socket cannot."""
