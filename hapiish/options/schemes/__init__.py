"""The built-in authentication schemes: a module each, with the scheme's options and manifest.

A table declares further schemes in `auth.schemes`, also by name and module:attribute.
"""

from typing import Final

from hapiish.declare.manifest import BuiltIns, SchemeManifest

SCHEMES: Final = BuiltIns[SchemeManifest](
    {
        "apiKey": "hapiish.options.schemes.api_key:API_KEY",
        "basic": "hapiish.options.schemes.basic:BASIC",
        "cookie": "hapiish.options.schemes.cookie:COOKIE",
        "jwt": "hapiish.options.schemes.jwt:JWT",
        "oauth2": "hapiish.options.schemes.oauth2:OAUTH2",
    }
)
