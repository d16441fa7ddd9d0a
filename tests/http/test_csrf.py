"""`csrf`: crumb's double-submit token."""

import logging
from typing import Any

import pytest

from hapiish import Application
from hapiish.testing import Injected, inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

CODE = """
    def form(request, h):
        return {"token": request.plugins.get("crumb")}

    def made(request, h):
        return {"token": request.plugins["csrf"].generate(request)}

    def save(request, h):
        return {"payload": request.payload, "query": request.query}

    def is_robot(request, h):
        return request.headers.get("x-robot") == "yes"
"""
TABLE = """
    server: {routes: {csrf: CSRF, cors: {origin: ["https://app.example.com"]}}}
    routes:
      - {method: GET, path: /, handler: "my:form"}
      - {method: GET, path: /made, handler: "my:made"}
      - {method: [POST, PUT, DELETE], path: /save, handler: "my:save"}
      - {method: POST, path: /free, handler: "my:save", options: {csrf: false}}
      - {method: POST, path: /query, handler: "my:save", options: {csrf: {source: query}}}
      - {method: POST, path: /rest, handler: "my:save", options: {csrf: {restful: true}}}
"""


@pytest.fixture
def app(make: Make) -> Application:
    return make(TABLE.replace("CSRF", "true"), CODE)


async def token_of(app: Application, **request: Any) -> str:
    answer = await inject(app, **request)
    token = str(answer.headers["set-cookie"]).partition(";")[0].partition("=")[2]
    assert answer.json == {"token": token}
    return token


async def post(app: Application, payload: Any = None, *, token: str = "", url: str = "/save", **more: Any) -> Injected:
    headers = {**({"cookie": f"crumb={token}"} if token else {}), **more.pop("headers", {})}
    return await inject(app, method=more.pop("method", "POST"), url=url, headers=headers, payload=payload, **more)


async def test_a_page_sets_a_token_once_and_its_form_brings_it_back(app: Application) -> None:
    first = await inject(app)
    cookie = str(first.headers["set-cookie"])
    assert cookie.endswith("; Secure; HttpOnly; SameSite=Strict; Path=/")
    token = first.json["token"]
    assert len(token) == 43
    assert cookie.startswith(f"crumb={token};")
    again = await inject(app, headers={"cookie": f"crumb={token}"})
    assert "set-cookie" not in again.headers
    assert again.json == {"token": token}
    saved = await post(app, {"a": 1, "crumb": token}, token=token)
    assert saved.status_code == 200
    assert saved.json["payload"] == {"a": 1}  # without the token


@pytest.mark.parametrize(
    ("payload", "cookie"),
    [
        ({"a": 1}, True),
        ({"crumb": "x" * 43}, True),
        ({"crumb": None}, True),
        ({"crumb": ["TOKEN"]}, True),
        ({"crumb": "TOKEN"}, False),
        ({"crumb": "ü" * 43}, True),
        (["TOKEN"], True),
        (None, True),
    ],
)
async def test_a_post_without_the_token_or_with_another_is_403(app: Application, payload: Any, cookie: bool) -> None:
    token = await token_of(app)
    if isinstance(payload, dict):
        payload = {
            key: token if value == "TOKEN" else [token] if value == ["TOKEN"] else value
            for key, value in payload.items()
        }
    refused = await post(app, payload, token=token if cookie else "")
    assert refused.status_code == 403
    assert refused.json == {"statusCode": 403, "error": "Forbidden", "message": "Forbidden", "code": "csrf"}


@pytest.mark.parametrize("cookie", ["crumb=; crumb=x", "crumb=short", "crumb=a; crumb=b"])
async def test_a_cookie_that_is_no_token_is_replaced(app: Application, cookie: str) -> None:
    assert len(await token_of(app, headers={"cookie": cookie})) == 43


async def test_other_methods_and_other_sources(app: Application) -> None:
    token = await token_of(app)
    assert (await post(app, {"a": 1}, method="PUT")).status_code == 200  # as crumb: forms post
    assert (await post(app, {"a": 1}, url="/free")).status_code == 200
    by_query = await post(app, url=f"/query?crumb={token}&b=2", token=token)
    assert (by_query.status_code, by_query.json["query"]) == (200, {"b": "2"})
    assert (await post(app, {"crumb": token}, url="/query", token=token)).status_code == 403


async def test_restful_routes_take_the_token_from_a_header(make: Make) -> None:
    app = make(TABLE.replace("CSRF", "{restful: true, headerName: X-Token, key: t, size: 22}"), CODE)
    token = await token_of(app)
    assert len(token) == 22
    for method in ("POST", "PUT", "DELETE"):
        assert (await post(app, method=method, headers={"cookie": f"t={token}"})).status_code == 403
        good = await post(app, method=method, headers={"cookie": f"t={token}", "x-token": token})
        assert good.status_code == 200


async def test_pages_of_foreign_origins_are_given_no_token(app: Application) -> None:
    assert (await inject(app, headers={"origin": "https://evil.example.com"})).json == {"token": None}
    await token_of(app, headers={"origin": "https://app.example.com"})


