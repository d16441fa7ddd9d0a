"""The event `typing`. It is forwarded to the other members at most every few seconds, and is never stored."""

from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import monotonic
from typing import Any, Final, NamedTuple

from hapiish import Request, Toolkit

from .room_names import room
from .standing import of_caller
from .times import iso

REMEMBERED: Final = 100_000
"""Pairs of user and conversation whose last event a process remembers, some 20 MB."""


class Told(NamedTuple):
    """The last event that was forwarded for a user in a conversation.

    `at` is the monotonic time, in seconds, of the last event with `on`.
    """

    at: float
    on: bool


_told: OrderedDict[tuple[str, str], Told] = OrderedDict()
_lock = Lock()


def typing(request: Request, h: Toolkit) -> dict[str, Any]:
    """Tells the other members that the caller is writing, or has stopped.

    `options.app` has `every`, the least seconds between two events of a user in a conversation, `expires`, the seconds
    after which receivers forget an event, and `members`, the most members of a conversation. Other events are
    acknowledged and not forwarded.
    """
    me, given, settings = request.auth.credentials["id"], request.payload, request.route.settings.app
    standing, on = of_caller(request, given["conversationId"]), given["on"]
    members = standing.seen.members
    if members is None or len(members) > settings["members"] or standing.is_barred:
        return {}
    if not _is_due(me, standing.conversation_id, on=on, every=settings["every"], expires=settings["expires"]):
        return {}
    others = {str(each) for each in members} - {me}
    if standing.conversation["type"] == "group":
        others -= request.models.UserPresence.barred_to(me, others, request.models)
    expires = datetime.now(UTC) + timedelta(seconds=settings["expires"] if on else 0)
    data = {
        "conversationId": standing.conversation_id,
        "userId": me,
        "on": on,
        "expiresAt": iso(expires),
    }
    if others:
        request.server.emit("typing", data, to=[room(each) for each in others])
    return {}


def _is_due(user_id: str, conversation_id: str, *, on: bool, every: float, expires: float) -> bool:
    """Returns True if an event must be forwarded: `on` after a pause, `off` while receivers still show the `on`."""
    key, moment = (conversation_id, user_id), monotonic()
    with _lock:
        last = _told.get(key)
        if on and last is not None and moment - last.at < every:
            return False
        if not on and (last is None or not last.on or moment - last.at > expires):
            return False
        _told[key] = Told(moment if on or last is None else last.at, on)
        _told.move_to_end(key)
        while len(_told) > REMEMBERED or (_told and moment - next(iter(_told.values())).at > 10 * expires):
            _told.popitem(last=False)
    return True
