"""Log lines as text and as JSON."""

import json
import logging
import logging.config
import sys
from typing import Any

import pytest

from hapiish.cli import logs
from hapiish.http.exchange.log_lines import LineFields


def record(name: str, message: str, *args: object, **given: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.WARNING, __file__, 1, message, args, given.pop("exc_info", None))
    made.created, made.msecs = 1795350605.042, 42.0
    made.__dict__.update(given)
    return made


def failure() -> Any:
    try:
        raise ValueError("what failed")
    except ValueError:
        return sys.exc_info()


def test_a_json_line_has_the_time_in_utc_and_the_fields_of_the_record() -> None:
    fields = {"request_id": "a-1", "status": 200}
    line = logs.Json().format(record("hapiish.access", "%s %s", "GET", "/", fields=fields))
    assert json.loads(line) == {
        "time": "2026-11-22T12:30:05.042Z",
        "level": "warning",
        "logger": "hapiish.access",
        "message": "GET /",
        "request_id": "a-1",
        "status": 200,
    }


def test_a_json_line_stays_one_line_with_a_traceback_and_values_that_json_does_not_know() -> None:
    line = logs.Json().format(record("app", "two\nlines", fields={"what": {1, 2}}, exc_info=failure()))
    assert "\n" not in line
    read = json.loads(line)
    assert read["message"] == "two\nlines"
    assert read["exception"].endswith("ValueError: what failed")


@pytest.mark.parametrize("text", ["\x9b31m", "\u202e", "\u2028", "\x7f", "\x85", '"\x9b\\'])
def test_a_json_line_has_no_character_that_commands_a_terminal_or_ends_a_line(text: str) -> None:
    record = logging.makeLogRecord({"msg": text, "fields": {"path": text, "n": 2**70}})
    lines = [
        logs.Json().format(record),
        logs.Json().line(1.0, text.encode("unicode_escape").decode(), LineFields("path"), (text,)),
    ]
    for line in lines:
        assert line.isprintable()
        assert json.loads(line)["path"] == text


def test_a_text_line_names_level_and_logger_but_for_requests() -> None:
    assert logs.TextFormatter().format(record("hapiish.store", "away")).endswith(" WARNING hapiish.store: away")
    assert "hapiish" not in logs.TextFormatter().format(record("hapiish.access", "GET / 200"))


def test_a_text_line_is_followed_by_the_traceback() -> None:
    assert logs.TextFormatter().format(record("app", "no", exc_info=failure())).endswith("ValueError: what failed")


@pytest.mark.parametrize(("form", "kind"), [("text", logs.TextFormatter), ("json", logs.Json), (None, logs.Json)])
def test_the_form_is_json_where_stderr_is_no_terminal(form: logs.Form | None, kind: type) -> None:
    configured = logs.config(form)
    assert configured["formatters"]["line"]["()"].endswith(kind.__name__)
    logging.config.DictConfigurator(configured)


def test_libraries_that_chatter_are_heard_from_warnings_on() -> None:
    assert logs.config()["loggers"]["uvicorn"] == {"level": "WARNING"}
    assert logs.config()["loggers"]["httpx"] == {"level": "WARNING"}
    assert logs.config()["loggers"]["python_multipart"] == {"level": "ERROR"}
