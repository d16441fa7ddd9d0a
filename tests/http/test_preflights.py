"""A preflight is answered for the route that it announces, and for no other."""

from typing import Any

import pytest

from hapiish import Application
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

CODE = "    def hello(request, h):\n        return {}\n"
TABLE = """
    server: {routes: {cors: {origin: ["https://a.example"]}}}
    routes:
      - {method: GET, path: /, handler: "my:hello"}
      - {method: GET, path: /closed, handler: "my:hello", options: {cors: false}}
      - {method: GET, path: /other, handler: "my:hello", options: {cors: {origin: ["https://b.example"]}}}
"""
GRANT = "access-control-allow-origin"


@pytest.fixture
def app(make: Make) -> Application:
    return make(TABLE, CODE)


async def preflight(app: Application, url: str, origin: str) -> dict[str, Any]:
    answer = await inject(
        app, method="OPTIONS", url=url, headers={"origin": origin, "access-control-request-method": "GET"}
    )
    assert answer.status_code == 200
    return dict(answer.headers)


async def test_a_route_without_cors_grants_nothing(app: Application) -> None:
    headers = await preflight(app, "/closed", "https://a.example")
    assert not [name for name in headers if name.startswith("access-control-")]


async def test_a_table_of_which_no_route_has_cors_grants_nothing(make: Make) -> None:
    app = make("\n".join(line for line in TABLE.splitlines() if "path" not in line or "/closed" in line), CODE)
    headers = await preflight(app, "/closed", "https://a.example")
    assert not [name for name in headers if name.startswith("access-control-")]


async def test_a_route_grants_to_its_own_origins_and_not_to_those_of_the_server(app: Application) -> None:
    assert GRANT not in await preflight(app, "/other", "https://a.example")
    assert (await preflight(app, "/other", "https://b.example"))[GRANT] == "https://b.example"
    assert (await preflight(app, "/", "https://a.example"))[GRANT] == "https://a.example"
    assert GRANT not in await preflight(app, "/", "https://b.example")
