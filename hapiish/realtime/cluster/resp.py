"""RESP 2, the protocol of Redis and Valkey: encodes commands, and parses replies and published messages.

redis-py opens connections; its parser takes ten times as long for a published message. Source:
https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from typing import Any

Reply = Any
"""bytes for texts, int, None, `ReplyError`, or a list of replies."""

_ARRAY, _BULK, _INTEGER, _STATUS, _ERROR = b"*$:+-"


class ReplyError(Exception):
    """An error that the server replied. It is a value among the replies, and not raised by the parser."""


class ProtocolFault(ConnectionError):
    """Bytes that are no RESP; the connection cannot be used further."""


def command(*words: bytes) -> bytes:
    """Returns the bytes of a command."""
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


class Parser:
    """Parses the bytes of a connection as they arrive."""

    __slots__ = ("_needed", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._needed = 0  # bytes without which parsing `_rest` again is futile

    def feed(self, chunk: bytes) -> list[Reply]:
        """Returns the replies that are complete with this chunk. Raises ProtocolFault."""
        data = self._rest + chunk if self._rest else chunk
        replies: list[Reply] = []
        position = 0
        if len(data) >= self._needed:
            self._needed = 0
            try:
                while position < len(data):
                    reply, position = self._read(data, position)
                    replies.append(reply)
            except _IncompleteError as incomplete:
                self._needed = incomplete.end - position
            except ValueError as error:
                raise ProtocolFault("the queue sends no RESP") from error
        self._rest = data[position:] if position else data
        return replies

    def _read(self, data: bytes, position: int) -> tuple[Reply, int]:
        end = data.find(b"\r\n", position)
        if end < 0:
            raise _IncompleteError(len(data) + 1)
        kind = data[position]
        if kind == _BULK:
            start = end + 2
            length = int(data[position + 1 : end])
            if length < 0:
                return None, start
            position = start + length + 2
            if position > len(data):
                raise _IncompleteError(position)
            return data[start : position - 2], position
        if kind == _ARRAY:
            count = int(data[position + 1 : end])
            position = end + 2
            if count < 0:
                return None, position
            items = []
            for _ in range(count):
                item, position = self._read(data, position)
                items.append(item)
            return items, position
        text = data[position + 1 : end]
        if kind == _INTEGER:
            return int(text), end + 2
        if kind == _STATUS:
            return text, end + 2
        if kind == _ERROR:
            return ReplyError(text.decode(errors="replace")), end + 2
        raise ValueError("unknown type")


class _IncompleteError(Exception):
    """More bytes are needed, at least up to `end`."""

    def __init__(self, end: int) -> None:
        self.end = end
