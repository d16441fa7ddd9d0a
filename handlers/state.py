"""The caller's state of a conversation: read and delivered pointers, the mark as unread, the mute and the draft.

Each function handles a route and an event. The caller's other devices get `conversation:state`. All members of a
conversation with up to `options.app.receipts` members get `receipt`; reads that the caller's settings keep private
send none.
"""

from functools import partial
from typing import Any

from hapiish import Request, Toolkit, boom

from . import changes
from .delivery import to_members
from .room_names import room
from .standing import Standing, of_caller
from .times import parsed


def read(request: Request, h: Toolkit) -> dict[str, Any]:
    """Notes that the caller has read up to `seq`; 422 `invalid` beyond the last message."""
    standing, seq = _standing(request), request.payload["seq"]
    _check_seq(request, standing, seq)
    is_told = has_receipts(request, standing)
    if is_told and not _tells(request):  # a private read tells what a delivery does
        _written(request, standing, "deliver", seq, is_told=True)
        is_told = False
    return _written(request, standing, "read", seq, is_told=is_told)


def deliver(request: Request, h: Toolkit) -> dict[str, Any]:
    """Notes that messages up to `seq` have reached a device of the caller; 422 `invalid` beyond the last message."""
    standing, seq = _standing(request), request.payload["seq"]
    _check_seq(request, standing, seq)
    return _written(request, standing, "deliver", seq, is_told=has_receipts(request, standing))


def mark(request: Request, h: Toolkit) -> dict[str, Any]:
    """Marks all messages from `seq` on as unread; 422 `invalid` for a message that the caller cannot read."""
    standing, seq = _standing(request), request.payload["seq"]
    _check_seq(request, standing, seq)
    if seq < standing.conversation["firstSeq"]:
        raise boom.BadData("There is no such message", code="invalid")
    return _written(request, standing, "mark", seq, last=max(seq, standing.conversation["lastSeq"]))


def mute(request: Request, h: Toolkit) -> dict[str, Any]:
    """Mutes the conversation for the caller until a time; null or a past time unmutes it.

    422 `invalid` for a time that cannot be stored.
    """
    until = request.payload["until"]
    moment = None if until is None else parsed(until)
    return _written(request, _standing(request), "mute", moment)


def unmute(request: Request, h: Toolkit) -> None:
    """Unmutes the conversation for the caller."""
    _written(request, _standing(request), "mute", None)


def keep_draft(request: Request, h: Toolkit) -> dict[str, Any]:
    """Stores a draft of the caller for all devices; an empty text removes it."""
    given = request.payload
    return _written(request, _standing(request), "keep_draft", given["text"], given.get("replyTo"))


def remove_draft(request: Request, h: Toolkit) -> None:
    """Removes the draft."""
    _written(request, _standing(request), "keep_draft", "")


def tell_receipt(server: Any, change: dict[str, Any]) -> None:
    """Sends the receipt of a member to all members, also to the member's devices, which need each `changeSeq`."""
    receipt = server.models.Membership.receipt(change["conversationId"], change["userId"])
    if receipt is not None:
        _send(server, change, receipt)


changes.register("receipt", tell_receipt)


def _standing(request: Request) -> Standing:
    return of_caller(request, request.params.get("conversationId") or request.payload["conversationId"])


def _check_seq(request: Request, standing: Standing, seq: int) -> None:
    is_known = seq <= standing.conversation["lastSeq"]
    if not is_known and seq > request.models.Message.last_seq(standing.conversation_id):  # the head may be behind
        raise boom.BadData("There is no such message", code="invalid")


def has_receipts(request: Request, standing: Standing) -> bool:
    """Returns True if the conversation has receipts: it has at most `options.app.receipts` members and no block.

    In a large group, each message would cause a receipt of each member, and each receipt an event to each member.
    """
    most: int = request.route.settings.app["receipts"]
    return not standing.is_large and not standing.is_barred and standing.conversation["memberCount"] <= most


def _tells(request: Request) -> bool:
    """Returns False if the caller's settings keep reads private."""
    users = request.models.User
    tells: bool = not hasattr(users, "tells_reads") or users.tells_reads(request.auth.credentials["id"])
    return tells


def _written(request: Request, standing: Standing, name: str, *args: Any, **options: Any) -> dict[str, Any]:
    """Performs an operation of `models.state` for the caller, publishes it, and returns the state."""
    models, me, conversation_id = request.models, standing.user_id, standing.conversation_id
    operation = getattr(models.Membership, name)
    row, entries = operation(conversation_id, me, *args, **options)
    if row is None:  # of an older version, or of a process that was killed before it stored the rows
        models.Membership.complete(conversation_id, me, read_seq=standing.conversation["readSeq"])
        row, entries = operation(conversation_id, me, *args, **options)
    if row is None:
        raise boom.NotFound("There is no such conversation", code="not_found")
    state: dict[str, Any] = models.Conversation.state_of(standing.seen, row)
    if entries:
        models.Change.publish(models.Membership, row["_id"], entries, partial(_tell, request, row))
        if name != "deliver":
            data = {"conversationId": conversation_id, **state}
            request.server.emit("conversation:state", data, to=room(me), skip=request.socket)
    return state


def _tell(request: Request, row: dict[str, Any], change: dict[str, Any]) -> None:
    """Sends the receipt of a change as `tell_receipt` does, from the row that the request has."""
    if change["kind"] == "receipt":
        _send(request, change, request.models.Membership.receipt_of(row))


def _send(request_or_server: Any, change: dict[str, Any], receipt: dict[str, int]) -> None:
    data = {name: change[name] for name in ("conversationId", "userId", "changeSeq")}
    to_members(request_or_server, change["conversationId"], "receipt", data | receipt)
