"""Groups: their members, roles, title and end. Each change is a transaction, and all members get events of it."""

from functools import partial
from typing import Any

from hapiish import Request, Response, Toolkit, boom

from . import changes, sweeper
from .atomic import atomically
from .delivery import rooms, to_members
from .messages import live
from .people import check_invited, named
from .room_names import room
from .standing import Standing, of_caller

SEEN_APART = 50
"""The most members of a group whose members each get the conversation as that member sees it."""

FAILURES = {
    "not_found": boom.NotFound,
    "not_admin": boom.Forbidden,
    "conflict": boom.Conflict,
    "invalid": boom.BadData,
}


def members(request: Request, h: Toolkit) -> Response:
    """Lists the members in the order of joining; `x-next-cursor` is the cursor of the next page."""
    standing, query = of_caller(request, request.params["conversationId"]), request.query
    rows, cursor = request.models.Membership.page(
        standing.conversation_id, limit=query["limit"], cursor=query.get("cursor")
    )
    response = h.response(named(request.models, rows))
    return response.header("x-next-cursor", cursor) if cursor else response


def put_member(request: Request, h: Toolkit) -> Response:
    """Adds a member (201) or changes a role (200), and returns the member.

    403 `not_admin` without the right, 403 `blocked`, 404 for an unknown user, 409 `conflict` if the group is full, or
    if the last owner would get another role.
    """
    standing, user_id = _group(request), request.params["userId"]
    role = (request.payload or {}).get("role")
    if request.models.Membership.present(standing.conversation_id, user_id) is None:
        if standing.role == "member":  # checked first, so that the answer does not reveal a block
            raise boom.Forbidden("Only admins add members", code="not_admin")
        check_invited(request, [user_id])
    limit = request.route.settings.app["members"]
    changed = _change(request, "put_member", user_id, role, limit=limit, messages=request.models.Message)
    row = request.models.Membership.present(standing.conversation_id, user_id)
    if row is None:  # the user was removed meanwhile
        raise boom.NotFound("There is no such member any more", code="not_found")
    (member,) = named(request.models, [row])
    return h.response(member).code(201 if changed.is_new else 200)


def remove_member(request: Request, h: Toolkit) -> None:
    """Removes a member, or the caller: 204, also for a user who is no member; 403 `not_admin`."""
    _group(request)
    _change(request, "remove_member", request.params["userId"], messages=request.models.Message)


def edit(request: Request, h: Toolkit) -> dict[str, Any]:
    """Changes title, avatar and history; 403 `not_admin`, 422 `invalid` if the avatar is no image of the caller."""
    standing, values = _group(request), dict(request.payload)
    if standing.role == "member":
        raise boom.Forbidden("Only admins change a group", code="not_admin")
    if "avatar" in values and not _take_avatar(request, standing, values["avatar"]):
        raise boom.BadData("The avatar must be an image that you have uploaded", code="invalid")
    _change(request, "edit", values, messages=request.models.Message)
    head: dict[str, Any] | None = request.models.Conversation.of_member(standing.conversation_id, standing.user_id)
    if head is None:  # the caller was removed meanwhile
        raise boom.NotFound("There is no such conversation", code="not_found")
    return head


def close(request: Request, h: Toolkit) -> None:
    """Ends a group for all its members: 204; 403 `not_admin`."""
    standing = _group(request)
    told = rooms(request, standing.conversation_id)
    attempt(request, request.models.Conversation.close, standing.conversation_id, standing.user_id)
    _take_avatar(request, standing, None)
    request.server.emit("conversation:removed", {"conversationId": standing.conversation_id}, to=told)


def leave_all(server: Any, user_id: str) -> None:
    """Removes a user, whose account has ended, from all groups. Call it in a `def`; it can be repeated."""
    conversations, messages = server.models.Conversation, server.models.Message
    leave = partial(conversations.remove_member, by_id=user_id, user_id=user_id, messages=messages)
    for conversation_id in conversations.groups_of(user_id):
        try:
            changed = atomically(server, leave, conversation_id)
        except conversations.Refused:  # the user has left it meanwhile
            continue
        _publish(server, conversation_id, changed)
        if changed.message is not None:
            server.emit("message", live(changed.message), to=rooms(server, conversation_id))


