"""Registration and login: they open a session and answer with its tokens.

An access token is a JWT whose `sub` is the account's id and whose `sid` is the session's. The strategy that verifies
tokens also signs them.
"""

from typing import Any, NoReturn

from hapiish import Request, Toolkit, boom

from .hashing import hashing, invalid, refuse_guessable
from .identity import refuse_banned, validate
from .sessions import end_sessions, origin_of, tokens

__all__ = ["end_sessions", "login", "register", "validate"]


def register(request: Request, h: Toolkit) -> dict[str, Any]:
    """Creates an account and signs in; 409 `email_taken`."""
    given = request.payload
    refuse_guessable(request, given["password"], given["email"], given["fullName"])
    try:
        with hashing(request) as options:
            account = request.models.User.register(
                given["fullName"], given["email"], given["password"], hashing=options
            )
    except ValueError as error:
        raise invalid("email", f"is {error}") from None
    if account is None:
        raise boom.Conflict("This e-mail is already registered", code="email_taken")
    return _signed_in(request, account)


def login(request: Request, h: Toolkit) -> dict[str, Any]:
    """Signs in; 401 `bad_credentials` for an unknown e-mail and for a wrong password, 403 `banned`.

    With `options.app.strictSeed`, an unknown e-mail is a 404, as in the seed.
    """
    given, users = request.payload, request.models.User
    with hashing(request) as options:
        account = users.authenticate(given["email"], given["password"], hashing=options)
    if account is None:
        strict = request.route.settings.app["strictSeed"]
        _refuse(boom.NotFound if strict and users.by_email(given["email"]) is None else boom.Unauthorized)
    return _signed_in(request, account)


def is_known(request: Request, h: Toolkit) -> bool:
    """Returns whether a login comes from an address at which the account has an open session.

    Logins from other addresses share one limit for the account. If strangers who guess passwords use it up, the user
    can still log in from the known addresses.
    """
    given = request.payload
    email = given.get("email") if isinstance(given, dict) else None
    if not isinstance(email, str) or len(email) > 254:
        return False
    known = getattr(request.models.User, "has_signed_in_from", None)  # another project's class need not have it
    return known is not None and bool(known(email, request.info.remote_address or ""))


def _signed_in(request: Request, account: Any) -> dict[str, Any]:
    """Opens a session, tells the user's other devices, and disconnects the sockets of the sessions that it replaces."""
    refuse_banned(account.ban)
    settings, me = request.route.settings.app["sessions"], account["_id"]
    grant = request.models.User.open_session(
        me, account.proof, seconds=settings["lifetime"], most=settings["max"], origin=origin_of(request)
    )
    if grant is None:  # the password was changed since it was verified
        _refuse(boom.Unauthorized)
    end_sessions(request.server, me, grant.replaced, "replaced")
    user = {"fullName": account["fullName"], "email": account["email"], "myId": me}
    return {**tokens(request, grant), "user": user}


def _refuse(failure: type[boom.Boom]) -> NoReturn:
    raise failure("Wrong e-mail or password", code="bad_credentials")
