"""The upper bound: hand-written packets on bare ASGI, without a library."""

from typing import Any

import orjson

USERS: dict[str, Any] = {}


async def app(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    opening = '0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536}'
    await send({"type": "websocket.send", "text": opening})
    while (packet := (await receive()).get("text")) is not None:
        if packet[:2] == "42":
            start = packet.index("[")
            name, data = orjson.loads(packet[start:])
            relayed = orjson.dumps([name, data]).decode()
            await USERS[data["receiverId"]]({"type": "websocket.send", "text": "42" + relayed})
            await send({"type": "websocket.send", "text": f'43{packet[2:start]}[{{"ok":true}}]'})
        elif packet[:2] == "40":
            USERS[orjson.loads(packet[2:])["user"]] = send
            await send({"type": "websocket.send", "text": '40{"sid":"x"}'})
