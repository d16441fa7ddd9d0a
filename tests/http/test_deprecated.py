"""`deprecated` announces that clients should move on: RFC 9745 and RFC 8594 over HTTP, a field in acknowledgements."""

from pathlib import Path
from typing import Any

import pytest

from hapiish import create_app
from hapiish.table import check
from hapiish.testing import inject
from tests.realtime.support import member, serving

pytestmark = pytest.mark.anyio

CODE = """
from hapiish import boom
def page(request, h): return h.response({"a": 1}).header("link", '</style.css>; rel="preload"')
def fails(request, h): raise boom.NotFound("gone")
def own(request, h): return {"deprecated": "mine"}
"""
DEPRECATED = '{since: "2026-01-31", sunset: "2027-01-31T12:00:00+02:00", link: "https://example.com/v2"}'
FIELDS = {"since": "2026-01-31", "sunset": "2027-01-31T12:00:00+02:00", "link": "https://example.com/v2"}


def make(folder: Path, table: str) -> Any:
    (folder / "my.py").write_text(CODE)
    (folder / "routes.yaml").write_text(table)
    return create_app(folder / "routes.yaml", env={})


@pytest.mark.parametrize("handler", ["page", "fails"])
async def test_every_response_of_a_deprecated_route_has_the_headers(tmp_path: Path, handler: str) -> None:
    app = make(
        tmp_path, f'routes: [{{method: GET, path: /, handler: "my:{handler}", options: {{deprecated: {DEPRECATED}}}}}]'
    )
    response = await inject(app, url="/")
    assert response.headers["deprecation"] == "@1769817600"
    assert response.headers["sunset"] == "Sun, 31 Jan 2027 10:00:00 GMT"
    links: Any = response.headers["link"]
    announced, preload = '<https://example.com/v2>; rel="deprecation"', '</style.css>; rel="preload"'
    assert links == ([announced, preload] if handler == "page" else announced)


async def test_a_date_alone_is_the_time_of_the_deprecation_and_false_takes_it_back(tmp_path: Path) -> None:
    app = make(
        tmp_path,
        'server: {routes: {deprecated: "2026-01-31"}}\nroutes:\n  - {method: GET, path: /, handler: "my:own"}\n'
        '  - {method: GET, path: /new, handler: "my:own", options: {deprecated: false}}',
    )
    old, new = await inject(app, url="/"), await inject(app, url="/new")
    assert (old.headers["deprecation"], old.headers.get("sunset"), old.headers.get("link")) == (
        "@1769817600",
        None,
        None,
    )
    assert "deprecation" not in new.headers


async def test_a_request_that_no_route_answers_meets_no_deprecation_of_the_defaults(tmp_path: Path) -> None:
    app = make(
        tmp_path,
        'server: {routes: {deprecated: "2026-01-31", cors: true}, router: {methodNotAllowed: true}}\n'
        'routes: [{method: GET, path: /, handler: "my:own"}]',
    )
    preflight = {"origin": "https://a.example", "access-control-request-method": "GET"}
    responses = [
        await inject(app, url="/none"),
        await inject(app, method="POST", url="/"),
        await inject(app, method="OPTIONS", url="/", headers=preflight),
    ]
    assert [response.status_code for response in responses] == [404, 405, 200]
    assert not any("deprecation" in response.headers for response in responses)


async def test_acknowledgements_of_a_deprecated_event_say_so_unless_they_are_raw(tmp_path: Path) -> None:
    options = f"options: {{deprecated: {DEPRECATED}}}"
    events = [f'{{event: {name}, handler: "my:{name}", {options}}}' for name in ("page", "fails", "own")]
    events.append(f'{{event: raw, handler: "my:own", ack: raw, {options}}}')
    app = make(tmp_path, f"sockets: {{namespaces: [{{namespace: /, events: [{', '.join(events)}]}}]}}")
    async with serving(app) as port, member(port) as client:
        assert await client.ask("page") == {"ok": True, "a": 1, "deprecated": FIELDS}
        failed = await client.ask("fails")
        assert (failed["ok"], failed["deprecated"]) == (False, FIELDS)
        assert await client.ask("own") == {"ok": True, "deprecated": "mine"}
        assert await client.ask("raw") == {"deprecated": "mine"}


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ("{sunset: '2027-01-31'}", "HA0203", "since"),
        ("soon", "HA0205", "a date such as"),
        ("{since: '2026-02-30'}", "HA0202", "is not a date"),
        ("{since: '2026-01-31', sunset: '9999-12-31T23:00:00-05:00'}", "HA0202", "its year in UTC"),
        ("'2026-02-30'", "HA0202", "is not a date"),
        ("'0001-01-01T00:00:00+05:00'", "HA0202", "its year in UTC"),
        ("{since: '2026-01-31', sunset: '2025-01-31'}", "HA0202", "must not be before"),
        ("{since: '2026-01-31', link: 'javascript:x'}", "HA0205", "a URL such as"),
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        "routes: [{method: GET, path: /, handler: 'a:b', options: {deprecated: VALUE}}]",
        "groups: [{options: {deprecated: VALUE}, routes: [{method: GET, path: /, handler: 'a:b'}]}]",
        "sockets: {namespaces: [{namespace: /, events: [{event: a, handler: 'a:b', options: {deprecated: VALUE}}]}]}",
    ],
)
def test_a_wrong_deprecation_is_a_problem_at_its_place(
    tmp_path: Path, place: str, value: str, code: str, message: str
) -> None:
    file = tmp_path / "routes.yaml"
    file.write_text(place.replace("VALUE", value))
    table, problems = check(file, {})
    assert table is None
    assert [problem.code for problem in problems] == [code]
    assert message in problems[0].message
