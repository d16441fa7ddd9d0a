"""JSON Web Tokens: signatures, claims and expiry."""

import base64
import hashlib
import hmac
from typing import Any

import jwt
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hapiish.http.auth.tokens import Key, TokenError, UnknownKeyError, Verifier

SECRET = "a secret of thirty-two bytes, or more"
OTHER = "another secret of at least so many bytes"
NOW = 1_800_000_000.0


def signed(claims: dict[str, Any], secret: str = SECRET, **header: Any) -> str:
    return jwt.encode(claims, secret, algorithm=header.pop("alg", "HS256"), headers=header or None)


def forged(header: Any, payload: Any, signature: str = "") -> str:
    parts = (each if isinstance(each, bytes) else orjson.dumps(each) for each in (header, payload))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), signature])


def verifier(*keys: Key, **settings: Any) -> Verifier:
    return Verifier(keys or [Key(SECRET)], **settings)


def refusal(text: str, judge: Verifier | None = None) -> TokenError:
    with pytest.raises(TokenError) as caught:
        (judge or verifier()).verify(text)
    return caught.value


def test_a_signed_token_gives_its_claims_and_artifacts() -> None:
    text = signed({"sub": "ann", "scope": ["a"]})
    token = verifier().verify(text)
    claims = token.claims()
    assert claims == {"sub": "ann", "scope": ["a"]}
    header, payload, signature = text.split(".")
    assert token.artifacts(claims) == {
        "token": text,
        "decoded": {"header": {"alg": "HS256", "typ": "JWT"}, "payload": claims, "signature": signature},
        "raw": {"header": header, "payload": payload, "signature": signature},
    }


@pytest.mark.parametrize("claims", [{"sub": "ann"}, {"sub": "ann", "scope": ["a"], "deep": {"er": [1]}}])
def test_what_is_done_to_claims_is_not_seen_by_the_next_who_asks(claims: dict[str, Any]) -> None:
    token = verifier().verify(signed(claims))
    mine = token.claims()
    mine["sub"] = "eve"
    mine.get("scope", []).append("admin")
    mine.get("deep", {}).clear()
    assert token.claims() == claims


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Invalid token structure"),
        ("a.b", "Invalid token structure"),
        ("a.b.c.d", "Invalid token structure"),
        ("a!.b.c", "Invalid token header part"),
        ("a.b=.c", "Invalid token payload part"),
        ("a.b.c\n", "Invalid token signature part"),
        ("é.b.c", "Invalid token header part"),
        ("..", "Invalid token missing header"),
        (forged([1], {}), "Invalid token missing header"),
        (forged(b"no json", {}), "Invalid token missing header"),
        (forged({"alg": "HS256"}, [1]), "Invalid token payload"),
        (forged({"alg": "HS256"}, b"{"), "Invalid token payload"),
        (forged({"alg": "HS256"}, b"[" * 5000), "Invalid token payload"),
        (forged({"typ": "JWT"}, {}), "Token header missing alg attribute"),
        (forged({"alg": "none"}, {"sub": "eve"}), "Unsupported algorithm"),
        (forged({"alg": "NONE"}, {"sub": "eve"}), "Unsupported algorithm"),
        (forged({"alg": "HS256"}, {"sub": "eve"}), "Invalid token signature"),
        (forged({"alg": "HS256"}, {"sub": "eve"}, "AAAA"), "Invalid token signature"),
        (forged({"alg": "HS256", "crit": ["exp"]}, {}, "AAAA"), "Invalid token signature"),
        (signed({"sub": "ann"}, OTHER), "Invalid token signature"),
        (signed({"sub": "ann"})[:-2], "Invalid token signature"),
    ],
    ids=str,
)
def test_a_token_that_is_none_or_not_ours_is_refused_in_hapi_words(text: str, message: str) -> None:
    assert str(refusal(text)) == message


def test_a_payload_that_was_changed_after_signing_is_refused() -> None:
    header, _, signature = signed({"sub": "ann"}).split(".")
    payload = forged({}, {"sub": "eve"}).split(".")[1]
    assert str(refusal(f"{header}.{payload}.{signature}")) == "Invalid token signature"


@pytest.mark.parametrize("alg", ["RS256", "HS512", "hs256", "ES256", 5, ["HS256"]])
def test_an_algorithm_that_no_key_is_for_is_never_tried(alg: Any) -> None:
    assert isinstance(refusal(forged({"alg": alg}, {"sub": "eve"}, "AAAA")), UnknownKeyError)


def test_a_token_signed_by_the_public_key_as_a_secret_is_refused() -> None:
    pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"
    with pytest.raises(ValueError, match="not one for HS256"):
        Key(pem)
    signing_input = forged({"alg": "HS256"}, {"sub": "eve"}).rpartition(".")[0]
    digest = hmac.new(pem.encode(), signing_input.encode(), hashlib.sha256).digest()
    text = f"{signing_input}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
    assert isinstance(refusal(text, verifier(Key(OTHER * 2, ["HS512"]))), UnknownKeyError)
    assert str(refusal(text)) == "Invalid token signature"


