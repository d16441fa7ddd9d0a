"""Live events to the members of a conversation, on all of their devices.

The members are determined when an event is sent. There are rooms of users, but no rooms of conversations: a removed
member would have to leave such a room in every process.
"""

from collections.abc import Iterable
from typing import Any

from hapiish import Request

from .room_names import room
from .standing import Standing, kept


def rooms(request_or_server: Any, conversation: str | dict[str, Any], *, except_user: str | None = None) -> list[str]:
    """Returns the rooms of all members of a conversation, given as its head or its id. Call it in a `def`.

    It needs no database command if the request has read the caller's standing in a conversation that is not large.
    """
    conversation_id = conversation if isinstance(conversation, str) else conversation["id"]
    standing = kept(request_or_server, conversation_id) if isinstance(request_or_server, Request) else None
    conversations = request_or_server.models.Conversation
    if standing is None:
        members = conversations.members_of(conversation_id)
    elif standing.seen.members is None:
        members = conversations.members_of(conversation_id, standing.seen.members_rev)
    else:
        members = map(str, standing.seen.members)
    return [room(each) for each in members if each != except_user]


def rooms_of_readers(
    request_or_server: Any, conversation: str | dict[str, Any], seq: int, *, except_users: Iterable[str] = ()
) -> tuple[list[str], list[str]]:
    """Returns the rooms of the members who may read a message, and the rooms of the others. Call it in a `def`.

    The others are `except_users`, and the members who joined after the message. It needs one database command more than
    `rooms`, except for a direct conversation that is given as its head.
    """
    all_rooms = rooms(request_or_server, conversation)  # read first: a user who joins in between is not among them
    barred = {room(each) for each in except_users}
    if isinstance(conversation, str) or conversation["type"] == "group":
        conversation_id = conversation if isinstance(conversation, str) else conversation["id"]
        late = request_or_server.models.Membership.joined_after(conversation_id, seq)
        barred |= {room(each) for each in late}
    return [each for each in all_rooms if each not in barred], [each for each in all_rooms if each in barred]


def pushed(request: Request, standing: Standing, message: dict[str, Any]) -> bool:
    """Updates the head with a stored message; returns True if the message is newer than the head was.

    If the members have changed since the request has read them, `rooms` reads them again.
    """
    behind: bool
    behind, is_current = request.models.Conversation.push_to(standing.seen, message)
    if not is_current:
        request.app.pop("standing", None)
    return behind


def tell_opened(request: Request, conversation_id: str, members: list[str]) -> None:
    """Sends `conversation:new` to the members of a new conversation. `members` begins with the one who opened it."""
    for told in (members[:1], members[1:]):
        for head in request.models.Conversation.heads_of(told[0], [conversation_id]) if told else ():
            request.server.emit("conversation:new", {"conversation": head}, to=list(map(room, told)))


def to_members(
    request_or_server: Any,
    conversation: str | dict[str, Any],
    event: str,
    data: Any,
    *,
    skip: Any = None,
    except_user: str | None = None,
) -> None:
    """Sends an event to every socket of all members except `skip` and those of `except_user`. Call it in a `def`.

    `request_or_server` is the request, or the server for background work.
    """
    to = rooms(request_or_server, conversation, except_user=except_user)
    server = request_or_server.server if isinstance(request_or_server, Request) else request_or_server
    if to:
        server.emit(event, data, to=to, skip=skip)
