"""Sessions: their tokens, the user's list of them, and their end.

A refresh token is valid once: its use returns the next one. For a while, a used token returns the same successor again,
for clients that did not get the response. After that, a used token ends its session, because it has been copied.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hapiish import Request, Toolkit, boom

from . import sweeper
from .identity import refuse_banned
from .room_names import room, session_room, sessions_among, users_among

_PLATFORMS: Final = (
    *(("iphone", "iOS"), ("ipad", "iOS"), ("darwin", "iOS"), ("android", "Android"), ("okhttp", "Android")),
    *(("windows", "Windows"), ("mac os", "macOS"), ("cros", "ChromeOS"), ("linux", "Linux")),
)
"""Parts of a User-Agent with their platforms. The first part that occurs in the header determines the platform."""

REVIEWED: Final = 500
"""The most users of one database command of `review`."""

_ENDINGS: Final = {"expired": "token_expired", "revoked": "token_revoked", "reused": "token_revoked"}


def end_sessions(server: Any, user_id: str, session_ids: Sequence[str] | None, reason: str) -> None:
    """Sends `kicked {reason}` to the sockets of ended sessions and disconnects them, in every process.

    Without `session_ids`, these are all sockets of the user. The user's other devices are told that the list of
    sessions has changed. End the sessions in the store before. Call it in a `def`.
    """
    if session_ids is None:
        _kick(server, [room(user_id)], reason)
    else:
        _kick(server, [session_room(each) for each in session_ids], reason)
        server.emit("account:updated", {"sessions": True}, to=room(user_id))


def review(server: Any) -> dict[str, int]:
    """Disconnects sockets of this process whose session has ended; a job of every process. Returns their number.

    It finds sessions whose end was not announced: Redis was unavailable, or the process that ended them was killed.
    """
    users, rooms = server.models.User, server.rooms()
    if not hasattr(users, "open_sessions"):  # another project's class has no sessions
        return {}
    present, ended = users_among(rooms), set(sessions_among(rooms))
    refused: dict[str, str] = {}
    for start in range(0, len(present), REVIEWED):
        sessions, gone = users.open_sessions(present[start : start + REVIEWED])
        ended -= sessions
        refused |= gone
    for user_id, reason in refused.items():
        end_sessions(server, user_id, None, reason)
    _kick(server, [session_room(each) for each in sorted(ended)], "revoked")
    return {"sessions": len(ended)}


sweeper.register("sessions", 30, review, everywhere=True)


def tokens(request: Request, grant: Any) -> dict[str, Any]:
    """Returns `{token, expiresAt, refreshToken, refreshExpiresAt, sessionId}` of an open session."""
    settings = request.route.settings.app["token"]
    moment = datetime.now(UTC).replace(microsecond=0)
    expires = min(moment + timedelta(seconds=settings["lifetime"]), grant.expires_at.replace(microsecond=0))
    claims = {"sub": grant.user_id, "sid": grant.session_id, "iat": moment, "exp": expires}
    return {
        "token": request.server.auth.sign(claims, settings.get("strategy")),
        "expiresAt": expires,
        "refreshToken": grant.refresh_token,
        "refreshExpiresAt": grant.expires_at,
        "sessionId": grant.session_id,
    }


def origin_of(request: Request) -> dict[str, str]:
    """Returns `{name, platform, address}` of a caller: its User-Agent, the platform in it, and its IP address."""
    agent = request.headers.get("user-agent", "")[:200]
    lower = agent.lower()
    platform = next((name for part, name in _PLATFORMS if part in lower), "")
    return {"name": agent, "platform": platform, "address": request.info.remote_address or ""}


def refresh(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns a new pair of tokens; 401 `token_expired`, `token_revoked`, 403 `banned`."""
    users, settings = request.models.User, request.route.settings.app["sessions"]
    given = request.payload["refreshToken"]
    grant = users.renew_session(given, seconds=settings["lifetime"], grace=settings["grace"])
    if isinstance(grant, str):
        if grant == "reused":
            user_id, _, rest = given.partition(".")
            end_sessions(request.server, user_id, [rest.partition(".")[0]], "revoked")
        raise boom.Unauthorized("Sign in again", code=_ENDINGS[grant], scheme="Bearer")
    account = users.account(grant.user_id)
    if account is None:
        raise boom.Unauthorized("Sign in again", code="token_revoked", scheme="Bearer")
    refuse_banned(account.ban)
    return tokens(request, grant)


def logout(request: Request, h: Toolkit) -> None:
    """Ends the caller's session: 204. If the token names no session (of an older version), all such tokens end."""
    mine = request.auth.credentials
    users, session_id = request.models.User, mine.get("sessionId")
    if session_id is None:
        users.end_unnamed_sessions(mine["id"])
        return
    users.end_sessions(mine["id"], [session_id])
    end_sessions(request.server, mine["id"], [session_id], "revoked")


def index(request: Request, h: Toolkit) -> list[dict[str, Any]]:
    """Lists the caller's open sessions, the last used first. `current` is True for the session of the request."""
    mine = request.auth.credentials
    rows = request.models.User.sessions_of(mine["id"])
    return [{**row, "current": row["id"] == mine.get("sessionId")} for row in rows]


def end(request: Request, h: Toolkit) -> None:
    """Ends a session of the caller: 204, also when it has ended before."""
    me, session_id = request.auth.credentials["id"], request.params["sessionId"]
    if request.models.User.end_sessions(me, [session_id]):
        end_sessions(request.server, me, [session_id], "revoked")


def end_others(request: Request, h: Toolkit) -> None:
    """Ends all other sessions of the caller: 204."""
    mine = request.auth.credentials
    ended = request.models.User.end_other_sessions(mine["id"], mine.get("sessionId"))
    end_sessions(request.server, mine["id"], ended or (), "revoked")


def _kick(server: Any, rooms: list[str], reason: str) -> None:
    if rooms:
        server.emit("kicked", {"reason": reason}, to=rooms)
        server.disconnect(to=rooms, reason=reason)
