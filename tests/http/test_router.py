"""Routing compared with recorded results of hapi (data/router.json), and properties of any table."""

import itertools
import json
import operator
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish import boom
from hapiish.grammar.path import LiteralText, Mixed, Param, Path, Segment, Wildcard, occupies, parse
from hapiish.http.routing.router import Match, Router, hostname, normalise
from hapiish.http.syntax import query

Route = tuple[str, Path, str | None]

SETS = json.loads((pathlib.Path(__file__).parent / "data" / "router.json").read_text())
ROWS = [pytest.param(table, row, id=row["id"]) for table in SETS for row in table["requests"]]


def routes_of(table: dict[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """`GET+PUT /multi @one.test,two.test` is four routes."""
    for text in table["routes"]:
        methods, path, *hosts = text.split()
        for method in methods.split("+"):
            for host in hosts[0][1:].split(",") if hosts else [None]:
                yield method, path, host


def router_of(table: dict[str, Any]) -> Router[Any]:
    case_sensitive = table["options"].get("isCaseSensitive", True)
    router: Router[Any] = Router(case_sensitive, table["options"].get("stripTrailingSlash", False))
    # Reversed, as in the recording of set A: the order of routes is irrelevant.
    for method, path, host in reversed(list(routes_of(table))):
        router.add(method, parse(path, case_sensitive=case_sensitive), (method, path, host), host)
    return router.freeze()


def find(table: dict[str, Any], row: dict[str, Any]) -> tuple[Match[Any] | None, tuple[str, ...]]:
    """What a row's request meets, and the methods that its path answers."""
    path = normalise(row["target"].partition("?")[0].encode(), table["options"].get("stripTrailingSlash", False))
    host = row.get("host", "api.test")
    router = router_of(table)
    return router.find(row["method"], path, host), router.allowed(path, host)


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_a_request_meets_the_route_that_hapi_chooses(table: dict[str, Any], row: dict[str, Any]) -> None:
    expected = {**row, **row.get("ours", {})}
    if expected.get("status") == 400:
        with pytest.raises(boom.BadRequest):
            find(table, row)
        return
    found, allowed = find(table, row)
    if "route" not in expected:
        assert found is None
        assert allowed == tuple(expected.get("allow", ()))
        return
    assert found is not None
    (method, text, vhost), params = found
    route_method, route_path, *route_hosts = expected["route"].split()
    assert (method, text) == (route_method, route_path)
    assert vhost is None if not route_hosts else vhost in route_hosts[0][1:].split(",")
    if "params" in expected:
        assert (params or {}) == expected["params"]
    if "query" in expected:
        assert query.parse(row["target"].partition("?")[2]) == expected["query"]


# The same, said another way: a route is a regular expression, and of those that match, the best is the one whose
# segments are of the better kind from left to right. So an open wildcard under a literal beats everything under a
# parameter beside it (rule U3), without any going back.


def pattern(path: Path) -> str:
    *head, last = path.segments
    if not head and last == Param(path.params[0] if path.params else "", optional=True):
        return "/([^/]+)?"
    return "".join("/" + piece(segment) for segment in head) + ending(last)


def piece(segment: Segment) -> str:
    match segment:
        case LiteralText(text):
            return re.escape(text)
        case Mixed(parts):
            return "".join(
                re.escape(part.text) if isinstance(part, LiteralText) else f"([^/]{'*' if part.optional else '+'})"
                for part in parts
            )
        case Param(count=count):
            return "(" + "/".join(["[^/]+"] * count) + ")"
    raise AssertionError(segment)


def ending(segment: Segment) -> str:
    match segment:
        case Param(optional=True):
            return "(?:/([^/]*))?"
        case Wildcard():
            return "(?:/(.*))?"
    return "/" + piece(segment)


def quality(path: Path) -> list[tuple[Any, ...]]:
    ranks: list[tuple[Any, ...]] = []
    for segment in path.segments:
        match segment:
            case LiteralText():
                ranks.append((0,))
            case Mixed(parts):
                literals = [(-len(part.text), part.text.lower()) for part in parts if isinstance(part, LiteralText)]
                optional = [part.optional for part in parts if isinstance(part, Param)]
                ranks.append((1, -len(parts), isinstance(parts[0], Param), literals, optional))
            case Param(count=count):
                ranks += [(2,)] * count
            case Wildcard():
                ranks.append((3,))
    return ranks


def slowly(routes: list[Route], method: str, text: str, host: str | None, case_sensitive: bool) -> Match[Any] | None:
    methods = {"HEAD": ("GET", "*")}.get(method, (method, "*"))
    for wanted, owner in [(name, owner) for name in methods for owner in (host, None)]:
        matches = [
            (quality(path), path, found)
            for route_method, path, vhost in routes
            if (route_method, vhost) == (wanted, owner)
            and (found := re.fullmatch(pattern(path), text, 0 if case_sensitive else re.IGNORECASE))
        ]
        if matches:
            _, path, found = min(matches, key=operator.itemgetter(0))
            params = {name: value for name, value in zip(path.params, found.groups(), strict=True) if value is not None}
            return (wanted, path, owner), params or None
    return None


MIDDLE = ["a", "b", "ab", "{}", "{}", "{*2}", "a{}", "{}b", "a{?}b", "{}-{}", "{?}-{}", "{}-{?}b", "A{}"]
LAST = [*MIDDLE, "", "{?}", "{*}", "{*}"]


@st.composite
def paths(draw: st.DrawFn) -> str:
    pieces = [*draw(st.lists(st.sampled_from(MIDDLE), max_size=3)), draw(st.sampled_from(LAST))]
    names = itertools.count()
    return re.sub(r"\{", lambda _: f"{{p{next(names)}", "/" + "/".join(pieces))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Route], bool]:
    """Routes without conflicts, and whether case counts."""
    case_sensitive = draw(st.booleans())
    wishes = st.tuples(st.sampled_from(["GET", "POST", "*"]), paths(), st.sampled_from([None, None, "one.test"]))
    taken: set[tuple[str, str | None, str]] = set()
    routes: list[Route] = []
    for method, text, host in draw(st.lists(wishes, max_size=12)):
        path = parse(text, case_sensitive=case_sensitive)
        keys = {(method, host, key) for key in occupies(path)}
        if not keys & taken:
            taken |= keys
            routes.append((method, path, host))
    return routes, case_sensitive


