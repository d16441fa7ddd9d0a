"""Mail to users: links that verify an e-mail, and links that set a new password.

The response to a forgotten password is the same for every e-mail, and is sent before the account is looked up. Neither
its content nor its time reveals whether the account exists.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hapiish import Request, Response, Toolkit, boom

from .hashing import hashing, refuse_guessable
from .profile import profile_of
from .room_names import room
from .sessions import end_sessions

_VERIFY: Final = """Hello {name},

this link proves that you receive mail at this address:

{link}

If you have not opened an account, ignore this mail.
"""
_RESET: Final = """Hello {name},

with this link you set a new password. It is valid once, until {until} UTC:

{link}

If you have not asked for it, ignore this mail: your password stays as it is.
"""


def send_verification(request: Request, h: Toolkit) -> None:
    """Sends the caller a mail with a link that verifies the e-mail: 204, also if it is verified already."""
    _send(request, request.auth.credentials, "verification", "Verify your e-mail", _VERIFY)


def verify(request: Request, h: Toolkit) -> None:
    """Verifies an e-mail by a token from a mail: 204; 422 `invalid` for a token that is not valid."""
    user_id = request.models.User.verify_email(request.payload["token"])
    if user_id is None:
        raise _stale()
    _tell(request, user_id)


def forgotten(request: Request, h: Toolkit) -> Response:
    """Responds with 202, with and without an account of this e-mail. `send_reset` runs after the response."""
    return h.response().code(202)


def send_reset(request: Request, h: Toolkit) -> None:
    """Sends a mail with a link that sets a new password, if an account has the e-mail (onPostResponse)."""
    if request.response is not None and request.response.status_code == 202:
        account = request.models.User.by_email(request.payload["email"])
        if account is not None:
            _send(request, account, "reset", "Set a new password", _RESET)


def reset(request: Request, h: Toolkit) -> None:
    """Sets a new password by a token from a mail and ends all sessions: 204; 422 `invalid` for a token not valid."""
    given, users = request.payload, request.models.User
    account = users.of_mail_token(given["token"], "reset")
    if account is None:
        raise _stale()
    refuse_guessable(request, given["password"], account["email"], account["fullName"])
    with hashing(request) as options:
        user_id = users.reset_password(given["token"], given["password"], hashing=options)
    if user_id is None:  # another request has used it
        raise _stale()
    end_sessions(request.server, user_id, None, "revoked")


def _send(request: Request, account: dict[str, Any], purpose: str, subject: str, text: str) -> None:
    settings = request.route.settings.app
    token = request.models.User.issue_mail_token(account["_id"], purpose, seconds=settings["lifetime"])
    if token is None:
        return
    until = datetime.now(UTC) + timedelta(seconds=settings["lifetime"])
    # The link must not use the Host header: the sender of the request chooses it.
    home = settings["publicUrl"].rstrip("/") or request.server.info.uri
    link = f"{home}/#/{'verify' if purpose == 'verification' else 'reset'}/{token}"
    mail = {
        "subject": subject,
        "text": text.format(name=account["fullName"], link=link, until=f"{until:%Y-%m-%d %H:%M}"),
    }
    key = f"{purpose}:{account['_id']}"
    request.models.Outbox.enqueue("mail", f"{key}:{token[-16:]}", account["email"], mail, expires=until, topic=key)


def _tell(request: Request, user_id: str) -> None:
    profile = profile_of(request.server, user_id)
    if profile is not None:
        request.server.emit("account:updated", {"profile": profile}, to=room(user_id))


def _stale() -> boom.BadData:
    return boom.BadData("This link is not valid any more", code="invalid")
