"""Channels: the names of channels in Redis, and the ids of processes and sockets.

    hapiish:<partition>:/chat          every socket of the namespace
    hapiish:<partition>:/chat#news     the members of the room
    hapiish:<partition>:/chat@<node>   rooms whose names are ids of sockets in this process
    hapiish:<partition>:~<node>        heartbeats, and replies to this process

A process is a node, and its id is the first part of the ids of its sockets. Their own rooms share one channel, so that
a socket costs no subscription. The last characters of a node's id are a checksum of the others, by which every process
tells the own room of a socket from a room with a similar name.
"""

import secrets
import string
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

NODE: Final = 8
"""Characters of a node's id, of which `_CHECK` are the checksum."""

_CHECK: Final = 2

SEPARATOR: Final = "."
_LENGTH: Final = NODE + 1 + 20
_ALPHABET: Final = string.ascii_letters + string.digits


def node_id() -> str:
    """Returns a new id for a process."""
    random = "".join(secrets.choice(_ALPHABET) for _ in range(NODE - _CHECK))
    return random + _checksum(random)


def _checksum(random: str) -> str:
    high, low = divmod(zlib.crc32(random.encode(errors="surrogatepass")) % len(_ALPHABET) ** _CHECK, len(_ALPHABET))
    return _ALPHABET[high] + _ALPHABET[low]


def socket_id(node: str, random: str) -> str:
    """Returns the id of a socket in the process `node`."""
    return f"{node}{SEPARATOR}{random}"


def names_socket(room: str) -> bool:
    """Returns True for a room whose name is the id of a socket in any process."""
    if not isinstance(room, str) or len(room) != _LENGTH or room[NODE] != SEPARATOR:
        return False
    return room[NODE - _CHECK : NODE] == _checksum(room[: NODE - _CHECK])


class Channels:
    """The names of channels for one `partition`, the name of a service among those that share a Redis."""

    __slots__ = ("_prefix", "partition")

    def __init__(self, partition: str) -> None:
        self.partition = partition
        self._prefix = f"hapiish:{partition}:"

    def of(self, namespace: str, room: str | None) -> bytes:
        """Returns the channel of a room; `room` None is everybody in the namespace."""
        if "#" in namespace or "@" in namespace or "%" in namespace:
            namespace = namespace.replace("%", "%25").replace("#", "%23").replace("@", "%40")
        if room is None:
            name = f"{self._prefix}{namespace}"
        elif names_socket(room):
            name = f"{self._prefix}{namespace}@{room[:NODE]}"
        else:
            name = f"{self._prefix}{namespace}#{room}"
        return name.encode(errors="surrogatepass")

    def of_node(self, node: str, suffix: str = "") -> bytes:
        """Returns the channel of a process; `suffix` chooses another slot of a Redis Cluster."""
        return f"{self._prefix}~{node}{suffix}".encode()


def several(rooms: str | Iterable[str] | None) -> Sequence[Any]:
    """Returns the rooms of an emit, each once; None is every socket."""
    return (rooms,) if rooms is None or isinstance(rooms, str) else tuple(dict.fromkeys(rooms))
