"""Encodes and decodes Socket.IO packets; the common ones without the library's Packet.

Protocol: Socket.IO 5 over Engine.IO 4. A packet is `<type>[<namespace>,][<ack id>][<JSON>]`; on the wire an Engine.IO
digit precedes it (`4` for message).
"""

import json
from typing import Any

import socketio.packet

from hapiish.codec import MOST_DIGITS, decode, encode
from hapiish.realtime.engineio.errors import MalformedError
from hapiish.realtime.socketio.events import AckArguments
from hapiish.types import Json, Message


class UnreadableError(ValueError):
    """An event with valid JSON that exceeds the limits of the decoder: nested too deep, a number out of range."""

    def __init__(self, namespace: str, ack_id: str, name: str) -> None:
        super().__init__("the event's payload exceeds the limits of the JSON decoder")
        self.namespace = namespace
        self.name = name
        self.ack_id = ack_id


class _Json:
    """The functions of a JSON module that the library calls."""

    @staticmethod
    def dumps(value: Json, **_: Any) -> str:
        return encode(value).decode()

    loads = staticmethod(decode)


class Packet(socketio.packet.Packet):
    """The library's packet with our JSON codec: for emits with a callback and for CONNECT, DISCONNECT and ACK."""

    json = _Json


_BINARY = {"2": "5", "3": "6"}


def frame(kind: str, namespace: str, rest: str) -> Message:
    """Returns the ASGI message of a packet. All recipients of an emit share one."""
    text = f"4{kind}{rest}" if namespace == "/" else f"4{kind}{namespace},{rest}"
    return {"type": "websocket.send", "text": text}


Packed = Message | list[Message]
"""An encoded packet: one message, or a list of one followed by one for each attachment."""


def event(namespace: str, *arguments: Json) -> Packed:
    """Returns EVENT or BINARY_EVENT; `arguments` start with its name. Raises TypeError for unsupported types."""
    return _packed("2", namespace, "", arguments)


def kicked(namespace: str, reason: str = "slow", error: Json = None) -> Message:
    """Returns the event that tells a client why the server disconnects it: `{reason}`, and `error` if there is one."""
    body = {"reason": reason} if error is None else {"reason": reason, "error": error}
    return frame("2", namespace, encode(["kicked", body]).decode())


def emitted(namespace: str, name: str, data: Json) -> Packed:
    """Returns the event of an emit: a tuple is several arguments, None is none."""
    arguments = (name, *data) if isinstance(data, tuple) else (name,) if data is None else (name, data)
    return _packed("2", namespace, "", arguments)


def ack(namespace: str, ack_id: str, value: Json) -> Packed:
    """Returns ACK or BINARY_ACK of the event with this `ack_id`."""
    return _packed("3", namespace, ack_id, value if value.__class__ is AckArguments else (value,))


def _packed(kind: str, namespace: str, ack_id: str, arguments: tuple[Json, ...]) -> Packed:
    try:
        return frame(kind, namespace, ack_id + encode(arguments).decode())
    except TypeError:
        attachments: list[bytes] = []
        bare = _extract(arguments, attachments)
        if not attachments:
            raise
    kind = f"{_BINARY[kind]}{len(attachments)}-"
    head = frame(kind, namespace, ack_id + encode(bare).decode())
    return [head, *({"type": "websocket.send", "bytes": attachment} for attachment in attachments)]


