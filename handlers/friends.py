"""The caller's friend list. A friend is added by e-mail without consent, as in the seed; a block prevents it."""

from typing import Any

from hapiish import Request, Toolkit, boom

from .profile import tell


def add(request: Request, h: Toolkit) -> dict[str, Any]:
    """Adds a friend; 404 unknown e-mail, 409 `self`, `already_friend` or `conflict` (full list), 403 `blocked`."""
    me, users = request.auth.credentials["id"], request.models.User
    friend = users.by_email(request.payload["email"])
    if friend is None:
        raise boom.NotFound("There is no user with this e-mail", code="not_found")
    if friend["_id"] == me:
        raise boom.Conflict("This is your own e-mail", code="self")
    if users.is_barred(me, friend["_id"]):
        raise boom.Forbidden("One of you has blocked the other", code="blocked")
    added = users.add_friend(me, friend["_id"])
    if added == "present":
        raise boom.Conflict("You are friends already", code="already_friend")
    if added == "full":
        raise boom.Conflict("Your friend list is full", code="conflict")
    tell(request, "friends")
    return {"friend": {"_id": friend["_id"], "fullName": friend["fullName"]}}


def remove(request: Request, h: Toolkit) -> None:
    """Removes a friend: 204, also for a user who is not on the list."""
    if request.models.User.remove_friend(request.auth.credentials["id"], request.params["friendId"]):
        tell(request, "friends")


def index(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns the caller's friends by id, the format of the seed's client."""
    return {friend["_id"]: friend for friend in request.models.User.friends_of(request.auth.credentials["id"])}
