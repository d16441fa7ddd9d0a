"""Fixtures of the chat's tests: documents on the real database, the application, and its users."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from hapiish import Application, create_app
from hapiish.store import indexes
from hapiish.store.connection import Target, acquire, release
from hapiish.testing import inject
from models.conversation import Conversation
from models.message import Message
from models.user import User
from tests.chat.callers import ROUTES, SECRET, Caller, Join, Open

DOCUMENTS = (User, Conversation, Message)


@pytest.fixture
def documents(mongo_uri: str) -> Iterator[None]:
    """The chat's documents, connected as an application connects them, with their indexes and nothing else."""
    connection = acquire(Target(mongo_uri), DOCUMENTS)
    try:
        _empty()
        yield
    finally:
        release(connection)


def _empty() -> None:
    indexes.apply(DOCUMENTS)
    for document in DOCUMENTS:
        document.objects.delete()


@pytest.fixture
def open_app(mongo_uri: str) -> Open:
    """Serves the chat on the test's database as it is, with these environment variables besides its own."""
    return partial(_opened, mongo_uri)


@asynccontextmanager
async def _opened(mongo_uri: str, **env: str) -> AsyncIterator[Application]:
    app = create_app(ROUTES, env={"JWT_SECRET": SECRET, "MONGODB_URI": mongo_uri, **env})
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def app(open_app: Open) -> AsyncIterator[Application]:
    """The chat on an empty database."""
    async with open_app() as app:
        await asyncio.to_thread(_empty)
        yield app


@pytest.fixture
def join(app: Application) -> Join:
    """Registers a user by name."""

    async def register(name: str) -> Caller:
        account = {"fullName": name.title(), "email": f"{name}@example.org", "password": f"{name}'s password"}
        answer = await inject(app, method="POST", url="/register", payload=account)
        assert answer.status_code == 200
        return Caller(app, answer.json)

    return register
