"""The store of an application on a real mongod that is killed, frozen and restored."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mongoengine import Document, IntField
from pymongo import MongoClient

from hapiish import boom
from hapiish.store import local
from hapiish.store.connection import MEMORY, StoreError
from hapiish.store.store import Store
from hapiish.store.threads import Pool
from tests.store.waiting import freeze


class Note(Document):
    number = IntField(required=True)


MODELS = {"Note": Note}
AWAY = "mongodb://127.0.0.1:1/nowhere"


def run(
    uri: str, use: Callable[[Store], Awaitable[Any]], *, models: dict[str, Any] = MODELS, timeout_ms: int = 2000
) -> Any:
    async def main() -> Any:
        pool = Pool(2)
        store = Store(uri, pool=pool, models=models, timeout_ms=timeout_ms)
        await store.start()
        try:
            return await use(store)
        finally:
            await pool.stop()
            await store.stop()

    return asyncio.run(main())


def write(number: int) -> int:
    Note(number=number).save()
    return int(Note.objects(number=number).count())


async def until_it_answers(store: Store, work: Callable[[], Any]) -> tuple[Any, list[BaseException]]:
    """What `work` gives in the end, and what it raised before."""
    raised: list[BaseException] = []
    while True:
        try:
            return await store.call(work), raised
        except Exception as error:
            raised.append(error)
            assert len(raised) < 1000, raised[-1]
            await asyncio.sleep(0.02)


async def until_it_fails(store: Store) -> BaseException:
    while True:
        try:
            await store.call(write, 2)
        except Exception as error:
            return error


@pytest.fixture
def server() -> Iterator[local.LocalMongo]:
    """A mongod that may be harmed."""
    with tempfile.TemporaryDirectory(prefix="hapiish-") as path, local.start(Path(path) / "data") as found:
        yield found


def process(server: local.LocalMongo) -> int:
    with MongoClient[dict[str, Any]](server.uri) as client:
        return int(client.admin.command("serverStatus")["pid"])


def test_blocking_work_on_models_runs_in_the_pool(mongo_uri: str) -> None:
    async def use(store: Store) -> int:
        return await store.call(write, 1)

    assert run(mongo_uri, use) == 1


def test_it_answers_a_health_check_while_every_thread_of_the_pool_is_busy(mongo_uri: str) -> None:
    async def use(store: Store) -> bool:
        gate = asyncio.Event()
        loop = asyncio.get_running_loop()
        busy = [
            asyncio.create_task(store.call(lambda: asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()))
            for _ in range(2)
        ]
        answers = await asyncio.gather(*(store.ping() for _ in range(50)))
        gate.set()
        await asyncio.gather(*busy)
        return all(answers)

    assert run(mongo_uri, use) is True


def test_it_starts_while_the_server_is_away_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async def use(store: Store) -> tuple[bool, boom.Boom | None]:
        healthy = await store.ping()
        with pytest.raises(Exception) as caught:
            await store.call(write, 1)
        return healthy, store.translate(caught.value)

    healthy, translated = run(AWAY, use, timeout_ms=200)
    assert not healthy
    assert isinstance(translated, boom.ServerUnavailable)
    assert "MongoDB does not answer yet" in caplog.text


def test_a_wrong_uri_or_a_model_of_another_database_stops_the_start(mongo_uri: str, mongo_server: str) -> None:
    async def nothing(store: Store) -> None: ...

    async def other(store: Store) -> None:
        await Store(mongo_server, name="elsewhere", pool=Pool(2), models=MODELS).start()

    with pytest.raises(StoreError, match="must begin with mongodb://"):
        run("localhost:27017", nothing)
    with pytest.raises(StoreError, match="connected to another database"):
        run(mongo_uri, other)


def test_it_can_be_started_again_after_it_was_stopped(mongo_uri: str) -> None:
    async def main() -> list[int]:
        pool = Pool(2)
        store = Store(mongo_uri, pool=pool, models=MODELS)
        counts = []
        for number in (10, 11):
            await store.start()
            counts.append(await store.call(write, number))
            await pool.stop()
            await store.stop()
            assert not await store.ping()
        return counts

    assert asyncio.run(main()) == [1, 1]


def test_applications_of_one_process_share_their_database(mongo_uri: str) -> None:
    async def use(first: Store) -> int:
        pool = Pool(2)
        second = Store(mongo_uri, pool=pool, models=MODELS)
        await second.start()
        await second.call(write, 20)
        await pool.stop()
        await second.stop()
        return await first.call(lambda: int(Note.objects(number=20).count()))

    assert run(mongo_uri, use) == 1


def test_the_classes_of_a_reload_are_connected_without_a_restart(mongo_uri: str, mongo_server: str) -> None:
    async def other(store: Store) -> str:
        class Leaf(Document):
            number = IntField()

        store.adopt({"Leaf": Leaf})
        await store.call(Leaf(number=1).save)
        return str(Leaf._get_collection().database.name)

    async def use(store: Store) -> str:
        pool = Pool(1)
        second = Store(mongo_server, name="adopting", pool=pool, models={})
        await second.start()
        found = await other(second)
        await pool.stop()
        await second.stop()
        return found

    assert run(mongo_uri, use) == "adopting"


def test_a_database_in_memory_serves_the_models() -> None:
    async def use(store: Store) -> tuple[bool, int]:
        return await store.ping(), await store.call(write, 1)

    assert run(MEMORY, use) == (True, 1)


def test_it_recovers_by_itself_when_a_killed_server_is_started_again(server: local.LocalMongo, tmp_path: Path) -> None:
    async def use(store: Store) -> tuple[int, list[BaseException]]:
        await store.call(write, 1)
        os.kill(process(server), signal.SIGKILL)  # young enough that its keeper does not bring it back
        assert isinstance(store.translate(await until_it_fails(store)), boom.ServerUnavailable)
        assert not await store.ping()
        with local.start(server.folder):
            found, raised = await until_it_answers(store, lambda: int(Note.objects(number=1).count()))
            assert await store.call(write, 3) == 1
            assert await store.ping()
        return found, [error for error in raised if store.translate(error) is None]

    assert run(server.uri, use, timeout_ms=500) == (1, [])


def test_a_frozen_server_is_a_503_in_bounded_time_and_recovers(server: local.LocalMongo) -> None:
    pid = process(server)

    async def use(store: Store) -> list[BaseException]:
        await store.call(write, 1)
        freeze(pid)
        try:
            assert isinstance(store.translate(await until_it_fails(store)), boom.ServerUnavailable)
            assert not await store.ping()
        finally:
            os.kill(pid, signal.SIGCONT)
        found, raised = await until_it_answers(store, lambda: int(Note.objects(number=1).count()))
        assert found == 1
        return [error for error in raised if store.translate(error) is None]

    assert run(server.uri, use, timeout_ms=500) == []
