"""Search in the messages that the caller may read."""

from typing import Any

from hapiish import Request, Toolkit, boom

from . import sweeper
from .standing import of_caller
from .times import parsed


def search(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns `{hits, cursor?}`: messages with all words of `q`, newest first. The last page has no `cursor`.

    422 `invalid` for a `q` without words and for a time that cannot be stored, 404 for a conversation of which the
    caller is not a member.
    """
    given = request.query
    conversation_id = given.get("conversationId")
    if conversation_id is not None:
        of_caller(request, conversation_id)
    before = given.get("before")
    found = request.models.Message.search(
        request.models,
        request.auth.credentials["id"],
        given["q"],
        limit=given["limit"],
        conversation_id=conversation_id,
        author=given.get("from"),
        before=parsed(before) if before is not None else None,
        cursor=given.get("cursor"),
    )
    if found is None:
        raise boom.BadData("The query has no word", code="invalid")
    hits, cursor = found
    return {"hits": hits, **({"cursor": cursor} if cursor is not None else {})}


def fill(server: Any) -> dict[str, int]:
    """Stores the words of messages that an older version has stored without them; returns the number of messages."""
    return {"words": server.models.WordFilling.run(server.models.Message)}


sweeper.register("words", 60, fill)
