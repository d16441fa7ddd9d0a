"""`h.ranged`: bytes that are elsewhere, sent whole or as the requested range."""

from typing import Any

import pytest

from hapiish.http.content.stream import BrokenOff
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

TABLE = "routes: [{method: GET, path: '/{kind}', handler: my:handler}]"
CODE = """
CONTENT = bytes(range(256))
asked = []
closed = []

async def pieces(start, stop):
    asked.append((start, stop))
    try:
        for at in range(start, stop, 10):
            yield CONTENT[at:min(at + 10, stop)]
    finally:
        closed.append("closed")

def threaded(start, stop):
    asked.append((start, stop))
    yield CONTENT[start:stop]

async def short(start, stop):
    yield b"only"

async def long(start, stop):
    yield CONTENT * 2

READ = {"threaded": threaded, "short": short, "long": long}

async def handler(request, h):
    kind = request.params["kind"]
    if kind == "named":
        named = h.ranged(pieces, 256, mode="attachment", filename="na\\u00efve \\"x\\".txt")
        return named.etag("v1").type("text/plain")
    if kind == "unnamed":
        return h.ranged(pieces, 256, mode="inline")
    if kind == "wrong":
        return h.ranged(pieces, 256, filename="x")
    if kind == "negative":
        return h.ranged(pieces, -1)
    return h.ranged(READ.get(kind, pieces), 0 if kind == "empty" else 256).etag("v1")
"""
CONTENT = bytes(range(256))


def named(app: Any, name: str) -> list[Any]:
    return app.server.match("GET", "/x").handler.__globals__[name]  # type: ignore[no-any-return]


async def test_the_whole_has_its_length_and_says_that_it_has_ranges(make: Make) -> None:
    app = make(TABLE, CODE)
    response = await inject(app, url="/any")
    assert (response.status_code, response.payload) == (200, CONTENT)
    assert (response.headers["content-length"], response.headers["accept-ranges"]) == ("256", "bytes")
    assert (named(app, "asked"), named(app, "closed")) == ([(0, 256)], ["closed"])


@pytest.mark.parametrize("kind", ["any", "threaded"])
@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [("bytes=0-0", 0, 1), ("bytes=7-41", 7, 42), ("bytes=250-", 250, 256), ("bytes=-3", 253, 256)],
)
async def test_a_range_reads_no_other_bytes(make: Make, kind: str, header: str, start: int, stop: int) -> None:
    app = make(TABLE, CODE)
    response = await inject(app, url=f"/{kind}", headers={"range": header, "if-range": '"v1"'})
    assert (response.status_code, response.payload) == (206, CONTENT[start:stop])
    assert response.headers["content-range"] == f"bytes {start}-{stop - 1}/256"
    assert named(app, "asked") == [(start, stop)]


async def test_a_range_of_an_older_state_is_the_whole(make: Make) -> None:
    response = await inject(make(TABLE, CODE), url="/any", headers={"range": "bytes=0-3", "if-range": '"v0"'})
    assert (response.status_code, response.payload) == (200, CONTENT)


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [("HEAD", {}, 200), ("GET", {"if-none-match": '"v1"'}, 304), ("GET", {"range": "bytes=256-"}, 416)],
)
async def test_nothing_is_read_that_is_not_sent(make: Make, method: str, headers: dict[str, str], status: int) -> None:
    app = make(TABLE, CODE)
    response = await inject(app, method=method, url="/any", headers=headers)
    assert (response.status_code, named(app, "asked")) == (status, [])


async def test_no_bytes_are_a_204(make: Make) -> None:
    assert (await inject(make(TABLE, CODE), url="/empty")).status_code == 204


@pytest.mark.parametrize("kind", ["short", "long"])
async def test_another_number_of_bytes_breaks_the_response_off(make: Make, kind: str) -> None:
    with pytest.raises(BrokenOff):
        await inject(make(TABLE, CODE), url=f"/{kind}")


async def test_a_name_and_a_disposition_are_those_of_files(make: Make) -> None:
    app = make(TABLE, CODE)
    response = await inject(app, url="/named")
    name = "na%C3%AFve%20%22x%22.txt"
    assert response.headers["content-disposition"] == f"attachment; filename={name}; filename*=UTF-8''{name}"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert (await inject(app, url="/unnamed")).headers["content-disposition"] == "inline"


@pytest.mark.parametrize("kind", ["wrong", "negative"])
async def test_invalid_options_are_errors(make: Make, kind: str) -> None:
    assert (await inject(make(TABLE, CODE), url=f"/{kind}")).status_code == 500
