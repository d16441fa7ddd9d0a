"""Messages: stored, then acknowledged, then delivered to the other sockets of both members.

`create` handles POST /messages/{conversationId} and the event `message`; `deliver` runs after the response.
"""

from typing import Any

from hapiish import Request, Response, Toolkit, boom

from .realtime import room
from .standing import of_caller


def create(request: Request, h: Toolkit) -> Response | dict[str, Any]:
    """Stores a message of the caller; for a repeated `msgId` it returns the stored original, marked `duplicate`.

    The token identifies the sender. A different `senderId` or a wrong `receiverId` is a 403; nothing is stored.
    """
    me, given = request.auth.credentials["id"], request.payload
    if given.get("senderId", me) != me:
        raise boom.Forbidden("You are not the sender that this message names", code="forbidden")
    conversation, is_barred = of_caller(request, request.params.get("conversationId") or given["conversationId"])
    friend = conversation["friendId"]
    if given.get("receiverId", friend) != friend:
        raise boom.Forbidden("The receiver is not a member of this conversation", code="forbidden")
    if is_barred:
        raise boom.Forbidden("One of you has blocked the other", code="blocked")
    message, duplicate = request.models.Message.append(
        conversation["id"], me, given["text"], client_id=given.get("msgId"), after=conversation["lastSeq"]
    )
    behind = request.models.Conversation.push(message)
    if behind or not duplicate:
        request.app["delivery"] = {"message": message, "receiver": friend}
    if request.method == "event":
        return {"message": message, "duplicate": duplicate}
    if duplicate:
        return h.response({**message, "duplicate": True})
    return h.response(message).code(201)


async def deliver(request: Request, h: Toolkit) -> None:
    """Sends a stored message to every socket of both members except the sending socket."""
    delivery = request.app.get("delivery")
    if delivery is None:
        return
    message, receiver = delivery["message"], delivery["receiver"]
    live = {
        "_id": message["_id"],
        "conversationId": message["conversationId"],
        "seq": message["seq"],
        "text": message["text"],
        "senderId": message["userId"],
        "receiverId": receiver,
        "createdAt": message["createdAt"],
        "msgId": message["msgId"],
    }
    await request.server.emit("message", live, to=[room(receiver), room(message["userId"])], skip=request.socket)


def index(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns a page of messages, oldest first: the newest page, or the one `before` or `after` a number."""
    conversation, _ = of_caller(request, request.params["conversationId"])
    query = request.query
    messages, has_more = request.models.Message.page(
        conversation["id"], before=query.get("before"), after=query.get("after"), limit=query["limit"]
    )
    newest = messages[-1]["seq"] if messages else 0
    return {
        "id": conversation["id"],
        "messages": messages,
        "hasMore": has_more,
        "lastSeq": max(newest, conversation["lastSeq"]),
    }
