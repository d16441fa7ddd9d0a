r"""Envelope: the messages that hapiish's processes exchange.

    <kind><node>[<header in JSON>]\n<body>

`kind` is one letter and `node` the id of the sender. The body of an emit is its Socket.IO packet, encoded once by the
sender and passed on as it is, followed by its attachments. The body of an operation or a reply is such a packet too.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from hapiish import codec
from hapiish.realtime.cluster.channels import NODE
from hapiish.realtime.socketio import packets
from hapiish.realtime.socketio.packets import Packed
from hapiish.types import Json, Message

EMIT, QUESTION, REPLY = b"E", b"Q", b"R"
"""Kinds of messages."""

START: Final = NODE + 1


class Header(NamedTuple):
    """The header of a message, besides its packet; one of defaults alone is not sent.

    `number` is that of an emit to several rooms, or of a question. `room` is the room on a channel that several rooms
    share, `skipped` the ids of sockets and `excluded` the rooms that do not get an emit. `sizes` are those of the
    attachments.
    """

    number: int = 0
    room: str | None = None
    skipped: Sequence[str] = ()
    excluded: Sequence[str] = ()
    sizes: Sequence[int] = ()


PLAIN: Final = Header()


def seal(kind: bytes, node: str, header: Header, body: Sequence[bytes]) -> bytes:
    """Returns a message."""
    head = kind + node.encode()
    if header != PLAIN:
        head += codec.encode([*header])
    return b"\n".join((head, body[0])) if len(body) == 1 else b"".join((head, b"\n", *body))


def open_(message: bytes) -> tuple[Header, bytes]:
    """Returns the header and the body of a message. Raises ValueError for a message of another program."""
    head, newline, body = message.partition(b"\n")
    if not newline:
        raise ValueError("no message of hapiish")
    if len(head) == START:
        return PLAIN, body
    fields = codec.decode_trusted(head[START:])
    if not isinstance(fields, list) or len(fields) != len(PLAIN):
        raise ValueError("no header of hapiish")
    return Header(*fields), body


def body_of(packed: Packed) -> tuple[list[bytes], list[int]]:
    """Returns a packet and its attachments as bytes, and the sizes of the attachments."""
    if not isinstance(packed, list):
        return [packed["text"].encode()], []
    head, *attachments = packed
    contents = [each["bytes"] for each in attachments]
    return [head["text"].encode(), *contents], [len(each) for each in contents]


def packed_of(body: bytes, sizes: Sequence[int]) -> Packed:
    """Returns the packet of a body. Raises ValueError."""
    if not sizes:
        return {"type": "websocket.send", "text": body.decode()}
    start = len(body) - sum(sizes)
    if start < 0 or min(sizes) < 0:
        raise ValueError("the attachments are cut")
    messages: list[Message] = [{"type": "websocket.send", "text": body[:start].decode()}]
    for size in sizes:
        messages.append({"type": "websocket.send", "bytes": body[start : start + size]})
        start += size
    return messages


def value_body(*values: Json) -> tuple[list[bytes], list[int]]:
    """Returns the body for values of JSON and bytes. Raises TypeError for others."""
    return body_of(packets.event("/", *values))


def values_of(body: bytes, sizes: Sequence[int]) -> list[Any]:
    """Returns the values of a body. Raises ValueError."""
    packed = packed_of(body, sizes)
    messages = packed if isinstance(packed, list) else [packed]
    values = codec.decode_trusted(body[body.index(b"[") : len(body) - sum(sizes)])
    return list(_filled(values, [each["bytes"] for each in messages[1:]]) if sizes else values)


def _filled(value: Json, attachments: Sequence[bytes]) -> Json:
    if isinstance(value, list):
        return [_filled(each, attachments) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("_placeholder") is True:
        return attachments[value["num"]]
    return {key: _filled(each, attachments) for key, each in value.items()}
