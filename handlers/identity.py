"""The identity of callers: the account and the session of a token, checked for each request and event.

One database command reads both (`standing`). So every process refuses the next request after a session has ended, or an
account was banned or erased.
"""

from collections.abc import Iterable
from typing import Any

from hapiish import Request, Toolkit, boom

from .settings import settings
from .standing import account_of


def validate(artifacts: dict[str, Any], request: Request, h: Toolkit) -> dict[str, Any]:
    """Loads the account of a verified token; 401 `token_revoked` for a token of an ended session.

    The credentials are `{id, _id, fullName, email, scope, sessionId?, issuedAt?, ban?}`. `admit` refuses accounts with
    a `ban`.
    """
    claims = artifacts["decoded"]["payload"]
    account = _held(request, claims.get("sub", ""), claims.get("sid"), claims.get("iat"))
    if account is None:
        return {"isValid": False}
    optional = {"sessionId": claims.get("sid"), "issuedAt": claims.get("iat"), "ban": _ban_of(account)}
    given = {name: value for name, value in optional.items() if value is not None}
    scope, is_verified = getattr(account, "scope", ()), getattr(account, "is_verified", False)
    rights = rights_of(request.server, account["email"], scope, is_verified=is_verified)
    return {"isValid": True, "credentials": {"id": account["_id"], **account, "scope": rights, **given}}


async def admit(request: Request, h: Toolkit) -> Any:
    """Refuses banned users with 403 `banned`."""
    refuse_banned((request.auth.credentials or {}).get("ban"))
    return h.continue_


def reauthorize(request: Request, h: Toolkit) -> None:
    """Refuses an event if the session has ended or the account is deleted or banned, and disconnects the socket.

    The framework disconnects sockets whose token has expired.
    """
    mine = request.auth.credentials
    try:
        account = _held(request, mine["id"], mine.get("sessionId"), mine.get("issuedAt"))
        if account is None:
            raise boom.Unauthorized("There is no such account any more", code="unauthorized")
        refuse_banned(_ban_of(account))
    except boom.Boom as error:
        reason = "banned" if error.code == "banned" else "revoked"
        request.socket.emit("kicked", {"reason": reason})
        request.socket.disconnect(reason)
        raise


def rights_of(server: Any, email: str, scope: Iterable[str], *, is_verified: bool) -> list[str]:
    """Returns the rights of an account: its stored `scope`, and `admin` for a verified e-mail in CHAT_ADMINS."""
    rights = list(scope)
    admins = settings(server)["administration"]["admins"] if is_verified and "admin" not in rights else ""
    if email.lower() in [each.strip().lower() for each in admins.split(",")]:
        rights.append("admin")
    return rights


def refuse_banned(ban: dict[str, Any] | None) -> None:
    """Raises 403 `banned` if there is a ban. `data.until` is the end of the ban, if it has one."""
    if ban is not None:
        until = ban.get("until")
        raise boom.Forbidden("This account is banned", code="banned", data={"until": until} if until else None)


def _held(request: Request, user_id: str, session_id: Any, issued_at: Any) -> dict[str, Any] | None:
    account = account_of(request, user_id)
    # The accounts of another project's class have no sessions.
    if account is not None and hasattr(account, "has_session") and not account.has_session(session_id, issued_at):
        raise boom.Unauthorized("This session has ended", scheme="Bearer", code="token_revoked")
    return account


def _ban_of(account: dict[str, Any]) -> dict[str, Any] | None:
    ban: dict[str, Any] | None = getattr(account, "ban", None)
    return ban
