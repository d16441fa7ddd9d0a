"""Fixtures of the chat's tests: documents on the real database, the application, and its users."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
from mongoengine import Document

from hapiish import Application, plugins, table
from hapiish.options import Table
from hapiish.store import indexes
from hapiish.store.connection import Target, acquire, release
from tests.chat import mailbox
from tests.chat.callers import ROUTES, SECRET, Caller, Join, Open, register
from tests.chat.desk import Desk, driven
from tests.chat.relay import relayed
from tests.cluster.cluster import Cluster

MODELS = [resolve_name(name) for name in table.load(ROUTES, {"JWT_SECRET": SECRET}).models.values()]
DOCUMENTS: tuple[Any, ...] = tuple(model for model in MODELS if issubclass(model, Document))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--cluster`, leaves out tests that meet no server, or that change or examine the process itself."""
    if not config.getoption("cluster"):
        return
    here = str(Path(__file__).parent)
    elsewhere = [item for item in items if not str(item.path).startswith(here)]
    served = [
        item
        for item in items
        if item not in elsewhere
        and "open_app" in getattr(item, "fixturenames", ())
        and "monkeypatch" not in getattr(item, "fixturenames", ())
        and item.get_closest_marker("in_process") is None
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in served and item not in elsewhere])
    items[:] = [*elsewhere, *served]


@pytest.fixture(scope="module")
def mongo_uri(mongo_uri: str, request: pytest.FixtureRequest) -> str:
    """The URI of the database: of the cluster's with `--cluster`, else of this module's own."""
    if request.config.getoption("cluster"):
        cluster: Cluster = request.getfixturevalue("cluster")
        return cluster.mongodb_uri
    return mongo_uri


@pytest.fixture
def documents(mongo_uri: str) -> Iterator[None]:
    """The chat's documents, connected as an application connects them, with their indexes and nothing else."""
    connection = acquire(Target(mongo_uri), DOCUMENTS)
    try:
        empty()
        yield
    finally:
        release(connection)


def opened(env: dict[str, str]) -> Application:
    """Returns the chat as `create_app` does. Many tests share the table, which never changes."""
    return Application(_table(tuple(sorted(env.items()))), env=env, database_uri=None, watch=False)


@lru_cache(maxsize=8)
def _table(env: tuple[tuple[str, str], ...]) -> Table:
    table = plugins.load(ROUTES, dict(env))
    for route in table.routes:
        if (hashing := route.options.app.get("hashing")) is not None:
            hashing.update(timeCost=1, memoryCost=8)  # tests register thousands of users
    return table


def empty() -> None:
    """Empties the collections of the chat, with their indexes applied."""
    database = DOCUMENTS[0]._get_db()
    if database not in _with_indexes:
        indexes.apply(DOCUMENTS)
        _with_indexes.append(database)
    for document in DOCUMENTS:
        document.objects.delete()


_with_indexes: list[Any] = []


@pytest.fixture
def open_app(mongo_uri: str, request: pytest.FixtureRequest) -> Open:
    """Serves the chat on the test's database as it is, with these additional environment variables."""
    if request.config.getoption("cluster"):
        return partial(_opened_by_workers, request.getfixturevalue("cluster"))
    return partial(_opened, mongo_uri)


@asynccontextmanager
async def _opened_by_workers(cluster: Cluster, **env: str) -> AsyncIterator[Any]:
    connection = acquire(Target(cluster.mongodb_uri), DOCUMENTS)
    cluster.redis.forget_limits()
    try:
        async with relayed(cluster, {document.__name__: document for document in DOCUMENTS}, env) as relay:
            yield relay
    finally:
        release(connection)


@asynccontextmanager
async def _opened(mongo_uri: str, **env: str) -> AsyncIterator[Application]:
    app = opened({"JWT_SECRET": SECRET, "MONGODB_URI": mongo_uri, **env})
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def emptied(open_app: Open) -> None:
    """Empties the database before any job begins."""
    async with open_app():
        await asyncio.to_thread(empty)


@pytest.fixture
def environment() -> dict[str, str]:
    """The additional environment variables of `app`. A module may define its own."""
    return {}


@pytest.fixture
async def app(open_app: Open, environment: dict[str, str]) -> AsyncIterator[Application]:
    """The chat on an empty database."""
    async with open_app(**environment) as app:
        await asyncio.to_thread(empty)
        yield app


@pytest.fixture
def join(app: Application) -> Join:
    """Registers a user by name."""
    return partial(register, app)


@pytest.fixture
async def ann(join: Join) -> Caller:
    return await join("ann")


@pytest.fixture
async def bob(join: Join) -> Caller:
    return await join("bob")


@pytest.fixture
async def cat(join: Join) -> Caller:
    return await join("cat")


@pytest.fixture
async def place(ann: Caller, bob: Caller) -> str:
    """The direct conversation of ann and bob. A module may define its own, with messages."""
    return await ann.open(bob)


@pytest.fixture
async def desk(app: Application) -> AsyncIterator[Desk]:
    """The workers of the chat, which a test starts by hand."""
    async with driven(app) as desk:
        yield desk


@pytest.fixture
def empty_mailbox() -> Iterator[None]:
    """Empties the mailbox of the senders before and after a test."""
    mailbox.empty()
    yield
    mailbox.empty()


@pytest.fixture
def logged(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """Returns the log of the chat since the test began, without the records of the database driver."""
    if request.config.getoption("cluster"):
        logs = [worker.log for worker in request.getfixturevalue("cluster").workers]
        began = [log.stat().st_size for log in logs]
        return lambda: "".join(log.read_text()[start:] for log, start in zip(logs, began, strict=True))
    caplog.set_level(logging.DEBUG)

    def records() -> str:
        ours = [record for record in caplog.records if not record.name.startswith("pymongo")]
        return "".join(record.getMessage() + str(record.__dict__) for record in ours)

    return records
