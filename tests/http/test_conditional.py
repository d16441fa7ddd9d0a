import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish import boom
from hapiish.http.content.conditional import byte_range, evaluate, format_etag

BEFORE = "Tue, 20 Oct 2015 07:28:00 GMT"
DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
AFTER = "Thu, 22 Oct 2015 07:28:00 GMT"
HUGE = "9" * 5000


@pytest.mark.parametrize(
    ("etag", "header", "verdict"),
    [
        ('"abc"', '"abc"', (304, None)),
        ('"abc"', '"x", "abc"', (304, None)),
        ('"abc"', '"x","abc"', (304, None)),
        ('"abc"', "*", (304, None)),
        ('"abc"', 'W/"abc"', (304, 'W/"abc"')),
        ('"abc"', 'W/"abc", "abc"', (304, None)),
        ('"abc"', '"zzz"', None),
        ('"abc"', "abc", None),
        ('"abc"', "", None),
        ('W/"abc"', 'W/"abc"', (304, None)),
        ('W/"abc"', '"abc"', (304, None)),
        ('"a,b"', '"a,b"', (304, None)),
        (None, '"abc"', None),
    ],
)
def test_if_none_match_compares_weakly(etag: str | None, header: str, verdict: tuple[int, str | None] | None) -> None:
    assert evaluate("GET", {"if-none-match": header}, etag, None) == verdict
    assert evaluate("HEAD", {"if-none-match": header}, etag, None) == verdict
    assert evaluate("PUT", {"if-none-match": header}, etag, None) == ((412, None) if verdict else None)


@pytest.mark.parametrize(
    ("etag", "header", "verdict"),
    [
        ('"abc"', '"abc"', None),
        ('"abc"', '"x", "abc"', None),
        ('"abc"', "*", None),
        ('"abc"', '"x"', (412, None)),
        ('"abc"', 'W/"abc"', (412, None)),
        ('W/"abc"', 'W/"abc"', (412, None)),
        (None, '"abc"', (412, None)),
        (None, "*", None),
    ],
)
def test_if_match_compares_strongly(etag: str | None, header: str, verdict: tuple[int, str | None] | None) -> None:
    assert evaluate("PUT", {"if-match": header}, etag, None) == verdict
    assert evaluate("GET", {"if-match": header}, etag, None) == verdict


@pytest.mark.parametrize(
    ("modified", "since", "is_304", "is_412"),
    [
        (DATE, DATE, True, False),
        (DATE, AFTER, True, False),
        (DATE, BEFORE, False, True),
        (DATE, "Wednesday, 21-Oct-15 07:28:00 GMT", True, False),
        (DATE, "Wed Oct 21 07:28:00 2015", True, False),
        (DATE, "garbage", False, False),
        (DATE, "", False, False),
        (None, AFTER, False, False),
        ("garbage", AFTER, False, False),
    ],
)
def test_dates_are_compared_by_the_second_and_ignored_when_they_are_none(
    modified: str | None, since: str, is_304: bool, is_412: bool
) -> None:
    assert evaluate("GET", {"if-modified-since": since}, None, modified) == ((304, None) if is_304 else None)
    assert evaluate("POST", {"if-modified-since": since}, None, modified) is None
    assert evaluate("PUT", {"if-unmodified-since": since}, None, modified) == ((412, None) if is_412 else None)


def test_tags_take_precedence_over_dates() -> None:
    newer = {"if-none-match": '"x"', "if-modified-since": AFTER}
    assert evaluate("GET", newer, '"abc"', DATE) is None
    assert evaluate("PUT", {"if-match": '"abc"', "if-unmodified-since": BEFORE}, '"abc"', DATE) is None


def test_a_failed_if_match_comes_before_a_304() -> None:
    assert evaluate("GET", {"if-match": '"x"', "if-none-match": '"abc"'}, '"abc"', None) == (412, None)


def test_a_request_without_preconditions_is_just_answered() -> None:
    assert evaluate("GET", {"accept": "*/*"}, '"abc"', DATE) is None


@pytest.mark.parametrize(("tag", "weak", "text"), [("abc", False, '"abc"'), ("abc", True, 'W/"abc"')])
def test_an_etag_is_quoted(tag: str, weak: bool, text: str) -> None:
    assert format_etag(tag, weak=weak) == text


@pytest.mark.parametrize("tag", ["", "*", 'a"b', "a b", "a\r\nb", "a€"])
def test_an_etag_that_breaks_the_header_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="ETag"):
        format_etag(tag)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-3", (0, 3)),
        ("bytes=4-", (4, 9)),
        ("bytes=-3", (7, 9)),
        ("bytes=-99", (0, 9)),
        ("bytes=0-99", (0, 9)),
        ("bytes=9-9", (9, 9)),
        ("Bytes=0-3", (0, 3)),
        ("bytes= 0-3 ", (0, 3)),
        ("bytes=0-1,2-4", (0, 4)),
        ("bytes=2-4, 0-3", (0, 4)),
        ("bytes=0-8,2-4", (0, 8)),
        ("bytes=0-3,20-30", (0, 3)),
        ("bytes=0-1,3-4", None),
        ("lines=1", None),
        ("bytes=5-2", None),
        ("bytes=a-b", None),
        ("bytes=1-2;3", None),
        ("bytes=--3", None),
        ("bytes=", None),
        ("bytes=,", None),
        ("bytes", None),
        ("", None),
        (f"bytes={HUGE}-", None),
        ("bytes=٣-٤", None),
    ],
)
def test_a_range_of_ten_bytes(header: str, part: tuple[int, int] | None) -> None:
    assert byte_range(header, None, None, 10) == part


@pytest.mark.parametrize("header", ["bytes=20-30", "bytes=10-", "bytes=-0", "bytes=20-,-0"])
def test_a_range_beyond_the_end_is_416_and_tells_the_length(header: str) -> None:
    with pytest.raises(boom.RangeNotSatisfiable) as refusal:
        byte_range(header, None, None, 10)
    assert refusal.value.headers == {"content-range": "bytes */10"}


def test_nothing_has_no_ranges() -> None:
    assert byte_range("bytes=0-3", None, None, 0) is None


@pytest.mark.parametrize(
    ("if_range", "etag", "served"),
    [
        ('"abc"', '"abc"', True),
        ('"x"', '"abc"', False),
        ('W/"abc"', 'W/"abc"', False),
        ('"abc"', None, False),
        (DATE, '"abc"', False),
    ],
)
def test_if_range_serves_the_part_only_of_the_same_strong_tag(if_range: str, etag: str | None, served: bool) -> None:
    assert byte_range("bytes=0-3", if_range, etag, 10) == ((0, 3) if served else None)
    if not served:
        assert byte_range("bytes=20-", if_range, etag, 10) is None


@given(st.text(alphabet="0123456789-, bytes="), st.integers(1, 100))
def test_any_range_header_gives_a_part_of_the_body_or_is_ignored_or_416(header: str, length: int) -> None:
    try:
        part = byte_range("bytes=" + header, None, None, length)
    except boom.RangeNotSatisfiable:
        return
    assert part is None or 0 <= part[0] <= part[1] < length


@given(st.text(), st.text(), st.text())
def test_no_header_makes_the_evaluation_fail(tags: str, date: str, modified: str) -> None:
    headers = {"if-none-match": tags, "if-modified-since": date, "if-unmodified-since": date}
    assert evaluate("GET", headers, '"abc"', modified) in (None, (304, None), (304, 'W/"abc"'), (412, None))
