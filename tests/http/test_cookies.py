import asyncio
import base64
import re
from email.utils import parsedate_to_datetime
from time import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish import boom
from hapiish.http.cookies.cookies import Cookies, Definition, cookies_step
from hapiish.http.exchange.request import Request
from hapiish.http.exchange.response import CLEAR
from hapiish.options import Duration

COOKIES = Cookies(
    {
        "session": Definition(ttl=Duration(60000), is_secure=False, is_same_site="Lax", path="/"),
        "text": Definition(encoding="base64"),
        "data": Definition(encoding="base64json", clear_invalid=True),
        "form": Definition(encoding="form"),
        "quiet": Definition(encoding="base64json", ignore_errors=True),
        "loose": Definition(strict_header=False),
        "wide": Definition(domain="Shop.Example", path="/a b", is_same_site="None", is_partitioned=True),
        "bare": Definition(is_secure=False, is_http_only=False, is_same_site=False),
    }
)


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("session=abc; other=1", {"session": "abc", "other": "1"}),
        ("a=1; a=2", {"a": ["1", "2"]}),
        ("a=; a=2", {"a": ["", "2"]}),
        ('a="quoted"; session="x"', {"a": "quoted", "session": "x"}),
        ("a=b=c", {"a": "b=c"}),
        ("a = 1 ;b=2;", {"a": "1", "b": "2"}),
        ("text=aGVsbG8=", {"text": "hello"}),
        ("text=aGVsbG8", {"text": "hello"}),
        ("text=w6k=", {"text": "é"}),
        ("data=eyJhIjoxfQ==", {"data": {"a": 1}}),
        ("data=eyJhIjoxfQ==; data=MQ==", {"data": [{"a": 1}, 1]}),
        ("form=a=1&b=2&a=3", {"form": {"a": ["1", "3"], "b": "2"}}),
        ("form=", {"form": {}}),
        ("loose=a b", {"loose": "a b"}),
        ("", {}),
    ],
)
def test_a_cookie_header_becomes_values(header: str, values: dict[str, Any]) -> None:
    assert COOKIES.parse(header) == (values, [])


@pytest.mark.parametrize("foreign", ["bad cookie", "a=b c", 'a="b', "a=1,2", "a[]=1", "=x", "b\\=1", "a=\\"])
def test_what_the_table_does_not_declare_is_left_out_when_malformed_and_never_fails(foreign: str) -> None:
    assert COOKIES.parse(f"{foreign}; session=abc") == ({"session": "abc"}, [])


@pytest.mark.parametrize(
    "header",
    [
        "session=a b",
        'session="a',
        "session=ok; session=a,b",
        "text=***",
        "text=/w==",
        "data=eyJhIjox",
        "data=bm8=",
        "data=a",
    ],
)
def test_a_declared_cookie_is_judged_strictly(header: str) -> None:
    values, failures = COOKIES.parse(header)
    assert values == {}
    assert [failure.name for failure in failures] == [header.partition("=")[0]]


@settings(deadline=None)
@given(st.text())
def test_no_header_makes_parsing_raise(header: str) -> None:
    values, failures = COOKIES.parse(header)
    assert not values.keys() & {failure.name for failure in failures}


@pytest.mark.parametrize(
    ("name", "value", "header"),
    [
        ("plain", "abc", "plain=abc; Secure; HttpOnly; SameSite=Strict"),
        ("plain", "", "plain=; Secure; HttpOnly; SameSite=Strict"),
        ("plain", None, "plain=; Secure; HttpOnly; SameSite=Strict"),
        ("bare", "1", "bare=1"),
        (
            "wide",
            "1",
            "wide=1; Secure; HttpOnly; SameSite=None; Partitioned; Domain=shop.example; Path=/a b",
        ),
        ("text", "hello", "text=aGVsbG8=; Secure; HttpOnly; SameSite=Strict"),
        ("text", b"\xff", "text=/w==; Secure; HttpOnly; SameSite=Strict"),
        ("data", {"a": 1}, "data=eyJhIjoxfQ==; Secure; HttpOnly; SameSite=Strict"),
        (
            "form",
            {"a": 1, "b": [1, "x y"], "c": True, "d": None, "e": "é&=!'()*~"},
            "form=a=1&b=1&b=x%20y&c=true&d=&e=%C3%A9%26%3D!'()*~; Secure; HttpOnly; SameSite=Strict",
        ),
    ],
)
def test_a_value_becomes_a_set_cookie_header_as_hapi_writes_it(name: str, value: Any, header: str) -> None:
    assert COOKIES.format(name, value) == header


