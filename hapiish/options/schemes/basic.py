"""The scheme `basic` (RFC 7617)."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from hapiish.declare.manifest import SchemeManifest
from hapiish.declare.option import Items, Text, option, settings
from hapiish.declare.types import IS_SECRET, Function, Json
from hapiish.options.schemes.common import Attributes, GrantedScope


@settings(strict=True)
class BasicUser:
    """A user with the hash of the password."""

    password_hash: Annotated[str, Text(r"^\$(scrypt|argon2id)\$", 'a hash that "hapiish hash" prints'), IS_SECRET] = (
        option(
            description="The hash of the password: scrypt (`$scrypt$…`) or Argon2 (`$argon2id$…`, which needs "
            "`hapiish[auth]`)."
        )
    )
    scope: GrantedScope | None = option(None, "The scopes of the user.")
    credentials: Mapping[str, Json] = option({}, "Further credentials.")


@settings(strict=True)
class BasicOptions:
    """Options of the scheme `basic` (RFC 7617)."""

    validate: Function | None = option(
        None,
        "`(request, username, password, h)` as module:attribute, returns `{isValid, credentials}` or "
        "`{response}`; in place of `users`.",
    )
    users: Annotated[Mapping[str, BasicUser], Items(min=1)] | None = option(
        None,
        "The users by name, with hashes of their passwords that `hapiish hash` prints; in place of "
        "`validate`. The credentials are `{user: name, scope}` and those in `credentials`.",
    )
    allow_empty_username: bool = option(False, "Accepts an empty user name, to be validated like any other.")
    unauthorized_attributes: Attributes = option({}, "Attributes of the challenge in WWW-Authenticate, such as realm.")


def _packages(options: Mapping[str, Any]) -> Iterator[str]:
    if any("$argon2" in user["passwordHash"] for user in options.get("users", {}).values()):
        yield "cryptography"


BASIC: Final = SchemeManifest(
    options=BasicOptions,
    implementation="hapiish.http.auth.basic:BasicScheme",
    extra="auth",
    packages=_packages,
    one_of=(("validate", "users"),),
)
