"""Requests and events that the page sends: every kind of credentials, body, parameter, namespace and placement."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from hapiish import create_app
from tests.browser import Page
from tests.chat.callers import serving
from tests.documentation.conftest import Documentation

pytestmark = pytest.mark.anyio

TABLE = r"""
info: {title: Everything, description: "A [link](javascript:alert(1)), <img src=x onerror=alert(1)> and **bold**"}
server: {routes: {security: true}}
auth:
  strategies:
    staff: {scheme: basic, options: {validate: "app:password"}}
    key: {scheme: apiKey, options: {validate: "app:key"}}
    queryKey: {scheme: apiKey, options: {query: api_key, validate: "app:key"}}
    cookieKey: {scheme: apiKey, options: {cookie: api_cookie, validate: "app:key"}}
    session: {scheme: cookie, options: {cookie: {password: "a password that is long enough for iron", isSecure: false}}}
schemas:
  Node: {type: object, properties: {name: {type: string}, next: {$ref: "#/schemas/Node"}}, additionalProperties: false}
  Colour: {type: string, enum: [red, green]}
sockets:
  path: /live/socket
  transports: [polling]
  pingInterval: 1s
  namespaces:
    - namespace: /
      auth: false
      events:
        - event: add
          id: socket.add
          handler: "app:add"
          options:
            description: Adds
            validate: {payload: {type: object, required: [a], properties: {a: {type: integer}}}}
      emits: [{event: added, payload: {type: object, properties: {sum: {type: integer}}}}]
    - namespace: /keys
      auth: key
      events: [{event: who, id: socket.who, handler: "app:who"}]
    - namespace: "/room-{id}"
      auth: false
      validate: {params: {type: object, properties: {id: {type: integer}}}}
      events: [{event: where, id: socket.where, handler: "app:where"}]
    - namespace: /pairs
      auth: false
      arguments: true
      ack: raw
      events: [{event: pair, id: socket.pair, handler: "app:echo"}]
routes:
  - {method: GET, path: /basic, id: basic, handler: "app:who", options: {auth: staff, tags: [auth]}}
  - {method: GET, path: /key, id: key, handler: "app:who", options: {auth: key, tags: [auth]}}
  - {method: GET, path: /query-key, id: queryKey, handler: "app:who", options: {auth: queryKey, tags: [auth]}}
  - {method: GET, path: /cookie-key, id: cookieKey, handler: "app:who", options: {auth: cookieKey, tags: [auth]}}
  - {method: GET, path: /session, id: session, handler: "app:who", options: {auth: session, tags: [auth]}}
  - method: POST
    path: /login
    id: login
    handler: "app:login"
    options:
      tags: [auth]
      validate: {payload: {type: object, required: [name], properties: {name: {type: string}}}}
  - method: GET
    path: "/find/{colour}/{rest*}"
    id: find
    handler: "app:find"
    options:
      description: "<b>Finds</b> `things`"
      notes: ["<script>alert(1)</script>", "1. one\n2. two"]
      validate:
        params: {type: object, properties: {colour: {$ref: "#/schemas/Colour"}, rest: {type: string}}}
        query:
          type: object
          required: [limit]
          properties:
            limit: {type: integer, minimum: 1}
            deep: {type: boolean}
            ids: {type: array, items: {type: integer}}
        headers: {type: object, properties: {x-trace: {type: string}}}
  - method: POST
    path: /nodes
    id: nodes
    handler: "app:echo"
    options: {validate: {payload: {$ref: "#/schemas/Node"}}, response: {schema: {$ref: "#/schemas/Node"}}}
  - method: POST
    path: /form
    id: form
    handler: "app:echo"
    options:
      payload: {allow: application/x-www-form-urlencoded}
      validate: {payload: {type: object, required: [name], properties: {name: {type: string}, age: {type: integer}}}}
  - method: POST
    path: /guarded
    id: guarded
    handler: "app:echo"
    options:
      csrf: {restful: true, cookieOptions: &readable {isSecure: false, isHttpOnly: false}}
      validate: {payload: {type: object}}
  - {method: GET, path: /crumb, id: crumb, handler: "app:nothing", options: {csrf: {cookieOptions: *readable}}}
  - {method: GET, path: /picture, id: picture, handler: "app:picture"}
  - {method: GET, path: /lines, id: lines, handler: "app:lines"}
  - {method: DELETE, path: /nothing, id: nothing, handler: "app:nothing", options: {deprecated: "2026-01-31"}}
