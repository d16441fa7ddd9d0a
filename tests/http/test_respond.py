from datetime import UTC, datetime
from typing import Any

import pytest

from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

TABLE = """
routes:
  - {method: "*", path: /, handler: "my:handler", options: OPTIONS}
"""


def app_of(make: Make, body: str, options: str = "{}") -> Any:
    code = "from datetime import datetime, UTC\nasync def handler(request, h):\n    " + body + "\n"
    return make(TABLE.replace("OPTIONS", options), code)


@pytest.mark.parametrize(
    ("value", "status", "content_type", "text"),
    [
        ("'hi'", 200, "text/html; charset=utf-8", "hi"),
        ("''", 204, "text/html; charset=utf-8", ""),
        ("None", 204, None, ""),
        ("h.continue_", 204, None, ""),
        ("{'a': 1}", 200, "application/json; charset=utf-8", '{"a":1}'),
        ("{}", 200, "application/json; charset=utf-8", "{}"),
        ("0", 200, "application/json; charset=utf-8", "0"),
        ("False", 200, "application/json; charset=utf-8", "false"),
        ("b'raw'", 200, "application/octet-stream", "raw"),
        ("b''", 204, "application/octet-stream", ""),
        ("datetime(2026, 1, 2, tzinfo=UTC)", 200, "application/json; charset=utf-8", '"2026-01-02T00:00:00.000Z"'),
        ("h.response('<a/>').type('text/xml')", 200, "text/xml; charset=utf-8", "<a/>"),
        ("h.response('x').type('application/xml')", 200, "application/xml", "x"),
        ("h.response('x').type('text/plain; charset=ascii')", 200, "text/plain; charset=ascii", "x"),
        ("h.response('x').type('text/plain').charset(None)", 200, "text/plain", "x"),
        ("h.response({}).type('application/vnd.api+json')", 200, "application/vnd.api+json", "{}"),
        ("h.response('x').header('content-type', 'image/png')", 200, "image/png", "x"),
        ("h.response().code(200)", 200, None, ""),
    ],
)
async def test_a_value_becomes_a_body(make: Make, value: str, status: int, content_type: str | None, text: str) -> None:
    response = await inject(app_of(make, f"return {value}"))
    assert (response.status_code, response.headers.get("content-type"), response.text) == (status, content_type, text)


@pytest.mark.parametrize(
    ("options", "value", "text"),
    [
        ("{json: {space: 2}}", "{'a': [1]}", '{\n  "a": [\n    1\n  ]\n}'),
        ("{json: {suffix: '!'}}", "{'a': 1}", '{"a":1}!'),
        ("{json: {escape: true}}", "{'a': '<&>\\u2028'}", '{"a":"\\u003c\\u0026\\u003e\\u2028"}'),
        ("{json: {replacer: [a, b]}}", "{'a': {'b': 1, 'c': 2}, 'd': 3}", '{"a":{"b":1}}'),
        ("{}", "h.response({'a': 1}).spaces(1).suffix('.')", '{\n "a": 1\n}.'),
    ],
)
async def test_json_is_written_as_the_route_or_the_response_says(
    make: Make, options: str, value: str, text: str
) -> None:
    assert (await inject(app_of(make, f"return {value}", options))).text == text


async def test_a_header_that_the_handler_set_is_never_overwritten(make: Make) -> None:
    body = "return h.response('x').header('X-Frame-Options', 'mine').header('Cache-Control', 'no-store')"
    response = await inject(app_of(make, body, "{security: true, cache: {otherwise: no-cache}}"))
    assert response.headers["x-frame-options"] == "mine"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("chain", "name", "value"),
    [
        (".header('a', 1)", "a", "1"),
        (".header('a', 1).header('a', 2)", "a", "2"),
        (".header('a', 1).header('a', 2, override=False)", "a", "1"),
        (".header('a', 1).header('a', 2, append=True)", "a", "1,2"),
        (".header('a', 1).header('a', 1, append=True, duplicate=False)", "a", "1"),
        (".header('vary', 'x').vary('y').vary('x')", "vary", "x,y"),
        (".vary('x').vary('*').vary('y')", "vary", "*"),
        (".header('set-cookie', 'a=1').header('set-cookie', 'b=2')", "set-cookie", ["a=1", "b=2"]),
        (".location('/x')", "location", "/x"),
    ],
)
async def test_headers_are_set_appended_and_kept(make: Make, chain: str, name: str, value: object) -> None:
    assert (await inject(app_of(make, f"return h.response('x'){chain}"))).headers[name] == value


