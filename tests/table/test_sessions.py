"""Problems of `session`, with their locations."""

import pytest

from hapiish.table import check_text

PASSWORD = "password: a-password-of-at-least-32-characters"


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("session: {}", '1:1: HA0203 missing "cookieOptions"'),
        ("session: {cookieOptions: {password: short}}", "1:37: HA0207"),
        (
            (
                f"session: {{cookieOptions: {{{PASSWORD}}}, cache: {{cache: shard}}}}\n"
                "caches: [{name: shared, provider: memory}]"
            ),
            '1:91: HA0365 unknown cache "shard"; did you mean "shared"?',
        ),
        (
            f"state: {{sid: {{}}}}\nsession: {{name: sid, cookieOptions: {{{PASSWORD}}}}}",
            '1:9: HA0385 the cookie "sid" is already used for sessions',
        ),
        (
            f"session: {{cookieOptions: {{{PASSWORD}, isPartitioned: true}}}}",
            '1:75: HA0325 the partitioned cookie "session" must be Secure with SameSite=None',
        ),
        (f"session: {{cookieOptions: {{{PASSWORD}}}, maxCookieSize: -1}}", "1:91: HA0206"),
        (f"session: {{cookieOptions: {{{PASSWORD}, domain: 'a; Path=/b'}}}}", "1:83: HA0205"),
        ("server: {routes: {csrf: {cookieOptions: {domain: 'a b'}}}}", "1:50: HA0205"),
    ],
)
def test_sessions_that_could_not_be_kept_are_refused(table: str, problem: str) -> None:
    found = check_text(table + "\nroutes: []", "f", {})[1]
    assert [str(each)[: len(problem) + 2] for each in found] == [f"f:{problem}"]
