"""The scheme `oauth2`: logins at a provider (RFC 6749, OpenID Connect)."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from hapiish.options.cookies import SealedCookie
from hapiish.options.declare import As, Form, Like, Text, option, settings
from hapiish.options.manifest import SchemeManifest
from hapiish.options.schemes.common import Attributes, GrantedScope
from hapiish.options.values import AnyText, ByFunction, Function, HttpUri, Json

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

    name: str = option(description="What the credentials call it.")
    auth: HttpUri = option(description="The URI of its login page.")
    token: HttpUri = option(description="The URI where a code is exchanged for a token.")
    profile: HttpUri | None = option(None, "The URI of the caller's profile; without it there is none.")
    scope: GrantedScope | None = option(None, "What is asked for unless the strategy says otherwise.")
    scope_separator: AnyText = option(" ", "What stands between scopes.")
    pkce: Literal["S256", "plain", False] = option(
        "S256", "How the exchange of the code is protected; false for a provider that does not know how."
    )
    use_params_auth: bool = option(
        False, "Whether client id and secret are sent in the body of the exchange, not in its header."
    )
    headers: Attributes = option({}, "Headers of every request to it.")
    fields: Attributes = option(
        {"id": "sub", "username": "preferred_username", "displayName": "name", "email": "email"},
        "Where the profile has what `credentials.profile` is made of, by name; dots lead into objects.",
    )


@settings(strict=True, name="oauth2Options")
class OAuth2Options:
    """Options of the scheme `oauth2` (RFC 6749), with PKCE and OpenID Connect."""

    provider: Annotated[Json, As(Provider | OAuth2Provider)] | None = option(
        None,
        "Where users log in: a known provider, or one by its endpoints. In place of `issuer`.",
        examples=["github"],
    )
    issuer: HttpUri | None = option(
        None,
        "The issuer of a provider of OpenID Connect, which publishes its endpoints and keys (Keycloak, Auth0, "
        "Okta, Cognito …). In place of `provider`.",
        examples=["https://login.example.com/realms/staff"],
    )
    name: str = option("oidc", "What the credentials call the provider behind `issuer`.")
    client_id: str = option(description="The id that the provider gave to this application.")
    client_secret: str | ByFunction | None = option(
        None,
        'The secret that goes with it, or `{method: "module:attribute"}` for a function of the request; '
        "without it the application is a public client, which PKCE protects.",
        examples=["${GITHUB_SECRET}"],
        wanted="a secret or {method}",
    )
    cookie: SealedCookie = option(
        description="The sealed cookie that remembers a login under way; its name is `oauth2-` and the "
        "strategy's, its SameSite Lax, and its `ttl` 10 minutes unless they are given."
    )
    scope: GrantedScope | ByFunction | None = option(
        None,
        'What is asked for in place of the provider\'s own scopes, or `{method: "module:attribute"}` for a '
        "function of the request.",
        examples=[["openid", "email"]],
        wanted="a scope, a list of them or {method}",
    )
    provider_params: Parameters = option(
        {},
        "Parameters added to the provider's login page, such as `{prompt: login}`, or `{method: "
        '"module:attribute"}` for a function of the request that returns them.',
    )
    allow_runtime_provider_params: bool = option(
        False, "Whether the query of the login route is added to the provider's login page, too."
    )
    token_params: Parameters = option(
        {},
        'Parameters added when the code is exchanged for a token, or `{method: "module:attribute"}` for a '
        "function of the request that returns them.",
    )
    profile_params: Parameters = option(
        {},
        'Parameters added when the profile is read, or `{method: "module:attribute"}` for a function of the '
        "request that returns them.",
    )
    skip_profile: bool = option(False, "Whether the profile is left unread.")
    profile: Function | None = option(
        None,
        "`(credentials, token, get, request)` as module:attribute, an `async def` that returns what becomes "
        "`credentials.profile`; `await get(uri, params)` reads JSON as the caller.",
    )
    location: Annotated[str, Text("^https?://")] | ByFunction | None = option(
        None,
        "The public address of this server, to which the route's path is added: what the provider sends the "
        'browser back to. Or `{method: "module:attribute"}` for a function of the request that returns the '
        "whole URI. Without it the request's own Host.",
        examples=["https://app.example.com"],
        wanted="an http or https URI, or {method}",
    )
    force_https: bool = option(
        False, "Whether the browser comes back by https though this server sees http, as behind a proxy."
    )
    runtime_state_callback: Function | None = option(
        None, "`(request)` as module:attribute, returns text that is added to the state parameter."
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
