"""Failures: the errors behind responses with 500, collected while a test runs."""

import logging
import traceback
from pathlib import Path
from types import TracebackType
from typing import Self

import hapiish

_OURS = str(Path(hapiish.__file__).parent)


class Failures(logging.Handler):
    """Collects the errors that hapiish logs: of handlers, extension functions, responses, events and emits."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._found: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        logging.getLogger("hapiish").addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.getLogger("hapiish").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps the traceback of a record."""
        if record.exc_info and record.exc_info[1] is not None:
            self._found.append((f"hapiish: {record.getMessage()}", shown(record.exc_info[1])))

    def take(self) -> list[tuple[str, str]]:
        """Returns titles and tracebacks, and forgets them."""
        found, self._found = self._found, []
        return found


def shown(error: BaseException) -> str:
    """Returns the traceback of an error without the lines of hapiish that lead to the application's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))
