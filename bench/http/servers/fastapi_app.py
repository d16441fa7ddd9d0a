"""FastAPI with Pydantic models for input and output, as its documentation shows; 400 in place of its 422."""
# ruff: noqa: N803, N815 - the names are the contract's

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import contract
from fastapi import FastAPI, Query, Request
from fastapi import Path as PathParam
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Positive = Annotated[int, PathParam(ge=1)]


class Item(BaseModel):
    id: int
    name: str
    done: bool


class Page(BaseModel):
    id: int
    limit: int
    q: str | None
    items: list[Item]


class NewMessage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=8000)]
    msgId: Annotated[str, Field(max_length=64)]
    createdAt: AwareDatetime | None = None


class Message(BaseModel):
    id: Annotated[str, Field(serialization_alias="_id")]
    text: str
    msgId: str
    conversationId: str


class Done(BaseModel):
    ok: bool


async def get_item(
    id: Positive,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    q: Annotated[str | None, Query(max_length=64)] = None,
) -> Page:
    return Page(id=id, limit=limit, q=q, items=[Item(**item) for item in contract.items(id)])


async def create_message(
    conversationId: Annotated[str, PathParam(pattern="^[0-9a-f]{24}$")], payload: NewMessage
) -> Message:
    return Message(id=contract.new_id(), text=payload.text, msgId=payload.msgId, conversationId=conversationId)


async def static() -> Done:
    return Done(ok=True)


async def param(id: Positive) -> Done:
    return Done(ok=True)


async def nested(id: Positive, part: Annotated[str, PathParam(max_length=32)]) -> Done:
    return Done(ok=True)


async def refuse(request: Request, error: Any) -> JSONResponse:
    errors = [{"path": problem["loc"], "message": problem["msg"]} for problem in error.errors()]
    return JSONResponse({"message": "Invalid input", "errors": errors}, 400)


FURTHER: dict[str, Callable[..., Any]] = {"static": static, "param": param, "nested": nested}


def app(routes: int, tables: Path) -> FastAPI:
    api = FastAPI(openapi_url=None, exception_handlers={RequestValidationError: refuse})
    before, after = contract.around(routes)
    for one in before:
        api.add_api_route(one.path, FURTHER[one.shape])
    api.add_api_route(contract.ITEM_PATH, get_item)
    api.add_api_route(contract.MESSAGE_PATH, create_message, methods=["POST"], status_code=201)
    for one in after:
        api.add_api_route(one.path, FURTHER[one.shape])
    return api
