"""Connexion 3, asynchronous, with the OpenAPI document that `tables` generates."""
# ruff: noqa: N803 - the names are the contract's

from pathlib import Path
from typing import Any

import contract
from connexion import AsyncApp

Answer = tuple[dict[str, Any], int]


async def get_item(id: int, limit: int, q: str | None = None) -> Answer:
    return {"id": id, "limit": limit, "q": q, "items": contract.items(id)}, 200


async def create_message(conversationId: str, body: dict[str, Any]) -> Answer:
    return {
        "_id": contract.new_id(),
        "text": body["text"],
        "msgId": body["msgId"],
        "conversationId": conversationId,
    }, 201


async def static() -> Answer:
    return {"ok": True}, 200


async def param(id: int) -> Answer:
    return {"ok": True}, 200


async def nested(id: int, part: str) -> Answer:
    return {"ok": True}, 200


def app(routes: int, tables: Path) -> AsyncApp:
    application = AsyncApp(__name__, specification_dir=tables)
    application.add_api("openapi.yaml")
    return application
