"""Log formats for stderr: text on a terminal, JSON objects otherwise."""

import json
import logging
import sys
import time
from functools import lru_cache
from typing import Any, Final, Literal

import orjson

from hapiish.http.exchange.log_lines import LineFields

Form = Literal["text", "json"]

_LEVELS: Final = {
    "WARNING": ("uvicorn", "watchfiles", "socketio", "engineio", "httpx"),
    "ERROR": ("python_multipart",),  # a malformed form is a 400, not a log entry
}
"""Log levels of verbose libraries."""


class TextFormatter(logging.Formatter):
    """`12:30:05 WARNING hapiish.store: MongoDB does not answer yet`; access log lines have no level and logger."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        self._access = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Formats one line, and the traceback if any."""
        return self._access.format(record) if record.name == "hapiish.access" else super().format(record)

    def line(self, now: float, message: str, shape: LineFields, values: tuple[Any, ...]) -> str:
        """Returns the line of a request."""
        return f"{_clock(int(now))} {message}"


class Json(logging.Formatter):
    """One JSON object per line: time (UTC), level, logger, message, the record's `fields`, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Formats a single line; line ends are escaped."""
        entry = _head(record.created, record.levelname.lower(), record.name, record.getMessage())
        entry.update(getattr(record, "fields", {}))
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return _json(entry)

    def line(self, now: float, message: str, shape: LineFields, values: tuple[Any, ...]) -> str:
        """Returns the line of a request."""
        text = shape.json(_stamp(now), message, values)
        if text is not None:
            return text
        return _json(_head(now, "info", "hapiish.access", message) | shape.fields(values))


def _head(now: float, level: str, logger: str, message: str) -> dict[str, Any]:
    return {"time": _stamp(now), "level": level, "logger": logger, "message": message}


def _stamp(now: float) -> str:
    return _utc(int(now * 1000))


def _json(entry: dict[str, Any]) -> str:
    try:
        text = orjson.dumps(entry, default=str).decode()
    except TypeError:  # half a surrogate pair, a key that is not text, an integer over 64 bits
        return json.dumps(entry, default=str)
    # JSON allows unescaped characters that control terminals or end a line in some log readers.
    return text if text.isprintable() else json.dumps(json.loads(text))


@lru_cache(maxsize=2)
def _utc(milliseconds: int) -> str:
    second, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{rest:03d}Z"


@lru_cache(maxsize=2)
def _clock(second: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(second))


def config(form: Form | None = None) -> dict[str, Any]:
    """Returns the configuration for `logging.config.dictConfig`; the default form is text on a terminal."""
    kind = TextFormatter if (form or ("text" if sys.stderr.isatty() else "json")) == "text" else Json
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{kind.__module__}.{kind.__qualname__}"}},
        "handlers": {"stderr": {"class": "hapiish.http.exchange.log_lines.Lines", "formatter": "line"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {name: {"level": level} for level, names in _LEVELS.items() for name in names},
    }
