"""Sockets of users. Each socket joins its user's room, so one emit reaches all devices of the user."""

from typing import Any

from hapiish import Request, Toolkit, boom

from .identity import reauthorize, refuse_banned
from .room_names import room, session_room

__all__ = ["connect", "init", "reauthorize", "renew"]


async def connect(request: Request, h: Toolkit) -> None:
    """Adds a new socket to the rooms of its user and of its session; refuses banned users."""
    mine = request.auth.credentials
    refuse_banned(mine.get("ban"))
    await request.socket.join(room(mine["id"]))
    if mine.get("sessionId") is not None:
        await request.socket.join(session_room(mine["sessionId"]))


async def renew(request: Request, h: Toolkit) -> dict[str, Any]:
    """Replaces the socket's token by a new one of the same user, without a new connection; returns `expiresAt`."""
    former, taken = request.auth.credentials, dict[str, Any]()

    def is_mine(credentials: dict[str, Any]) -> bool:
        taken.update(credentials)
        refuse_banned(credentials.get("ban"))
        return bool(credentials["id"] == former["id"])

    expires = await request.socket.authenticate({"token": request.payload["token"]}, accept=is_mine)
    one, other = former.get("sessionId"), taken.get("sessionId")
    if one != other:
        if other is not None:
            await request.socket.join(session_room(other))
        if one is not None:
            await request.socket.leave(session_room(one))
    return {"expiresAt": expires}


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
