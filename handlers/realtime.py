"""Sockets of users: each socket joins its user's room, so one emit reaches all devices of the user."""

from typing import Any

from hapiish import Request, Toolkit, boom

from .standing import account_of


def room(user_id: str) -> str:
    """Returns the name of the room for all sockets of a user."""
    return f"user:{user_id}"


async def connect(request: Request, h: Toolkit) -> None:
    """Adds a new socket to the room of its user."""
    await request.socket.join(room(request.auth.credentials["id"]))


def reauthorize(request: Request, h: Toolkit) -> None:
    """Refuses events of deleted accounts with 401. The framework disconnects sockets whose token has expired."""
    if account_of(request, request.auth.credentials["id"]) is None:
        raise boom.Unauthorized("There is no such account any more", code="unauthorized")


def init(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns the user, the socket's id and the `lastSeq` of the newest conversations (the seed's first event).

    `senderId` must be the token's user; `connect` has already joined the room.
    """
    me = request.auth.credentials["id"]
    if request.payload["senderId"] != me:
        raise boom.Forbidden("You are not the user that this event names", code="forbidden")
    conversations, _ = request.models.Conversation.list_of(me)
    heads = {conversation["id"]: conversation["lastSeq"] for conversation in conversations}
    return {"userId": me, "socketId": request.socket.id, "heads": heads}