def tell_members(server: Any, change: dict[str, Any]) -> None:
    """Sends the events of a change of members.

    Users who joined get `conversation:new`, users who left get `conversation:removed`, all members `members:changed`.
    """
    conversation_id, models = change["conversationId"], server.models
    joined, left = change.get("joined", []), change.get("left", [])
    for user_id in joined:
        for head in models.Conversation.heads_of(user_id, [conversation_id]):
            server.emit("conversation:new", {"conversation": head}, to=room(user_id))
    gone = [room(each) for each in left if models.Membership.present(conversation_id, each) is None]
    if gone:
        server.emit("conversation:removed", {"conversationId": conversation_id}, to=gone)
    shared = models.Conversation.shared(conversation_id)
    rows = [row for each in joined if (row := models.Membership.present(conversation_id, each)) is not None]
    told = {
        "conversationId": conversation_id,
        "changeSeq": change["changeSeq"],
        "joined": named(models, rows),
        "left": left,
        "roles": change.get("roles", {}),
        "memberCount": shared["memberCount"] if shared else 0,
    }
    to_members(server, conversation_id, "members:changed", told)


def tell_conversation(server: Any, change: dict[str, Any]) -> None:
    """Sends a changed conversation to its members: as each sees it, or in larger groups the keys that all share.

    The changes of a user have this kind, too, for the state of one member: handlers/state.py sends that event.
    """
    if "changeSeq" not in change:
        return
    conversation_id, conversations = change["conversationId"], server.models.Conversation
    shared = conversations.shared(conversation_id)
    if shared is None:
        return
    if shared["memberCount"] > SEEN_APART:
        _tell_shared(server, shared, rooms(server, conversation_id))
        return
    for user_id, head in conversations.heads_for_all(conversation_id).items():
        server.emit("conversation:updated", {"conversation": head}, to=room(user_id))


def tell_number(server: Any, change: dict[str, Any], to: list[str]) -> None:
    """Sends the conversation to members whom a change does not concern, so that they get each `changeSeq`."""
    shared = server.models.Conversation.shared(change["conversationId"]) if to else None
    if shared is not None:
        _tell_shared(server, {**shared, "changeSeq": change["changeSeq"]}, to)


def _tell_shared(server: Any, shared: dict[str, Any], to: list[str]) -> None:
    """Sends a conversation to members, each with the pins that this member can read."""
    pins, told = shared.get("pins", []), dict[tuple[int, ...], list[str]]()
    late = server.models.Membership.joined_after(shared["id"], min(pins)) if pins else {}
    since = {room(user_id): seq for user_id, seq in late.items()}
    for each in to:
        told.setdefault(tuple(seq for seq in pins if seq > since.get(each, 0)), []).append(each)
    for readable, members in told.items():
        conversation = {**shared, "pins": list(readable)} if pins else shared
        server.emit("conversation:updated", {"conversation": conversation}, to=members)


def remove_closed(server: Any) -> dict[str, int]:
    """Removes the data of closed groups; returns the number of groups that are removed completely."""
    return {"groups": server.models.Conversation.remove_closed(server.models.Message)}


sweeper.register("closed groups", 60, remove_closed)
changes.register("members", tell_members)
changes.register("conversation", tell_conversation)


def _group(request: Request) -> Standing:
    standing = of_caller(request, request.params["conversationId"])
    if standing.conversation["type"] != "group":
        raise boom.Forbidden("A direct conversation has two members and no title", code="forbidden")
    return standing


def _take_avatar(request: Request, standing: Standing, avatar: str | None) -> bool:
    """Returns whether a file can be the avatar of the group, and lets the sweeper check the one that it replaces."""
    attachments = getattr(request.models, "Attachment", None)
    former = standing.conversation.get("avatar")
    return attachments is None or bool(attachments.as_avatar(avatar, standing.user_id, former))


def _change(request: Request, name: str, *args: Any, **options: Any) -> Any:
    """Performs an operation of `models.groups` as the caller, publishes it and delivers its message."""
    conversation_id, me = request.params["conversationId"], request.auth.credentials["id"]
    operation = getattr(request.models.Conversation, name)
    changed = attempt(request, lambda: operation(conversation_id, me, *args, **options))
    _publish(request.server, conversation_id, changed)
    if changed.message is not None:
        request.app["delivery"] = {
            "message": live(changed.message),
            "to": rooms(request.server, conversation_id),
        }
    return changed


def attempt(request: Request, operation: Any, *args: Any) -> Any:
    """Performs an operation of `models.groups` in a transaction; raises its refusal as an error for the client."""
    try:
        return atomically(request, operation, *args)
    except request.models.Conversation.Refused as error:
        raise FAILURES[error.code](str(error), code=error.code) from error


def _publish(server: Any, conversation_id: str, changed: Any) -> None:
    for membership_id, entry in changed.own:
        changes.publish(server, server.models.Membership, membership_id, [entry])
    changes.publish(server, server.models.Conversation, conversation_id, changed.entries)