@pytest.mark.parametrize(
    ("material", "algorithms", "complaint"),
    [
        ("short", ["HS256"], "5 bytes long"),
        ("x" * 31, ["HS256"], "31 bytes long"),
        ("x" * 32, ["HS256", "HS512"], "64 bytes"),
        ("", ["HS256"], "must not be empty"),
        ('{"kty": "oct", "k": "' + "x" * 43 + '"}', ["HS256"], "not one for HS256"),
        ("x" * 64, ["XX256"], "XX256"),
    ],
)
def test_a_key_that_is_too_weak_or_of_another_kind_is_refused_at_load(
    material: str, algorithms: list[str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        Key(material, algorithms)
    assert len(material) < 5 or material not in str(caught.value)


def test_every_key_of_the_algorithm_is_tried_so_that_secrets_can_be_changed_over() -> None:
    judge = verifier(Key(OTHER), Key(SECRET))
    assert judge.verify(signed({"sub": "old"}, SECRET)).claims() == {"sub": "old"}
    assert judge.verify(signed({"sub": "new"}, OTHER)).claims() == {"sub": "new"}


def test_a_key_id_chooses_among_the_keys() -> None:
    judge = verifier(Key(SECRET, kid="one"), Key(OTHER, kid="two"))
    assert judge.verify(signed({}, OTHER, kid="two")).claims() == {}
    assert str(refusal(signed({}, OTHER, kid="one"), judge)) == "Invalid token signature"
    assert isinstance(refusal(signed({}, OTHER, kid="three"), judge), UnknownKeyError)
    assert judge.verify(signed({}, OTHER)).claims() == {}


def test_a_longer_hash_needs_to_be_asked_for() -> None:
    secret = "x" * 64
    assert isinstance(refusal(signed({}, secret, alg="HS512"), verifier(Key(secret))), UnknownKeyError)
    assert verifier(Key(secret, ["HS256", "HS512"])).verify(signed({}, secret, alg="HS512")).claims() == {}


@pytest.mark.parametrize(
    ("rules", "claims", "message"),
    [
        ({"aud": ["api"]}, {"aud": "api"}, None),
        ({"aud": ["api", "web"]}, {"aud": ["x", "web"]}, None),
        ({"aud": ["api"]}, {}, "Token missing payload aud value"),
        ({"aud": ["api"]}, {"aud": "web"}, "Token audience is not allowed"),
        ({"aud": ["api"]}, {"aud": [5, {}]}, "Token audience is not allowed"),
        ({"iss": ["me"]}, {"iss": "me"}, None),
        ({"iss": ["me"]}, {"iss": "you"}, "Token payload iss value not allowed"),
        ({"iss": ["me"]}, {}, "Token missing payload iss value"),
        ({"sub": ["a", "b"]}, {"sub": "b"}, None),
        ({"sub": ["a", "b"]}, {"sub": "c"}, "Token payload sub value not allowed"),
        ({"sub": ["a"]}, {"sub": ["a"]}, "Token payload sub value not allowed"),
        ({}, {"aud": "whatever", "iss": "whoever", "sub": "anybody"}, None),
    ],
)
def test_the_claims_that_are_asked_for_must_be_there(
    rules: dict[str, Any], claims: dict[str, Any], message: str | None
) -> None:
    judge = verifier(**rules)
    text = signed(claims)
    if message is None:
        assert judge.verify(text).claims() == claims
    else:
        assert str(refusal(text, judge)) == message


@pytest.mark.parametrize(
    ("rules", "claims", "message", "is_expired"),
    [
        ({}, {}, None, False),
        ({}, {"exp": NOW + 1}, None, False),
        ({}, {"exp": NOW}, "Token expired", True),
        ({"skew": 10}, {"exp": NOW - 9}, None, False),
        ({"skew": 10}, {"exp": NOW - 10}, "Token expired", True),
        ({"exp": False}, {"exp": NOW - 99}, None, False),
        ({}, {"exp": "tomorrow"}, "Invalid payload exp value", False),
        ({}, {"exp": True}, "Invalid payload exp value", False),
        ({}, {"exp": None}, "Invalid payload exp value", False),
        ({}, {"nbf": None}, "Invalid payload nbf value", False),
        ({"exp": False, "nbf": False}, {"exp": None, "nbf": None}, None, False),
        ({"max_age": 10}, {"iat": None}, "Missing or invalid payload iat value", False),
        ({}, {"nbf": NOW}, None, False),
        ({}, {"nbf": NOW + 1}, "Token not yet active", False),
        ({"skew": 5}, {"nbf": NOW + 5}, None, False),
        ({"nbf": False}, {"nbf": NOW + 99}, None, False),
        ({}, {"nbf": "soon"}, "Invalid payload nbf value", False),
        ({"max_age": 60}, {"iat": NOW - 60}, None, False),
        ({"max_age": 60}, {"iat": NOW - 61}, "Token maximum age exceeded", True),
        ({"max_age": 60, "skew": 5}, {"iat": NOW - 65}, None, False),
        ({"max_age": 60}, {}, "Missing or invalid payload iat value", False),
        ({"max_age": 60}, {"iat": "then"}, "Missing or invalid payload iat value", False),
    ],
)
def test_a_token_has_its_time(
    rules: dict[str, Any], claims: dict[str, Any], message: str | None, *, is_expired: bool
) -> None:
    judge = verifier(**rules)
    if message is None:
        judge.check_times(claims, NOW)
        return
    with pytest.raises(TokenError) as caught:
        judge.check_times(claims, NOW)
    assert (str(caught.value), caught.value.is_expired) == (message, is_expired)


TIMES = st.integers(0, 20) | st.floats(0, 20) | st.sampled_from([None, True, "5"])


@settings(max_examples=200, deadline=None)
@given(
    claims=st.fixed_dictionaries({}, optional={"exp": TIMES, "nbf": TIMES, "iat": TIMES}),
    rules=st.fixed_dictionaries(
        {"exp": st.booleans(), "nbf": st.booleans(), "max_age": st.integers(0, 5), "skew": st.integers(0, 5)}
    ),
    now=st.integers(0, 30),
)
def test_between_its_bounds_a_token_is_always_in_its_time(
    claims: dict[str, Any], rules: dict[str, Any], now: int
) -> None:
    judge = verifier(**rules)
    token = judge.verify(signed(claims))
    if token.since <= now < token.until:
        judge.check_times(claims, now)
