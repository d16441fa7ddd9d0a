"""Changes of stored messages: edits, deletions, reactions, and the text of a streaming message.

The functions handle the routes of /messages/{conversationId}/{seq} and the events `message:edit`, `message:delete`,
`message:react` and `message:delta`.
"""

from typing import Any

from hapiish import Request, Response, Toolkit, boom

from . import changes, sweeper
from .delivery import rooms, rooms_of_readers
from .groups import tell_number
from .room_names import room
from .settings import settings
from .standing import Standing, of_caller

EVENTS = {"edited": "message:edited", "deleted": "message:deleted", "reacted": "message:reacted"}

LONGEST = 8000
"""The most characters of a message."""


def show(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns a message; 404 if it does not exist for the caller."""
    standing, seq = _named(request)
    found: dict[str, Any] | None = request.models.Message.one(
        standing.conversation_id, seq, since=standing.joined_seq, reader=standing.user_id
    )
    if found is None:
        raise _missing()
    return found


def edit(request: Request, h: Toolkit) -> dict[str, Any]:
    """Replaces the text of a message of the caller; `final` ends the stream of a streaming message.

    409 `rev_conflict` with the stored message if `rev` is not its revision, 410 `gone`, 403 `not_author` or `blocked`,
    422 `invalid` for an empty message, and for `final` if the message is not streaming.
    """
    standing, seq = _named(request)
    _check_allowed(standing)
    given = request.payload
    made = request.models.Message.edit(
        standing.conversation_id,
        seq,
        standing.user_id,
        given["text"],
        rev=given["rev"],
        final=given.get("final"),
        since=standing.joined_seq,
    )
    if made.outcome == "empty":
        raise boom.BadData("A message needs a text or an attachment", code="invalid")
    if made.outcome == "ended":
        raise boom.BadData("The message is not streaming", code="invalid")
    return _answer(request, _publish(request, made))


def remove(request: Request, h: Toolkit) -> Response | dict[str, Any]:
    """Deletes a message for all or, with the scope `me`, for the caller only.

    The author may delete for all, and in a group its admins and owner. A tombstone is left. 403 `not_author`.
    """
    standing, seq = _named(request)
    given = request.payload if request.method == "event" else request.query
    if given["scope"] == "me":
        made = request.models.Message.hide(standing.conversation_id, seq, standing.user_id, since=standing.joined_seq)
        _publish(request, made)
        return {} if request.method == "event" else h.response().code(204)
    is_admin = standing.conversation["type"] == "group" and standing.role in ("owner", "admin")
    made = request.models.Message.remove(
        standing.conversation_id, seq, standing.user_id, is_admin=is_admin, since=standing.joined_seq
    )
    _publish(request, made)
    if made.outcome == "changed" and made.before.get("attachments"):
        request.models.Attachment.release(made.before)
    return _answer(request, made)


def react(request: Request, h: Toolkit) -> dict[str, Any]:
    """Adds a reaction of the caller, or removes it (DELETE, `on: false`); 409 `conflict` for too many reactions."""
    standing, seq = _named(request)
    given = request.payload if request.method == "event" else request.params
    on = given["on"] if request.method == "event" else request.method == "put"
    if on:
        _check_allowed(standing)
    made = request.models.Message.react(
        standing.conversation_id, seq, standing.user_id, given["emoji"], on=on, since=standing.joined_seq
    )
    return _answer(request, _publish(request, made))


def delta(request: Request, h: Toolkit) -> dict[str, Any]:
    """Sends a part of the text of a streaming message to the members who may read it; nothing is stored.

    409 `conflict` if the message is not a streaming one of the caller, 422 `invalid` if the text would be too long.
    """
    standing, seq = _named(request)
    _check_allowed(standing)
    given = request.payload
    if given["offset"] + len(given["text"]) > LONGEST:
        raise boom.BadData(f"A text has at most {LONGEST} characters", code="invalid")
    if not request.models.Message.streaming_by(standing.conversation_id, seq, standing.user_id):
        raise boom.Conflict("The message is not streaming", code="conflict")
    readers, _ = rooms_of_readers(request, standing.conversation, seq)
    request.server.emit("message:delta", {**given, "userId": standing.user_id}, to=readers, skip=request.socket)
    return {}


def end_streams(server: Any) -> dict[str, int]:
    """Ends streams that are older than the setting `changes.longestStream` (seconds); returns their number."""
    ended = server.models.Message.end_streams(settings(server)["changes"]["longestStream"], 100)
    for made in ended:
        changes.publish(server, server.models.Message, made.after["_id"], made.entries, made.after)
    return {"streams": len(ended)}


def prepare(server: Any, entry: dict[str, Any], stored: dict[str, Any] | None = None) -> None:
    """Updates the preview in the head of the conversation, if the changed message is the newest."""
    stored = stored or server.models.Message.stored(str(entry["conversationId"]), entry["seq"])
    if stored is not None:
        server.models.Conversation.preview(stored)


def announce(server: Any, change: dict[str, Any]) -> None:
    """Sends the event of a changed message to the members who may read it. A deleted message is also unpinned."""
    models, conversation_id = server.models, change["conversationId"]
    stored = models.Message.stored(conversation_id, change["seq"])
    if stored is None:
        return
    data = {
        "conversationId": conversation_id,
        "changeSeq": change["changeSeq"],
        "message": models.Message.shown([stored])[0],
    }
    hidden = {str(each) for each in stored.get("hiddenFor", ())}
    readers, others = rooms_of_readers(server, conversation_id, change["seq"], except_users=hidden)
    server.emit(EVENTS[change["what"]], data, to=readers)
    tell_number(server, change, others)
    if "deletedAt" in stored:
        _, entries = models.Conversation.pin(conversation_id, change["seq"], on=False)
        changes.publish(server, models.Conversation, conversation_id, entries)


def prepare_hidden(server: Any, entry: dict[str, Any], _: dict[str, Any] | None = None) -> None:
    """Removes a message from the preview of a user who has deleted it for themselves."""
    server.models.Membership.hid(str(entry["conversationId"]), str(entry["userId"]), entry["seq"])


def announce_hidden(server: Any, change: dict[str, Any]) -> None:
    """Sends `message:hidden` to the devices of a user who has deleted a message for themselves."""
    data = {name: change[name] for name in ("conversationId", "changeSeq", "seq")}
    server.emit("message:hidden", data, to=room(change["userId"]))
    tell_number(server, change, rooms(server, change["conversationId"], except_user=change["userId"]))


def _named(request: Request) -> tuple[Standing, int]:
    """Returns the caller's standing in the conversation that the request names, and the number of the message."""
    given = request.payload if request.method == "event" else request.params
    return of_caller(request, given["conversationId"]), int(given["seq"])


def _check_allowed(standing: Standing) -> None:
    if standing.is_barred:
        raise boom.Forbidden("One of you has blocked the other", code="blocked")


def _publish(request: Request, made: Any) -> Any:
    """Publishes the change of a revision and returns the revision, or raises the error for its outcome."""
    if made.outcome == "missing":
        raise _missing()
    if made.outcome == "foreign":
        raise boom.Forbidden("The message is not yours to change", code="not_author")
    if made.outcome == "gone":
        raise boom.Gone("The message was deleted", code="gone")
    if made.outcome == "full":
        raise boom.Conflict("The message has too many of them", code="conflict")
    if made.outcome == "conflict":
        data = {"message": request.models.Message.shown([made.before])[0]}
        raise boom.Conflict("The message was changed since", code="rev_conflict", data=data)
    if made.entries:
        changes.publish(request.server, request.models.Message, made.after["_id"], made.entries, made.after)
    return made


def _answer(request: Request, made: Any) -> dict[str, Any]:
    message: dict[str, Any] = request.models.Message.shown([made.after])[0]
    return {"message": message} if request.method == "event" else message


def _missing() -> boom.Boom:
    return boom.NotFound("There is no such message", code="not_found")


changes.register("message", announce, prepare)
changes.register("hidden", announce_hidden, prepare_hidden)
sweeper.register("streams", 60, end_streams)
