"""Messages: stored, then acknowledged, then delivered to the other sockets of all members.

`create` handles POST /messages/{conversationId} and the event `message`; `deliver` runs after the response.
"""

from typing import Any

from hapiish import Request, Response, Toolkit, boom

from .delivery import rooms
from .standing import of_caller


def create(request: Request, h: Toolkit) -> Response | dict[str, Any]:
    """Stores a message of the caller; for a repeated `msgId` it returns the stored original, marked `duplicate`.

    The token identifies the sender. A different `senderId` or a wrong `receiverId` is a 403; nothing is stored.
    """
    me, given = request.auth.credentials["id"], request.payload
    if given.get("senderId", me) != me:
        raise boom.Forbidden("You are not the sender that this message names", code="forbidden")
    standing = of_caller(request, request.params.get("conversationId") or given["conversationId"])
    conversation = standing.conversation
    friend = conversation["friendId"]
    if given.get("receiverId", friend) != friend:
        raise boom.Forbidden("The receiver is not a member of this conversation", code="forbidden")
    if standing.is_barred:
        raise boom.Forbidden("One of you has blocked the other", code="blocked")
    message, duplicate = request.models.Message.append(
        conversation["id"], me, given["text"], client_id=given.get("msgId"), after=conversation["lastSeq"]
    )
    behind = request.models.Conversation.push(message, is_large=standing.is_large)
    if behind or not duplicate:
        request.app["delivery"] = {"message": live(message, friend), "to": rooms(request, conversation)}
    if request.method == "event":
        return {"message": message, "duplicate": duplicate}
    if duplicate:
        return h.response({**message, "duplicate": True})
    return h.response(message).code(201)


async def deliver(request: Request, h: Toolkit) -> None:
    """Sends a stored message to every socket of all members except the sending socket."""
    delivery = request.app.get("delivery")
    if delivery is not None:
        await request.server.emit("message", delivery["message"], to=delivery["to"], skip=request.socket)


def live(message: dict[str, Any], receiver: str | None = None) -> dict[str, Any]:
    """Returns a message in the format of the event `message`; `receiver` is the friend of a direct conversation."""
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
    )
    newest = messages[-1]["seq"] if messages else 0
    return {
        "id": conversation["id"],
        "messages": messages,
        "hasMore": has_more,
        "lastSeq": max(newest, conversation["lastSeq"]),
    }
