"""Reports of messages and users, and bans."""

from datetime import UTC, datetime
from typing import Any

from hapiish import Request, Response, Toolkit, boom

from .sessions import end_sessions
from .standing import of_caller
from .times import parsed


def create(request: Request, h: Toolkit) -> Response:
    """Reports a message that the caller can read, or a user: 201, or 200 if the caller has reported it before."""
    me, given, reports = request.auth.credentials["id"], request.payload, request.models.Report
    more = {"reason": given["reason"], "text": given.get("text")}
    if "conversationId" in given:
        standing = of_caller(request, given["conversationId"])
        conversation_id, seq = standing.conversation_id, given["seq"]
        found = reports.message(conversation_id, seq, me, since=standing.joined_seq)
        if found is None:
            raise boom.NotFound("There is no such message", code="not_found")
        author, text = found
        _refuse_self(me, author)
        stored, is_new = reports.of_message(me, author, conversation_id, seq, quote=text, **more)
    else:
        _refuse_self(me, given["userId"])
        if request.models.User.account(given["userId"]) is None:
            raise boom.NotFound("There is no such user", code="not_found")
        stored, is_new = reports.of_user(me, given["userId"], **more)
    return h.response({"id": stored["id"], "state": stored["state"]}).code(201 if is_new else 200)


def index(request: Request, h: Toolkit) -> list[dict[str, Any]]:
    """Lists the reports in a state, the newest first."""
    query = request.query
    reports: list[dict[str, Any]] = request.models.Report.list_of(
        query["state"], before=query.get("before"), limit=query["limit"]
    )
    return reports


def decide(request: Request, h: Toolkit) -> dict[str, Any]:
    """Sets the state of a report: resolved, rejected, or open again."""
    given, me = request.payload, request.auth.credentials["id"]
    decided: dict[str, Any] | None = request.models.Report.decide(
        request.params["reportId"], me, state=given["state"], note=given.get("note")
    )
    if decided is None:
        raise boom.NotFound("There is no such report", code="not_found")
    return decided


def ban(request: Request, h: Toolkit) -> None:
    """Bans a user for ever or until a time: 204. Ends all sessions of the user, and their sockets in every process."""
    user_id, given, users = request.params["userId"], request.payload, _users(request)
    _refuse_self(request.auth.credentials["id"], user_id)
    until = parsed(given["until"]) if "until" in given else None
    if until is not None and until <= datetime.now(UTC):
        raise boom.BadData("The ban would have ended already", code="invalid")
    if not users.ban(user_id, until=until, reason=given["reason"]):
        raise boom.NotFound("There is no such user", code="not_found")
    end_sessions(request.server, user_id, None, "banned")


def unban(request: Request, h: Toolkit) -> None:
    """Ends a ban: 204, also if there was none."""
    if not _users(request).unban(request.params["userId"]):
        raise boom.NotFound("There is no such user", code="not_found")


def _users(request: Request) -> Any:
    users = request.models.User
    if not hasattr(users, "ban"):  # another project's class
        raise boom.NotImplemented("Users are banned elsewhere")
    return users


def _refuse_self(me: str, user_id: str) -> None:
    if user_id == me:
        raise boom.Conflict("It is you", code="self")
