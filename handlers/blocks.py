"""The caller's block list. A block prevents friendships, conversations and messages in both directions."""

from typing import Any

from hapiish import Request, Toolkit, boom

from .presence import unwatch
from .profile import tell


def add(request: Request, h: Toolkit) -> None:
    """Blocks a user: 204, also when repeated; 404 for an unknown user, 409 `self` or `conflict` (full list)."""
    me, users = request.auth.credentials["id"], request.models.User
    other = request.params["userId"]
    if other == me:
        raise boom.Conflict("You cannot block yourself", code="self")
    if users.account(other) is None:
        raise boom.NotFound("There is no such user", code="not_found")
    added = users.block(me, other)
    if added == "full":
        raise boom.Conflict("Your block list is full", code="conflict")
    if added == "added":
        tell(request, "blocks")
    unwatch(request.server, me, other)


def remove(request: Request, h: Toolkit) -> None:
    """Unblocks a user: 204, also for a user who is not on the list."""
    request.models.User.unblock(request.auth.credentials["id"], request.params["userId"])
    tell(request, "blocks")


def index(request: Request, h: Toolkit) -> list[dict[str, Any]]:
    """Lists the users whom the caller has blocked, in the order of blocking."""
    blocked: list[dict[str, Any]] = request.models.User.blocked_by(request.auth.credentials["id"])
    return blocked
