"""Writes log lines to a stream: access lines are formatted directly and written once per turn of the event loop.

The standard library makes a record of each line and flushes after it, which halves the throughput of a busy server.
`hapiish run` installs the handler `Lines`; any other handler receives ordinary records.
"""

import asyncio
import logging
from typing import Any, TextIO

from hapiish.types import Json


class Lines(logging.StreamHandler[TextIO]):
    """A stream handler that buffers access lines until the turn of the event loop ends.

    A record, such as a traceback, is written at once, after the buffered lines, so that lines stay in order. `logging`
    flushes the buffer when the process exits.
    """

    formatter: Any

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._kept: list[str] = []

    def line(self, now: float, message: str, fields: dict[str, Json]) -> None:
        """Buffers an access line; `now` in seconds since the epoch."""
        kept = self._kept
        kept.append(self.formatter.line(now, message, fields))
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
