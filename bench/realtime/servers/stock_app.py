"""Plain python-socketio."""

from typing import Any

import socketio

server = socketio.AsyncServer(async_mode="asgi", transports=["websocket"])
app = socketio.ASGIApp(server)


@server.on("connect")
async def connect(sid: str, environ: dict[str, Any], auth: dict[str, Any]) -> None:
    await server.enter_room(sid, auth["user"])


@server.on("message")
async def message(sid: str, data: dict[str, Any]) -> dict[str, Any]:
    await server.emit("message", data, to=data["receiverId"], skip_sid=sid)
    return {"ok": True}
