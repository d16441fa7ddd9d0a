"""Gathering: receives the attachments of a client's packet, within limits (Socket.IO 5, "BINARY_EVENT").

The packet contains their number and a placeholder for each; the bytes follow, one message each.
"""

from hapiish import boom
from hapiish.realtime.engineio.errors import MalformedError
from hapiish.realtime.socketio.attachments import PLACEHOLDER
from hapiish.realtime.socketio.packets import UnreadableError, read_arguments, read_event
from hapiish.types import Json

MOST = 10
"""Largest number of attachments of one event."""

_DIGITS = 10


class Gathering:
    """A packet that waits for its attachments: namespace, ack id and arguments of an event or acknowledgement.

    Too many attachments are received and discarded, so that the event can be refused. Raises MalformedError.
    """

    __slots__ = ("_attachments", "_left", "ack_id", "arguments", "is_event", "namespace", "refusal", "size")

    def __init__(self, text: str, most_digits: int) -> None:
        dash = text.find("-", 1, _DIGITS + 2)
        count = text[1:dash]
        if dash < 0 or not (count.isdecimal() and count.isascii()) or int(count) == 0:
            raise MalformedError("not a packet with attachments")
        self.refusal: boom.Boom | None = None
        self.is_event = text[0] == "5"
        read = read_event if self.is_event else read_arguments
        try:
            self.namespace, self.ack_id, self.arguments = read(text[0] + text[dash + 1 :], most_digits)
        except UnreadableError as error:
            self.namespace, self.ack_id, self.arguments = error.namespace, error.ack_id, [error.name]
            self.refusal = boom.BadRequest("The payload cannot be read", code="unreadable")
        self._left = int(count)
        self.size = 0
        self._attachments: list[bytes] = []
        if self._left > MOST:
            self.refusal = boom.BadRequest(f"An event has at most {MOST} attachments", code="too_many_attachments")

    def add(self, attachment: bytes, most_bytes: int) -> bool:
        """Adds an attachment; returns True for the last one. Raises MalformedError for more than `most_bytes`."""
        self.size += len(attachment)
        if self.refusal is None:
            if self.size > most_bytes:
                raise MalformedError("too big", 1009)
            self._attachments.append(attachment)
        self._left -= 1
        return self._left == 0

    def assemble(self) -> None:
        """Replaces the placeholders with the attachments."""
        try:
            if self.refusal is None:
                self.arguments = _filled(self.arguments, self._attachments)
        except RecursionError:
            self.refusal = boom.BadRequest("The payload is nested too deep", code="unreadable")


def _filled(value: Json, attachments: list[bytes]) -> Json:
    if isinstance(value, list):
        return [_filled(item, attachments) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(PLACEHOLDER) is not True:
        return {key: _filled(item, attachments) for key, item in value.items()}
    number = value.get("num")
    if type(number) is not int or not 0 <= number < len(attachments):
        raise MalformedError("a placeholder without an attachment")
    return attachments[number]
