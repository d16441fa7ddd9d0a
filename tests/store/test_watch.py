"""Requests while MongoDB is frozen, killed or restored: waiting times, responses and log lines."""

import asyncio
import logging
import os
import signal
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from hapiish import Application, create_app
from hapiish.store import local
from hapiish.store import store as module
from hapiish.store.store import pings
from hapiish.store.watch import in_driver
from tests.store.waiting import freeze as stop_process

MODELS = """
from mongoengine import Document, IntField, StringField

class Letter(Document):
    number = IntField(required=True)
    slug = StringField(unique=True, sparse=True)
    meta = {"collection": "letters"}
"""
HANDLERS = """
import time

def count(request, h):
    return {"count": request.models.Letter.objects.count()}

def write(request, h):
    request.models.Letter(number=1).save()
    return {"ok": True}

def plain(request, h):
    return {"plain": True}

def report(request, h):
    where = "function() { sleep(%d); return true; }" % int(request.query["ms"])
    return {"found": len(list(request.models.Letter.objects(__raw__={"$where": where}).limit(1)))}

async def asks(request, h):
    return await request.server.pool.call(count, request, h)
"""
TABLE = """
hapiish: 1
server: {shutdownTimeout: 300ms}
database: {uri: "${URI}", name: watched, timeout: TIMEOUT, threads: 2, indexes: INDEXES}
models: {Letter: "letters:Letter"}
routes:
  - {method: GET, path: /count, handler: "post:count"}
  - {method: GET, path: /asks, handler: "post:asks"}
  - {method: GET, path: /report, handler: "post:report"}
  - {method: GET, path: /plain, handler: "post:plain"}
  - {method: POST, path: /letters, handler: "post:write"}
"""


@pytest.fixture
def mongod() -> Iterator[local.LocalMongo]:
    """A mongod that may be harmed."""
    with tempfile.TemporaryDirectory(prefix="hapiish-") as path, local.start(Path(path) / "data") as found:
        yield found


def pid_of(server: local.LocalMongo) -> int:
    with MongoClient[dict[str, Any]](server.uri) as client:
        return int(client.admin.command("serverStatus")["pid"])


def application(folder: Path, uri: str, timeout: str = "1s", indexes: str = "check") -> Application:
    (folder / "letters.py").write_text(MODELS)
    (folder / "post.py").write_text(HANDLERS)
    (folder / "routes.yaml").write_text(TABLE.replace("TIMEOUT", timeout).replace("INDEXES", indexes))
    return create_app(folder / "routes.yaml", env={"URI": uri})


