"""`server.requestId`: the sources of a request id."""

import logging
from typing import Any

import pytest

from hapiish import TableError
from hapiish.http.exchange.request_id import Identity
from hapiish.testing import Injected, inject
from tests.http.conftest import Make
from tests.http.support import make_request

pytestmark = pytest.mark.anyio

CODE = """
    def id(request, h):
        return {"id": request.id, "info": request.info.id}

    def fails(request, h):
        raise ValueError("oops")

    def make_id(request):
        return "made-" + request.path.strip("/")

    def bad_id(request):
        return "no id, but a text"

    def broken_id(request):
        raise ValueError("no more ids")
"""


def table(settings: str, server: str = "") -> str:
    return f"""
    server: {{requestId: {settings}{server}}}
    routes:
      - {{method: GET, path: /, handler: "my:id"}}
      - {{method: GET, path: /a, handler: "my:id"}}
      - {{method: GET, path: /fails, handler: "my:fails"}}
    """


def same(answer: Injected, header: str = "x-request-id") -> str:
    id = str(answer.headers[header])
    assert answer.json == {"id": id, "info": id}
    return id


async def test_a_function_of_the_tables_makes_ids(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    app = make(table("{generate: 'my:make_id', header: X-Trace}"), CODE)
    with caplog.at_level(logging.INFO):
        assert same(await inject(app, url="/a"), "x-trace") == "made-a"
    assert {record.__dict__["fields"]["request_id"] for record in caplog.records} == {"made-a"}
    failed = await inject(app, url="/fails")
    assert failed.headers["x-trace"] == "made-fails"
    assert "made-fails" in caplog.text
    assert (await inject(app, url="/nowhere")).headers["x-trace"] == "made-nowhere"


async def test_an_id_that_comes_in_goes_before_one_that_would_be_made(make: Make) -> None:
    app = make(table("{generate: 'my:make_id', trust: true, header: X-Trace}"), CODE)
    assert same(await inject(app, headers={"X-Trace": "abc"}), "x-trace") == "abc"
    for wrong in ("", "a b", "x" * 129, "ä"):
        assert same(await inject(app, url="/a", headers={"x-trace": wrong}), "x-trace") == "made-a"


@pytest.mark.parametrize("generate", ["bad_id", "broken_id"])
async def test_a_request_whose_id_cannot_be_made_is_answered_all_the_same(
    make: Make, generate: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(table(f"{{generate: 'my:{generate}'}}"), CODE)
    answer = await inject(app)
    assert answer.status_code == 200
    same(answer)
    assert [record.levelname for record in caplog.records if "requestId.generate" in record.message] == ["ERROR"]


@pytest.mark.parametrize(
    ("peer", "taken"), [("10.0.0.1", True), ("203.0.113.7", False)], ids=["a trusted proxy", "anybody"]
)
async def test_behind_proxies_only_those_are_trusted_with_ids(make: Make, peer: str, taken: bool) -> None:
    app = make(table("{trust: true}", ", trustedProxies: [10.0.0.0/8]"), CODE)
    headers = {"x-request-id": "abc", "x-forwarded-for": "198.51.100.1"}
    assert (same(await inject(app, headers=headers, remote_address=peer)) == "abc") is taken


async def test_what_makes_ids_must_be_a_function(make: Make) -> None:
    with pytest.raises(TableError) as refused:
        make(table("{generate: 'my:boom'}"), CODE)
    problem: Any = refused.value.problems[0]
    assert (problem.code, problem.mark.line) == ("HA0402", 2)


async def test_the_events_of_one_socket_do_not_share_the_id_of_its_handshake() -> None:
    identity = Identity(header="x-request-id", trust=True, proxied=False, generate=None)
    handshake, event = (make_request(headers={"x-request-id": "abc"}) for _ in range(2))
    event.method = "event"
    assert identity(handshake) == "abc"
    assert len({identity(event), identity(event), "abc"}) == 3
