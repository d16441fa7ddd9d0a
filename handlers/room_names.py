"""The names of the rooms that sockets join. One emit reaches all devices of a user, or all sockets of a session."""

from collections.abc import Iterable
from typing import Final

_USER: Final = "user:"
_SESSION: Final = "session:"


def room(user_id: str) -> str:
    """Returns the name of the room for all sockets of a user."""
    return f"{_USER}{user_id}"


def session_room(session_id: str) -> str:
    """Returns the name of the room for all sockets of a session."""
    return f"{_SESSION}{session_id}"


def users_among(rooms: Iterable[str]) -> list[str]:
    """Returns the ids of the users whose rooms are among these."""
    return [each.removeprefix(_USER) for each in rooms if each.startswith(_USER)]


def sessions_among(rooms: Iterable[str]) -> list[str]:
    """Returns the ids of the sessions whose rooms are among these."""
    return [each.removeprefix(_SESSION) for each in rooms if each.startswith(_SESSION)]