def serve(app: Application, use: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await app.server.start()
        try:
            await use()
        finally:
            await app.server.stop()

    asyncio.run(main())


async def status(app: Application, url: str, method: str = "GET") -> int:
    return (await app.server.inject(method=method, url=url)).status_code


async def until(app: Application, url: str, wanted: int) -> None:
    while await status(app, url) != wanted:
        await asyncio.sleep(0.02)


def stuck(app: Application) -> int:
    return sum(in_driver(job.thread) for job in app.server.pool.running())


@pytest.fixture
def freeze(mongod: local.LocalMongo) -> Iterator[Callable[[bool], None]]:
    pid = pid_of(mongod)
    yield lambda frozen: stop_process(pid) if frozen else os.kill(pid, signal.SIGCONT)
    os.kill(pid, signal.SIGCONT)


Freeze = Callable[[bool], None]


def test_all_requests_are_answered_while_the_first_still_wait_for_a_frozen_server(
    mongod: local.LocalMongo, freeze: Freeze, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(tmp_path, mongod.uri)
    caplog.set_level(logging.INFO, "hapiish.store")

    async def use() -> None:
        assert await status(app, "/count") == 200
        freeze(True)
        urls = ["/count", "/asks"] * 10
        answers = await asyncio.gather(*(app.server.inject(url=url) for url in urls))
        assert [answer.status_code for answer in answers] == [503] * 20
        assert {answer.json["code"] for answer in answers} == {"unavailable"}
        assert stuck(app) >= 2  # whom nothing has told yet
        assert await status(app, "/plain") == 200
        assert await status(app, "/letters", "POST") == 503
        freeze(False)
        assert app.server.store is not None
        while app.server.store.is_away:
            await asyncio.sleep(0.02)
        assert await status(app, "/count") == 200
        assert await status(app, "/letters", "POST") == 200

    serve(app, use)
    said = [record.getMessage() for record in caplog.records if "MongoDB" in record.getMessage()]
    assert said == ["MongoDB does not answer; calls to it are answered 503 until it does", "MongoDB answers again"]


def test_what_needs_no_database_goes_on_before_it_is_known_that_the_server_is_away(
    mongod: local.LocalMongo, freeze: Freeze, tmp_path: Path
) -> None:
    app = application(tmp_path, mongod.uri, timeout="20s")

    async def use() -> None:
        assert await status(app, "/count") == 200
        freeze(True)
        waiting = [asyncio.create_task(status(app, "/count")) for _ in range(2)]
        assert await status(app, "/plain") == 200
        assert not any(task.done() for task in waiting)
        freeze(False)
        await asyncio.gather(*waiting)

    serve(app, use)


def test_while_it_is_away_a_call_waits_for_nothing(
    mongod: local.LocalMongo, freeze: Freeze, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted in trials, of which there is one a second."""
    trials: list[float] = []

    def counted(*given: Any) -> bool:
        trials.append(given[-1])
        return pings(*given)

    app = application(tmp_path, mongod.uri, timeout="400ms")

    async def use() -> None:
        assert await status(app, "/count") == 200
        freeze(True)
        assert await status(app, "/count") == 503
        assert app.server.store is not None
        assert app.server.store.is_away
        monkeypatch.setattr(module, "pings", counted)
        for _ in range(20):
            assert await status(app, "/count") == 503
        assert len(trials) < 5
        freeze(False)

    serve(app, use)


def test_a_slow_query_of_a_server_that_answers_takes_its_time(mongod: local.LocalMongo, tmp_path: Path) -> None:
    app = application(tmp_path, mongod.uri, timeout="400ms")

    async def use() -> None:
        assert await status(app, "/letters", "POST") == 200
        assert await status(app, "/report?ms=1500") == 200
        assert app.server.store is not None
        assert not app.server.store.is_away

    serve(app, use)


def test_a_stop_does_not_wait_for_a_frozen_server(mongod: local.LocalMongo, freeze: Freeze, tmp_path: Path) -> None:
    app = application(tmp_path, mongod.uri, timeout="20s")
    workers: list[threading.Thread] = []

    async def use() -> None:
        assert await status(app, "/count") == 200
        freeze(True)
        waiting = asyncio.create_task(status(app, "/count"))
        while not stuck(app):
            await asyncio.sleep(0.01)
        crew = app.server.pool._crew
        assert crew is not None
        workers.extend(crew.workers)
        waiting.cancel()

    serve(app, use)
    assert any(in_driver(worker.ident or 0) for worker in workers)  # and the server has stopped all the same
    freeze(False)
    for worker in workers:
        worker.join()


def test_a_killed_server_is_one_warning_and_its_return_one_line(
    mongod: local.LocalMongo, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(tmp_path, mongod.uri, timeout="400ms")
    caplog.set_level(logging.INFO, "hapiish.store")

    async def use() -> None:
        assert await status(app, "/count") == 200
        os.kill(pid_of(mongod), signal.SIGKILL)  # its keeper starts another one
        await until(app, "/count", 503)
        await until(app, "/count", 200)
        assert app.server.store is not None
        while app.server.store.is_away:
            await asyncio.sleep(0.02)

    serve(app, use)
    said = [record.getMessage() for record in caplog.records if "MongoDB" in record.getMessage()]
    assert said == ["MongoDB does not answer; calls to it are answered 503 until it does", "MongoDB answers again"]


@pytest.mark.parametrize(
    ("indexes", "warns", "built"), [("check", True, False), ("apply", False, True), ("ignore", False, False)]
)
def test_a_start_does_about_indexes_what_the_table_says(
    mongo_uri: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, *, indexes: str, warns: bool, built: bool
) -> None:
    app = application(tmp_path, mongo_uri, indexes=indexes)

    async def use() -> None:
        assert await status(app, "/letters", "POST") == 200

    with MongoClient[dict[str, Any]](mongo_uri) as client:
        letters = client.get_default_database()["letters"]
        letters.drop()
        serve(app, use)
        assert ("slug_1" in letters.index_information()) is built
    assert ("missing index letters (slug) unique sparse; build it by `hapiish indexes --apply`" in caplog.text) is warns


def test_an_index_that_the_data_does_not_fit_stops_the_start(mongo_uri: str, tmp_path: Path) -> None:
    app = application(tmp_path, mongo_uri, indexes="apply")

    async def use() -> None: ...

    with MongoClient[dict[str, Any]](mongo_uri) as client:
        letters = client.get_default_database()["letters"]
        letters.drop()
        letters.insert_many([{"slug": "a"}, {"slug": "a"}])
        with pytest.raises(Exception, match=r"several documents have \{'slug': 'a'\}"):
            serve(app, use)


def test_indexes_are_looked_at_when_a_server_that_was_away_at_the_start_answers(
    mongod: local.LocalMongo, freeze: Freeze, tmp_path: Path
) -> None:
    app = application(tmp_path, mongod.uri, timeout="400ms", indexes="apply")
    freeze(True)

    async def use() -> None:
        assert await status(app, "/count") == 503
        freeze(False)
        await until(app, "/count", 200)
        while "slug_1" not in await app.server.pool.call(names):
            await asyncio.sleep(0.02)

    def names() -> list[str]:
        with MongoClient[dict[str, Any]](mongod.uri) as client:
            return list(client["watched"]["letters"].index_information())

    serve(app, use)
