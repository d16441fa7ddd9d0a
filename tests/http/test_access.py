"""Authorization: scopes, scope templates, entities, and alternative access rules."""

from typing import Any

import pytest

from hapiish import boom
from hapiish.http.auth.access import access_step
from hapiish.http.auth.strategy import Mode
from hapiish.http.exchange.request import Auth
from hapiish.options import Access
from tests.http.support import make_request

USER_SCOPE = {"user": "ann"}


def judged(rules: list[Access], credentials: Any, mode: Mode = "required", **request: Any) -> Auth:
    request.setdefault("query", {})
    given = make_request(**request)
    given.auth = Auth(credentials)
    access_step(rules, mode)(given)
    return given.auth


def passes(scope: list[str], granted: Any, **request: Any) -> bool:
    credentials = {"user": "ann"} if granted is ... else {"user": "ann", "scope": granted}
    try:
        return judged([Access(scope=tuple(scope))], credentials, **request).is_authorized
    except boom.Forbidden as error:
        return error.message != "Insufficient scope"


@pytest.mark.parametrize(
    ("scope", "granted", "passing"),
    [
        (["a", "b"], ["b"], True),
        (["a", "b"], ["c"], False),
        (["a"], "a", True),
        (["a"], "abc", False),
        (["abc"], "a", False),
        (["+x", "a", "b"], ["x"], False),
        (["+x", "a", "b"], ["x", "a"], True),
        (["+x", "+y"], ["x", "y", "z"], True),
        (["+x", "+y"], ["x"], False),
        (["!bad"], ["ok"], True),
        (["!bad"], ["bad"], False),
        (["!bad"], ..., False),
        (["!bad"], None, False),
        (["!bad"], "", False),
        (["!bad"], [], True),
        (["!bad", "a"], ["a", "bad"], False),
        (["+a", "!x", "b", "c"], ("a", "c"), True),
        (["+a", "!x", "b", "c"], {"a"}, False),
        (["a"], [], False),
        (["a"], ..., False),
    ],
)
def test_a_scope_list_is_split_by_prefix(scope: list[str], granted: Any, *, passing: bool) -> None:
    assert passes(scope, granted) is passing


@pytest.mark.parametrize(
    ("scope", "granted", "passing"),
    [
        (["user-{params.id}"], ["user-1"], True),
        (["user-{params.id}"], ["user-2"], False),
        (["q-{query.q}", "z-{credentials.user}"], ["z-ann"], True),
        (["{params.id}:{payload.to.id}"], ["1:7"], True),
        (["+{payload.flag}"], ["true"], True),
        (["{params.nope}"], [""], False),
        (["{params.nope}"], [None], False),
        (["{{params.id}}"], ["{params.id}"], True),
        (["{{{params.id}}}"], ["{1}"], True),
        (["+"], ["a"], False),
        (["user-{params.nope}"], ["user-"], False),
        (["+user-{params.nope}", "a"], ["user-", "a"], False),
        (["!user-{params.nope}", "a"], ["a"], False),
        (["!user-{params.id}", "a"], ["a", "user-1"], False),
        (["!user-{params.id}", "a"], ["a", "user-2"], True),
        (["a", "user-{params.nope}"], ["a"], True),
        (["{query.empty}"], [""], False),
        (["{query.several}"], ["['1', '2']", "1,2", "1"], False),
        (["{payload.to}"], ["{'id': 7}"], False),
        (["{payload.to.id.deeper}"], [""], False),
        (["{params.id.upper}"], ["1"], False),
        (["{credentials.__class__}"], ["<class 'dict'>"], False),
    ],
)
def test_templates_are_filled_in_from_the_request_and_a_missing_value_grants_nothing(
    scope: list[str], granted: Any, *, passing: bool
) -> None:
    request = {
        "params": {"id": "1"},
        "query": {"empty": "", "several": ["1", "2"]},
        "payload": {"to": {"id": 7}, "flag": True},
    }
    assert passes(scope, granted, **request) is passing


def test_a_template_on_a_body_that_is_no_object_grants_nothing() -> None:
    assert not any(passes(["{payload.a}"], ["a"], payload=payload) for payload in (None, ["a"], "text", 5))


@pytest.mark.parametrize("scope", ["{id}", "{request.id}", "+x-{env.SECRET}", "{params}"])
def test_a_template_of_an_unknown_root_is_refused_at_load(scope: str) -> None:
    with pytest.raises(ValueError, match="credentials"):
        access_step([Access(scope=(scope,))], "required")


@pytest.mark.parametrize(
    ("entity", "credentials", "complaint"),
    [
        ("any", {}, None),
        ("user", {"user": "ann"}, None),
        ("user", {"app": "x"}, "Application credentials cannot be used on a user endpoint"),
        ("app", {"app": "x"}, None),
        ("app", {"user": "ann"}, "User credentials cannot be used on an application endpoint"),
    ],
)
def test_an_entity_is_a_user_or_an_application(entity: Any, credentials: Any, complaint: str | None) -> None:
    if complaint is None:
        assert judged([Access(entity=entity)], credentials).is_authorized
        return
    with pytest.raises(boom.Forbidden) as caught:
        judged([Access(entity=entity)], credentials)
    assert caught.value.message == complaint
    assert caught.value.code == "forbidden"


def test_rules_are_alternatives_and_a_scope_failure_is_told_before_an_entity_failure() -> None:
    rules = [Access(scope=("x",)), Access(entity="app")]
    assert judged(rules, {"app": "a", "scope": ["y"]}).is_authorized
    assert judged(rules, {"user": "u", "scope": ["x"]}).is_authorized
    with pytest.raises(boom.Forbidden, match="Insufficient scope"):
        judged(rules, {"user": "u", "scope": ["y"]})


def test_without_credentials_only_a_required_route_is_a_403() -> None:
    with pytest.raises(boom.Forbidden, match="Request is unauthenticated"):
        judged([Access(scope=("a",))], None)
    assert not judged([Access(scope=("a",))], None, "optional").is_authorized
    assert not judged([Access(scope=("a",))], None, "try").is_authorized


def test_credentials_that_failed_in_mode_try_are_judged_as_in_hapi() -> None:
    with pytest.raises(boom.Forbidden):
        judged([Access(scope=("a",))], {"user": "bad"}, "try")


def test_credentials_may_be_an_object_of_the_schemes_own() -> None:
    class Caller:
        user = "ann"
        scope = ("a", "room-ann")

    assert judged([Access(scope=("+a", "room-{credentials.user}"), entity="user")], Caller()).is_authorized
