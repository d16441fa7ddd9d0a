"""The handlers of the probes, called as by a route."""

import asyncio
from types import SimpleNamespace
from typing import Any

from hapiish import health
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.toolkit import Toolkit


def ask(checks: dict[str, bool | health.Check]) -> Response:
    async def readiness() -> dict[str, bool | health.Check]:
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


def test_without_a_check_that_is_not_required_it_is_degraded_and_shows_the_details() -> None:
    answer = ask({"database": True, "sweeper": health.Check(passed=False, is_required=False, details={"runs": 3})})
    assert (answer.status_code, answer.source["status"]) == (200, "degraded")
    assert answer.source["checks"] == {"database": True, "sweeper": False}
    assert answer.source["details"] == {"sweeper": {"runs": 3}}


def test_a_required_check_of_the_application_makes_it_unavailable() -> None:
    answer = ask({"database": True, "licence": health.Check(passed=False)})
    assert (answer.status_code, answer.source["status"]) == (503, "unavailable")
