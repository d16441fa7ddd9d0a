"""Problems of `csp` and `csrf`, with their locations."""

import pytest

from hapiish.table import check_text

OPTIONS = "routes:\n- method: POST\n  path: /\n  handler: a:b\n  options:\n    "


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("csp: {scriptSrc: [none, self]}", '6:22: HA0394 "none" in "scriptSrc" has no effect beside other sources'),
        ('csp: {scriptSrc: "self; img-src *"}', '6:22: HA0205 "scriptSrc" must be a source such as "self" or'),
        ('csp: {reportUri: "/a;b"}', '6:22: HA0205 "reportUri" must be an address without space, comma and semicolon'),
        ("csp: {scripts: self}", '6:11: HA0204 unknown option "scripts"'),
        ("csp: {sandbox: [scripts]}", '6:21: HA0205 "sandbox[0]" must be'),
        ("csrf: {size: 8}", '6:18: HA0206 "size" must be at least 22, not 8'),
        ("{csrf: true, state: {parse: false}}", '6:6: HA0393 "csrf" without "state.parse": the token can never arrive'),
        (
            "{payload: {parse: false}, csrf: true}",
            '6:31: HA0393 "csrf" without "payload.parse": the token can never arrive',
        ),
    ],
)
def test_what_protects_nothing_is_refused(options: str, problem: str) -> None:
    found = check_text(OPTIONS + options, "f", {})[1]
    assert [str(each)[: len(problem) + 2] for each in found] == [f"f:{problem}"]


@pytest.mark.parametrize("csrf", ["{restful: true}", "{source: query}", "false"])
def test_a_body_that_is_not_parsed_is_no_matter_where_the_token_is_elsewhere(csrf: str) -> None:
    assert check_text(f"{OPTIONS}{{payload: {{parse: false}}, csrf: {csrf}}}", "f", {})[1] == []
