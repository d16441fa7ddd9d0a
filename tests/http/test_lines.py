"""The access log of `hapiish run`: one write for each turn of the loop, ordered and complete."""

import asyncio
import io
import json
import logging
import logging.config
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hapiish import create_app
from hapiish.cli import logs
from hapiish.http.exchange.log_lines import LineFields, Lines, direct
from tests.cli.serving import Run

HANDLERS = """
import os

async def hello(request, h):
    return {"hello": True}

async def crash(request, h):
    raise ValueError("what failed")

async def die(request, h):
    os._exit(3)
"""
TABLE = """
hapiish: 1
routes:
  - {method: GET, path: /, handler: "talk:hello"}
  - {method: GET, path: /crash, handler: "talk:crash"}
  - {method: GET, path: /die, handler: "talk:die"}
"""


pytestmark = pytest.mark.anyio


class Stream(io.StringIO):
    """Counts writes."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


@contextmanager
def listening(form: type[logs.Json | logs.TextFormatter] = logs.Json) -> Iterator[tuple[Lines, Stream]]:
    """The one handler that gets access lines meanwhile, and its stream."""
    access, stream = logging.getLogger("hapiish.access"), Stream()
    handler = Lines(stream)
    handler.setFormatter(form())
    before = access.handlers[:]
    access.handlers[:] = [handler]
    access.propagate = False
    access.setLevel(logging.INFO)
    try:
        yield handler, stream
    finally:
        access.handlers[:] = before
        access.propagate = True
        access.setLevel(logging.NOTSET)


@pytest.fixture
def app(tmp_path: Path) -> Any:
    (tmp_path / "talk.py").write_text(HANDLERS)
    (tmp_path / "routes.yaml").write_text(TABLE)
    return create_app(tmp_path / "routes.yaml")


def lines(stream: Stream) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_the_requests_of_one_turn_are_written_at_once(app: Any) -> None:
    await app.server.start()
    with listening() as (_, stream):
        await asyncio.gather(*(app.server.inject(url=f"/?n={n}") for n in range(20)))
        await asyncio.sleep(0)
        assert len(lines(stream)) == 20
        assert stream.writes <= 2


async def test_a_line_has_what_a_record_of_it_would_have(app: Any, caplog: Any) -> None:
    with listening() as (handler, stream):
        await app.server.inject(url="/")
        logging.getLogger("hapiish.access").addHandler(logging.NullHandler())  # which wants records
        await app.server.inject(url="/")
        handler.flush()
        fast, by_record = lines(stream)
    assert list(fast) == list(by_record)
    changing = {"time", "message", "request_id", "duration_ms"}
    assert {key: fast[key] for key in fast.keys() - changing} == {key: by_record[key] for key in fast.keys() - changing}
    assert fast["message"].startswith("GET / 200 14B ")
    assert fast["time"] <= by_record["time"]


async def test_a_record_comes_behind_the_lines_before_it(app: Any) -> None:
    with listening() as (_, stream):
        await app.server.inject(url="/")
        logging.getLogger("hapiish.access").error("after")
        assert [line["message"].split(" ")[0] for line in lines(stream)] == ["GET", "after"]


async def test_what_is_kept_is_written_when_the_process_exits(app: Any) -> None:
    await app.server.start()
    with listening() as (handler, stream):
        await app.server.inject(url="/")
        assert lines(stream) == []
        handler.flush()  # as logging.shutdown does
        assert len(lines(stream)) == 1


async def test_a_path_cannot_begin_a_line_of_its_own(app: Any) -> None:
    with listening(logs.TextFormatter) as (handler, stream):
        await app.server.inject(url='/%0A12:30:05 GET /forged 200%zz"\\')
        handler.flush()
        assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize("path", ['/"quoted"', "/back\\slash", "/caf\xe9", "/%0A%00%7F", "/\u2028"])
async def test_every_path_makes_a_line_of_json(app: Any, path: str) -> None:
    with listening() as (handler, stream):
        await app.server.inject(url=path)
        handler.flush()
        assert [line["status"] for line in lines(stream)] == [404]


def test_filters_levels_and_further_handlers_get_records() -> None:
    logger = logging.getLogger("tests.lines")
    logger.propagate = False
    handler = Lines(io.StringIO())
    logger.addHandler(handler)
    assert direct(logger) is handler
    handler.setLevel(logging.WARNING)
    assert direct(logger) is None
    handler.setLevel(logging.NOTSET)
    handler.addFilter(lambda record: True)
    assert direct(logger) is None
    handler.filters.clear()
    logger.addFilter(lambda record: True)
    assert direct(logger) is None
    logger.filters.clear()
    logger.addHandler(logging.NullHandler())
    assert direct(logger) is None


def test_a_stream_that_cannot_be_written_ends_no_request(capsys: Any) -> None:
    closed = io.StringIO()
    handler = Lines(closed)
    handler.setFormatter(logs.TextFormatter())
    closed.close()
    handler.line(0, "GET / 200", LineFields(), ())
    assert "Logging error" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_request_of_a_server_that_ends_or_dies_is_missing(tmp_path: Path, form: str) -> None:
    (tmp_path / "talk.py").write_text(HANDLERS)
    (tmp_path / "routes.yaml").write_text(TABLE)
    with Run(tmp_path / "routes.yaml", "--log", form) as server:
        for _ in range(5):
            assert server.get("/")[0] == 200
        assert server.get("/crash")[0] == 500
        with pytest.raises(OSError, match=r"."):
            server.get("/die")
        assert server.wait() == 3
    assert server.errors.count("GET / 200") == 5
    assert server.errors.count("GET /crash 500") == 1
    assert server.errors.index("what failed") < server.errors.index("GET /crash 500")
