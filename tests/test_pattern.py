"""Patterns are regular expressions of ECMA-262, independent of the engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish.grammar.pattern import fault, matcher, translated

CASES = [
    (r"^\p{L}[\p{L}\p{M}' -]*$", ["Žluť", "O'Neill", "李"], ["1", ""]),
    (r"^\p{Script=Greek}+$", ["αβγ"], ["abc"]),
    (r"^\p{sc=Greek}+$", ["αβγ"], ["abc"]),
    (r"^\P{Lu}+$", ["abc"], ["aBc"]),
    (r"^\p{L}{1,1000}$", ["é" * 1000], ["é" * 1001]),
    (r"^\u{1F600}$", ["😀"], ["a"]),
    (r"^\uD83D\uDE00$", ["😀"], ["a"]),
    (r"^[\uD83D\uDE00-\uD83D\uDE4F]$", ["😀", "😃"], ["🎉"]),
    (r"^(?<y>a|b)\k<y>$", ["aa", "bb"], ["ab"]),
    (r"^(x)(?:y)(?=z)(?<a>z)(?<b>w)\k<b>\k<a>0$", ["xyzwwz0"], ["xyzwzw0"]),
    (r"^\((?<y>x)\k<y>[(]$", ["(xx("], ["(x(("]),
    (r"^(?<!x)(?<y>a)(?<=a)\k<y>$", ["aa"], ["ab"]),
    (r"^\cA[\cZ]$", ["\x01\x1a"], ["AZ"]),
    (r"^[^]$", ["\n", "a", "😀"], ["", "ab"]),
    (r"[]", [], ["", "a"]),
    (r"^[^]]$", ["a]", "\n]"], ["]"]),
    (r"^[\]a]$", ["]", "a"], ["b"]),
    (r"^[\b]$", ["\b"], ["b"]),
    (r"^\0[\0]$", ["\0\0"], ["00"]),
    (r"^.$", ["a", "😀"], ["\n", "\r", "\u2028", "\u2029"]),
    (r"^[.]\.$", [".."], ["aa"]),
    (r"^[[]\[[a[]$", ["[[["], ["a[["]),
    (r"^[a&&b~~c]$", ["a", "&", "~"], ["d"]),
    (r"^\<\>$", ["<>"], ["a"]),
    (r"^\\k<y>$", ["\\k<y>"], []),
    (r"^\d\w\s$", ["1a\ufeff", "1a\u00a0"], ["٣a ", "1é ", "1a\x85"]),
    (r"a$", ["a"], ["a\n"]),
    (r"\bfoo\b", ["foo", "a foo!", "éfooé"], ["xfoo", "foo_"]),
    (r"\Bfoo", ["xfoo", "_foo"], ["foo", "éfoo"]),
]


@pytest.mark.parametrize(("pattern", "fitting", "others"), CASES, ids=[case[0] for case in CASES])
def test_a_pattern_means_what_ecmascript_says(pattern: str, fitting: list[str], others: list[str]) -> None:
    assert fault(pattern) == ""
    assert [text for text in fitting if not matcher(pattern)(text)] == []
    assert [text for text in others if matcher(pattern)(text)] == []


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a", "missing )"),
        ("[a", "unterminated character set at character 1"),
        ("a{2,1}", "min repeat greater than max repeat"),
        (r"\p{Foo}", 'property that Unicode does not have, or the engine does not know: "Foo"'),
        (r"a\Z", "in Python only"),
        (r"(?<y>a)\k<x>", "not a regular expression of ECMAScript"),
        (r"[\uD800]", "keep to what ECMAScript knows"),
        (r"\p{L}{1,60000}", "not a regular expression of ECMAScript"),
        ("\\", "not a regular expression of ECMAScript"),
    ],
)
def test_a_pattern_that_is_none_is_refused_with_a_reason(pattern: str, said: str) -> None:
    assert said in fault(pattern)


@pytest.mark.parametrize("pattern", [r"^(?=(a+)+$).*$", r"^(a+)+\1$", r"^(?:a|aa)+(?=b)$", r"(?=a).*(?=b)"])
def test_the_work_on_a_hostile_text_is_bounded(pattern: str) -> None:
    # Without a bound each of these would not come to an end.
    assert not matcher(pattern)("a" * 50_000 + "!")


@given(st.lists(st.sampled_from([*r"\[](){}^$.*+?|-<>=!:kpbdu0a", "\\u", "(?<y>", "\\k<y>", "[^", "[]"]), max_size=12))
def test_any_text_is_a_pattern_or_has_a_fault(pieces: list[str]) -> None:
    pattern = "".join(pieces)
    translated(pattern)
    if fault(pattern) == "":
        matcher(pattern)("a")


@given(st.text(max_size=20))
def test_text_without_signs_stays_as_it_is(text: str) -> None:
    plain = "".join(sign for sign in text if sign not in r"\[](){}^$.*+?|")
    assert translated(plain) == plain
