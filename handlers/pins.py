"""Pinned messages of a conversation. Members may pin every message that they can read."""

from typing import Any

from hapiish import Request, Toolkit, boom

from . import changes
from .standing import of_caller


def add(request: Request, h: Toolkit) -> dict[str, Any]:
    """Pins a message and returns `{pins}`, also when repeated; 409 `conflict` if the conversation has 50."""
    standing, seq = of_caller(request, request.params["conversationId"]), request.params["seq"]
    if standing.is_barred:
        raise boom.Forbidden("One of you has blocked the other", code="blocked")
    found = request.models.Message.one(
        standing.conversation_id, seq, since=standing.joined_seq, reader=standing.user_id
    )
    if found is None:
        raise boom.NotFound("There is no such message", code="not_found")
    if "deletedAt" in found:
        raise boom.Gone("The message was deleted", code="gone")
    return _pinned(request, standing.conversation_id, seq, on=True)


def remove(request: Request, h: Toolkit) -> dict[str, Any]:
    """Unpins a message and returns `{pins}`, also when it is not pinned."""
    standing, seq = of_caller(request, request.params["conversationId"]), request.params["seq"]
    if seq <= standing.joined_seq:
        raise boom.NotFound("There is no such message", code="not_found")
    return _pinned(request, standing.conversation_id, seq, on=False)


def _pinned(request: Request, conversation_id: str, seq: int, *, on: bool) -> dict[str, Any]:
    conversations = request.models.Conversation
    outcome, entries = conversations.pin(conversation_id, seq, on=on)
    if outcome == "full":
        raise boom.Conflict("A conversation has at most 50 pinned messages", code="conflict")
    changes.publish(request.server, conversations, conversation_id, entries)
    head = conversations.of_member(conversation_id, request.auth.credentials["id"])
    return {"pins": (head or {}).get("pins", [])}
