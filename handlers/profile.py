"""Profiles of the caller and of others. A change is sent to the caller's devices and to users who know the caller."""

from typing import Any, Final

from hapiish import Request, Toolkit, boom

from .hashing import hashing, refuse_guessable
from .identity import rights_of
from .room_names import room
from .sessions import end_sessions

KNOWN_BY: Final = 1000
"""The most users who get an event of a changed profile. Others see the change in the next page that they read."""


def show(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns the caller's profile."""
    return _own(request)


def change(request: Request, h: Toolkit) -> dict[str, Any]:
    """Changes the caller's profile and returns it; 422 `invalid` if the avatar is no image of the caller."""
    me, given, users = request.auth.credentials["id"], request.payload, request.models.User
    if "avatar" in given and not _take_avatar(request, given["avatar"]):
        raise boom.BadData("The avatar is not an image of yours", code="invalid")
    users.change_profile(me, given)
    profile = _own(request)
    request.app["profile"] = profile
    return profile


def deliver(request: Request, h: Toolkit) -> None:
    """Sends a changed profile to the caller's devices and to the users who know the caller (onPostResponse).

    A user who has blocked the caller, or whom the caller has blocked, gets no event.
    """
    profile = request.app.get("profile")
    if profile is None:
        return
    me, server = profile["_id"], request.server
    server.emit("account:updated", {"profile": profile}, to=room(me))
    known_by = request.models.User.befriended_by(me, KNOWN_BY)
    conversations, _ = request.models.Conversation.list_of(me)
    friends = [each["friendId"] for each in conversations if each.get("friendId")]
    others = list(dict.fromkeys([*friends, *known_by]))[:KNOWN_BY]
    barred = request.models.UserPresence.barred_to(me, others, request.models)
    told = [room(each) for each in others if each not in barred]
    if told:
        person = {name: profile[name] for name in ("_id", "fullName", "avatar") if name in profile}
        server.emit("person:updated", {"person": person}, to=told)


def person(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns another user; 404 if the user does not exist, or one of the two has blocked the other."""
    found: dict[str, Any] | None = request.models.User.person(request.params["userId"], request.auth.credentials["id"])
    if found is None:
        raise boom.NotFound("There is no such user", code="not_found")
    return found


def change_password(request: Request, h: Toolkit) -> None:
    """Replaces the caller's password and ends all other sessions: 204; 401 `bad_credentials` for a wrong password."""
    mine, given = request.auth.credentials, request.payload
    refuse_guessable(request, given["newPassword"], mine["email"], mine["fullName"], key="newPassword")
    with hashing(request) as options:
        ended = request.models.User.change_password(
            mine["id"], given["password"], given["newPassword"], mine.get("sessionId"), hashing=options
        )
    if ended is None:
        raise boom.Unauthorized("Wrong password", code="bad_credentials")
    end_sessions(request.server, mine["id"], ended, "revoked")


def profile_of(server: Any, user_id: str) -> dict[str, Any] | None:
    """Returns the profile of a user, with all rights of the user in `scope`; None if the account is gone."""
    profile: dict[str, Any] | None = server.models.User.profile(user_id)
    if profile is not None:
        email, scope, is_verified = profile["email"], profile["scope"], profile["verified"]
        profile["scope"] = rights_of(server, email, scope, is_verified=is_verified)
    return profile


def tell(request: Request, what: str) -> None:
    """Tells the caller's devices that a list (`friends` or `blocks`) has changed, so that they read it again."""
    request.server.emit("account:updated", {what: True}, to=room(request.auth.credentials["id"]))


def _own(request: Request) -> dict[str, Any]:
    profile = profile_of(request.server, request.auth.credentials["id"])
    if profile is None:
        raise boom.Unauthorized("There is no such account any more", code="unauthorized")
    return profile


def _take_avatar(request: Request, avatar: str | None) -> bool:
    """Makes an attachment readable as the caller's avatar; returns False if it is no image of the caller."""
    me, attachments = request.auth.credentials["id"], getattr(request.models, "Attachment", None)
    if attachments is None:
        return avatar is None
    former = (request.models.User.profile(me) or {}).get("avatar")
    return bool(attachments.as_avatar(avatar, me, former))