targets = st.lists(st.sampled_from(["a", "b", "ab", "A", "aB", "a-b", "aab", "-", "a--b", ""]), min_size=1, max_size=5)


@settings(max_examples=500, deadline=None)
@given(tables(), st.lists(targets, min_size=1, max_size=8), st.sampled_from(["GET", "HEAD", "POST", "PUT"]))
def test_the_trie_and_a_slow_matcher_never_disagree(
    table: tuple[list[Route], bool], requests: list[list[str]], method: str
) -> None:
    routes, case_sensitive = table
    router: Router[Any] = Router(case_sensitive)
    for route_method, path, vhost in routes:
        router.add(route_method, path, (route_method, path, vhost), vhost)
    router.freeze()
    for request in requests:
        text = "/" + "/".join(request)
        for host in ("one.test", "two.test"):
            assert router.find(method, text, host) == slowly(routes, method, text, host, case_sensitive), text


def test_a_wildcard_in_the_chosen_subtree_is_a_match() -> None:
    router = router_of({"options": {}, "routes": ["GET /k/{p}/n", "GET /{q}/l/o", "GET /k/{r*}"]})
    assert router.find("GET", "/k/l/o") == (("GET", "/k/{r*}", None), {"r": "l/o"})


def test_a_required_parameter_is_never_empty_even_beside_an_optional_one() -> None:
    router = router_of({"options": {}, "routes": ["GET /u/{a?}", "GET /u/{b}/end"]})
    assert router.find("GET", "/u/") == (("GET", "/u/{a?}", None), {"a": ""})
    assert router.find("GET", "/u//end") is None


@pytest.mark.parametrize("order", [1, -1])
def test_mixed_segments_that_differ_in_optionality_do_not_depend_on_order(order: int) -> None:
    router = router_of({"options": {}, "routes": ["GET /f{a}/x", "GET /f{b?}/y"][::order]})
    assert router.find("GET", "/f/x") is None
    assert router.find("GET", "/f/y") == (("GET", "/f{b?}/y", None), {"b": ""})


def test_a_mixed_segment_of_many_parameters_matches_in_linear_time() -> None:
    router = router_of({"options": {}, "routes": ["GET /{a}-{b}-{c}-{d}-{e}x"]})
    assert router.find("GET", "/" + "-" * 50_000) is None


