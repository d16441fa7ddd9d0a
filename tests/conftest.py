"""What tests of every area share: a real MongoDB for the whole run, one database for each test module and worker."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from hapiish.store import local

ROOT = Path(__file__).parent.parent


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
