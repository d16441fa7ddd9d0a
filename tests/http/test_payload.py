"""Payload parsing: formats, limits and errors."""

import asyncio
import gzip
import logging
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hapiish import boom
from hapiish.http.body.payload import payload_step
from hapiish.http.body.reader import RequestAborted
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import Response
from hapiish.options import Payload, Size
from hapiish.types import Message
from tests.http.support import make_request

FORM = "application/x-www-form-urlencoded"
JSON_FORMAT = "Invalid request payload JSON format"
CONTENT_TYPE = "Invalid content-type header"
COMPRESSED = "Invalid compressed payload"
UNSUPPORTED = "Unsupported Media Type"
NOT_TEXT = "Invalid request payload: it is not text in"


def messages(*parts: bytes) -> list[Message]:
    last = len(parts) - 1
    return [{"type": "http.request", "body": part, "more_body": at < last} for at, part in enumerate(parts)]


def received(*given: Message) -> Callable[[], Awaitable[Message]]:
    left = list(given)

    async def receive() -> Message:
        return left.pop(0)

    return receive


async def outcome_of(step: Callable[[Request], Awaitable[Response | None] | None], request: Request) -> Response | None:
    """What the step comes to, at once or when the body is there."""
    waiting = step(request)
    return await waiting if waiting is not None else None


def took(body: bytes | list[Message], headers: dict[str, str] | None = None, **settings: Any) -> Request:
    parts = body if isinstance(body, list) else messages(body)
    request = make_request(method="POST", headers=headers, receive=received(*parts))
    action = settings.pop("action", "error")
    assert asyncio.run(outcome_of(payload_step(Payload(**settings), action), request)) is None
    return request


def refused(body: bytes | list[Message], headers: dict[str, str] | None = None, **settings: Any) -> boom.Boom:
    with pytest.raises(boom.Boom) as caught:
        took(body, headers, **settings)
    return caught.value


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (None, b'{"a":1}', {"a": 1}),
        ("application/json", b"", None),
        ("application/json", b"5", 5),
        ("application/json", b" [1, 2] ", [1, 2]),
        ("application/json", b'{"a":1,"a":2}', {"a": 2}),
        ("application/json", b'{"a":"party \\ud83c"}', {"a": "party \ufffd"}),
        ("application/json", b'["\\udf89\\ud83c\\udf89"]', ["\ufffd🎉"]),
        ("application/json; charset=utf-8", b'{"a":1}', {"a": 1}),
        ("Application/JSON", b'{"a":1}', {"a": 1}),
        ("application/vnd.api+json", b'{"a":1}', {"a": 1}),
        (FORM, b"a=1&b=2&a=3", {"a": ["1", "3"], "b": "2"}),
        (FORM, b"a=%20b+c", {"a": " b c"}),
        (FORM, b"", {}),
        ("text/plain", b"hi", "hi"),
        ("text/xml", b"", ""),
        ("text/plain; charset=utf-8", "é".encode(), "é"),
        ("text/plain; charset=ISO-8859-1", b"\xe9", "é"),
        ("text/csv; charset=windows-1252", b"\x80", "€"),
        ('text/html; header=present; charset="utf-16"', "é".encode("utf-16"), "é"),
        ("text/plain; charset=utf-16be", "é".encode("utf-16-be"), "é"),
        ("text/plain; charset=Shift_JIS", "日本".encode("shift_jis"), "日本"),
        ("text/plain; charset=", "é".encode(), "é"),
        ("application/json; charset=utf-16", '{"a":"é"}'.encode("utf-16"), {"a": "é"}),
        ("application/vnd.x+json; charset=latin1", b'"\xe9"', "é"),
        (f"{FORM}; charset=iso-8859-1", b"\xe9=%E9+%zz&\xe9=1", {"é": ["é %zz", "1"]}),
        (f"{FORM}; charset=shift_jis", b"a=%83A&a=%83%41", {"a": ["ア", "ア"]}),
        (f"{FORM}; charset=utf-8", "ü=%C3%A9".encode(), {"ü": "é"}),
        ("application/octet-stream", b"\x00\xff", b"\x00\xff"),
        ("application/octet-stream", b"", None),
    ],
)
def test_a_body_becomes_a_value_by_its_media_type(content_type: str | None, body: bytes, expected: Any) -> None:
    request = took(body, {"content-type": content_type} if content_type else None)
    assert request.payload == expected
    assert type(request.payload) is type(expected)
    assert request.mime == (content_type or "application/json").partition(";")[0].lower()