def test_a_route_that_conflicts_is_refused_with_both_paths_named() -> None:
    router: Router[Any] = Router()
    router.add("GET", parse("/u/{id?}"), 1)
    with pytest.raises(ValueError, match=r"/u conflicts with /u/\{id\?\}"):
        router.add("GET", parse("/u"), 2)
    with pytest.raises(ValueError, match="conflicts"):
        router.add("GET", parse("/u/{id?}"), 1)
    router.add("POST", parse("/u"), 3)
    router.add("GET", parse("/u"), 4, "one.test")


def test_hosts_that_differ_in_case_only_conflict() -> None:
    router: Router[Any] = Router()
    router.add("GET", parse("/u"), 1, "one.test")
    with pytest.raises(ValueError, match="conflicts"):
        router.add("GET", parse("/u"), 2, "ONE.test")


def test_what_can_never_match_is_refused() -> None:
    with pytest.raises(ValueError, match="HEAD"):
        Router[Any]().add("HEAD", parse("/u"), 1)
    stripping = Router[Any](strip_trailing_slash=True)
    stripping.add("GET", parse("/"), 1)
    with pytest.raises(ValueError, match="trailing slash"):
        stripping.add("GET", parse("/u/"), 1)


def test_allow_lists_the_methods_that_match_sorted_with_head_beside_get() -> None:
    routes = ["POST /a", "GET /{p}", "DELETE /a/b", "* /a/b/c", "PUT /a @one.test", "OPTIONS /a"]
    router = router_of({"options": {}, "routes": routes})
    assert router.allowed("/a") == ("GET", "HEAD", "OPTIONS", "POST")
    assert router.allowed("/a", "One.test:80") == ("GET", "HEAD", "OPTIONS", "POST", "PUT")
    assert router.allowed("/a/b") == ("DELETE",)
    assert router.allowed("/a/b/c") == ()
    assert router.allowed("/%zz") == ("GET", "HEAD")


def test_a_route_of_any_method_answers_no_connect_even_beside_a_route_that_does() -> None:
    router: Router[str] = Router()
    router.add("CONNECT", parse("/a"), "tunnel")
    router.add("*", parse("/{p*}"), "any")
    router.freeze()
    assert router.find("CONNECT", "/a") == ("tunnel", None)
    assert router.find("CONNECT", "/b") is None
    assert router.find("PUT", "/b") == ("any", {"p": "b"})


def test_an_empty_router_finds_nothing() -> None:
    router: Router[Any] = Router().freeze()
    assert router.find("GET", "/", "one.test") is None
    assert router.allowed("/") == ()


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("one.test", "one.test"),
        ("ONE.Test:8080", "one.test"),
        ("[::1]:80", "[::1]"),
        ("[::1]", "[::1]"),
        ("", ""),
    ],
)
def test_a_host_is_compared_without_port_and_case(host: str, name: str) -> None:
    assert hostname(host) == name


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/plain/path", "/plain/path"),
        (b"/%7euser/%41%2d", "/~user/A-"),
        (b"/a%2fb%20c", "/a%2Fb%20c"),
        (b"/%zz%4", "/%zz%4"),
        (b"/%25zz", "/%25zz"),
        (b"/a/./b/../c", "/a/c"),
        (b"/..", "/"),
        (b"/../../a/..", "/"),
        (b"/..//x", "//x"),
        (b"/a/.", "/a/"),
        (b"/.hidden/..x", "/.hidden/..x"),
        (b"/caf\xc3\xa9", "/caf%C3%A9"),
        ("/café/%2E%2E/x", "/x"),
        ("/é", "/%C3%A9"),
        (b"http://one.test/a/b", "/a/b"),
        (b"HTTPS://one.test", "/"),
        (b"/a#b/../c", "/a"),
    ],
)
def test_a_raw_path_is_normalised(raw: bytes | str, path: str) -> None:
    assert normalise(raw) == path


@pytest.mark.parametrize(("raw", "path"), [(b"/", "/"), (b"/a/", "/a"), (b"/a//", "/a/"), (b"/a/.", "/a")])
def test_one_trailing_slash_is_stripped_when_asked(raw: bytes, path: str) -> None:
    assert normalise(raw, strip_trailing_slash=True) == path


@pytest.mark.parametrize("raw", [b"*", b"q", b"", b"ftp://one.test/a"])
def test_a_target_that_is_no_path_is_a_bad_request(raw: bytes) -> None:
    with pytest.raises(boom.BadRequest, match="Invalid URL"):
        normalise(raw)


@given(st.binary())
def test_a_normalised_path_is_ascii_and_stays_as_it_is(raw: bytes) -> None:
    path = normalise(b"/" + raw)
    assert path.isascii()
    assert normalise(path) == path
