"""JSON formatting by route options and by handlers."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish import codec
from hapiish.http.content.json_format import Format, replaced
from hapiish.table.problems import TableError
from hapiish.testing import Injected, inject
from tests.http.conftest import Make

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES, st.integers(0, 4), st.booleans())
def test_however_it_is_written_it_says_the_same(value: Any, space: int, escape: bool) -> None:
    assert codec.decode(Format(space=space, escape=escape).encode(value, {})) == value
    assert replaced(value, lambda key, inner: inner) == value


@pytest.mark.parametrize(
    ("settings", "more", "expected"),
    [
        ({}, {}, b'{"a":"<\xc3\xa9>","b":[1,{"a":2}]}'),
        ({"space": 1}, {"spaces": None}, b'{"a":"<\xc3\xa9>","b":[1,{"a":2}]}'),
        ({"replacer": ("b",)}, {}, b'{"b":[1,{}]}'),
        ({"replacer": ("b",)}, {"replacer": ["a"]}, b'{"a":"<\xc3\xa9>"}'),
        ({"suffix": "\n"}, {"suffix": ";"}, b'{"a":"<\xc3\xa9>","b":[1,{"a":2}]};'),
        ({"escape": True}, {"replacer": ["a"]}, b'{"a":"\\u003c\xc3\xa9\\u003e"}'),
        ({}, {"encoding": "latin-1", "replacer": ["a"]}, b'{"a":"<\xe9>"}'),
        ({"space": 2}, {"replacer": lambda key, value: [value["a"]] if key == "" else value}, b'[\n  "<\xc3\xa9>"\n]'),
    ],
)
def test_what_a_response_says_goes_before_its_route(settings: Any, more: Any, expected: bytes) -> None:
    assert Format(**settings).encode({"a": "<é>", "b": [1, {"a": 2}]}, more) == expected


def test_a_function_sees_each_key_from_the_outside_in_and_may_leave_values_out() -> None:
    seen: list[str] = []

    def replace(key: str, value: Any) -> Any:
        seen.append(key)
        return ... if value == "secret" else value + 1 if isinstance(value, int) else value

    assert replaced({"a": [1, "secret"], "b": "secret", "c": {"d": 2}}, replace) == {"a": [2, None], "c": {"d": 3}}
    assert seen == ["", "a", "0", "1", "b", "c", "d"]
    assert replaced("secret", replace) is None


def send(app: Any) -> Injected:
    return asyncio.run(inject(app))


def test_a_table_names_the_keys_or_the_function(make: Make) -> None:
    code = """
    from datetime import date

    def show(request, h):
        return {"at": date(2026, 1, 2), "secret": 1}

    def replace(key, value):
        return ... if key == "secret" else value.upper() if key == "at" else value

    async def late(key, value):
        return value

    def own(request, h):
        return h.response({"a": 1, "b": 2}).replacer(["b"]).spaces(1)

    def text(request, h):
        return h.response("é").type("text/plain").charset("latin-1").encoding("latin-1")

    async def stream(request, h):
        async def pieces():
            yield b"abc"
        return h.response(pieces()).bytes(3)
    """

    def table(handler: str, replacer: str = "null") -> str:
        options = f"{{json: {{replacer: {replacer}}}}}"
        return f"routes:\n- {{method: GET, path: /, handler: 'my:{handler}', options: {options}}}\n"

    assert send(make(table("show", "'my:replace'"), code)).text == '{"at":"2026-01-02"}'
    assert send(make(table("show", "[secret]"), code)).text == '{"secret":1}'
    assert send(make(table("own"), code)).text == '{\n "b": 2\n}'
    answer = send(make(table("text"), code))
    assert (answer.payload, answer.headers["content-type"]) == (b"\xe9", "text/plain; charset=latin-1")
    assert send(make(table("stream"), code)).headers["content-length"] == "3"
    with pytest.raises(TableError, match='HA0402 "my:late" is an async function; a def is required'):
        make(table("show", "'my:late'"), code)
    with pytest.raises(TableError, match='HA0401 "my:absent"'):
        make(table("show", "'my:absent'"), code)
