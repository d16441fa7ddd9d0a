"""Fixture: the todo project, YAML and two document classes, on a real MongoDB."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hapiish import Application, create_app
from hapiish.testing import Injected, inject

PROJECT = Path(__file__).parent.parent / "projects" / "todo"


class Client:
    """Requests in somebody's name; what is answered must have the status that is expected."""

    def __init__(self, app: Application, name: str | None) -> None:
        self.app = app
        self.credentials = {"sub": name} if name is not None else None

    async def __call__(self, method: str, url: str, payload: Any = None, status: int | None = None) -> Any:
        """The JSON of the answer, the answer itself when it has none."""
        response = await self.send(method, url, payload)
        assert response.status_code == (status or {"POST": 201, "DELETE": 204}.get(method, 200)), response.text
        return response.json if response.payload else response

    async def send(self, method: str, url: str, payload: Any = None) -> Injected:
        """The answer as it is."""
        return await inject(self.app, method=method, url=url, payload=payload, credentials=self.credentials)


@pytest.fixture
async def todos(mongo_uri: str, anyio_backend: str) -> AsyncIterator[Application]:
    """The application with an empty database."""
    app = create_app(PROJECT / "routes.yaml", env={}, database_uri=mongo_uri)
    await app.server.start()
    for name in app.server.models:
        await app.server.pool.call(emptied, getattr(app.server.models, name))
    yield app
    await app.server.stop()


def emptied(model: Any) -> None:
    model.drop_collection()
    model.ensure_indexes()


@pytest.fixture
def ann(todos: Application) -> Client:
    return Client(todos, "ann")


@pytest.fixture
def bob(todos: Application) -> Client:
    return Client(todos, "bob")
