"""Encrypted values: compatible with @hapi/iron and @hapi/statehood; modified, forged or expired ones are refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish.http.cookies.iron import SealError, check_password, seal, sign, unseal, unsign

PASSWORD = "a password of at least 32 characters!"
OTHER = "another password of 32 characters or more"
VALUE = {"a": 1, "b": [True, None, "ü€😀"], "c": {"d": 1.5}}

# Written by @hapi/iron 7 and @hapi/statehood 8: without an id, with the id v2, ending at 1700000001, and signed.
IRON = (
    "Fe26.2**69ad71d6623a02eacc9e5ca55797e0ca4d75b52836d50258393c0daa56c06d65*NXIFb8Eb7nAtwGYe5DtOnw*"
    "E_V7pxDFYzrCwtqf9N_2kam4NUVPlEBYa1wAnWea67KfVlrzil9IDraGrWlAT9COPhDooSs2X66CfRMHGJChsA**"
    "fa6de285e390cd240ca0b38c10251534e05fb472702c6d4f8c590326a537acaa*1VIxUF3JrSuBrbBv1uB6_a5qltvx_yB0KjGYYjExCrk"
)
IRON_ID = (
    "Fe26.2*v2*3aebda2cbcc5a15ed4f94099c411cc92925e4342da987c14954296eb42f314bf*Sqt3DtMAJTA-Ld69q80bXg*"
    "2BRi0MR0m8wwKhpSN_mmoqFPtbAI0oUw7OICQ2MWlUbM4-Cz-uZbMVlvO5qer_aFwZm-9Ttxlas8T-8uYbZXjQ**"
    "029e0e1d35348ba33d6e86fc59d07327ca472c2a69c51bf5047f7ebe5d0fa698*3w9d8s_zamcTrgV2hAyQKaGcdlHlNEOFDwG2lbVpfCE"
)
IRON_TTL = (
    "Fe26.2**baf15b9a170dd9fb79b5d10db035fac8016459adf0c00c997def742c734f984f*LUTp5MBwRgvMaUrixG_MXg*"
    "QKq71DBQPCE9DkFmqnaSzJsF7EEqZlmykemTaVIPkxESBx4SMoWyJn7wVX69Tajbk2u_R3v0m2nQXS1JpzaoGA*1700000001000*"
    "8f27eb3b82614ad1a61c45e3732682755cf92c21320b277ad8f38a199efb1ffb*pVQ3EaZjz3UTmXr8-g-1DPuO65iOugjpezavXLGsycg"
)
SIGNED = (
    "hello.b6394009402619b6072b90bde91da468980b7b3c76f497beeea6a780b67b651d*QTDYmd1eaACEKl5waP2OHHjcmLXZx-HEUVeRrRszkU4"
)


def test_what_iron_sealed_is_read() -> None:
    assert unseal(IRON, PASSWORD) == VALUE
    assert unseal(IRON, {"v3": OTHER, "default": PASSWORD}) == VALUE
    assert unseal(IRON_ID, {"v3": OTHER, "v2": PASSWORD}) == VALUE
    assert unseal(IRON_TTL, PASSWORD, clock=lambda: 1700000000) == VALUE
    assert unsign("sid", SIGNED, PASSWORD) == "hello"


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists))
def test_any_json_comes_back(value: Any) -> None:
    assert unseal(seal(value, PASSWORD), PASSWORD) == value


def test_the_same_value_never_looks_the_same_and_never_shows() -> None:
    first, second = seal("secret", PASSWORD), seal("secret", PASSWORD)
    assert first != second
    assert "secret" not in first
    assert first.startswith("Fe26.2**")


def test_the_first_of_several_secrets_seals_and_each_unseals_its_own() -> None:
    old, both = {"v1": PASSWORD}, {"v2": OTHER, "v1": PASSWORD}
    assert unseal(seal(1, old), both) == 1
    assert seal(1, both).startswith("Fe26.2*v2*")
    with pytest.raises(SealError, match="unknown password"):
        unseal(seal(1, both), old)


def test_a_seal_ends_when_its_time_is_over_and_a_little_more() -> None:
    sealed = seal("x", PASSWORD, ttl=10_000, clock=lambda: 1000)
    assert unseal(sealed, PASSWORD, clock=lambda: 1069) == "x"
    with pytest.raises(SealError, match="expired"):
        unseal(sealed, PASSWORD, clock=lambda: 1070)
    with pytest.raises(SealError, match="expired"):
        unseal(sealed, PASSWORD, skew=0, clock=lambda: 1010)


@pytest.mark.parametrize("at", range(8))
def test_whatever_is_changed_in_a_sealed_text_is_noticed(at: int) -> None:
    parts = seal(VALUE, PASSWORD, ttl=60_000).split("*")
    parts[at] = parts[at][:-1] + ("1" if parts[at][-1:] != "1" else "2")
    with pytest.raises(SealError):
        unseal("*".join(parts), PASSWORD)


@pytest.mark.parametrize("text", ["", "x", "*******", IRON + "*x", IRON.replace("Fe26.2", "Fe26.1"), "é" * 9])
def test_what_is_no_sealed_text_is_refused(text: str) -> None:
    with pytest.raises(SealError):
        unseal(text, PASSWORD)


def test_another_password_opens_nothing() -> None:
    with pytest.raises(SealError, match="hmac"):
        unseal(IRON, OTHER)


def test_a_signature_belongs_to_one_name_and_one_text() -> None:
    signed = sign("sid", "a.b", PASSWORD)
    assert unsign("sid", signed, PASSWORD) == "a.b"
    assert unsign("sid", signed, {"new": OTHER, "old": PASSWORD}) == "a.b"
    for name, text in (("other", signed), ("sid", "x" + signed), ("sid", signed[:-1])):
        with pytest.raises(SealError, match="invalid signature"):
            unsign(name, text, PASSWORD)
    for text in ("", "hello", "hello.", "hello.abc"):
        with pytest.raises(SealError, match="missing signature"):
            unsign("sid", text, PASSWORD)


@pytest.mark.parametrize(
    ("password", "complaint"),
    [("short", "32"), ({}, "no password"), ({"v1": "short"}, "32"), ({"a-b": PASSWORD}, "password id")],
)
def test_a_password_that_protects_nothing_is_refused(password: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        check_password(password)
