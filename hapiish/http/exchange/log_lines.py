"""Log lines to a stream: those of requests and events formatted directly and written once per turn of the loop.

The standard library makes a record of each line and flushes the stream behind it, which costs a busy server half of
its throughput. `Lines` is the handler that `hapiish run` installs; any other handler gets ordinary records.
"""

import asyncio
import logging
from typing import Any, Protocol, TextIO


class Form(Protocol):
    """A `logging.Formatter` that also makes the line of a request without a record."""

    def line(self, now: float, message: str, fields: dict[str, Any]) -> str:
        """The line, without its end; `now` in seconds since the epoch."""


class Lines(logging.StreamHandler[TextIO]):
    """A stream handler that keeps the lines of requests until the loop's turn ends.

    A record, such as the one of a crash, is written at once and behind the lines that are kept, so that lines stay in
    order. What is kept is also written at `flush`, which `logging` calls when the process exits.
    """

    formatter: Any

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._kept: list[str] = []

    def line(self, now: float, message: str, fields: dict[str, Any]) -> None:
        """Takes the line of a request; `now` in seconds since the epoch."""
        kept = self._kept
        kept.append(self.formatter.line(now, message, fields))
        if len(kept) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.flush)
            except RuntimeError:  # a thread without a loop
                self.flush()

    def flush(self) -> None:
        """Writes what is kept, and flushes the stream."""
        with self.lock:  # type: ignore[union-attr]
            self._write_kept()
            super().flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record at once."""
        self._write_kept()
        super().emit(record)

    def _write_kept(self) -> None:
        # The list stays the same one, and loses only what is written: the loop may add to it meanwhile.
        kept = self._kept
        if count := len(kept):
            text = "\n".join([*kept[:count], ""])
            del kept[:count]
            try:
                self.stream.write(text)
            except Exception:  # noqa: BLE001 - as `logging` does: what cannot be written ends no request
                self.handleError(logging.makeLogRecord({"msg": "%d access lines", "args": (count,)}))


def direct(logger: logging.Logger) -> Lines | None:
    """The handler that may take lines of `logger` at level INFO without records: the only one that would get them.

    None where a second handler, a filter or another kind of handler wants a record.
    """
    found: Any = None
    node: logging.Logger | None = logger
    while node is not None:
        if node.handlers:
            if found is not None or len(node.handlers) > 1:
                return None
            found = node.handlers[0]
        node = node.parent if node.propagate else None
    if found.__class__ is not Lines or found.filters or found.level > logging.INFO or logger.filters:
        return None
    return found
