"""The beginning and the end of a socket: the limit of a user's sockets, and the events `ready` and `bye`."""

from datetime import UTC, datetime
from typing import Any

from hapiish import Request, Toolkit, boom

from .room_names import room
from .times import iso


async def admit(request: Request, h: Toolkit) -> None:
    """Refuses a socket if the user has `options.app.sockets` of them in all processes: 429 `too_many_connections`.

    A connection that its client has lost without closing it counts until a ping has no answer, within a minute.
    """
    most = request.route.settings.app["sockets"]
    count = await request.server.count(to=room(request.auth.credentials["id"]))
    if count >= most:
        raise boom.TooManyRequests(
            f"You have {most} connections, which is the most",
            code="too_many_connections",
            headers={"retry-after": "30"},
        )


async def ready(request: Request, h: Toolkit) -> None:
    """Sends `ready` to a new socket: the server's time and limits, and the heads of the newest conversations."""
    me, settings = request.auth.credentials["id"], request.route.settings.app
    heads = await request.server.store.call(_heads, request.models.Conversation, me, settings["heads"])
    await request.socket.emit(
        "ready",
        {
            "userId": me,
            "serverTime": iso(datetime.now(UTC)),
            "socketId": request.socket.id,
            "limits": settings["limits"],
            "heads": heads,
        },
    )


async def bye(request: Request, h: Toolkit) -> dict[str, Any]:
    """Disconnects the socket after the acknowledgement, for a client that will not come back soon."""
    await request.socket.disconnect()
    return {}


def _heads(conversations: Any, user_id: str, limit: int) -> dict[str, dict[str, int]]:
    heads, _ = conversations.list_of(user_id, limit=limit)
    return {each["id"]: {"seq": each["lastSeq"], "changeSeq": each["changeSeq"]} for each in heads}