@pytest.mark.parametrize(
    ("content_type", "body", "status", "message"),
    [
        (None, b"a=1", 400, JSON_FORMAT),
        ("application/json", b'{"a":', 400, JSON_FORMAT),
        ("application/json", b"  ", 400, JSON_FORMAT),
        ("application/json", b"\xef\xbb\xbf{}", 400, JSON_FORMAT),
        ("application/json", b"NaN", 400, JSON_FORMAT),
        ("application/json", b'{"a": Infinity}', 400, JSON_FORMAT),
        ("application/json", b'"\xff"', 400, JSON_FORMAT),
        ("application/json", b"[" * 100_000, 400, JSON_FORMAT),
        ("application/json", b"[" * 100_000 + b"]" * 100_000, 400, JSON_FORMAT),
        ("application/xml", b"<a/>", 415, UNSUPPORTED),
        ("application/foo", b"", 415, UNSUPPORTED),
        ("image/png", b"x", 415, UNSUPPORTED),
        ("application/jsonx", b"{}", 415, UNSUPPORTED),
        ("junk", b"{}", 400, CONTENT_TYPE),
        ("application/", b"{}", 400, CONTENT_TYPE),
        ("application/json, text/plain", b"{}", 400, CONTENT_TYPE),
        ("text/plain", b"\xff", 400, f"{NOT_TEXT} utf-8"),
        ("text/csv", "é".encode("utf-16"), 400, f"{NOT_TEXT} utf-8"),
        ("text/plain; charset=us-ascii", b"\xe9", 400, f"{NOT_TEXT} ascii"),
        ("text/plain; charset=utf-16", b"abc", 400, f"{NOT_TEXT} utf-16"),
        ("application/json; charset=utf-16", b'"abc"', 400, f"{NOT_TEXT} utf-16"),
        (FORM, b"a=%ff", 400, f"{NOT_TEXT} utf-8"),
        (FORM, b"a=\xff", 400, f"{NOT_TEXT} utf-8"),
        (f"{FORM}; charset=utf-16", "a=1".encode("utf-16"), 415, UNSUPPORTED),
        ("text/plain; charset=klingon", b"a", 415, UNSUPPORTED),
        ("text/plain; charset=unicode_escape", b"a", 415, UNSUPPORTED),
        ("text/plain; charset=idna", b"a", 415, UNSUPPORTED),
        ("application/json; charset=base64", b"a", 415, UNSUPPORTED),
        ("application/json; charset=" + "x" * 2000, b"{}", 400, CONTENT_TYPE),
        ("application/json; charset=a; charset=b", b"{}", 400, CONTENT_TYPE + ": duplicate parameter"),
        ("multipart/form-data", b"", 400, CONTENT_TYPE + ": multipart missing boundary"),
        ("multipart/form-data; boundary=a; boundary=b", b"", 400, CONTENT_TYPE + ": duplicate parameter"),
        ("multipart/form-data; boundary=X", b"--X--", 415, UNSUPPORTED),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_hapi_words(
    content_type: str | None, body: bytes, status: int, message: str
) -> None:
    error = refused(body, {"content-type": content_type} if content_type else None)
    assert (error.status, error.message) == (status, message)


def test_a_body_in_pieces_is_put_together() -> None:
    assert took(messages(b'{"a"', b":", b"[1,2]}", b"")).payload == {"a": [1, 2]}


# Settings


@pytest.mark.parametrize(
    ("allow", "content_type", "allowed"),
    [
        (("application/json",), "application/json; charset=utf-8", True),
        (("application/json",), "application/vnd.x+json", False),
        (("application/json",), FORM, False),
        (("text/plain", "application/*+json"), "application/vnd.x+json", True),
        (("application/*+json",), "application/json", False),
        (("text/*",), "text/html", True),
        (("Text/Plain",), "text/plain", True),
        ((), "application/json", False),
    ],
)
def test_allow_lists_types_and_patterns_of_them(allow: tuple[str, ...], content_type: str, *, allowed: bool) -> None:
    if allowed:
        assert took(b"5", {"content-type": content_type}, allow=allow).payload in (5, "5")
    else:
        assert refused(b"5", {"content-type": content_type}, allow=allow).status == 415


def test_override_replaces_the_header_and_default_content_type_its_absence() -> None:
    assert took(b'{"a":1}', {"content-type": "text/plain"}, override="application/json").payload == {"a": 1}
    assert took(b"a=1", default_content_type=FORM).payload == {"a": "1"}
    assert took(b"1", {"content-type": "text/plain"}, default_content_type=FORM).payload == "1"


def test_without_parsing_the_bytes_come_as_they_are_and_allow_still_holds() -> None:
    body = gzip.compress(b'{"a":', mtime=0)
    headers = {"content-type": "image/png", "content-encoding": "gzip"}
    assert took(body, headers, parse=False).payload == body
    assert took(b"", headers, parse=False).payload == b""
    assert took(b"x", {"content-encoding": "br"}, parse=False).payload == b"x"
    assert refused(b"", headers, parse=False, allow=("text/plain",)).status == 415
    assert took(body, headers, parse="gunzip").payload == b'{"a":'


# Sizes


def test_a_declared_length_over_the_limit_is_a_413_before_anything_is_read() -> None:
    error = refused([], {"content-length": "11"}, max_bytes=Size(10))
    assert error.status == 413
    assert error.message == "Payload content length greater than maximum allowed: 10"
    assert error.headers == {"connection": "close"}


def test_a_body_of_exactly_the_limit_passes() -> None:
    assert took(b'"12345678"', {"content-length": "10"}, max_bytes=Size(10)).payload == "12345678"


@pytest.mark.parametrize("parts", [[b"x" * 11], [b"x" * 6, b"x" * 6], [b"x" * 11, b"never read"]])
def test_an_undeclared_body_is_a_413_as_soon_as_it_outgrows_the_limit(parts: list[bytes]) -> None:
    given = messages(*parts)[:2]
    error = refused(given if len(parts) == 2 else messages(*parts), max_bytes=Size(10))
    assert error.status == 413
    assert error.headers == {"connection": "close"}


# Codings


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b'{"a":1}', mtime=0)),
        ("GZIP", gzip.compress(b'{"a":1}', mtime=0)),
        ("x-gzip", gzip.compress(b'{"a":', mtime=0) + gzip.compress(b"1}", mtime=0)),
        ("deflate", zlib.compress(b'{"a":1}')),
        ("identity", b'{"a":1}'),
    ],
)
def test_a_coded_body_is_decoded_and_parsed(coding: str, body: bytes) -> None:
    assert took(body, {"content-encoding": coding}).payload == {"a": 1}


