"""Load limits: measurements, and refusal of requests."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from hapiish import boom, options
from hapiish.http.exchange.events import Events
from hapiish.http.guards.load import Load, resident
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

REQUEST: Any = SimpleNamespace(server=SimpleNamespace(events=Events()))


class Clocks:
    now = busy = 0.0
    rss = 1000


def load(clocks: Clocks, **limits: Any) -> Load:
    made = Load(
        options.Load(sample_interval=options.Duration(1000), **limits),
        clock=lambda: clocks.now,
        busy=lambda: clocks.busy,
        rss=lambda: clocks.rss,
    )
    made.begin()
    return made


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_event_loop_delay": 499}, "Server under heavy load (event loop)"),
        ({"max_event_loop_utilization": 0.5}, "Server under heavy load (event loop utilization)"),
        ({"max_rss_bytes": 999}, "Server under heavy load (rss)"),
        ({"max_event_loop_delay": 500, "max_event_loop_utilization": 0.8, "max_rss_bytes": 1000}, None),
    ],
)
def test_what_passes_a_limit_is_refused_in_hapis_words(limits: dict[str, Any], message: str | None) -> None:
    clocks = Clocks()
    sampled = load(clocks, **limits)
    clocks.now, clocks.busy = 1.5, 1.2
    sampled.sample()
    assert sampled.facts() == {"eventLoopDelay": 500, "eventLoopUtilization": pytest.approx(0.8), "rss": 1000}
    if message is None:
        sampled.check(REQUEST)
    else:
        with pytest.raises(boom.ServerUnavailable) as caught:
            sampled.check(REQUEST)
        assert caught.value.message == message


async def test_a_sample_that_is_overdue_counts(caplog: pytest.LogCaptureFixture) -> None:
    clocks = Clocks()
    sampled = load(clocks, max_event_loop_delay=100)
    sampled.start()
    await asyncio.sleep(0)
    clocks.now = 1.2
    with pytest.raises(boom.ServerUnavailable):
        sampled.check(REQUEST)
    sampled.stop()


def test_resident_memory_is_that_of_a_python_process() -> None:
    assert 5_000_000 < resident() < 50_000_000_000


async def test_a_request_is_refused_before_on_request(make: Make) -> None:
    table = """
    server: {load: {sampleInterval: 1h, maxRssBytes: 1}}
    ext: {onRequest: "my:never", onPreResponse: "my:before"}
    routes: [{method: GET, path: /, handler: "my:never"}]
    """
    code = """
    async def never(request, h):
        raise AssertionError
    async def before(request, h):
        return request.response.header("x-seen", "yes")
    """
    app = make(table, code)
    await app.server.start()
    await asyncio.sleep(0)
    response = await inject(app)
    assert response.json["message"] == "Server under heavy load (rss)"
    assert (response.status_code, response.headers["x-seen"]) == (503, "yes")
    assert app.server.load.rss > 1
    await app.server.stop()


async def test_a_reload_samples_by_the_new_settings(make: Make) -> None:
    app = make("server: {load: {sampleInterval: 1h, maxRssBytes: 1}}\nroutes: []")
    await app.server.start()
    before = app.server.load
    assert await app.reload() == []
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert app.server.load is not before
    assert app.server.load.rss > 1
    await app.server.stop()
