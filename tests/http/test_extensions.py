"""Extension functions of every level in one sequence: what they are bound to, their time, where they may be."""

import logging

import pytest

from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

CODE = """
import asyncio
seen = []
context, other = {"name": "route"}, {"name": "ext"}

def one(request, h):
    seen.append("one")
    return h.continue_

async def two(request, h):
    seen.append("two")
    return h.continue_

async def three(request, h):
    seen.append("three")
    return h.continue_

async def four(request, h):
    seen.append("four")
    return h.continue_

async def who(request, h):
    seen.append(h.context["name"])
    return h.continue_

async def slow(request, h):
    await asyncio.Event().wait()

async def own(request, h):
    raise TimeoutError("its own")

async def handler(request, h):
    return {"seen": seen, "context": h.context}
"""


async def test_the_levels_add_up_in_the_order_of_declaration(make: Make) -> None:
    table = """
    ext: {onPreHandler: my:one}
    server: {routes: {ext: {onPreHandler: my:two}}}
    groups:
      - ext: {onPreHandler: ["my:three"]}
        routes:
          - {method: GET, path: /, handler: "my:handler", options: {ext: {onPreHandler: {method: "my:four"}}}}
          - {method: GET, path: /reset, handler: "my:handler", options: {ext: {onPreHandler: null}}}
    routes:
      - {method: GET, path: /plain, handler: "my:handler"}
    """
    assert (await inject(make(table, CODE), url="/")).json["seen"] == ["one", "two", "three", "four"]
    assert (await inject(make(table, CODE), url="/plain")).json["seen"] == ["one", "two"]
    assert (await inject(make(table, CODE), url="/reset")).json["seen"] == ["one"]


async def test_a_route_and_an_extension_find_what_is_bound_to_them(make: Make) -> None:
    table = """
    server: {routes: {bind: my:context}}
    routes:
      - method: GET
        path: /
        handler: my:handler
        options: {ext: {onPreAuth: [{method: "my:who"}, {method: "my:who", bind: "my:other"}]}}
      - {method: GET, path: /own, handler: "my:handler", options: {bind: "my:other"}}
      - {method: GET, path: /none, handler: "my:handler", options: {bind: null}}
    """
    app = make(table, CODE)
    assert (await inject(app, url="/")).json == {"seen": ["route", "ext"], "context": {"name": "route"}}
    assert (await inject(app, url="/own")).json["context"] == {"name": "ext"}
    assert (await inject(app, url="/none")).json["context"] is None


async def test_an_extension_that_takes_too_long_is_a_500(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    table = """
    routes:
      - method: GET
        path: /
        handler: my:handler
        options: {ext: {onPostAuth: {method: "my:slow", timeout: 20}}}
      - {method: GET, path: /own, handler: "my:handler", options: {ext: {onPreAuth: {method: "my:own", timeout: 1m}}}}
    """
    app = make(table, CODE)
    assert (await inject(app, url="/")).status_code == 500
    assert (await inject(app, url="/own")).status_code == 500
    logged = [record.exc_info[1] for record in caplog.records if record.levelno == logging.ERROR and record.exc_info]
    assert [str(error) for error in logged] == ["onPostAuth my:slow took longer than 20 ms", "its own"]


async def test_a_bound_object_that_is_not_there_is_reported_where_it_is_written(make: Make) -> None:
    table = "routes: [{method: GET, path: /, handler: 'my:handler', options: {bind: 'my:nothing'}}]"
    with pytest.raises(Exception, match=r"routes\.yaml:1:72: HA0401"):
        make(table, CODE)