plugins:
  - plugin: hapiish.plugins.docs
"""

CODE = """
import base64

async def password(request, username, password, h):
    return {"isValid": (username, password) == ("ada", "pä:ss"), "credentials": {"user": username}}

async def key(request, key, h):
    return {"isValid": key == "open-sesame", "credentials": {"user": "key"}}

async def who(request, h):
    return {"user": request.auth.credentials["user"]}

async def login(request, h):
    request.cookie_auth.set({"user": request.payload["name"]})
    return {}

async def find(request, h):
    return {"params": request.params, "query": request.query, "trace": request.headers.get("x-trace")}

async def echo(request, h):
    return request.payload

async def picture(request, h):
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    return h.response(base64.b64decode(pixel)).type("image/png")

async def lines(request, h):
    async def made():
        for number in range(3):
            yield f"data: {number}\\n\\n".encode()
    return h.response(made()).type("text/event-stream")

async def nothing(request, h):
    return None

async def add(request, h):
    await request.server.emit("added", {"sum": request.payload["a"] + 1})
    return {"sum": request.payload["a"] + 1}

async def where(request, h):
    return {"room": request.params["id"]}
"""

Open = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def serve(tmp_path: Path) -> Open:
    """`serve(table, mount)`: the address of a server of the table."""

    @asynccontextmanager
    async def opened(table: str = TABLE, mount: str = "") -> AsyncIterator[str]:
        await asyncio.to_thread((tmp_path / "app.py").write_text, CODE)
        await asyncio.to_thread((tmp_path / "routes.yaml").write_text, table)
        app = create_app(tmp_path / "routes.yaml", env={})
        outer: Any = Starlette(routes=[Mount(mount, app=app)]) if mount else app
        async with app.router.lifespan_context(app), serving(outer) as address:
            yield address + mount

    return opened


@pytest.fixture
async def tried(serve: Open, browser: Page) -> AsyncIterator[Documentation]:
    """The page of the table."""
    async with serve() as address:
        documentation = Documentation(browser, f"{address}/documentation")
        await documentation.open()
        yield documentation


def stripped(app: Any, prefix: str) -> Any:
    """The application behind a proxy that removes a prefix, of which the application knows nothing."""

    async def pass_on(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix(prefix)
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    return pass_on


async def authorize(page: Page, scheme: str, **values: str) -> None:
    """Fills in the dialog for a strategy."""
    await page.eval("document.querySelector('.authorize').click()")
    for key, value in values.items():
        await page.write(f"dialog [data-scheme={scheme}][data-key={key}]", value)
    await page.eval(f"document.querySelector('dialog [aria-label={scheme}]').requestSubmit()")
    await page.eval("document.querySelector('dialog').close()")


async def test_every_kind_of_credentials_is_sent(tried: Documentation) -> None:
    page = tried.page
    for route in ("basic", "key", "queryKey", "cookieKey"):
        assert (await tried.send(route)).startswith("401")
    await authorize(page, "staff", username="ada", password="pä:ss")
    for scheme in ("key", "queryKey", "cookieKey"):
        await authorize(page, scheme, value="open-sesame")
    for route in ("basic", "key", "queryKey", "cookieKey"):
        assert (await tried.send(route)).startswith("200"), route
    assert await page.eval("document.cookie") == ""


async def test_a_login_sets_the_cookie_that_later_requests_send(tried: Documentation) -> None:
    assert (await tried.send("session")).startswith("401")
    assert (await tried.send("login", {"name": "grace"}))[:2] == "20"
    assert (await tried.send("session")).startswith("200")
    assert await tried.result("session") == {"user": "grace"}


async def test_parameters_reach_the_handler_with_their_types(tried: Documentation) -> None:
    page, card = tried.page, await tried.go("find")
    for name, value in {"colour": "green", "deep": "true"}.items():
        await page.eval(f"document.querySelector('{await tried.labelled(card, name)}').value = '{value}'")
    assert (await tried.send("find", rest="a b/ü", limit="5", ids="1, 2", **{"x-trace": "t1"})).startswith("200")
    assert await tried.result("find") == {
        "params": {"colour": "green", "rest": "a b/ü"},
        "query": {"limit": 5, "deep": True, "ids": [1, 2]},
        "trace": "t1",
    }


async def test_forms_are_filled_in_field_by_field(tried: Documentation) -> None:
    assert (await tried.send("form", name="Ada & co", age="36")).startswith("200")
    assert await tried.result("form") == {"name": "Ada & co", "age": 36}


async def test_bodies_without_json_are_shown(tried: Documentation) -> None:
    page = tried.page
    await tried.send("picture")
    await page.until("document.querySelector('#picture .result img')?.naturalWidth === 1")
    await tried.send("lines")
    text = await page.until("document.querySelector('#lines .result pre')?.textContent")
    assert "data: 2" in text
    assert (await tried.send("nothing")).startswith("204")
    assert page.console == []


async def test_a_token_against_forgery_is_repeated_from_its_cookie(tried: Documentation) -> None:
    assert await tried.send("guarded", {}) == "X-CSRF-Token is missing."
    await tried.send("crumb")
    assert (await tried.send("guarded", {"a": 1})).startswith("200")


async def test_recursive_schemas_open_level_by_level(tried: Documentation) -> None:
    page = tried.page
    await tried.go("nodes")
    for depth in range(1, 4):
        await page.eval(f"[...document.querySelectorAll('#nodes .doc details.nested')].at({depth - 1}).open = true")
        await page.until(f"document.querySelectorAll('#nodes .doc details.nested').length > {depth}")


async def test_hostile_texts_are_inert(tried: Documentation) -> None:
    page = tried.page
    await page.eval("document.querySelectorAll('article').forEach((each) => each.complete?.())")
    assert await page.eval("document.querySelectorAll('main script, main img, main b').length") == 0
    assert "<b>Finds</b> `things`" in await page.eval("document.querySelector('#find h3').textContent")
    assert "<script>alert(1)</script>" in await page.eval("document.querySelector('#find').textContent")
    assert await page.eval("document.querySelector('.lead a')") is None
    assert await page.eval("document.querySelector('.lead strong').textContent") == "bold"
    assert await page.eval("document.querySelectorAll('#find ol li').length") == 2
    assert page.console == []


async def test_events_travel_by_polling_on_another_path_in_several_namespaces(tried: Documentation) -> None:
    page = tried.page
    assert await tried.send("event-socket.add", {"a": 41}) == "acknowledged"
    assert await tried.result("event-socket.add") == {"ok": True, "sum": 42}
    received = "[...document.querySelectorAll('.received')].map((each) => each.textContent)"
    await page.until(f"{received}.some((each) => each.includes('1 received'))")
    assert (await tried.send("event-socket.add", {"a": "x"})).startswith("400")
    assert await tried.send("event-socket.pair", [1, {"b": 2}]) == "acknowledged"
    assert await tried.result("event-socket.pair") == [1, {"b": 2}]
    assert any("/live/socket/?" in url and "transport=polling" in url for url in page.requests)
    assert not any(url.startswith("ws:") for url in page.requests)


async def test_a_key_is_the_token_of_a_handshake(tried: Documentation) -> None:
    assert "acknowledged" not in await tried.send("event-socket.who")
    await authorize(tried.page, "key", value="open-sesame")
    assert await tried.send("event-socket.who") == "acknowledged"
    assert await tried.result("event-socket.who") == {"ok": True, "user": "key"}


async def test_the_parameters_of_a_namespace_are_fields(tried: Documentation) -> None:
    page = tried.page
    field = "[...document.querySelectorAll('.connection label')].find((each) => each.textContent === 'id').htmlFor"
    await page.write(f"#{await page.eval(field)}", "7")
    assert await tried.send("event-socket.where") == "acknowledged"
    assert await tried.result("event-socket.where") == {"ok": True, "room": 7}


@pytest.mark.parametrize("mount", ["/api", "/a/b"])
async def test_everything_works_in_a_mount(serve: Open, browser: Page, mount: str) -> None:
    async with serve(mount=mount) as address:
        documentation = Documentation(browser, f"{address}/documentation")
        await documentation.open()
        assert (await documentation.send("nodes", {"name": "x"})).startswith("200")
        assert await documentation.send("event-socket.add", {"a": 1}) == "acknowledged"
        assert browser.console == []


async def test_everything_works_behind_a_proxy_that_removes_a_part_of_the_path(browser: Page, tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "app.py").write_text, CODE)
    await asyncio.to_thread((tmp_path / "routes.yaml").write_text, TABLE)
    app = create_app(tmp_path / "routes.yaml", env={})
    async with app.router.lifespan_context(app), serving(stripped(app, "/behind/it")) as address:
        documentation = Documentation(browser, f"{address}/behind/it/documentation")
        await documentation.open()
        assert (await documentation.send("nodes", {"name": "x"})).startswith("200")
        assert await documentation.send("event-socket.add", {"a": 1}) == "acknowledged"
        await browser.open(f"{address}/other/")  # ends the polling
        ours = [url for url in browser.requests if url.startswith(address) and "/other/" not in url]
        assert all(url.startswith(f"{address}/behind/it/") for url in ours)
        assert not [text for text in browser.console if "/other/" not in text]


async def test_a_page_without_trying_shows_examples_and_has_no_forms(serve: Open, browser: Page) -> None:
    table = TABLE.replace("hapiish.plugins.docs\n", "hapiish.plugins.docs\n    options: {tryIt: false}\n")
    async with serve(table) as address:
        await Documentation(browser, f"{address}/documentation").open("nodes")
        await browser.eval("document.querySelectorAll('article').forEach((each) => each.complete?.())")
        assert await browser.eval("document.querySelectorAll('form, .authorize, .dock').length") == 0
        assert json.loads(await browser.eval("document.querySelector('#nodes .example pre').textContent")) == {}
        assert browser.console == []


async def test_a_key_in_the_address_of_a_protected_page_is_used_for_its_documents(serve: Open, browser: Page) -> None:
    table = TABLE.replace("hapiish.plugins.docs\n", "hapiish.plugins.docs\n    options: {auth: queryKey}\n")
    async with serve(table) as address:
        documentation = Documentation(browser, f"{address}/documentation?api_key=open-sesame")
        await documentation.open()
        assert await browser.eval("document.querySelector('h1').firstChild.textContent") == "Everything"


async def test_a_changed_table_is_offered_on_return_to_the_page(serve: Open, browser: Page, tmp_path: Path) -> None:
    await asyncio.to_thread((tmp_path / "app.py").write_text, CODE)
    await asyncio.to_thread((tmp_path / "routes.yaml").write_text, TABLE)
    app = create_app(tmp_path / "routes.yaml", env={})
    async with app.router.lifespan_context(app), serving(app) as address:
        await Documentation(browser, f"{address}/documentation").open()
        await browser.eval("document.dispatchEvent(new Event('visibilitychange'))")
        await asyncio.to_thread((tmp_path / "routes.yaml").write_text, TABLE.replace("/picture", "/image"))
        assert await app.reload() == []
        assert await browser.eval("document.querySelector('.notice')") is None
        await browser.eval("document.dispatchEvent(new Event('visibilitychange'))")
        await browser.until("document.querySelector('.notice')?.textContent.includes('The table has changed')")
        await browser.click(".notice button")
        await browser.until("document.querySelector('#contents')?.textContent.includes('/image')")
