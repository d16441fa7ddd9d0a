"""The reasons of `hapiish match`, compared with the router that serves requests."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish.describe.matching import Matcher, MatchRequest, answers, nearest
from hapiish.grammar.path import Path, parse
from hapiish.http.routing.router import Router
from hapiish.options import Route
from tests.http.test_router import tables, targets

Declared = tuple[str, Path, str | None]
METHODS = ["GET", "HEAD", "POST", "PUT", "CONNECT", "OPTIONS"]


def route(method: str, path: str, vhost: str | None = None) -> Route:
    return Route(method=method, path=path, handler="m:f", vhost=vhost)


def router(routes: list[Route], case_sensitive: bool) -> Router[Route]:
    made: Router[Route] = Router(case_sensitive)
    for each in routes:
        made.add(each.method, parse(each.path, case_sensitive=case_sensitive), each, each.vhost)
    return made.freeze()


@settings(max_examples=150, deadline=None)
@given(
    table=tables(),
    requests=st.lists(
        st.tuples(targets, st.sampled_from(METHODS), st.sampled_from([None, "one.test", "two.test"])),
        min_size=1,
        max_size=6,
    ),
)
def test_a_route_is_said_to_lose_if_and_only_if_it_answers_the_request_alone(
    table: tuple[list[Declared], bool], requests: list[tuple[list[str], str, str | None]]
) -> None:
    declared, case_sensitive = table
    routes = [route(method, path.text, host) for method, path, host in declared]
    whole, matcher = router(routes, case_sensitive), Matcher(case_sensitive=case_sensitive)
    for segments, method, host in requests:
        asked = MatchRequest(method, "/" + "/".join(segments), host)
        found = whole.find(method, asked.path, host)
        for each in routes:
            if found is not None and each is found[0]:
                continue
            reason = matcher.reason(asked, each, found[0] if found is not None else None)
            alone = router([each], case_sensitive).find(method, asked.path, host)
            assert (reason.kind == "precedence") is (alone is not None), (asked, each.path, reason)
            by_path = router([replace(each, vhost=None, method="GET")], case_sensitive).find("GET", asked.path)
            assert (reason.kind in ("segment", "length", "case", "slash")) is (by_path is None), (asked, reason)


@settings(max_examples=150, deadline=None)
@given(table=tables(), segments=targets, method=st.sampled_from(METHODS), host=st.sampled_from([None, "one.test"]))
def test_a_route_that_loses_is_said_to_lose_for_the_router_s_reason(
    table: tuple[list[Declared], bool], segments: list[str], method: str, host: str | None
) -> None:
    declared, case_sensitive = table
    routes = [route(method, path.text, host) for method, path, host in declared]
    asked = MatchRequest(method, "/" + "/".join(segments), host)
    found = router(routes, case_sensitive).find(method, asked.path, host)
    if found is None:
        return
    winner, matcher = found[0], Matcher(case_sensitive=case_sensitive)
    for each in routes:
        reason = matcher.reason(asked, each, winner) if each is not winner else None
        if reason is None or reason.kind != "precedence":
            continue
        pair = router([each, winner], case_sensitive).find(method, asked.path, host)
        assert pair is not None
        assert pair[0] is winner
        assert reason.text != "the other route precedes it"
        if reason.segment is not None:
            assert (each.method, each.vhost) == (winner.method, winner.vhost)


def reason(asked: tuple[str, str], declared: tuple[str, str], winner: tuple[str, str] | None = None) -> str:
    found = Matcher().reason(MatchRequest(*asked), route(*declared), route(*winner) if winner is not None else None)
    return found.text


def test_each_reason_is_a_sentence_that_names_what_differs() -> None:
    assert reason(("GET", "/a/b"), ("GET", "/a/c")) == 'segment 2 is "b", not "c"'
    assert reason(("GET", "/a"), ("GET", "/a/{id}")) == "the request ends before segment 2, the parameter {id}"
    assert reason(("GET", "/a/b/c"), ("GET", "/a/{id}")) == 'the request goes on with segment 3, "c"'
    assert reason(("GET", "/a"), ("GET", "/")) == 'the request goes on with segment 1, "a"'
    assert reason(("GET", "/A"), ("GET", "/a")) == 'segment 1 is "A", not "a": it differs in case'
    assert reason(("GET", "/a/"), ("GET", "/a")) == "the request has a trailing slash"
    assert reason(("GET", "/a"), ("GET", "/a/")) == "the request has no trailing slash"
    assert reason(("PUT", "/a"), ("GET", "/a")) == "answers GET and HEAD"
    assert reason(("CONNECT", "/a"), ("*", "/a")).startswith("answers any method (a route of any method answers no")
    assert reason(("GET", "/f/x"), ("GET", "/f/{n}.{e}")) == (
        'segment 2, "x", does not have the form of the pattern "{n}.{e}"'
    )
    assert reason(("GET", "/f/new"), ("GET", "/f/{id}"), ("GET", "/f/new")) == (
        'segment 2: the literal "new" precedes the parameter {id}'
    )
    assert reason(("GET", "/f/a.b"), ("GET", "/f/{x*}"), ("GET", "/f/{n}.{e}")) == (
        'segment 2: the pattern "{n}.{e}" precedes the wildcard {x*}'
    )
    assert reason(("GET", "/f"), ("*", "/f"), ("GET", "/f")) == "a route of the method GET precedes one of any method"


def test_the_nearest_routes_are_those_a_reader_meant() -> None:
    routes = [
        route("GET", "/messages/{id}"),
        route("POST", "/messages/{id}"),
        route("GET", "/users"),
        route("GET", "/"),
    ]
    assert [each.path for each in nearest(MatchRequest("POST", "/mesages/1"), routes, Matcher())] == [
        "/messages/{id}"
    ] * 2
    assert nearest(MatchRequest("POST", "/mesages/1"), routes, Matcher())[0].method == "POST"
    assert nearest(MatchRequest("GET", "/users/"), routes, Matcher())[0].path == "/users"
    assert nearest(MatchRequest("GET", "/zzzz/qqq"), routes, Matcher()) == []


def test_get_answers_head_and_any_method_answers_all_but_connect() -> None:
    assert answers("GET", "HEAD")
    assert not answers("POST", "HEAD")
    assert answers("*", "PURGE")
    assert not answers("*", "CONNECT")
