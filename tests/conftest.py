"""Shared fixtures: a real MongoDB with one database for each test module and worker, and a real Redis."""

import gc
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pymongo import MongoClient

from hapiish.store import local
from tests.cluster.cluster import Cluster
from tests.redis_server import RedisServer

pytest_plugins = ["hapiish.pytest_plugin"]  # an installation older than the entry point does not load it

ROOT = Path(__file__).parent.parent

# A busy machine must not fail a test: hypothesis measures the time of examples and of their generation.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


SLOWEST = (
    *("cli/test_first_minutes", "cluster/test_chat", "web/test_browser", "cluster/test_faults", "chat/test_examples"),
    *("documentation/test_browser", "model/test_model", "describe/test_types", "testing/test_pytest_plugin"),
    *("docs/test_recipes", "realtime/cluster/test_outages", "docs/test_projects", "cli/test_contract"),
)
"""The files that take longest. They come first, so that no worker is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Orders the files: the slowest first, then those with the most tests."""
    files = {item: item.path.relative_to(ROOT / "tests").with_suffix("").as_posix() for item in items}
    ranks, counts = {file: rank for rank, file in enumerate(SLOWEST)}, Counter(files.values())

    def place(item: pytest.Item) -> tuple[int, int, str]:
        file = files[item]
        return ranks.get(file, len(SLOWEST)), -counts[file], file

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Leaves the modules and the collected tests out of later collections of garbage: a tenth of the CPU time."""
    gc.collect()
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that lets the tests of the chat run against several processes."""
    parser.addoption("--cluster", action="store_true", help="tests/chat: three workers behind nginx, with Redis")


@pytest.fixture(autouse=True)
def search_path() -> Iterator[None]:
    """Takes the folders of a test's tables out of `sys.path`: a `tests` there would hide a part of this one."""
    before = sys.path.copy()
    yield
    sys.path[:] = before


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[str]:
    """The URI of a local mongod; workers of one run attach to the same, and the last one to leave ends it."""
    with local.start(ROOT / ".hapiish" / "tests") as server:
        yield server.uri


@pytest.fixture(scope="module")
def mongo_uri(mongo_server: str, request: pytest.FixtureRequest, worker_id: str) -> Iterator[str]:
    """The URI of an empty database of this test module's own; dropped when the module is through."""
    module = request.module.__name__.rpartition(".")[2]
    name = f"{module[:30]}-{worker_id}-{os.getpid()}"
    yield mongo_server.replace("/?", f"/{name}?")
    with MongoClient[dict[str, object]](mongo_server) as client:
        client.drop_database(name)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A redis-server of this worker's own, started by the first test that wants one."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of a Redis that is empty."""
    redis_server.empty()
    return redis_server.url


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """nginx, three workers of the chat, Redis and a MongoDB replica set, started by the first test that wants them."""
    with Cluster() as started:
        yield started
