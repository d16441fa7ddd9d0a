"""The known providers of logins, the values of `provider` of the scheme `oauth2`."""

from collections.abc import Mapping
from typing import Final

from hapiish.declare.types import Json

ISSUERS: Final[Mapping[str, str]] = {
    "gitlab": "https://gitlab.com",
    "google": "https://accounts.google.com",
    "linkedin": "https://www.linkedin.com/oauth",
    "slack": "https://slack.com",
    "twitch": "https://id.twitch.tv/oauth2",
}
"""Known providers of OpenID Connect; others are configured by `issuer`."""

_HUB = "https://github.com/login/oauth"
_GRAPH = "https://graph.facebook.com/v21.0"

PROVIDERS: Final[Mapping[str, Mapping[str, Json]]] = {
    "bitbucket": {
        "auth": "https://bitbucket.org/site/oauth2/authorize",
        "token": "https://bitbucket.org/site/oauth2/access_token",
        "profile": "https://api.bitbucket.org/2.0/user",
        "fields": {"id": "uuid", "username": "username", "displayName": "display_name"},
        "pkce": False,
    },
    "discord": {
        "auth": "https://discord.com/oauth2/authorize",
        "token": "https://discord.com/api/oauth2/token",
        "profile": "https://discord.com/api/users/@me",
        "scope": ["identify", "email"],
        "fields": {"id": "id", "username": "username", "displayName": "global_name", "email": "email"},
    },
    "facebook": {
        "auth": "https://www.facebook.com/v21.0/dialog/oauth",
        "token": f"{_GRAPH}/oauth/access_token",
        "profile": f"{_GRAPH}/me?fields=id,name,email",
        "scope": ["email"],
        "scopeSeparator": ",",
        "useParamsAuth": True,
        "fields": {"id": "id", "displayName": "name", "email": "email"},
    },
    "github": {
        "auth": f"{_HUB}/authorize",
        "token": f"{_HUB}/access_token",
        "profile": "https://api.github.com/user",
        "scope": ["user:email"],
        "headers": {"User-Agent": "hapiish"},
        "fields": {"id": "id", "username": "login", "displayName": "name", "email": "email"},
    },
    "microsoft": {
        "auth": "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "token": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "profile": "https://graph.microsoft.com/oidc/userinfo",
        "scope": ["openid", "profile", "email"],
        "useParamsAuth": True,
    },
    "spotify": {
        "auth": "https://accounts.spotify.com/authorize",
        "token": "https://accounts.spotify.com/api/token",
        "profile": "https://api.spotify.com/v1/me",
        "scope": ["user-read-email"],
        "fields": {"id": "id", "username": "id", "displayName": "display_name", "email": "email"},
    },
}
"""Known providers of plain OAuth 2.0, in the form of a table's settings."""
