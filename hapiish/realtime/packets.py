"""Socket.IO packets: the ones that every message needs, written and read without the library's Packet.

Protocol: Socket.IO 5 over Engine.IO 4. A packet is `<type>[<namespace>,][<ack id>][<JSON>]`; on the wire an Engine.IO
digit precedes it (`4` for message).
"""

import json
from typing import Any

import socketio.packet
from engineio.exceptions import EngineIOError

from hapiish.codec import MOST_DIGITS, decode, encode
from hapiish.realtime.hooks import Arguments
from hapiish.types import Message


class MalformedError(EngineIOError):
    """A packet that no client of the protocol sends; the connection ends with WebSocket close `code`.

    One of the library's errors, because on those it closes a polling session.
    """

    def __init__(self, message: str, code: int = 1002) -> None:
        super().__init__(message)
        self.code = code


class UnreadableError(ValueError):
    """An event that is sound, with a payload that is beyond what is read: nested too deep, a number out of range."""

    def __init__(self, namespace: str, ack_id: str, name: str) -> None:
        super().__init__("the event's payload is sound JSON beyond what is read")
        self.namespace = namespace
        self.name = name
        self.ack_id = ack_id


class _Json:
    """The codec behind the two functions that the library calls."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return encode(value).decode()

    loads = staticmethod(decode)


class Packet(socketio.packet.Packet):
    """The library's packet with our JSON: for binary events, acknowledgement callbacks and what is rare."""

    json = _Json


_BINARY = {"2": "5", "3": "6"}


def frame(kind: str, namespace: str, rest: str) -> Message:
    """The ASGI message that sends a packet. One is shared by all the recipients of an emit."""
    text = f"4{kind}{rest}" if namespace == "/" else f"4{kind}{namespace},{rest}"
    return {"type": "websocket.send", "text": text}


Packed = Message | list[Message]
"""A packet on its way out: one message, or with attachments one and another for each of them."""


def event(namespace: str, *arguments: Any) -> Packed:
    """EVENT, its name first, or BINARY_EVENT. Raises TypeError for what neither JSON nor attachments can say."""
    return _packed("2", namespace, "", arguments)


def kicked(namespace: str) -> Message:
    """The last event of a client that does not read."""
    return frame("2", namespace, '["kicked",{"reason":"slow"}]')


def emitted(namespace: str, name: str, data: Any) -> Packed:
    """The event of an emit: a tuple is several arguments, None is none."""
    return event(namespace, name, *(data if isinstance(data, tuple) else () if data is None else (data,)))


def ack(namespace: str, ack_id: str, value: Any) -> Packed:
    """ACK of the event that came with `ack_id`, or BINARY_ACK."""
    return _packed("3", namespace, ack_id, value if value.__class__ is Arguments else (value,))


def _packed(kind: str, namespace: str, ack_id: str, arguments: tuple[Any, ...]) -> Packed:
    try:
        return frame(kind, namespace, ack_id + encode(arguments).decode())
    except TypeError:
        attachments: list[bytes] = []
        bare = _apart(arguments, attachments)
        if not attachments:
            raise
    kind = f"{_BINARY[kind]}{len(attachments)}-"
    head = frame(kind, namespace, ack_id + encode(bare).decode())
    return [head, *({"type": "websocket.send", "bytes": attachment} for attachment in attachments)]


def _apart(value: Any, attachments: list[bytes]) -> Any:
    """`value` with a placeholder for all bytes in it, which are added to `attachments`."""
    if isinstance(value, bytes | bytearray | memoryview):
        attachments.append(bytes(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        return {key: _apart(item, attachments) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_apart(item, attachments) for item in value]
    return _apart(value.to_mongo().to_dict(), attachments) if hasattr(value, "to_mongo") else value


def length(packet: Packed) -> int:
    """Characters and bytes of a packet's content."""
    messages = packet if isinstance(packet, list) else [packet]
    return sum(len(message["text"] if "text" in message else message["bytes"]) for message in messages)


def connected(namespace: str, sid: str) -> Message:
    """CONNECT: the namespace is open for the client, as socket `sid`."""
    return frame("0", namespace, encode({"sid": sid}).decode())


def refused(namespace: str, error: dict[str, Any] | str, data: Any = None) -> Message:
    """CONNECT_ERROR: clients get an Error with `message` and, where there is more to say, `data` (`error`)."""
    told = {"message": error} if isinstance(error, str) else {"message": error["message"], "data": data or error}
    return frame("4", namespace, encode(told).decode())


def disconnected(namespace: str) -> Message:
    """DISCONNECT by the server."""
    return frame("1", namespace, "")


def read_event(text: str, most_digits: int = MOST_DIGITS) -> tuple[str, str, list[Any]]:
    """Namespace, ack id (empty: none wanted) and the arguments of an EVENT, its name first.

    Raises MalformedError, and UnreadableError for what is no reason to end the connection.
    """
    namespace, ack_id, arguments = read_arguments(text, most_digits)
    if not arguments or type(arguments[0]) is not str:
        raise MalformedError("an event starts with its name")
    return namespace, ack_id, arguments


def read_arguments(text: str, most_digits: int = MOST_DIGITS) -> tuple[str, str, list[Any]]:
    """The same of an EVENT or ACK, whatever the arguments are."""
    namespace, start = "/", 1
    if text[1:2] == "/":
        comma = text.find(",")
        namespace, start = text[1:comma].partition("?")[0], comma + 1
    bracket = text.find("[", start)
    ack_id = text[start:bracket]
    if bracket < 0 or (ack_id and not (ack_id.isdigit() and ack_id.isascii() and len(ack_id) < 20)):
        raise MalformedError("not an event packet")
    try:
        arguments: list[Any] = decode(text[bracket:], most_digits)
    except ValueError as error:
        if _is_sound(text[bracket:]):
            raise UnreadableError(namespace, ack_id, _name(text[bracket + 1 :])) from error
        raise MalformedError("the event's payload is not JSON") from error
    return namespace, ack_id, arguments


def _is_sound(text: str) -> bool:
    """Whether a text that `decode` refuses is JSON all the same, as far as anybody can tell."""
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _name(text: str) -> str:
    """The name that the rest of an unreadable event begins with, empty when it does not."""
    try:
        name = json.JSONDecoder().raw_decode(text)[0] if text[:1] == '"' else ""
    except ValueError:
        return ""
    return str(name)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