async def test_head_has_the_headers_of_get_and_no_body(make: Make) -> None:
    app = app_of(make, "return 'hello'")
    response = await inject(app, method="HEAD")
    assert (response.payload, response.headers["content-length"]) == (b"", "5")
    assert "accept-ranges" not in response.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-none-match": '"v1"'}, 304),
        ({"if-none-match": '"v2"'}, 200),
        ({"if-match": '"v2"'}, 412),
        ({"if-match": "*"}, 200),
    ],
)
async def test_preconditions_are_judged_for_reading_methods_only(
    make: Make, headers: dict[str, str], status: int
) -> None:
    app = app_of(make, "return h.response('x').etag('v1')")
    assert (await inject(app, headers=headers)).status_code == status
    assert (await inject(app, method="POST", headers=headers)).status_code == 200


async def test_entity_stops_a_write_to_another_state(make: Make) -> None:
    app = app_of(make, "h.entity(etag='v1')\n    return 'written'")
    assert (await inject(app, method="PUT", headers={"if-match": '"v0"'})).status_code == 412
    written = await inject(app, method="PUT", headers={"if-match": '"v1"'})
    assert (written.text, written.headers["etag"]) == ("written", '"v1"')


async def test_a_range_is_for_get_only(make: Make) -> None:
    app = app_of(make, "return b'0123456789'")
    part = await inject(app, headers={"range": "bytes=2-3"})
    assert (part.status_code, part.payload, part.headers["content-range"]) == (206, b"23", "bytes 2-3/10")
    assert (await inject(app, method="POST", headers={"range": "bytes=2-3"})).payload == b"0123456789"
    wrong = await inject(app, headers={"range": "bytes=20-"})
    assert (wrong.status_code, wrong.headers["content-range"]) == (416, "bytes */10")


async def test_a_ttl_of_the_response_wins_even_where_caching_is_off(make: Make) -> None:
    response = await inject(app_of(make, "return h.response('x').ttl(5000)", "{cache: false}"))
    assert response.headers["cache-control"] == "max-age=5, must-revalidate"
    assert "cache-control" not in (await inject(app_of(make, "return 'x'", "{cache: false}"))).headers


async def test_a_cookie_makes_a_public_response_private(make: Make) -> None:
    table = """
    routes:
      - method: GET
        path: /
        handler: my:handler
        options: {cache: {expiresIn: 60s, privacy: public}}
    """
    code = "async def handler(request, h):\n    h.state('a', '1')\n    return 'x'\n"
    assert (await inject(make(table, code))).headers["cache-control"] == "max-age=60, must-revalidate, private"


async def test_cookies_of_the_toolkit_reach_errors_but_not_a_500(make: Make) -> None:
    conflict = await inject(app_of(make, "h.state('a', '1')\n    raise boom.Conflict()"))
    assert str(conflict.headers["set-cookie"]).startswith("a=1;")
    table = "state: {a: {}, b: {}}" + TABLE.replace("OPTIONS", "{}")
    crash = "    h.state('a', '1')\n    h.unstate('b')\n    h.unstate('foreign')\n    raise ValueError\n"
    failed = await inject(make(table, f"async def handler(request, h):\n{crash}"))
    assert str(failed.headers["set-cookie"]).startswith("b=; Max-Age=0;")


async def test_a_cookie_that_no_browser_would_take_is_our_error(make: Make) -> None:
    assert (await inject(app_of(make, "h.state('a', 'b c')\n    return 'x'"))).status_code == 500


async def test_the_expiry_of_a_cookie_lies_ahead(make: Make) -> None:
    response = await inject(app_of(make, "h.state('a', '1', ttl=60000)\n    return 'x'"))
    expires = str(response.headers["set-cookie"]).partition("Expires=")[2].partition(";")[0]
    assert datetime.strptime(expires, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC) > datetime.now(UTC)
