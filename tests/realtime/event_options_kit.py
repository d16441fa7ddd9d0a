"""The functions that the exercises of event_options.yaml name."""

import asyncio
from typing import Any

from hapiish import boom

BOUND = {"name": "bound"}
counted: list[str] = []


def echo(request: Any, h: Any) -> Any:
    """Returns the settings and values that a handler of an event sees."""
    settings = request.route.settings
    request.log(["seen"], 1)
    return {
        "app": dict(settings.app),
        "plugins": dict(settings.plugins),
        "description": settings.description,
        "examples": [each.name for each in settings.examples],
        "notes": list(settings.notes),
        "tags": list(settings.tags),
        "pre": dict(request.pre),
        "payload": request.payload,
        "params": dict(request.params),
        "logs": len(request.logs),
        "marked": "mark" in request.app,
        "counted": len(counted),
    }


def context(request: Any, h: Any) -> Any:
    return {"bound": h.context["name"]}


def marks(request: Any, h: Any) -> Any:
    request.app["mark"] = True
    return h.continue_


def replaces(request: Any, h: Any) -> Any:
    return {"replaced": True}


def counts(request: Any, h: Any) -> Any:
    counted.append(request.path)


def one(request: Any, h: Any) -> int:
    return 1


def fails(request: Any, h: Any) -> Any:
    raise boom.Conflict("taken")


def brief(body: Any, request: Any) -> Any:
    return {"brief": body["statusCode"]}


def created(request: Any, h: Any) -> Any:
    return h.response({"id": 1}).code(201)


async def slow(request: Any, h: Any) -> Any:
    await asyncio.sleep(0.5)


async def together(request: Any, h: Any) -> Any:
    """Waits a moment for another event of the socket, and tells whether both were handled at the same time."""
    data = request.socket.data
    data["running"] = data.get("running", 0) + 1
    data["met"] = data.get("met") or data["running"] == 2
    for _ in range(20):
        if not data["met"]:
            await asyncio.sleep(0.01)
    data["running"] -= 1
    return {"together": data["met"]}


class Scheme:
    """Accepts every handshake."""

    def __init__(self, server: Any, options: Any) -> None:
        pass

    async def authenticate(self, request: Any, h: Any) -> Any:
        return h.authenticated(credentials={"user": "ann", "scope": ["user"]})
