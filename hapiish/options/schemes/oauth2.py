"""The scheme `oauth2`: logins at a provider (RFC 6749, OpenID Connect)."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from hapiish.declare.manifest import SchemeManifest
from hapiish.declare.option import As, Form, Like, Text, option, settings
from hapiish.declare.types import IS_SECRET, AnyText, ByFunction, Function, HttpUri, Json
from hapiish.options.cookies import SealedCookie
from hapiish.options.schemes.common import Attributes, GrantedScope

Parameters = Annotated[
    Mapping[str, str],
    Form(
        {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "if": {"required": ["method"]},
            "then": {
                "properties": {
                    "method": {
                        "description": "`(request)` as module:attribute.",
                        "allOf": [{"$ref": "#/definitions/function"}],
                    }
                }
            },
        }
    ),
    Like(ByFunction),
]
Provider = Literal[
    "bitbucket",
    "discord",
    "facebook",
    "github",
    "gitlab",
    "google",
    "linkedin",
    "microsoft",
    "slack",
    "spotify",
    "twitch",
]


@settings(strict=True, name="oauth2Provider")
class OAuth2Provider:
    """A provider by its endpoints."""

    name: str = option(description="The name of the provider in the credentials.")
    auth: HttpUri = option(description="The URI of its login page.")
    token: HttpUri = option(description="The URI where a code is exchanged for a token.")
    profile: HttpUri | None = option(None, "The URI of the caller's profile. Without it, there is no profile.")
    scope: GrantedScope | None = option(None, "The scopes requested by default.")
    scope_separator: AnyText = option(" ", "The separator between scopes.")
    pkce: Literal["S256", "plain", False] = option(
        "S256", "The PKCE method that protects the exchange of the code; false for a provider without PKCE."
    )
    use_params_auth: bool = option(
        False, "Sends client id and secret in the body of the exchange instead of its header."
    )
    headers: Mapping[str, Annotated[AnyText, IS_SECRET]] = option({}, "Headers of every request to the provider.")
    fields: Attributes = option(
        {"id": "sub", "username": "preferred_username", "displayName": "name", "email": "email"},
        "The members of the profile that make up `credentials.profile`, by name; a dot selects a member of an object.",
    )


@settings(strict=True, name="oauth2Options")
class OAuth2Options:
    """Options of the scheme `oauth2` (RFC 6749), with PKCE and OpenID Connect."""

    provider: Annotated[Json, As(Provider | OAuth2Provider)] | None = option(
        None,
        "The provider: a known one, or one by its endpoints. In place of `issuer`.",
        examples=["github"],
    )
    issuer: HttpUri | None = option(
        None,
        "The issuer of an OpenID Connect provider, which publishes its endpoints and keys (Keycloak, "
        "Auth0, Okta, Cognito …). In place of `provider`.",
        examples=["https://login.example.com/realms/staff"],
    )
    name: str = option("oidc", "The name in the credentials of the provider behind `issuer`.")
    client_id: str = option(description="The id of this application at the provider.")
    client_secret: Annotated[str, IS_SECRET] | ByFunction | None = option(
        None,
        'The secret of this application at the provider, or `{method: "module:attribute"}` for a '
        "function of the request. Without it, the application is a public client, which PKCE protects.",
        examples=["${GITHUB_SECRET}"],
        wanted="a secret or {method}",
    )
    cookie: SealedCookie = option(
        description="The sealed cookie of a login in progress. By default, its name is `oauth2-` and the name of the "
        "strategy, its SameSite is Lax, and its `ttl` is 10 minutes."
    )
    scope: GrantedScope | ByFunction | None = option(
        None,
        'The requested scopes, in place of the provider\'s defaults, or `{method: "module:attribute"}` '
        "for a function of the request.",
        examples=[["openid", "email"]],
        wanted="a scope, a list of them or {method}",
    )
    provider_params: Parameters = option(
        {},
        "Parameters added to the URI of the login page, such as `{prompt: login}`, or `{method: "
        '"module:attribute"}` for a function of the request that returns them.',
    )
    allow_runtime_provider_params: bool = option(
        False, "Adds the query of the login route to the URI of the login page, too."
    )
    token_params: Parameters = option(
        {},
        'Parameters added to the exchange of the code, or `{method: "module:attribute"}` for a function '
        "of the request that returns them.",
    )
    profile_params: Parameters = option(
        {},
        'Parameters added to requests of the profile, or `{method: "module:attribute"}` for a function '
        "of the request that returns them.",
    )
    skip_profile: bool = option(False, "Skips the request of the profile.")
    profile: Function | None = option(
        None,
        "`(credentials, token, get, request)` as module:attribute, an `async def` that returns "
        "`credentials.profile`; `await get(uri, params)` requests JSON with the caller's token.",
    )
    location: Annotated[str, Text("^https?://")] | ByFunction | None = option(
        None,
        "The public address of this server, to which the route's path is added, for the redirect URI. Or "
        '`{method: "module:attribute"}` for a function of the request that returns the whole URI. '
        "Without it, the Host of the request is used.",
        examples=["https://app.example.com"],
        wanted="an http or https URI, or {method}",
    )
    force_https: bool = option(
        False, "Uses https in the redirect URI although this server receives http, as behind a proxy."
    )
    runtime_state_callback: Function | None = option(
        None, "`(request)` as module:attribute, returns text that is appended to the state parameter."
    )


OAUTH2: Final = SchemeManifest(
    options=OAuth2Options,
    implementation="hapiish.http.auth.oauth2:OAuth2Scheme",
    extra="auth",
    packages=("authlib", "cryptography", "httpx"),
    handshake=False,  # a login needs a browser that follows redirects
    cookie="oauth2-{}",
    one_of=(("provider", "issuer"),),
)