async def test_a_token_is_only_made_where_that_is_wanted(make: Make) -> None:
    app = make(TABLE.replace("CSRF", "{autoGenerate: false}"), CODE)
    answer = await inject(app)
    assert (answer.json, "set-cookie" in answer.headers) == ({"token": None}, False)
    made = (await inject(app, url="/made")).json["token"]
    assert (await post(app, {"crumb": made}, token=made)).status_code == 200


async def test_the_cookie_has_the_attributes_that_the_route_gives_it(make: Make) -> None:
    settings = "{cookieOptions: {isSecure: false, isHttpOnly: false, isSameSite: false, path: /a, ttl: 1h}}"
    app = make(TABLE.replace("CSRF", settings), CODE)
    cookie = str((await inject(app)).headers["set-cookie"])
    assert "; Max-Age=3600;" in cookie
    assert cookie.endswith("GMT; Path=/a")


async def test_a_breach_can_be_let_pass_and_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    app = make(TABLE.replace("CSRF", "{enforce: false, logUnauthorized: true}"), CODE)
    with caplog.at_level(logging.INFO, "hapiish"):
        assert (await post(app, {"a": 1})).status_code == 200
    assert "[crumb unauthorized] validation failed" in caplog.messages


async def test_some_requests_are_let_be(make: Make) -> None:
    app = make(TABLE.replace("CSRF", "{skip: 'my:is_robot'}"), CODE)
    assert (await post(app, {"a": 1}, headers={"x-robot": "yes"})).status_code == 200
    assert (await post(app, {"a": 1})).status_code == 403


@pytest.mark.parametrize("planted", ["k" * 43, "é" * 43, "-" * 43])
async def test_a_cookie_that_was_not_made_here_is_no_token(app: Application, planted: str) -> None:
    assert (await post(app, {"crumb": planted}, token=planted)).status_code == 403
    token = await token_of(app)
    changed = ("b" if token[0] == "a" else "a") + token[1:]
    assert (await post(app, {"crumb": changed}, token=changed)).status_code == 403


async def test_a_token_belongs_to_the_name_of_its_cookie(make: Make) -> None:
    token = await token_of(make(TABLE.replace("CSRF", "{key: other}"), CODE))
    app = make(TABLE.replace("CSRF", "true"), CODE)
    assert (await post(app, {"crumb": token}, token=token)).status_code == 403


async def test_servers_with_one_password_know_each_others_tokens_and_an_old_one_still_counts(make: Make) -> None:
    old, new = "o" * 32, "n" * 32
    first = make(TABLE.replace("CSRF", f"{{password: {old}}}"), CODE)
    token = await token_of(first)
    other = make(TABLE.replace("CSRF", f"{{password: {{v2: {new}, v1: {old}}}}}"), CODE)
    assert (await post(other, {"crumb": token}, token=token)).status_code == 200
    newer = await token_of(other)
    assert (await post(first, {"crumb": newer}, token=newer)).status_code == 403
    stranger = make(TABLE.replace("CSRF", f"{{password: {'s' * 32}}}"), CODE)
    assert (await post(stranger, {"crumb": token}, token=token)).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "https://evil.shop.example"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "https://app.example.com"}, 200),
        ({"sec-fetch-site": "cross-site", "origin": "null"}, 403),
        ({"origin": "http://shop.example"}, 200),
        ({"origin": "https://shop.example"}, 200),
        ({"origin": "https://app.example.com"}, 200),
        ({"origin": "https://shop.example:8443"}, 403),
        ({"origin": "https://shop.example.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 200),
    ],
)
async def test_a_page_of_another_origin_is_refused_although_it_has_the_token(
    app: Application, headers: dict[str, str], status: int
) -> None:
    token = await token_of(app)
    given = {"host": "shop.example", "cookie": f"crumb={token}", **headers}
    assert (
        await inject(app, method="POST", url="/save", headers=given, payload={"crumb": token})
    ).status_code == status


async def test_a_token_is_bound_to_the_session(make: Make) -> None:
    session = "session: {cookieOptions: {password: " + "p" * 32 + ", isSecure: false}}"
    app = make(f"    {session}\n" + TABLE.replace("CSRF", "true"), CODE)

    def cookies(answer: Injected) -> dict[str, str]:
        lines = answer.headers["set-cookie"]
        pairs = [line.partition(";")[0].partition("=") for line in ([lines] if isinstance(lines, str) else lines)]
        return {name: value for name, _, value in pairs}

    mine, theirs = cookies(await inject(app)), cookies(await inject(app))
    for given, status in [(mine, 200), ({**mine, "crumb": theirs["crumb"]}, 403)]:
        cookie = "; ".join(f"{name}={value}" for name, value in given.items())
        sent = {"crumb": given["crumb"]}
        answer = await inject(app, method="POST", url="/save", headers={"cookie": cookie}, payload=sent)
        assert answer.status_code == status
