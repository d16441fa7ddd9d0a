import json
import pathlib
from itertools import pairwise
from typing import Any

import pytest

from hapiish.grammar.path import LiteralText, Mixed, Param, Path, PathError, Wildcard, occupies, parse

DATA = json.loads((pathlib.Path(__file__).parent / "data" / "paths.json").read_text())


def by_id(row: dict[str, Any]) -> str:
    return str(row["id"])


def places(route: str, case_sensitive: bool) -> set[tuple[str, str, str]]:
    """Where a route written as `[METHOD ]/path[ @host]` sits."""
    words = route.split()
    host = words.pop() if words[-1].startswith("@") else ""
    method = "GET" if len(words) == 1 else words[0]
    return {(method, host, key) for key in occupies(parse(words[-1], case_sensitive=case_sensitive))}


@pytest.mark.parametrize("row", DATA["conflicts"], ids=by_id)
def test_two_routes_conflict_exactly_when_hapi_says_so(row: dict[str, Any]) -> None:
    case_sensitive = row.get("options", {}).get("isCaseSensitive", True)
    taken = [places(route, case_sensitive) for route in row["routes"]]
    assert any(first & second for first, second in pairwise(taken)) is row["conflict"]


@pytest.mark.parametrize("row", DATA["syntax"], ids=by_id)
def test_a_path_is_accepted_exactly_when_hapi_accepts_it(row: dict[str, Any]) -> None:
    accepted = row.get("ours", row)["accepted"]
    if accepted:
        assert parse(row["path"]).text == row["path"]
    else:
        with pytest.raises(PathError):
            parse(row["path"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the root is"),
        ("users", 'must start with "/"'),
        ("/a//b", 'write a single "/"'),
        ("/{a*}/z", "write {a*2}"),
        ("/{a?}/z", "write {a}"),
        ("/{a*0}", "from 1"),
        ("/{a*x}", "from 1"),
        ("/{a*2?}", "write {a*}"),
        ("/{a*1000}", "more than 100"),
        ("/{a?b}", "write {a?}"),
        ("/{a}{b}", "literal between them: {a}-{b}"),
        ("/f{a*2}", "stands alone"),
        ("/{user-id}", "write {user_id}"),
        ("/{}", "has no name"),
        ("/{a", "without its partner"),
        ("/a}", "without its partner"),
        ("/a b", "write %20"),
        ("/é", "write %C3%A9"),
        ("/a?b=1", "write %3F"),
        ("/50%", "write %25"),
        ("/%c3%a9", "write %C3"),
        ("/%61", 'write "a"'),
        ("/a/./b", "can never match"),
        ("/a\nb", "control character"),
        ("/{a}/{a}", "appears twice"),
        ("/f{a}g{a}h", "appears twice"),
    ],
)
def test_a_refusal_names_the_right_form(text: str, reason: str) -> None:
    with pytest.raises(PathError) as refusal:
        parse(text)
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_segments_params_and_fingerprint_tell_what_a_path_is_made_of() -> None:
    path = parse("/a/{p}/v{x?}.{y}/{q*2}/{rest*}")
    assert path.segments == (
        LiteralText("a"),
        Param("p"),
        Mixed((LiteralText("v"), Param("x", optional=True), LiteralText("."), Param("y"))),
        Param("q", count=2),
        Wildcard("rest"),
    )
    assert path.params == ("p", "x", "y", "q", "rest")
    assert path.fingerprint == "/a/?/v?.?/?/?/#"


def test_a_trailing_slash_is_a_segment_of_its_own() -> None:
    assert parse("/a/").segments == (LiteralText("a"), LiteralText(""))
    assert parse("/").segments == (LiteralText(""),)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("/u/{id?}", ("/u/?", "/u")),
        ("/{id?}", ("/?", "/")),
        ("/u/{a*}", ("/u/#", "/u/?/#")),
        ("/{a*}", ("/#", "/?/#")),
        ("/f{a?}", ("/f?",)),
    ],
)
def test_optional_and_open_ends_occupy_two_places(text: str, keys: tuple[str, ...]) -> None:
    assert occupies(parse(text)) == keys


def test_folding_reaches_the_literals_of_mixed_segments_and_leaves_the_segments_alone() -> None:
    path = parse("/Docs/V{n}", case_sensitive=False)
    assert path.fingerprint == "/docs/v?"
    assert path.segments[0] == LiteralText("Docs")


def test_paths_are_values() -> None:
    assert parse("/a/{b}") == parse("/a/{b}")
    assert len({parse("/a"), parse("/a"), parse("/b")}) == 2
    assert isinstance(parse("/a"), Path)
