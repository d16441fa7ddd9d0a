"""hapiish with the table that `tables` generates, and the handlers of that table."""

from pathlib import Path
from typing import Any

import contract

from hapiish import create_app


async def get_item(request: Any, h: Any) -> dict[str, Any]:
    item_id, query = request.params["id"], request.query
    return {"id": item_id, "limit": query["limit"], "q": query.get("q"), "items": contract.items(item_id)}


async def create_message(request: Any, h: Any) -> Any:
    payload = request.payload
    message = {
        "_id": contract.new_id(),
        "text": payload["text"],
        "msgId": payload["msgId"],
        "conversationId": request.params["conversationId"],
    }
    return h.response(message).code(201)


async def further(request: Any, h: Any) -> dict[str, Any]:
    return {"ok": True}


async def add(one: str, other: int) -> int:
    return int(one) + other


async def passes(request: Any, h: Any) -> Any:
    return h.continue_


async def validate(request: Any, username: str, password: str, h: Any) -> Any:
    return {"isValid": False}


def app(routes: int, tables: Path, table: str) -> Any:
    return create_app(str(tables / table))