def _extract(value: Json, attachments: list[bytes]) -> Json:
    """Returns `value` with placeholders for bytes, which are appended to `attachments`."""
    if isinstance(value, bytes | bytearray | memoryview):
        attachments.append(bytes(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        return {key: _extract(item, attachments) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_extract(item, attachments) for item in value]
    return _extract(value.to_mongo().to_dict(), attachments) if hasattr(value, "to_mongo") else value


def length(packet: Packed) -> int:
    """Returns the characters and bytes of a packet's content."""
    messages = packet if isinstance(packet, list) else [packet]
    return sum(len(message["text"] if "text" in message else message["bytes"]) for message in messages)


def with_ack_id(packet: Packed, namespace: str, ack_id: int) -> Packed:
    """Returns an event with an ack id, so that its client acknowledges it."""
    if isinstance(packet, list):
        return [with_ack_id(packet[0], namespace, ack_id), *packet[1:]]  # type: ignore[list-item]
    text = packet["text"]
    # The id follows the namespace, or else the type and the number of attachments: 42, 451-.
    start = text.index(",") + 1 if namespace != "/" else 2 if text[1] == "2" else text.index("-") + 1
    return {"type": "websocket.send", "text": f"{text[:start]}{ack_id}{text[start:]}"}


def weight(value: Json) -> int:
    """Returns the approximate size of a decoded value, attachments included."""
    attachments: list[bytes] = []
    return len(encode(_extract(value, attachments))) + sum(map(len, attachments))


def connected(namespace: str, sid: str) -> Message:
    """Returns the CONNECT that accepts a client as socket `sid`."""
    return frame("0", namespace, encode({"sid": sid}).decode())


def refused(namespace: str, error: dict[str, Json] | str, data: Json = None) -> Message:
    """Returns CONNECT_ERROR: clients get an Error with `message` and, unless `error` is a text, `data`."""
    body = {"message": error} if isinstance(error, str) else {"message": error["message"], "data": data or error}
    return frame("4", namespace, encode(body).decode())


def disconnected(namespace: str) -> Message:
    """Returns DISCONNECT by the server."""
    return frame("1", namespace, "")


def namespace_of(text: str) -> str:
    """Returns the namespace of a packet without attachments, by its beginning."""
    if text[1:2] != "/":
        return "/"
    comma = text.find(",")
    return text[1 : comma if comma > 0 else len(text)].partition("?")[0]


def name_of(text: str) -> str:
    """Returns the name of an event, by the beginning of its packet; empty if there is none."""
    bracket = text.find("[", text.find(",") + 1 if text[1:2] == "/" else 1)
    return _name(text[bracket + 1 :].lstrip())


def read_event(text: str, most_digits: int = MOST_DIGITS) -> tuple[str, str, list[Json]]:
    """Returns namespace, ack id (empty: no acknowledgement) and arguments of an EVENT, which start with its name.

    Raises MalformedError, and UnreadableError for an event that is refused without closing the connection.
    """
    namespace, ack_id, arguments = read_arguments(text, most_digits)
    if not arguments or type(arguments[0]) is not str:
        raise MalformedError("an event starts with its name")
    return namespace, ack_id, arguments


def read_arguments(text: str, most_digits: int = MOST_DIGITS) -> tuple[str, str, list[Json]]:
    """Returns namespace, ack id and arguments of an EVENT or ACK. Raises as `read_event` does."""
    namespace, start = "/", 1
    if text[1:2] == "/":
        comma = text.find(",")
        namespace, start = text[1:comma].partition("?")[0], comma + 1
    bracket = text.find("[", start)
    ack_id = text[start:bracket]
    if bracket < 0 or (ack_id and not (ack_id.isdigit() and ack_id.isascii() and len(ack_id) < 20)):
        raise MalformedError("not an event packet")
    try:
        arguments: list[Json] = decode(text[bracket:], most_digits)
    except ValueError as error:
        if _is_json(text[bracket:]):
            raise UnreadableError(namespace, ack_id, _name(text[bracket + 1 :])) from error
        raise MalformedError("the event's payload is not JSON") from error
    return namespace, ack_id, arguments


def _is_json(text: str) -> bool:
    """Returns True if a text that `decode` refuses is JSON, or is nested too deep to tell."""
    try:
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def _name(text: str) -> str:
    """Returns the name at the start of an unreadable event, empty if there is none."""
    try:
        name = json.JSONDecoder().raw_decode(text)[0] if text[:1] == '"' else ""
    except ValueError:
        return ""
    return str(name)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
