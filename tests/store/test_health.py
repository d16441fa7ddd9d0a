"""The handlers of the probes, called as by a route."""

import asyncio
from types import SimpleNamespace
from typing import Any

from hapiish import health
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.toolkit import Toolkit


def ask(checks: dict[str, bool]) -> Response:
    async def readiness() -> dict[str, bool]:
        return checks

    request: Any = SimpleNamespace(server=SimpleNamespace(readiness=readiness))
    answer = asyncio.run(health.ready(request, Toolkit(request)))
    assert isinstance(answer, Response)
    return answer


def test_a_process_is_alive_whatever_its_database_does() -> None:
    request: Any = SimpleNamespace()
    answer = asyncio.run(health.live(request, Toolkit(request)))
    assert (answer.status_code, answer.source) == (200, {"status": "live"})


def test_it_is_ready_when_every_check_passes() -> None:
    answer = ask({"database": True, "accepting": True})
    assert answer.status_code == 200
    assert answer.source == {"status": "ready", "checks": {"database": True, "accepting": True}}


def test_it_is_not_ready_when_one_check_fails_and_says_which() -> None:
    answer = ask({"database": False, "accepting": True})
    assert (answer.status_code, answer.source["status"]) == (503, "unavailable")
    assert answer.source["checks"] == {"database": False, "accepting": True}
    assert answer.headers["retry-after"] == "1"
