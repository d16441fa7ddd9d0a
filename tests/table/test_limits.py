"""Problems of `limit`, with their locations."""

import pytest

from hapiish.table import check_text

OPTIONS = "routes:\n- method: [POST]\n  path: /u/{id}\n  handler: a:b\n  options:\n    limit: "


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        ("{max: 5, duration: 1500ms}", '6:31: HA0391 "duration" must be in whole seconds'),
        ("{max: 5, duration: 1s, burst: 4}", '6:42: HA0391 "burst" must be at least "max", which is 5'),
        ("[{max: 5, duration: 1s, by: params.ip}]", '6:40: HA0392 "/u/{id}" has no parameter "ip"'),
        ("{max: 5, duration: 1s, by: ip}", '6:39: HA0205 "by" must be route, address, user, a value such as'),
        ("{max: 5, duration: 1s, by: 'params.{id}'}", '6:39: HA0205 "by" must be route, address, user, a'),
        ("{max: 5, duration: 1s, by: credential.sub}", '6:39: HA0205 "by" must be route, address, user, a'),
        ("{max: 5}", '6:5: HA0203 missing "duration"'),
        ("5/week", '6:12: HA0205 "limit" must be false, a limit, a list of them, or text such as "5/second"'),
        ("[5/1m, 5]", '6:19: HA0201 "limit[1]" must be a limit: settings, or text such as "5/second"'),
        ("true", '6:12: HA0202 "limit" must be false, a limit, a list of them, or text such as "5/second"'),
        ("{max: 0, duration: 1s}", '6:18: HA0206 "max" must be at least 1, not 0'),
    ],
)  # fmt: skip
def test_a_limit_that_cannot_be_kept_is_refused(limit: str, problem: str) -> None:
    table, found = check_text(OPTIONS + limit, "f", {})
    assert table is None
    assert [str(each)[: len(problem) + 2] for each in found] == [f"f:{problem}"]


def test_a_body_is_no_way_to_tell_callers_of_a_get_route_apart() -> None:
    text = "routes:\n- {method: GET, path: /, handler: a:b, options: {limit: {max: 1, duration: 1s, by: [payload.a]}}}"
    assert [str(each) for each in check_text(text, "f", {})[1]] == [
        'f:2:85: HA0392 "payload.a" on a GET route, which has no request body'
    ]


def test_an_inherited_limit_needs_one_route_at_least_that_has_its_value() -> None:
    text = (
        "groups:\n- options: {limit: {max: 1, duration: 1s, by: params.ID}}\n  routes:\n"
        "  - {method: GET, path: /a, handler: a:b}\n  - {method: GET, path: '/a/{id}', handler: a:b}\nroutes: []"
    )
    assert [str(each) for each in check_text(text, "f", {})[1]] == [
        'f:2:47: HA0392 no route with this limit has "params.ID": "/a" has no parameter "ID"'
    ]
    assert check_text(text.replace("ID", "id"), "f", {})[1] == []


def test_an_event_has_no_parameters() -> None:
    text = (
        "sockets: {namespaces: [{events: [{event: e, handler: a:b,\n"
        "  options: {limit: {max: 1, duration: 1s, by: params.id}}}]}]}"
    )
    assert [str(each) for each in check_text(text, "f", {})[1]] == [
        'f:2:47: HA0392 "params.id" on an event, which has no path'
    ]


def test_limits_that_are_counted_together_must_agree() -> None:
    text = (
        "routes:\n"
        "- {method: GET, path: /a, handler: a:b, options: {limit: {max: 1, duration: 1s, name: n}}}\n"
        "- {method: GET, path: /b, handler: a:b, options: {limit: {max: 2, duration: 1s, name: n}}}\n"
    )
    problem = check_text(text, "f", {})[1][0]
    assert str(problem).startswith('f:3:59: HA0391 the limit "n" has a different "max" elsewhere')
    assert problem.related[0][0].line == 2


def test_what_is_no_address_is_refused() -> None:
    text = "server: {limit: {allowlist: [10.0.0.0/8, localhost]}}\nroutes: []\n"
    assert [str(each) for each in check_text(text, "f", {})[1]] == [
        'f:1:42: HA0391 "localhost" is not an IP address or network'
    ]
