"""`request.server`: its information and routes, and injected requests."""

import pytest

from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

TABLE = """
server:
  host: chat.test
  address: 0.0.0.0
  port: 8000
  plugins: {audit: {level: 3}}
  query: {parser: "my:nested"}
ext: {onRequest: "my:rewrite"}
routes:
  - {method: GET, path: /, id: home, handler: "my:home"}
  - {method: POST, path: /, vhost: a.test, handler: "my:home"}
  - {method: GET, path: /secret, id: secret, handler: "my:secret", options: {isInternal: true}}
  - {method: GET, path: "/{any*}", handler: "my:any"}
"""

CODE = """
def nested(query):
    if "bad" in query:
        return 5
    return {"filter": {key.partition(".")[2]: value for key, value in query.items()}}

async def rewrite(request, h):
    if request.path == "/old":
        request.set_url("/?filter.a=2")
    return h.continue_

async def home(request, h):
    return {"query": request.query, "level": request.server.settings.plugins["audit"]["level"]}

async def secret(request, h):
    return "secret"

async def any(request, h):
    answer = await request.server.inject(url="/secret", allow_internals=True)
    return request.generate_response(answer.text.upper())
"""


async def test_an_internal_route_does_not_exist_for_the_world(make: Make) -> None:
    app = make(TABLE, CODE)
    assert (await inject(app, url="/secret")).text == "SECRET"
    assert (await inject(app, url="/secret", allow_internals=True)).text == "secret"
    assert [route and route.path for route in (app.server.match("GET", "/secret"), app.server.lookup("secret"))] == [
        "/{any*}",
        "/secret",
    ]
    assert "GET" in str((await inject(app, url="/secret", method="PUT")).headers["allow"])


async def test_an_internal_route_takes_no_method_from_the_allowed_ones(make: Make) -> None:
    app = make("routes: [{method: GET, path: /s, handler: 'my:secret', options: {isInternal: true}}]", CODE)
    assert (await inject(app, url="/s")).status_code == 404
    assert (await inject(app, url="/s", method="POST")).status_code == 404
    assert (await app.server.inject(url="/s")).status_code == 404
    assert (await app.server.inject(url="/s", allow_internals=True)).text == "secret"


async def test_the_query_is_what_a_parser_of_ones_own_makes_of_it(make: Make) -> None:
    app = make(TABLE, CODE)
    assert (await inject(app, url="/?filter.a=1")).json == {"query": {"filter": {"a": "1"}}, "level": 3}
    assert (await inject(app, url="/old")).json["query"] == {"filter": {"a": "2"}}
    assert (await inject(app, url="/?bad=1")).status_code == 500


async def test_the_routes_of_a_server_can_be_listed(make: Make) -> None:
    server = make(TABLE, CODE).server
    assert [route.path for route in server.table()] == ["/", "/", "/secret", "/{any*}"]
    assert [route.method for route in server.table("b.test")] == ["get", "get", "get"]


@pytest.mark.parametrize(
    ("settings", "protocol", "uri"),
    [
        ("{host: chat.test, port: 8000}", "http", "http://chat.test:8000"),
        ("{host: '::1', port: 8000}", "http", "http://[::1]:8000"),
        ("{host: a.test, uri: 'https://b.test/x'}", "http", "https://b.test/x"),
        ("{socket: run/x.sock}", "socket", "socket:run/x.sock"),
        ("{port: 8000, tls: {key: k, cert: c}}", "https", "https://127.0.0.1:8000"),
    ],
)
async def test_a_server_knows_where_it_is(make: Make, settings: str, protocol: str, uri: str) -> None:
    info = make(f"server: {settings}\nroutes: []").server.info
    assert (info.protocol, info.uri, info.started) == (protocol, uri, None)


async def test_a_server_knows_since_when_and_on_which_port_it_serves(make: Make) -> None:
    server = make(TABLE, CODE).server
    await server.start()
    server.listening(4711)
    info = server.info
    assert info.started is not None
    assert info.started >= info.created
    assert (info.host, info.address, info.port, info.uri) == ("chat.test", "0.0.0.0", 4711, "http://chat.test:4711")
    assert info.id == server.info.id
    await server.stop()
