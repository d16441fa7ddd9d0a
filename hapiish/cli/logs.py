"""Log records to lines on stderr: for people on a terminal, as JSON objects everywhere else."""

import json
import logging
import sys
import time
from typing import Any, Final, Literal

Form = Literal["text", "json"]

_LEVELS: Final = {
    "WARNING": ("uvicorn", "watchfiles", "socketio", "engineio", "httpx"),
    "ERROR": ("python_multipart",),  # a client's broken form is a 400, not a matter for the log
}
"""From which level on libraries are heard that say more than a server should."""


class Text(logging.Formatter):
    """`12:30:05 WARNING hapiish.store: MongoDB does not answer yet`; a request's line needs no more than itself."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S")
        self._access = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback where there is one."""
        return self._access.format(record) if record.name == "hapiish.access" else super().format(record)


class Json(logging.Formatter):
    """One object a line: time (UTC), level, logger, message, then the record's own `fields` and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """A single line, whatever the message holds."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{stamp}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def config(form: Form | None = None) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes; without a form, text when stderr is a terminal."""
    chosen = form or ("text" if sys.stderr.isatty() else "json")
    kind = Text if chosen == "text" else Json
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": f"{kind.__module__}.{kind.__qualname__}"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        # These tell of their ordinary doings at INFO; ours are said once, by `run`.
        "loggers": {name: {"level": level} for level, names in _LEVELS.items() for name in names},
    }
