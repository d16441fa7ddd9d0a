"""Catch-up, by POST /sync and by the event `sync`."""

from typing import Any

from hapiish import Request, Toolkit, boom


def read(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns all news since the state that the client has; 400 for a cursor that is not the caller's."""
    me, given, reads = request.auth.credentials["id"], request.payload, request.models.Sync
    settings = request.route.settings.app
    since = None
    if "cursor" in given:
        since = reads.position(given["cursor"], me)
        if since is None:
            raise boom.BadRequest("The cursor is not yours", code="validation")
    window = given.get("window", {})
    answer: dict[str, Any] = reads.read(
        request.models,
        me,
        known=given.get("conversations", {}),
        since=since,
        window=(window.get("limit", 50), window.get("messages", 0)),
        limits=reads.limits(**settings["sync"], told=settings["receipts"]),
    )
    return answer
