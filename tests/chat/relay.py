"""The chat of a cluster in the place of an application: `pytest tests/chat --cluster`."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx2
from starlette.types import Receive, Scope, Send

from tests.cluster.cluster import Cluster


class Relay:
    """An ASGI application that sends each request to the balancer of a cluster, and each answer back.

    `server` has what tests use of an application's: its models, and `stop`, which ends the workers.
    """

    def __init__(self, cluster: Cluster, models: Mapping[str, Any], client: httpx2.AsyncClient) -> None:
        self.cluster = cluster
        self.server = SimpleNamespace(models=SimpleNamespace(**models), stop=self._stop)
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        body = (await receive())["body"]
        path = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        headers = [(name, value.strip()) for name, value in scope["headers"] if name != b"content-length" or body]
        url = httpx2.URL(self.cluster.url).copy_with(raw_path=path)
        answer = await self._client.request(scope["method"], url, headers=headers, content=body)
        pairs = [(name.lower(), value) for name, value in answer.headers.raw]
        await send({"type": "http.response.start", "status": answer.status_code, "headers": pairs})
        await send({"type": "http.response.body", "body": answer.content})

    async def _stop(self) -> None:
        await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in self.cluster.workers))


@asynccontextmanager
async def relayed(cluster: Cluster, models: Mapping[str, Any], env: Mapping[str, str]) -> AsyncIterator[Relay]:
    """The chat of a cluster whose workers run with these environment variables besides their own."""
    await asyncio.to_thread(cluster.run_with, env)
    async with httpx2.AsyncClient(timeout=30) as client:
        yield Relay(cluster, models, client)
