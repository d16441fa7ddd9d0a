"""The standing of the caller in the conversation that a request names. One command reads it with the account.

Authentication reads the standing, so a message takes three database commands: this one, the insert and the head.
"""

from time import monotonic
from typing import Any, NamedTuple

from hapiish import Request, boom

FRESH = 0.5
"""Seconds for which a standing is valid. It is read again after a body that arrives slowly: the block lists and the
head's number must not be older than the message.
"""


class Standing(NamedTuple):
    """The standing of a user in a conversation. `read_at` is a monotonic time in seconds.

    `seen` is None for a user who is not a member; `of_caller` raises 404 then. `is_barred` is True if one of the two
    members of a direct conversation has blocked the other.
    """

    conversation_id: str
    user_id: str
    read_at: float
    seen: Any
    is_barred: bool

    @property
    def conversation(self) -> dict[str, Any]:
        """The conversation in the format for clients."""
        head: dict[str, Any] = self.seen.head
        return head

    @property
    def role(self) -> str:
        """`owner`, `admin` or `member`; both users of a direct conversation are `member`."""
        return str(self.conversation["role"])

    @property
    def joined_seq(self) -> int:
        """The number of the last message that the user may not read; 0 if the user may read all."""
        return int(self.conversation["firstSeq"]) - 1

    @property
    def is_large(self) -> bool:
        """True for a group whose members are listed by memberships only."""
        return self.seen.members is None


def account_of(request: Request, user_id: str) -> dict[str, Any] | None:
    """Returns the account of a user or None.

    If the request names a conversation, the same command reads the standing in it, which is kept for the handler.
    """
    users = request.models.User
    named = request.params.get("conversationId") or _in_payload(request)
    if named is None or not hasattr(users, "pair"):  # another project's class need not have it
        account: dict[str, Any] | None = users.account(user_id)
        return account
    return _read(request, named, user_id)


def of_caller(request: Request, conversation_id: str) -> Standing:
    """Returns the caller's standing in a conversation; 404 if it does not exist or the caller is not a member."""
    found = _standing(request, conversation_id)
    if found.seen is None:
        raise boom.NotFound("There is no such conversation", code="not_found")
    return found


def kept(request: Request, conversation_id: str) -> Standing | None:
    """Returns the standing that this request has read in a conversation, of any age; None without one."""
    found: Standing | None = request.app.get("standing")
    return found if found and found.conversation_id == conversation_id and found.seen is not None else None


def _standing(request: Request, conversation_id: str) -> Standing:
    """Returns the caller's standing in a conversation. Reads it again if authentication has not read it just now."""
    me, users = request.auth.credentials["id"], request.models.User
    known: Standing | None = request.app.get("standing")
    if known and known[:2] == (conversation_id, me) and monotonic() - known.read_at < FRESH:
        return known
    if hasattr(users, "pair"):
        _read(request, conversation_id, me)
    else:
        moment, seen = monotonic(), request.models.Conversation.seen(conversation_id, me)
        is_barred = seen is not None and seen.head["friendId"] and users.is_barred(me, seen.head["friendId"])
        request.app["standing"] = Standing(conversation_id, me, moment, seen, bool(is_barred))
    read: Standing = request.app["standing"]
    return read


def _read(request: Request, conversation_id: str, user_id: str) -> dict[str, Any] | None:
    account: dict[str, Any] | None
    moment = monotonic()
    account, *rest = request.models.Conversation.standing(conversation_id, user_id, request.models.User)
    request.app["standing"] = Standing(conversation_id, user_id, moment, *rest)
    return account


def _in_payload(request: Request) -> str | None:
    return request.payload.get("conversationId") if isinstance(request.payload, dict) else None
