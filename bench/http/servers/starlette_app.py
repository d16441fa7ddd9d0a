"""Hand-written Starlette, optimized for speed."""

from pathlib import Path
from typing import Any

import contract
import jsonschema_rs
import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ITEM_PARAMS = jsonschema_rs.validator_for(contract.ITEM_PARAMS)
ITEM_QUERY = jsonschema_rs.validator_for(contract.ITEM_QUERY)
MESSAGE_PARAMS = jsonschema_rs.validator_for(contract.MESSAGE_PARAMS)
MESSAGE_PAYLOAD = jsonschema_rs.validator_for(contract.MESSAGE_PAYLOAD, validate_formats=True)
NESTED_PARAMS = jsonschema_rs.validator_for(contract.NESTED_PARAMS)


class OrjsonResponse(Response):
    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return orjson.dumps(content)


def integer(text: str, name: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise HTTPException(400, f"{name} must be an integer") from None


def check(validator: Any, value: Any) -> None:
    if not validator.is_valid(value):
        raise HTTPException(400, "; ".join(error.message for error in validator.iter_errors(value)))


async def get_item(request: Request) -> Response:
    params = {"id": integer(request.path_params["id"], "id")}
    check(ITEM_PARAMS, params)
    query: dict[str, Any] = dict(request.query_params)
    query["limit"] = integer(query["limit"], "limit") if "limit" in query else 20
    check(ITEM_QUERY, query)
    return OrjsonResponse(
        {"id": params["id"], "limit": query["limit"], "q": query.get("q"), "items": contract.items(params["id"])}
    )


async def create_message(request: Request) -> Response:
    params = request.path_params
    check(MESSAGE_PARAMS, params)
    try:
        payload = orjson.loads(await request.body())
    except orjson.JSONDecodeError:
        raise HTTPException(400, "The body is not JSON") from None
    check(MESSAGE_PAYLOAD, payload)
    return OrjsonResponse(
        {
            "_id": contract.new_id(),
            "text": payload["text"],
            "msgId": payload["msgId"],
            "conversationId": params["conversationId"],
        },
        status_code=201,
    )


async def static(request: Request) -> Response:
    return OrjsonResponse({"ok": True})


async def param(request: Request) -> Response:
    check(ITEM_PARAMS, {"id": integer(request.path_params["id"], "id")})
    return OrjsonResponse({"ok": True})


async def nested(request: Request) -> Response:
    params = request.path_params
    check(NESTED_PARAMS, {"id": integer(params["id"], "id"), "part": params["part"]})
    return OrjsonResponse({"ok": True})


async def refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return OrjsonResponse({"message": error.detail}, status_code=error.status_code)


FURTHER = {"static": static, "param": param, "nested": nested}


def app(routes: int, tables: Path) -> Starlette:
    before, after = ([Route(one.path, FURTHER[one.shape]) for one in side] for side in contract.around(routes))
    measured = [
        Route(contract.ITEM_PATH, get_item),
        Route(contract.MESSAGE_PATH, create_message, methods=["POST"]),
    ]
    return Starlette(routes=[*before, *measured, *after], exception_handlers={HTTPException: refuse})
