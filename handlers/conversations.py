"""Direct conversations, one for each pair of users, and groups. Only members can see a conversation."""

from typing import Any

from mongoengine import NotUniqueError

from hapiish import Request, Response, Toolkit, boom

from .delivery import tell_opened
from .groups import attempt
from .people import check_invited
from .standing import of_caller
from .state import has_receipts


def create(request: Request, h: Toolkit) -> dict[str, Any]:
    """Opens a conversation with a friend; 422 `conversation_exists` with its id if the two already have one."""
    conversation, created = _open(request, request.payload["friendId"])
    if not created:
        raise boom.BadData(
            "The conversation exists already",
            code="conversation_exists",
            data={"id": conversation["id"], "friendId": conversation["friendId"]},
        )
    return conversation


def open_direct(request: Request, h: Toolkit) -> Response:
    """Returns the conversation with a friend: 201 if this call created it, else 200."""
    conversation, created = _open(request, request.params["friendId"])
    return h.response(conversation).code(201 if created else 200)


def index(request: Request, h: Toolkit) -> Response:
    """Lists the caller's conversations, most recently active first; `x-next-cursor` is the cursor of the next page."""
    conversations, cursor = request.models.Conversation.list_of(
        request.auth.credentials["id"], limit=request.query["limit"], cursor=request.query.get("cursor")
    )
    response = h.response(conversations)
    return response.header("x-next-cursor", cursor) if cursor else response


def show(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns a conversation, with the `receipts` of the other members if it has few; 404 for other users."""
    standing = of_caller(request, request.params["conversationId"])
    if not has_receipts(request, standing):
        return standing.conversation
    receipts = request.models.Membership.receipts(
        standing.conversation_id, standing.user_id, limit=standing.conversation["memberCount"]
    )
    return {**standing.conversation, "receipts": receipts}


def create_group(request: Request, h: Toolkit) -> Response:
    """Makes a group of the caller and others: 201, or 200 if the same `msgId` has made it.

    404 if a member does not exist, 403 `blocked` if one of them and the caller have blocked each other, 409 `conflict`
    for too many members.
    """
    me, given = request.auth.credentials["id"], request.payload
    others = [each for each in dict.fromkeys(given["memberIds"]) if each != me]
    conversations = request.models.Conversation

    def make() -> tuple[str, bool]:
        made: tuple[str, bool] = conversations.create_group(
            me, given["title"], others, key=given["msgId"], history=given["history"]
        )
        return made

    conversation_id, created = conversations.made_group(me, given["msgId"]), False
    if conversation_id is None:
        if len(others) >= request.route.settings.app["members"]:
            raise boom.Conflict("These are too many for a group", code="conflict")
        check_invited(request, others)
        try:
            conversation_id, created = attempt(request, make)
        except NotUniqueError:  # a concurrent call with the same key was first
            conversation_id, created = make()
    head = conversations.of_member(conversation_id, me)
    if head is None:
        raise boom.NotFound("You are not a member of this group any more", code="not_found")
    if created:
        tell_opened(request, conversation_id, [me, *others])
    return h.response(head).code(201 if created else 200)


def _open(request: Request, friend_id: str) -> tuple[dict[str, Any], bool]:
    me, users = request.auth.credentials["id"], request.models.User
    if friend_id == me:
        raise boom.Conflict("A conversation needs another user", code="self")
    if users.account(friend_id) is None:
        raise boom.NotFound("There is no such user", code="not_found")
    if users.is_barred(me, friend_id):
        raise boom.Forbidden("One of you has blocked the other", code="blocked")
    conversation, created = request.models.Conversation.open(me, friend_id)
    if created:
        tell_opened(request, conversation["id"], [me, friend_id])
    return conversation, created