def test_an_empty_body_needs_no_decoding() -> None:
    assert took(b"", {"content-encoding": "gzip"}).payload is None


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
def test_a_coding_that_is_not_undone_is_a_415_that_says_which_are(coding: str) -> None:
    error = refused([], {"content-encoding": coding})
    assert error.status == 415
    assert error.headers == {"accept-encoding": "gzip, deflate"}


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b'{"a":1}'),
        ("gzip", gzip.compress(b'{"a":1}', mtime=0)[:-3]),
        ("gzip", gzip.compress(b'{"a":1}', mtime=0) + b"rest"),
        ("deflate", zlib.compress(b'{"a":1}') + b"rest"),
        ("deflate", b"\x00"),
    ],
)
def test_a_broken_coding_is_a_bad_request(coding: str, body: bytes) -> None:
    error = refused(body, {"content-encoding": coding})
    assert (error.status, error.message) == (400, COMPRESSED)


@pytest.mark.parametrize("members", [1, 200])
def test_the_limit_holds_for_the_decoded_size(members: int) -> None:
    bomb = gzip.compress(b" " * (10_000_000 // members)) * members
    assert len(bomb) < 100_000
    error = refused(bomb, {"content-encoding": "gzip"}, max_bytes=Size(100_000))
    assert error.status == 413
    fits = gzip.compress(b'"' + b"x" * 99_998 + b'"')
    assert len(took(fits, {"content-encoding": "gzip"}, max_bytes=Size(100_000)).payload) == 99_998


# Time


async def _stalled(*before: Message) -> Any:
    left = list(before)

    async def receive() -> Message:
        if left:
            return left.pop(0)
        await asyncio.Event().wait()
        raise AssertionError("nothing ever comes")

    request = make_request(method="POST", receive=receive)
    await outcome_of(payload_step(Payload(timeout=20)), request)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [[], [{"type": "http.request", "body": b"{", "more_body": True}]])
def test_a_client_that_stalls_gets_a_408(before: list[Message]) -> None:
    with pytest.raises(boom.ClientTimeout) as caught:
        asyncio.run(_stalled(*before))
    assert caught.value.message == "Request Time-out"
    assert caught.value.headers == {"connection": "close"}


def test_a_body_that_comes_late_but_in_time_is_read() -> None:
    async def scene(timeout: Any) -> Any:
        arrived = asyncio.Event()
        left = messages(b'{"a"', b":1}")

        async def receive() -> Message:
            await arrived.wait()
            await asyncio.sleep(0)
            return left.pop(0)

        request = make_request(method="POST", receive=receive)
        reading = asyncio.ensure_future(outcome_of(payload_step(Payload(timeout=timeout)), request))
        await asyncio.sleep(0)
        arrived.set()
        await reading
        return request.payload

    assert asyncio.run(scene(60_000)) == {"a": 1}
    assert asyncio.run(scene(False)) == {"a": 1}


def test_a_cancellation_reaches_what_is_waiting_for_the_body() -> None:
    async def scene() -> list[str]:
        seen: list[str] = []

        async def receive() -> Message:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                seen.append("receive")
                raise
            raise AssertionError("nothing ever comes")

        reading = asyncio.ensure_future(
            outcome_of(payload_step(Payload()), make_request(method="POST", receive=receive))
        )
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        return seen

    assert asyncio.run(scene()) == ["receive"]


# Failures


@pytest.mark.parametrize("parts", [[], messages(b"{", b"}")[:1]])
@pytest.mark.parametrize("action", ["error", "ignore"])
def test_a_client_that_leaves_ends_the_request_whatever_the_fail_action(parts: list[Message], action: str) -> None:
    with pytest.raises(RequestAborted):
        took([*parts, {"type": "http.disconnect"}], action=action)


def test_after_ignore_and_log_the_payload_is_none_and_the_type_known(caplog: pytest.LogCaptureFixture) -> None:
    request = took(b"{", action="ignore")
    assert (request.payload, request.mime) == (None, "application/json")
    assert caplog.records == []
    with caplog.at_level(logging.INFO, "hapiish"):
        assert took(b"{", action="log").payload is None
    assert "[payload error]" in caplog.text


def test_a_fail_action_function_handles_a_failure() -> None:
    taken = Response("taken").takeover()

    async def act(request: Request, error: boom.Boom) -> Response | None:
        return taken if error.status == 415 else None

    async def outcome(content_type: str) -> Any:
        headers = {"content-type": content_type}
        request = make_request(method="POST", headers=headers, receive=received(*messages(b"{")))
        return await outcome_of(payload_step(Payload(), act), request), request.payload

    assert asyncio.run(outcome("image/png")) == (taken, None)
    assert asyncio.run(outcome("application/json")) == (None, None)


def test_a_route_for_any_method_reads_no_body_of_get_and_head() -> None:
    step = payload_step(Payload(), any_method=True)
    for method in ("GET", "HEAD"):
        request = make_request(method=method, receive=received())
        assert asyncio.run(outcome_of(step, request)) is None
        assert request.payload is None
    request = make_request(method="POST", receive=received(*messages(b"5")))
    asyncio.run(outcome_of(step, request))
    assert request.payload == 5
