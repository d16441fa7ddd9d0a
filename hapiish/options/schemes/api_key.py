"""The scheme `apiKey`: keys in a header, the query or a cookie."""

from collections.abc import Mapping
from typing import Annotated, Final

from hapiish.declare.manifest import SchemeManifest
from hapiish.declare.option import Items, Text, option, settings
from hapiish.declare.types import IS_SECRET, Function, HeaderName, Json
from hapiish.options.schemes.common import Attributes, GrantedScope


@settings(strict=True)
class ApiKey:
    """A key, by its hash, and the credentials of its holder."""

    hash: Annotated[str, Text("^sha256:[0-9a-f]{64}$", 'a hash that "hapiish hash --key" prints'), IS_SECRET] = option(
        description="The SHA-256 of the key."
    )
    scope: GrantedScope | None = option(None, "The scopes of the key's holder.")
    credentials: Mapping[str, Json] = option({}, "Further credentials.")


@settings(strict=True)
class ApiKeyOptions:
    """Options of the scheme `apiKey`."""

    header: HeaderName = option(
        "x-api-key", "The header that carries the key; the default unless `query` or `cookie` is set."
    )
    query: str | None = option(
        None,
        "The query parameter that carries the key, in place of a header. Such keys end up in logs and histories.",
    )
    cookie: str | None = option(None, "The cookie that carries the key, in place of a header.")
    keys: Annotated[Mapping[str, ApiKey], Items(min=1)] | None = option(
        None,
        "The keys by name, as hashes that `hapiish hash --key` prints; in place of `validate`. The "
        "credentials are `{key: name, scope}` and those in `credentials`.",
        examples=[
            {
                "reports": {
                    "hash": "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
                    "scope": ["read"],
                }
            }
        ],
    )
    validate: Function | None = option(
        None,
        "`(request, key, h)` as module:attribute, returns `{isValid, credentials}` or `{response}`; in place "
        "of `keys`.",
    )
    http_auth_scheme: str = option("ApiKey", "The name of the scheme in the challenge in WWW-Authenticate.")
    unauthorized_attributes: Attributes = option({}, "Attributes of the challenge in WWW-Authenticate, such as realm.")


API_KEY: Final = SchemeManifest(
    options=ApiKeyOptions,
    implementation="hapiish.http.auth.apikey:ApiKeyScheme",
    one_of=(("validate", "keys"),),
    at_most_one=(("header", "query", "cookie"),),
)
