"""Presence: the online state of users, for other users who know them.

A socket watches up to a hundred users by joining a room for each. The framework counts the sockets of all processes and
calls `changed` once for each change. While Redis is unavailable, no user becomes offline.
"""

from datetime import UTC, datetime
from typing import Any, Final

from hapiish import Request, Toolkit

from .room_names import room
from .times import iso

_WATCHED: Final = "presence:"
_SERVERS: Final = "presence.servers"


def watched_room(user_id: str) -> str:
    """Returns the name of the room for all sockets that watch a user."""
    return f"{_WATCHED}{user_id}"


def index(request: Request, h: Toolkit) -> dict[str, Any]:
    """Returns `{online, lastSeen?}` by user id, for the requested users whom the caller knows."""
    return _states(request, _known(request, request.query["ids"].split(",")))


def watch(request: Request, h: Toolkit) -> dict[str, Any]:
    """Replaces the list of users whom the socket watches; returns the `states` of those whom the caller knows.

    The rooms are joined before the states are read, so no change in between is lost.
    """
    known = _known(request, request.payload["userIds"])
    rooms = {watched_room(each) for each in known}
    current = {each for each in request.socket.rooms if each.startswith(_WATCHED)}
    for each in current - rooms:
        request.socket.leave(each)
    for each in rooms - current:
        request.socket.join(each)
    return {"states": _states(request, known)}


async def begin(server: Any) -> None:
    """Registers this use of the table: `changed` then sends events to its sockets (`onPostStart`, `onPostReload`)."""
    server.app.setdefault(_SERVERS, {})[getattr(server, "prefix", "")] = server


async def changed(server: Any, change: Any) -> None:
    """Stores the time of the change as last seen, and sends `presence` to the sockets that watch the user."""
    moment = datetime.fromtimestamp(change.at / 1000, UTC)
    for each in server.app.get(_SERVERS, {}).values():
        data = {"userId": change.id, "online": change.online}
        if not change.online:
            data["lastSeen"] = iso(moment)
        try:
            await each.store.call(_note, each.models, change, moment)
        finally:
            await each.emit("presence", data, to=watched_room(change.id))


def _note(models: Any, change: Any, moment: datetime) -> None:
    """Stores when a user was seen, except at the end of the sockets of an account that was erased before."""
    if change.online or models.User.account(change.id) is not None:
        models.UserPresence.note(change.id, moment)


def unwatch(server: Any, one_id: str, other_id: str) -> None:
    """Removes the sockets of two users from each other's rooms of watchers. Call it in a `def`."""
    for watcher, watched in ((one_id, other_id), (other_id, one_id)):
        server.leave(room(watcher), room=watched_room(watched))


def _known(request: Request, user_ids: list[str]) -> set[str]:
    known: set[str] = request.models.UserPresence.visible_to(request.auth.credentials["id"], user_ids, request.models)
    return known


def _states(request: Request, user_ids: set[str]) -> dict[str, Any]:
    """Returns the states of users. Raises 503 while Redis is unavailable, unless all are connected to this process."""
    online = request.server.presence.online(user_ids) if user_ids else set()
    seen = request.models.UserPresence.last_seen_of(user_ids - online)
    return {
        each: {"online": each in online, **({"lastSeen": seen[each]} if each in seen else {})}
        for each in sorted(user_ids)
    }
