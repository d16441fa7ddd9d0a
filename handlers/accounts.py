"""Registration, login and validation of tokens.

A token is a JWT whose `sub` is the account's id. The strategy that verifies tokens also signs them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hapiish import Request, Toolkit, boom

from .standing import account_of


def register(request: Request, h: Toolkit) -> dict[str, Any]:
    """Creates an account and returns `{token, expiresAt, user}`; 409 `email_taken`."""
    given = request.payload
    user = request.models.User.register(given["fullName"], given["email"], given["password"])
    if user is None:
        raise boom.Conflict("This e-mail is already registered", code="email_taken")
    return _signed_in(request, user)


def login(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns `{token, expiresAt, user}`; 401 `bad_credentials` for an unknown e-mail and for a wrong password.

    With `options.app.strictSeed` an unknown e-mail is a 404, as in the seed.
    """
    given, users = request.payload, request.models.User
    user = users.authenticate(given["email"], given["password"])
    if user is None:
        strict = request.route.settings.app["strictSeed"]
        failure = boom.NotFound if strict and users.by_email(given["email"]) is None else boom.Unauthorized
        raise failure("Wrong e-mail or password", code="bad_credentials")
    return _signed_in(request, user)


def validate(artifacts: dict[str, Any], request: Request, h: Toolkit) -> dict[str, Any]:
    """Loads the account of a verified token on each request: a token of a deleted account is invalid."""
    user = account_of(request, artifacts["decoded"]["payload"].get("sub", ""))
    return {"isValid": user is not None, "credentials": user and {"id": user["_id"], **user}}


def _signed_in(request: Request, user: dict[str, Any]) -> dict[str, Any]:
    settings = request.route.settings.app["token"]
    moment = datetime.now(UTC).replace(microsecond=0)
    expires = moment + timedelta(seconds=settings["lifetime"])
    claims = {"sub": user["_id"], "iat": moment, "exp": expires}
    return {
        "token": request.server.auth.sign(claims, settings.get("strategy")),
        "expiresAt": expires,
        "user": {"fullName": user["fullName"], "email": user["email"], "myId": user["_id"]},
    }
