from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish.http.syntax.query import parse


@pytest.mark.parametrize(
    ("raw", "query"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&a=2", {"a": ["1", "2"]}),
        ("a=1&b=x&a=2&a=3", {"a": ["1", "2", "3"], "b": "x"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("=1", {"": "1"}),
        ("a=b=c", {"a": "b=c"}),
        ("&&a=1&", {"a": "1"}),
        ("a=%20+b", {"a": "  b"}),
        ("a=1%2B1", {"a": "1+1"}),
        ("a[]=1", {"a[]": "1"}),
        ("%E2%9C%93=1", {"✓": "1"}),
        ("a=%zz", {"a": "%zz"}),
        ("a=%", {"a": "%"}),
        ("a=%ff", {"a": "\ufffd"}),
        ("a=1;b=2", {"a": "1;b=2"}),
        ("__proto__=1", {"__proto__": "1"}),
    ],
)
def test_a_query_reads_as_in_hapi(raw: str, query: dict[str, Any]) -> None:
    assert parse(raw) == query
    assert parse(raw.encode()) == query


@given(st.binary())
def test_no_bytes_make_a_query_fail(raw: bytes) -> None:
    assert all(isinstance(value, str | list) for value in parse(raw).values())