def test_a_lifetime_is_written_as_seconds_and_as_a_date() -> None:
    header = COOKIES.format("session", "abc")
    found = re.fullmatch(r"session=abc; Max-Age=60; Expires=(.+ GMT); HttpOnly; SameSite=Lax; Path=/", header)
    assert found is not None
    assert abs(parsedate_to_datetime(found[1]).timestamp() - time() - 60) < 10


def test_clearing_keeps_the_attributes_that_name_the_cookie() -> None:
    expired = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    assert COOKIES.clear("session") == f"session=; {expired}; HttpOnly; SameSite=Lax; Path=/"
    assert COOKIES.clear("data", {"path": "/x"}) == f"data=; {expired}; Secure; HttpOnly; SameSite=Strict; Path=/x"


def test_options_replace_attributes_of_the_definition() -> None:
    options = {"is_secure": False, "is_same_site": False, "path": "/x", "encoding": "base64json"}
    assert COOKIES.format("session", [1], {**options, "ttl": None}) == "session=WzFd; HttpOnly; Path=/x"
    with pytest.raises(TypeError, match="is_sekure"):
        COOKIES.format("session", "x", {"is_sekure": True})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a b", "x"),
        ("", "x"),
        ("a", "x y"),
        ("a", "x;y"),
        ("a", "x\r\ny"),
        ("loose", "x\r\ny"),
        ("loose", "x;y"),
        ("a\n", "x"),
    ],
)
def test_what_breaks_the_header_is_never_written(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="invalid"):
        COOKIES.format(name, value)


@pytest.mark.parametrize(("name", "value"), [("plain", 1), ("text", 1), ("form", "a=1")])
def test_a_value_that_the_encoding_cannot_hold_is_refused(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match="base64json"):
        COOKIES.format(name, value)


@pytest.mark.parametrize(
    "options",
    [
        {"is_partitioned": True},
        {"is_partitioned": True, "is_same_site": "None", "is_secure": False},
        {"domain": "a_b.example"},
        {"domain": "a" * 64 + ".example"},
        {"domain": "example;"},
        {"path": "x"},
        {"path": "/a;b"},
    ],
)
def test_a_definition_that_browsers_would_refuse_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cookie"):
        Definition(**options)


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists))
def test_base64json_brings_any_json_back(value: Any) -> None:
    header = COOKIES.format("data", value)
    assert COOKIES.parse(header.partition(";")[0]) == ({"data": value}, [])


def request_with(cookie: str | None) -> Request:
    headers = [] if cookie is None else [(b"cookie", cookie.encode("latin-1"))]
    server: Any = SimpleNamespace()
    route: Any = None
    return Request(server, {"type": "http", "headers": headers}, None, route)


def test_the_step_fills_the_state_and_joins_several_headers() -> None:
    request = request_with("session=abc")
    request.scope["headers"].append((b"cookie", b"a=1"))
    cookies_step(COOKIES, True, "error")(request)
    assert request.state == {"session": "abc", "a": "1"}
    request = request_with(None)
    cookies_step(COOKIES, True, "error")(request)
    assert request.state == {}


def test_the_step_leaves_the_state_empty_when_cookies_are_not_read() -> None:
    request = request_with("data=broken")
    cookies_step(COOKIES, False, "error")(request)
    assert request.state == {}


def test_a_refused_cookie_is_a_bad_request_that_names_it_and_is_cleared_where_declared_so() -> None:
    request = request_with("data=broken!; session=abc; text=*")
    with pytest.raises(boom.BadRequest, match="Invalid cookie value") as refusal:
        cookies_step(COOKIES, True, "error")(request)
    assert refusal.value.data == {"cookies": ["data", "text"]}
    assert request.state == {"session": "abc"}
    assert request.pending_cookies == [("data", CLEAR, {})]


@pytest.mark.parametrize(("cookie", "action"), [("data=broken!", "ignore"), ("quiet=!", "error")])
def test_a_refused_cookie_can_be_overlooked(cookie: str, action: str) -> None:
    request = request_with(cookie)
    request.id = "r1"
    assert cookies_step(COOKIES, True, action)(request) is None
    assert request.state == {}


def test_a_fail_action_function_decides_what_a_refused_cookie_means() -> None:
    async def decide(request: Request, error: boom.Boom) -> Any:
        return error.message

    step = cookies_step(COOKIES, True, decide)
    assert asyncio.run(step(request_with("data=broken!"))) == "Invalid cookie value"
    assert asyncio.run(step(request_with("session=fine"))) is None


def test_text_is_read_as_utf_8_in_either_base64_alphabet() -> None:
    text = "??>>ÿ"
    for encoded in (base64.b64encode(text.encode()), base64.urlsafe_b64encode(text.encode())):
        assert COOKIES.parse(f"text={encoded.decode()}") == ({"text": text}, [])
