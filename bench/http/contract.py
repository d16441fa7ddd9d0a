"""The contract of every server: two measured routes, further routes, and the calls that verify them.

The servers import `items` and `new_id`, so that only their frameworks differ. The Node server repeats these lines and
reads the further routes from a file.
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

ITEM_PATH = "/items/{id}"
MESSAGE_PATH = "/messages/{conversationId}"

_numbers = itertools.count(1)


def items(item_id: int) -> list[dict[str, Any]]:
    """Returns the three small objects in the response to the measured GET."""
    return [
        {"id": item_id, "name": "first", "done": False},
        {"id": item_id + 1, "name": "second", "done": True},
        {"id": item_id + 2, "name": "third", "done": False},
    ]


def new_id() -> str:
    """Returns a new identifier of 24 hexadecimal digits."""
    return f"{next(_numbers):024x}"


@dataclass(frozen=True, slots=True)
class Further:
    """A further route, which is not measured: GET, `id` an integer from 1, `part` at most 32 characters."""

    path: str
    shape: Literal["static", "param", "nested"]


def around(routes: int) -> tuple[list[Further], list[Further]]:
    """Returns the further routes before and after the two measured ones, `routes` in total."""
    further = [_further(number) for number in range(routes - 2)]
    middle = len(further) // 2
    return further[:middle], further[middle:]


def _further(number: int) -> Further:
    area, shape = divmod(number, 3)
    match shape:
        case 0:
            return Further(f"/area{area}/list", "static")
        case 1:
            return Further(f"/area{area}/{{id}}", "param")
        case _:
            return Further(f"/area{area}/{{id}}/parts/{{part}}", "nested")


# The contract as JSON Schema, for the servers that use JSON Schema.

ITEM_PARAMS = {
    "type": "object",
    "properties": {"id": {"type": "integer", "minimum": 1}},
    "required": ["id"],
}
ITEM_QUERY = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
        "q": {"type": "string", "maxLength": 64},
    },
}
MESSAGE_PARAMS = {
    "type": "object",
    "properties": {"conversationId": {"type": "string", "pattern": "^[0-9a-f]{24}$"}},
    "required": ["conversationId"],
}
MESSAGE_PAYLOAD = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "minLength": 1, "maxLength": 8000},
        "msgId": {"type": "string", "maxLength": 64},
        "createdAt": {"type": "string", "format": "date-time"},
    },
    "required": ["text", "msgId"],
    "additionalProperties": False,
}
NESTED_PARAMS = {
    "type": "object",
    "properties": {"id": {"type": "integer", "minimum": 1}, "part": {"type": "string", "maxLength": 32}},
    "required": ["id", "part"],
}
FURTHER_PARAMS = {"static": None, "param": ITEM_PARAMS, "nested": NESTED_PARAMS}


@dataclass(frozen=True, slots=True)
class Call:
    """A request and its expected response: the status (or `other`), and a JSON object that includes `answer`."""

    method: str
    target: str
    status: int
    body: bytes | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    other: int | None = None

    def encoded(self, host: str) -> bytes:
        """Returns the HTTP/1.1 request for a persistent connection."""
        head = f"{self.method} {self.target} HTTP/1.1\r\nhost: {host}\r\n"
        if self.body is not None:
            head += f"content-type: application/json\r\ncontent-length: {len(self.body)}\r\n"
        return head.encode() + b"\r\n" + (self.body or b"")


CONVERSATION = "5f0c2d9e8b1a4c3d2e1f0a9b"
WHEN = "2026-03-01T12:30:00.250Z"


def _get(target: str, status: int = 400, **answer: Any) -> Call:
    return Call("GET", target, status, answer=answer)


def _post(payload: Any, status: int = 400, conversation: str = CONVERSATION) -> Call:
    target = f"/messages/{conversation}"
    if status != 201:
        return Call("POST", target, status, json.dumps(payload).encode())
    answer = {"text": payload["text"], "msgId": payload["msgId"], "conversationId": conversation}
    return Call("POST", target, status, json.dumps(payload).encode(), answer)


def _message(number: int) -> Call:
    payload = {"text": f"Message {number}: are you coming along tonight?", "msgId": f"device-1-{number}"}
    if number % 2:
        payload["createdAt"] = WHEN
    return _post(payload, 201, f"{CONVERSATION[:-4]}{number:04x}")


# Sixteen of each, so that no server profits from caching the previous request.
LOADS: dict[str, Sequence[Call]] = {
    "get": [
        _get(f"/items/{number * 37}?limit={number + 1}&q=blue+shoes+{number}", 200, id=number * 37, limit=number + 1)
        for number in range(1, 17)
    ],
    "post": [_message(number) for number in range(16)],
}


def _no_integer(target: str) -> Call:
    """Returns a call with an invalid integer; a 404 in Connexion, whose document has typed paths."""
    return Call("GET", target, 400, other=404)


_GOOD = {"text": "Hello", "msgId": "m-1"}

PROOF: Sequence[Call] = (
    _get("/items/7", 200, id=7, limit=20, q=None, items=items(7)),
    _get("/items/7?limit=100&q=%C3%A9t%C3%A9+x", 200, id=7, limit=100, q="été x"),
    _get(f"/items/7?limit=1&q={'a' * 64}", 200, limit=1, q="a" * 64),
    _get("/items/0"),
    _no_integer("/items/x"),
    _no_integer("/items/1.5"),
    _get("/items/7?limit=0"),
    _get("/items/7?limit=101"),
    _get("/items/7?limit=abc"),
    _get("/items/7?limit="),
    _get(f"/items/7?q={'a' * 65}"),
    _post(_GOOD, 201),
    _post({**_GOOD, "text": "é" * 8000, "createdAt": WHEN}, 201),
    _post(_GOOD, conversation="5f0c2d9e8b1a4c3d2e1f0a9"),
    _post(_GOOD, conversation="zf0c2d9e8b1a4c3d2e1f0a9b"),
    _post({"msgId": "m-1"}),
    _post({"text": "Hello"}),
    _post({**_GOOD, "text": ""}),
    _post({**_GOOD, "text": "a" * 8001}),
    _post({**_GOOD, "text": 5}),
    _post({**_GOOD, "msgId": "m" * 65}),
    _post({**_GOOD, "senderId": "me"}),
    _post({**_GOOD, "createdAt": "yesterday"}),
    _post(["Hello"]),
    Call("POST", f"/messages/{CONVERSATION}", 400, b'{"text": "Hel'),
    _get("/area0/list", 200, ok=True),
    _get("/area0/7", 200, ok=True),
    _get("/area0/7/parts/left", 200, ok=True),
    _no_integer("/area0/x"),
    _get(f"/area0/7/parts/{'a' * 33}"),
    _get("/nowhere", 404),
    *LOADS["get"],
    *LOADS["post"],
)
