from typing import Any

import pytest

from hapiish.http.guards.security_headers import headers
from hapiish.options import Hsts, Seconds, Security, Xframe


def given(**changes: Any) -> dict[str, str]:
    return dict(headers(Security(**changes)))


def test_the_defaults_are_those_of_hapi() -> None:
    assert given() == {
        "strict-transport-security": "max-age=15768000",
        "x-frame-options": "DENY",
        "x-xss-protection": "0",
        "x-download-options": "noopen",
        "x-content-type-options": "nosniff",
    }


def test_everything_can_be_switched_off() -> None:
    assert given(hsts=None, xframe=None, xss=False, no_open=False, no_sniff=False) == {}


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        (
            {"hsts": Hsts(max_age=Seconds(100), include_sub_domains=True, preload=True)},
            "strict-transport-security",
            "max-age=100; includeSubDomains; preload",
        ),
        ({"xframe": Xframe(rule="sameorigin", source=None)}, "x-frame-options", "SAMEORIGIN"),
        (
            {"xframe": Xframe(rule="allow-from", source="https://a.example")},
            "x-frame-options",
            "ALLOW-FROM https://a.example",
        ),
        ({"xframe": Xframe(rule="allow-from", source=None)}, "x-frame-options", "SAMEORIGIN"),
        ({"xss": "enabled"}, "x-xss-protection", "1; mode=block"),
        ({"referrer": "no-referrer"}, "referrer-policy", "no-referrer"),
        ({"referrer": ""}, "referrer-policy", ""),
    ],
)
def test_a_setting_changes_its_header(change: dict[str, Any], name: str, value: str) -> None:
    assert given(**change)[name] == value
