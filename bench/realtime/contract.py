"""The contract of every server: joins the user's room at the handshake, relays the seed's `message` to the receiver's
room, and acknowledges it to the sender.

The handshake contains a user id and a token for it. hapiish verifies the token and ignores the id; the other servers
read the id.
"""

import json
import time
from dataclasses import dataclass
from functools import cache

import jwt

SECRET = "a secret of the bench, long enough for SHA-256"
TEXT = "Are you coming along tonight? We start at eight, and bring your sister."

MESSAGE = {
    "type": "object",
    "properties": {
        "conversationId": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
        "text": {"type": "string", "minLength": 1, "maxLength": 8000},
        "senderId": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
        "receiverId": {"type": "string", "pattern": "^[0-9a-f]{24}$"},
        "createdAt": {"type": "string", "format": "date-time"},
        "msgId": {"type": "string", "maxLength": 64},
    },
    "required": ["conversationId", "text", "receiverId", "msgId"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Pair:
    """A sender and a receiver."""

    number: int

    @property
    def sender(self) -> str:
        return f"{self.number:024x}"

    @property
    def receiver(self) -> str:
        return f"{self.number + 0x100000:024x}"


@cache
def auth(user: str) -> bytes:
    """Returns the `auth` of the handshake."""
    token = jwt.encode({"sub": user, "exp": int(time.time()) + 3600}, SECRET, algorithm="HS256")
    return json.dumps({"token": token, "user": user}).encode()


def message(pair: Pair, number: str) -> bytes:
    """Returns the seed's event payload, as encoded by a JavaScript client."""
    payload = {
        "conversationId": f"{pair.number + 0x200000:024x}",
        "text": TEXT,
        "senderId": pair.sender,
        "receiverId": pair.receiver,
        "createdAt": "2026-03-01T12:30:00.250Z",
        "msgId": f"m-{number}",
    }
    return json.dumps(payload, separators=(",", ":")).encode()
