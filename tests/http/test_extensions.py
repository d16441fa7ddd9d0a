"""Extension functions of all levels in one order: binding, timeouts, and allowed locations."""

import logging
from pathlib import Path

import pytest

from hapiish import TableError, create_app
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


async def test_a_function_may_run_before_and_after_those_of_used_tables(tmp_path: Path) -> None:
    for name, hints in (("a", "after: b"), ("b", "")):
        (tmp_path / f"{name}.yaml").write_text(
            f"ext: {{onRequest: [{{method: 'seen:{name}', {hints}}}]}}\nroutes: []\n"
        )
    code = "log = []\n" + "".join(
        f"async def {n}(request, h):\n    log.append('{n}')\n    return h.continue_\n" for n in "abc"
    )
    (tmp_path / "seen.py").write_text(code + "async def handler(request, h):\n    return log\n")
    table = tmp_path / "routes.yaml"
    table.write_text(
        "plugins: [{table: ./a.yaml}, {table: ./b.yaml}]\n"
        "ext: {onRequest: {method: 'seen:c', before: [b, a]}}\n"
        "routes: [{method: GET, path: /, handler: 'seen:handler'}]\n"
    )
    assert (await inject(create_app(table, env={}))).json == ["c", "b", "a"]


async def test_a_circle_of_hints_is_refused_with_all_places(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("ext: {onRequest: {method: 'seen:a', after: b}}\nroutes: []\n")
    (tmp_path / "b.yaml").write_text("ext: {onRequest: {method: 'seen:b', after: a}}\nroutes: []\n")
    table = tmp_path / "routes.yaml"
    table.write_text("plugins: [{table: ./a.yaml}, {table: ./b.yaml}]\nroutes: []\n")
    with pytest.raises(TableError) as caught:
        create_app(table, env={})
    (problem,) = caught.value.problems
    assert (problem.code, problem.mark.file, problem.mark.line) == ("HA0371", str(tmp_path / "a.yaml"), 1)
    assert [mark.file for mark, _ in problem.related] == [str(tmp_path / "b.yaml")]
