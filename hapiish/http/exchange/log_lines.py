"""Writes log lines to a stream: access lines are formatted directly and written once per turn of the event loop.

The standard library makes a record of each line and flushes after it, which halves the throughput of a busy server.
`hapiish run` installs the handler `Lines`; any other handler receives ordinary records.
"""

import asyncio
import logging
from typing import Any, TextIO

from hapiish.types import Json, Value


class LineFields:
    """The fields of an access line, by name. A suffix tells the kind: `:d` an integer, `:f` a decimal as text, `:t` a
    text that the line's message does not contain.

    `template` formats the time, the message and the values as JSON. The result is valid if no value needs escapes: it
    has `quotes` quotation marks and no backslash, and message and `apart` (indexes of values) are printable.
    """

    __slots__ = ("_casts", "apart", "names", "quotes", "template")

    def __init__(self, *fields: str) -> None:
        pairs = [field.partition(":")[::2] for field in fields]
        self.names = tuple(name for name, _ in pairs)
        self._casts = [name for name, kind in pairs if kind == "f"]
        self.apart = tuple(index for index, (_, kind) in enumerate(pairs) if kind == "t")
        slots = ((f'"{name}":%s' if kind in ("d", "f") else f'"{name}":"%s"') for name, kind in pairs)
        head = '"time":"%s","level":"info","logger":"hapiish.access","message":"%s"'
        self.template = f"{{{','.join((head, *slots))}}}"
        self.quotes = self.template.count('"')

    def fields(self, values: tuple[Value, ...]) -> dict[str, Json]:
        """Returns the values by name."""
        fields: dict[str, Json] = dict(zip(self.names, values, strict=True))
        for name in self._casts:
            fields[name] = float(fields[name])
        return fields

    def json(self, stamp: str, message: str, values: tuple[Value, ...]) -> str | None:
        """Returns the line as JSON, None if a value needs escapes; `message` is printable."""
        for index in self.apart:
            if values[index] is None or not values[index].isprintable():
                return None
        text = self.template % (stamp, message, *values)
        return text if text.count('"') == self.quotes and "\\" not in text else None


class Lines(logging.StreamHandler[TextIO]):
    """A stream handler that buffers access lines until the turn of the event loop ends.

    A record, such as a traceback, is written at once, after the buffered lines, so that lines stay in order. `logging`
    flushes the buffer when the process exits.
    """

    formatter: Any

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._kept: list[str] = []

    def line(self, now: float, message: str, shape: LineFields, values: tuple[Value, ...]) -> None:
        """Buffers an access line; `now` in seconds since the epoch."""
        kept = self._kept
        kept.append(self.formatter.line(now, message, shape, values))
        if len(kept) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.flush)
            except RuntimeError:  # a thread without a loop
                self.flush()

    def flush(self) -> None:
        """Writes the buffer and flushes the stream."""
        with self.lock:  # type: ignore[union-attr]
            self._write_kept()
            super().flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record at once."""
        self._write_kept()
        super().emit(record)

    def _write_kept(self) -> None:
        # The list is changed in place and loses only the lines written: the loop may append meanwhile.
        kept = self._kept
        if count := len(kept):
            text = "\n".join([*kept[:count], ""])
            del kept[:count]
            try:
                self.stream.write(text)
            except Exception:  # noqa: BLE001 - as in `logging`: a failed write ends no request
                self.handleError(logging.makeLogRecord({"msg": "%d access lines", "args": (count,)}))


def direct(logger: logging.Logger) -> Lines | None:
    """The handler that takes access lines of `logger` without records: the only handler that would receive them.

    None where a second handler, a filter or another kind of handler needs a record.
    """
    handler: Any = None
    node: logging.Logger | None = logger
    while node is not None:
        if node.handlers:
            if handler is not None or len(node.handlers) > 1:
                return None
            handler = node.handlers[0]
        node = node.parent if node.propagate else None
    if handler.__class__ is not Lines or handler.filters or handler.level > logging.INFO or logger.filters:
        return None
    return handler
