"""`limit` on events: counted as on routes, refused in the acknowledgement."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from hapiish import Application, create_app
from tests.realtime.support import member, serving

pytestmark = pytest.mark.anyio

Make = Callable[[str], Application]

CODE = """
from hapiish import boom

def ok(request, h):
    return {}

def no(request, h):
    raise boom.Forbidden("no")
"""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def write(table: str) -> Application:
        (tmp_path / "routes.yaml").write_text(dedent(table))
        (tmp_path / "my.py").write_text(CODE)
        return create_app(tmp_path / "routes.yaml")

    return write


async def test_more_events_than_the_limit_are_told_to_wait(make: Make) -> None:
    app = make(
        """
        sockets:
          namespaces:
            - events:
                - {event: a, handler: "my:ok", options: {limit: {max: 2, duration: 1m, by: address}}}
                - {event: b, handler: "my:ok"}
        """
    )
    async with serving(app) as port, member(port) as client, member(port) as other:
        assert [(await client.ask("a"))["ok"], (await other.ask("a"))["ok"]] == [True, True]
        refused = await client.ask("a")
        assert await client.ask("b") == {"ok": True}
    assert refused["ok"] is False
    assert 0 < refused["error"].pop("retryAfter") <= 60
    assert refused["error"] == {
        "statusCode": 429,
        "error": "Too Many Requests",
        "message": "Too Many Requests",
        "code": "too_many_requests",
    }


async def test_a_route_and_an_event_can_be_counted_together_and_failures_alone(make: Make) -> None:
    app = make(
        """
        server: {routes: {limit: {max: 2, duration: 1m, count: failures, name: failed}}}
        sockets: {namespaces: [{events: [{event: a, handler: "my:no"}, {event: b, handler: "my:ok"}]}]}
        routes: []
        """
    )
    async with serving(app) as port, member(port) as client:
        answers = [await client.ask(event) for event in ("b", "a", "b", "b", "a", "b")]
    assert [answer.get("error", {}).get("statusCode", 200) for answer in answers] == [200, 403, 200, 200, 403, 429]
