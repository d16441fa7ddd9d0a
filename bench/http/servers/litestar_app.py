"""Litestar with msgspec structs; path parameters are typed by annotation, so an invalid one is a 400, not a 404."""
# ruff: noqa: N803, N815 - the names are the contract's

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import contract
import msgspec
from litestar import Litestar, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter

Positive = Annotated[int, Parameter(ge=1)]


class Item(msgspec.Struct):
    id: int
    name: str
    done: bool


class Page(msgspec.Struct):
    id: int
    limit: int
    q: str | None
    items: list[Item]


class NewMessage(msgspec.Struct, forbid_unknown_fields=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=8000)]
    msgId: Annotated[str, msgspec.Meta(max_length=64)]
    createdAt: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class Message(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    text: str
    msgId: str
    conversationId: str


class Done(msgspec.Struct):
    ok: bool


@get("/items/{id:str}")
async def get_item(
    id: Positive,
    limit: Annotated[int, Parameter(ge=1, le=100)] = 20,
    q: Annotated[str | None, Parameter(max_length=64)] = None,
) -> Page:
    return Page(id=id, limit=limit, q=q, items=[Item(**item) for item in contract.items(id)])


@post("/messages/{conversationId:str}")
async def create_message(
    conversationId: Annotated[str, Parameter(pattern="^[0-9a-f]{24}$")], data: NewMessage
) -> Message:
    return Message(id=contract.new_id(), text=data.text, msgId=data.msgId, conversationId=conversationId)


async def static() -> Done:
    return Done(ok=True)


async def param(id: Positive) -> Done:
    return Done(ok=True)


async def nested(id: Positive, part: Annotated[str, Parameter(max_length=32)]) -> Done:
    return Done(ok=True)


FURTHER: dict[str, Callable[..., Any]] = {"static": static, "param": param, "nested": nested}


def _further(one: contract.Further) -> HTTPRouteHandler:
    path = one.path.replace("{id}", "{id:str}").replace("{part}", "{part:str}")
    return get(path)(FURTHER[one.shape])


def app(routes: int, tables: Path) -> Litestar:
    before, after = ([_further(one) for one in side] for side in contract.around(routes))
    return Litestar([*before, get_item, create_message, *after], openapi_config=None, logging_config=None)
