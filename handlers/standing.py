"""The standing of the caller: the account, and the conversation that the request names, read in one command.

Authentication reads it, so that a message costs three commands in all: this one, the insert and the head.
"""

from time import monotonic
from typing import Any, NamedTuple

from hapiish import Request, boom

FRESH = 0.5
"""Seconds for which a standing is valid. A body that arrives slowly outlives it, and then it is read again: a block and
the head's number must not be older than the message.
"""


class Standing(NamedTuple):
    """The conversation as `user_id` sees it, or None; `is_barred` if one of its two members has blocked the other."""

    conversation_id: str
    user_id: str
    read_at: float
    conversation: dict[str, Any] | None
    is_barred: bool


def account_of(request: Request, user_id: str) -> dict[str, Any] | None:
    """Returns the account of a user or None, and keeps the standing in the conversation that the request names."""
    users = request.models.User
    named = request.params.get("conversationId") or _in_payload(request)
    if named is None or not hasattr(users, "pair"):  # another project's class need not have it
        account: dict[str, Any] | None = users.account(user_id)
        return account
    return _read(request, named, user_id)


def of_caller(request: Request, conversation_id: str) -> tuple[dict[str, Any], bool]:
    """Returns a conversation of the caller, and True if one of its members has blocked the other.

    404 if it does not exist or the caller is not a member.
    """
    found = _standing(request, conversation_id)
    if found.conversation is None:
        raise boom.NotFound("There is no such conversation", code="not_found")
    return found.conversation, found.is_barred


def _standing(request: Request, conversation_id: str) -> Standing:
    """Returns the caller's standing in a conversation: the one that authentication has read, if it is fresh."""
    me, models = request.auth.credentials["id"], request.models
    kept: Standing | None = request.app.get("standing")
    if kept and kept[:2] == (conversation_id, me) and monotonic() - kept.read_at < FRESH:
        return kept
    if hasattr(models.User, "pair"):
        _read(request, conversation_id, me)
        read: Standing = request.app["standing"]
        return read
    conversation = models.Conversation.of_member(conversation_id, me)
    is_barred = conversation is not None and models.User.is_barred(me, conversation["friendId"])
    return Standing(conversation_id, me, monotonic(), conversation, is_barred)


def _read(request: Request, conversation_id: str, user_id: str) -> dict[str, Any] | None:
    account: dict[str, Any] | None
    moment = monotonic()
    account, *rest = request.models.Conversation.of_sender(conversation_id, user_id, request.models.User)
    request.app["standing"] = Standing(conversation_id, user_id, moment, *rest)
    return account


def _in_payload(request: Request) -> str | None:
    return request.payload.get("conversationId") if isinstance(request.payload, dict) else None
