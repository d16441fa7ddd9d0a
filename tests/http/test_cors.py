from typing import Any

import pytest

from hapiish import options
from hapiish.http.guards.cors import Cors

EXPOSED = {"access-control-expose-headers": "WWW-Authenticate,Server-Authorization"}
LISTED = {
    "origin": ("https://a.example", "https://*.b.example"),
    "credentials": True,
    "max_age": 60,
    "additional_headers": ("x-more",),
    "additional_exposed_headers": ("x-exp",),
}


def cors(**changes: Any) -> Cors:
    return Cors(options.Cors(**changes))


def applied(given: Cors, origin: str | None, **headers: str) -> dict[str, Any]:
    given.apply(origin, headers)
    return headers


def test_any_origin_is_echoed() -> None:
    origin = {"access-control-allow-origin": "https://x.example"}
    assert applied(cors(), "https://x.example") == {"vary": "origin", **origin, **EXPOSED}


def test_without_an_origin_only_what_holds_for_any_is_sent() -> None:
    assert applied(cors(), None) == {"vary": "origin", **EXPOSED}
    assert applied(cors(**LISTED), None) == {"vary": "origin"}


def test_a_listed_origin_gets_credentials_and_another_nothing_but_vary() -> None:
    assert applied(cors(**LISTED), "https://sub.b.example") == {
        "vary": "origin",
        "access-control-allow-origin": "https://sub.b.example",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "WWW-Authenticate,Server-Authorization,x-exp",
    }
    assert applied(cors(**LISTED), "https://evil.example") == {"vary": "origin"}


def test_ignoring_origins_sends_a_star_and_no_vary() -> None:
    expected = {"access-control-allow-origin": "*", **EXPOSED}
    assert applied(cors(origin="ignore"), "https://x.example") == expected
    assert applied(cors(origin="ignore"), None) == expected


def test_nothing_exposed_sends_no_such_header() -> None:
    assert "access-control-expose-headers" not in applied(cors(exposed_headers=()), "https://x.example")


@pytest.mark.parametrize(
    ("present", "merged"),
    [
        ("accept", "accept,origin"),
        ("Origin", "Origin"),
        ("accept, origin", "accept, origin"),
        ("*", "*"),
    ],
)
def test_vary_is_merged_with_what_the_handler_set(present: str, merged: str) -> None:
    assert applied(cors(), None, vary=present)["vary"] == merged


@pytest.mark.parametrize(
    ("pattern", "origin", "allowed"),
    [
        ("http://*.b.com", "http://x.b.com", True),
        ("http://*.b.com", "http://x.y.b.com", True),
        ("http://*.b.com", "http://b.com", False),
        ("http://*.b.com", "https://x.b.com", False),
        ("http://*.b.com", "http://x.b.com:8080", False),
        ("http://*.b.com", "http://xxb.com", False),
        ("http://?.*.com", "http://x.y.com", True),
        ("http://?.*.com", "http://xx.y.com", False),
        ("http://?.com", "http://x.com", False),
        ("http://a.com", "http://a.com", True),
        ("http://a.com", "http://A.com", False),
        ("http://a.com", "http://a.com.evil.example", False),
        ("http://a.com", "null", False),
    ],
)
def test_an_origin_matches_a_pattern_from_end_to_end(pattern: str, origin: str, allowed: bool) -> None:
    assert cors(origin=(pattern,)).allows(origin) is allowed


def test_a_preflight_is_granted_what_the_route_allows() -> None:
    assert cors(**LISTED).preflight("https://a.example", "POST", "x-more, content-type") == (
        200,
        {
            "vary": "origin",
            "access-control-allow-origin": "https://a.example",
            "access-control-allow-methods": "POST",
            "access-control-allow-headers": "Accept,Authorization,Content-Type,If-None-Match,x-more",
            "access-control-max-age": "60",
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "WWW-Authenticate,Server-Authorization,x-exp",
        },
        None,
    )


def test_a_preflight_answers_with_the_configured_status() -> None:
    assert cors(preflight_status_code=204).preflight("https://a.example", "GET", None)[0] == 204


def test_a_preflight_where_origins_are_ignored_is_the_same_for_all() -> None:
    _, headers, _ = cors(origin="ignore").preflight("https://a.example", "GET", None)
    assert headers["access-control-allow-origin"] == "*"
    assert "vary" not in headers


@pytest.mark.parametrize(
    ("origin", "requested", "message"),
    [
        ("https://evil.example", None, "CORS error: Origin not allowed"),
        ("https://a.example", "x-unknown", "CORS error: Some headers are not allowed"),
        ("https://a.example", "accept,x-unknown", "CORS error: Some headers are not allowed"),
    ],
)
def test_a_refused_preflight_grants_nothing_and_says_why(origin: str, requested: str | None, message: str) -> None:
    assert cors(**LISTED).preflight(origin, "GET", requested) == (200, {"vary": "origin"}, {"message": message})


@pytest.mark.parametrize("requested", ["", "origin", "Accept", " X-More ,AUTHORIZATION\t", None])
def test_requested_headers_are_compared_without_case_and_spaces(requested: str | None) -> None:
    assert cors(**LISTED).preflight("https://a.example", "GET", requested)[2] is None


def test_one_answer_does_not_leak_into_the_next() -> None:
    given = cors(**LISTED)
    given.preflight("https://a.example", "GET", None)[1]["x-own"] = "1"
    assert "x-own" not in given.preflight("https://a.example", "GET", None)[1]


def test_empty_parts_of_a_list_of_headers_ask_for_nothing() -> None:
    status, headers, body = cors(origin=("https://a.example",)).preflight("https://a.example", "GET", ", accept,,")
    assert (status, body) == (200, None)
    assert headers["access-control-allow-origin"] == "https://a.example"


@pytest.mark.parametrize(
    "host",
    [
        "evil.com/",
        "evil.com?",
        "evil.com#",
        "evil.com\\",
        "user@",
        "evil.com,https://a",
        "a b",
        "evil.com:80",
        "evil.com%2f",
        "a;",
        "[",
    ],
)
def test_a_star_stands_for_a_part_of_the_host_and_for_nothing_else(host: str) -> None:
    given = cors(origin=("https://*.good.example",))
    assert given.allows("https://a.b.good.example")
    assert not given.allows(f"https://{host}.good.example")
    assert not given.allows(f"https://evil.com/{host}.good.example")
