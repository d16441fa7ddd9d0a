"""The two handlers of servers/routes.yaml."""

from typing import Any

from hapiish import boom


async def connect(request: Any, h: Any) -> None:
    await request.socket.join(request.auth.credentials["sub"])


async def message(request: Any, h: Any) -> None:
    payload = request.payload
    if payload.get("senderId") != request.auth.credentials["sub"]:
        raise boom.Forbidden
    await request.server.emit("message", payload, payload["receiverId"], skip=request.socket)
