"""The order of extension functions: `before` and `after` by plugin name, else the order of declaration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hapiish.table import check_text
from hapiish.table.merging.extension_order import Cycle, Hints, arranged

CASES = [
    ([], ""),
    ([("a", "", ""), ("b", "", "")], "ab"),
    ([("a", "b", ""), ("b", "", "")], "ab"),
    ([("a", "", "b"), ("b", "", "")], "ba"),
    ([("a", "", ""), ("b", "a", "")], "ba"),
    ([("a", "", ""), ("b", "", ""), ("c", "a", "")], "bca"),
    ([("a", "", ""), ("b", "", ""), ("a", "", "b")], "aba"),
    ([("a", "", "nobody"), ("b", "nobody", "")], "ab"),
    ([("a", "a", "a"), ("b", "", "")], "ab"),
    ([("", "", "a"), ("a", "", ""), ("", "", "")], "a.."),
    ([("a", "", "c"), ("b", "", "a"), ("c", "", "")], "cab"),
]


def hints(spec: tuple[str, str, str]) -> Hints:
    plugin, before, after = spec
    return Hints(plugin, tuple(before.split()), tuple(after.split()))


@pytest.mark.parametrize(("specs", "expected"), CASES)
def test_hints_are_kept_and_nothing_else_moves(specs: list[tuple[str, str, str]], expected: str) -> None:
    assert "".join(spec[0] or "." for spec in arranged(specs, hints)) == expected


@pytest.mark.parametrize(
    ("specs", "circle"),
    [
        ([("a", "b", ""), ("b", "a", "")], (0, 1)),
        ([("a", "", "b"), ("b", "", "a")], (0, 1)),
        ([("x", "", ""), ("a", "b", ""), ("b", "c", ""), ("c", "a", "")], (1, 2, 3)),
        ([("x", "", "a"), ("a", "b", ""), ("b", "a", "")], (1, 2)),
    ],
)
def test_a_circle_is_refused_and_named(specs: list[tuple[str, str, str]], circle: tuple[int, ...]) -> None:
    with pytest.raises(Cycle) as caught:
        arranged(specs, hints)
    assert caught.value.indexes == circle


names = st.text("abc", max_size=2)


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b", "c"]), st.sampled_from(["", "a", "b c"]), names), max_size=7))
def test_an_order_keeps_every_hint_or_there_is_none(specs: list[tuple[str, str, str]]) -> None:
    try:
        order = arranged(list(enumerate(specs)), lambda item: hints(item[1]))
    except Cycle:
        return
    assert sorted(index for index, _ in order) == list(range(len(specs)))
    for place, (_, spec) in enumerate(order):
        own = hints(spec)
        later = [hints(other).plugin for _, other in order[place + 1 :]]
        earlier = [hints(other).plugin for _, other in order[:place]]
        assert not (set(own.before) - {own.plugin}) & set(earlier)
        assert not (set(own.after) - {own.plugin}) & set(later)


def test_what_an_extension_must_be_is_said_at_its_place() -> None:
    text = "ext: {onPreAuth: {method: a:b, before: 5, timeout: 0, bind: 7, first: x}}"
    problems = check_text(text, "f", {})[1]
    assert [(problem.code, problem.mark.column) for problem in problems] == [
        ("HA0201", 40),
        ("HA0206", 52),
        ("HA0201", 61),
        ("HA0204", 64),
    ]
