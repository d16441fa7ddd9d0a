"""The upper bound: an ASGI callable that checks the first letter of the method and sends constant bytes.

It validates nothing and is exempt from the contract; it shows the maximum rate of uvicorn and the client.
"""

import json
from pathlib import Path
from typing import Any

from contract import CONVERSATION, items, new_id

PAGE = json.dumps({"id": 7, "limit": 20, "q": None, "items": items(7)}, separators=(",", ":")).encode()
MESSAGE = json.dumps(
    {
        "_id": new_id(),
        "text": "Message 7: are you coming along tonight?",
        "msgId": "device-1-7",
        "conversationId": CONVERSATION,
    },
    separators=(",", ":"),
).encode()


def _start(status: int, body: bytes) -> dict[str, Any]:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return {"type": "http.response.start", "status": status, "headers": headers}


GET = (_start(200, PAGE), {"type": "http.response.body", "body": PAGE})
POST = (_start(201, MESSAGE), {"type": "http.response.body", "body": MESSAGE})


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    head, body = GET
    if scope["method"] == "POST":
        while (await receive()).get("more_body"):
            pass
        head, body = POST
    await send(head)
    await send(body)


def app(routes: int, tables: Path) -> Any:
    return _answer
