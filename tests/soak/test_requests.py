"""A short run of `scripts/soak requests`."""

import pytest

from tests.soak.grammar import SMUGGLED, Maker, read
from tests.soak.requests import judge, search

pytestmark = pytest.mark.anyio

SEEDS = 500


async def test_raw_requests_are_answered_or_refused_and_never_smuggled() -> None:
    assert await search(SEEDS, 1) == []


def test_the_search_reaches_what_it_is_to_find() -> None:
    ends = {read(b"".join(Maker(seed).pieces())).end for seed in range(SEEDS)}
    assert ends >= {"closed", "no request line", "no header", "no host", "no framing", "no chunk", "no trailers"}


def test_a_smuggled_request_would_be_found() -> None:
    data = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED
    reading = read(data)
    assert reading.requests == [(b"POST", b"/a", SMUGGLED)]
    served = b'HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{"method": "post", "path": "/a", "body":'
    assert judge(reading, served.replace(b": 40", b": 44") + b' ""}') == "a body of 35 bytes is read as one of 0"
    fine = b"HTTP/1.1 204 No Content\r\n\r\n"
    assert judge(reading, fine) is None
    assert "answers to what is no request" in str(judge(reading, fine * 2))
    assert judge(reading, b"") == "1 requests have no answer"
    assert judge(reading, b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n") == "a 500"
