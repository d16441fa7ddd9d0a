"""Sockets of users: each joins the room of its user, so that every device of theirs is reached through one name."""

from typing import Any

from hapiish import Request, Toolkit, boom


def room(user_id: str) -> str:
    """The room of all sockets of one user."""
    return f"user:{user_id}"


async def connect(request: Request, h: Toolkit) -> None:
    """Assigns a new socket to the user of its token."""
    await request.socket.join(room(request.auth.credentials["id"]))


def reauthorize(request: Request, h: Toolkit) -> None:
    """Judges an event as its handshake was judged: 401 once the account is gone; expired tokens end the socket."""
    if request.models.User.account(request.auth.credentials["id"]) is None:
        raise boom.Unauthorized("There is no such account any more", code="unauthorized")


def init(request: Request, h: Toolkit) -> dict[str, Any]:
    """The seed's first event: says whose socket this is and how far each of the newest conversations has got.

    `senderId` must be the token's user; the rooms were joined on connecting, whoever it names.
    """
    me = request.auth.credentials["id"]
    if request.payload["senderId"] != me:
        raise boom.Forbidden("You are not the user that this event names", code="forbidden")
    conversations, _ = request.models.Conversation.list_of(me)
    heads = {conversation["id"]: conversation["lastSeq"] for conversation in conversations}
    return {"userId": me, "socketId": request.socket.id, "heads": heads}
