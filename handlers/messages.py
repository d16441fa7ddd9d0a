"""Messages: stored, then acknowledged, then delivered to the other sockets of all members.

`create` handles POST /messages/{conversationId} and the event `message`; `deliver` runs after the response.
"""

from typing import Any

from mongoengine import ValidationError

from hapiish import Request, Response, Toolkit, boom

from .delivery import pushed, rooms
from .standing import Standing, of_caller


def create(request: Request, h: Toolkit) -> Response | dict[str, Any]:
    """Stores a message of the caller. For a repeated `msgId`, it returns the stored original, marked `duplicate`.

    The token identifies the sender. A different `senderId` or a wrong `receiverId` is a 403, and nothing is stored.
    """
    me, given = request.auth.credentials["id"], request.payload
    if given.get("senderId", me) != me:
        raise boom.Forbidden("You are not the sender that this message names", code="forbidden")
    standing = of_caller(request, request.params.get("conversationId") or given["conversationId"])
    conversation = standing.conversation
    friend = conversation["friendId"]
    if given.get("receiverId", friend) != friend:
        raise boom.Forbidden("The receiver is not a member of this conversation", code="forbidden")
    message, duplicate = _stored(request, standing, given)
    behind = pushed(request, standing, message)
    if behind or not duplicate:
        request.app["delivery"] = {"message": live(message, friend), "to": rooms(request, conversation)}
    if request.method == "event":
        return {"message": message, "duplicate": duplicate}
    if duplicate:
        return h.response({**message, "duplicate": True})
    return h.response(message).code(201)


def _stored(request: Request, standing: Standing, given: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Stores a message; returns it and False, or the message that its key has already stored, and True.

    A repeated message is found even if it could not be sent any more: after a block, or without one of its parts.
    """
    messages, conversation_id, key = request.models.Message, standing.conversation_id, _key(request, given)
    try:
        content = _content(request, standing, given)
    except (boom.Boom, ValidationError):
        original = messages.sent(conversation_id, standing.user_id, key) if key is not None else None
        if original is None:
            raise
        return original, True
    after = standing.conversation["lastSeq"]
    stored: tuple[dict[str, Any], bool] = messages.append(
        conversation_id, standing.user_id, given["text"], client_id=key, after=after, **content
    )
    return stored


def _key(request: Request, given: dict[str, Any]) -> str | None:
    """Returns the idempotency key: `msgId`, or the header `Idempotency-Key`, with quotes (RFC 8941) or without."""
    msg_id: str | None = given.get("msgId")
    header = request.headers.get("idempotency-key") if request.method != "event" else None
    if header is None:
        return msg_id
    if len(header) > 2 and header[0] == header[-1] == '"':
        header = header[1:-1]
    if msg_id is not None and msg_id != header:
        raise boom.BadData("msgId and Idempotency-Key differ", code="invalid")
    return header


def _content(request: Request, standing: Standing, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the parts of a message besides its text.

    403 `blocked`, 422 `invalid` for an impossible `replyTo` or mention.
    """
    if standing.is_barred:
        raise boom.Forbidden("One of you has blocked the other", code="blocked")
    content: dict[str, Any] = {"streaming": True} if given.get("streaming") else {}
    if mentions := given.get("mentions"):
        if not _are_members(request, standing, mentions):
            raise boom.BadData("A mentioned user is not a member", code="invalid")
        content["mentions"] = mentions
    if (seq := given.get("replyTo")) is not None:
        answered = request.models.Message.one(
            standing.conversation_id, seq, since=standing.joined_seq, reader=standing.user_id
        )
        if answered is None or "deletedAt" in answered:
            raise boom.BadData("There is no such message to answer", code="invalid")
        content["reply_to"] = answered
    if ids := given.get("attachments"):
        content["attachments"] = request.models.Attachment.attach(ids, standing.user_id, standing.conversation_id)
    return content


def _are_members(request: Request, standing: Standing, ids: list[str]) -> bool:
    members = standing.seen.members
    if members is not None:
        return set(ids) <= set(map(str, members))
    return bool(request.models.Membership.are_present(standing.conversation_id, ids))


async def deliver(request: Request, h: Toolkit) -> None:
    """Sends a stored message to every socket of all members except the sending socket."""
    delivery = request.app.get("delivery")
    if delivery is not None:
        await request.server.emit("message", delivery["message"], to=delivery["to"], skip=request.socket)


def live(message: dict[str, Any], receiver: str | None = None) -> dict[str, Any]:
    """Returns a message in the format of the event `message`. `receiver` is the other user of a direct conversation."""
    given = {name: value for name, value in message.items() if name != "userId"}
    given["senderId"] = message["userId"]
    if receiver is not None:
        given["receiverId"] = receiver
    return given


def index(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns a page of messages, oldest first: the newest page, or the one `before` or `after` a number."""
    standing = of_caller(request, request.params["conversationId"])
    conversation = standing.conversation
    query = request.query
    messages, has_more = request.models.Message.page(
        conversation["id"],
        before=query.get("before"),
        after=query.get("after"),
        limit=query["limit"],
        since=standing.joined_seq,
        reader=standing.user_id,
    )
    newest = messages[-1]["seq"] if messages else 0
    return {
        "id": conversation["id"],
        "messages": messages,
        "hasMore": has_more,
        "lastSeq": max(newest, conversation["lastSeq"]),
    }
