"""Token keys: kinds of PEM, and key sets of an issuer with caching and refetching."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from hapiish.http.auth.keys import COOLDOWN, KeysError, RemoteKeys, make_key
from hapiish.http.auth.tokens import TokenError, UnknownKeyError, Verifier
from hapiish.testing import inject
from tests.http.conftest import Make
from tests.realtime.support import serving

pytestmark = pytest.mark.anyio

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVES: dict[str, Any] = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSA),
}
SECRET = "a secret of thirty-two bytes, or more"


def public(key: Any) -> str:
    pem: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def certificate(key: Any) -> str:
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "issuer")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    signed = made.not_valid_after(datetime(2046, 1, 1, tzinfo=UTC)).sign(key, SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


# PEM


@pytest.mark.parametrize("algorithm", CURVES)
def test_a_pem_is_for_the_algorithms_of_its_kind(algorithm: str) -> None:
    private = CURVES[algorithm]
    token = jwt.encode({"sub": "ann"}, private, algorithm=algorithm)
    private_pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for given in (public(private), {"key": public(private), "algorithms": [algorithm]}, private_pem):
        assert Verifier([make_key(given)]).verify(token).claims() == {"sub": "ann"}
    other = OTHER_RSA if private is RSA else RSA
    with pytest.raises(TokenError):
        Verifier([make_key(public(other))]).verify(token)


def test_a_certificate_is_the_key_it_certifies() -> None:
    token = jwt.encode({"sub": "ann"}, RSA, algorithm="RS256")
    assert Verifier([make_key(certificate(RSA))]).verify(token).claims() == {"sub": "ann"}


def test_a_public_key_is_never_a_secret() -> None:
    pem = public(RSA)
    forged = jwt.encode({"sub": "eve"}, "x" * 64)
    with pytest.raises(UnknownKeyError):
        Verifier([make_key(pem)]).verify(forged)
    with pytest.raises(ValueError, match="HS256"):
        make_key({"key": pem, "algorithms": ["HS256"]})
    with pytest.raises(ValueError, match="ES256"):
        make_key({"key": pem, "algorithms": ["ES256"]})


# Sets of keys


def jwk(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    algorithm: Any = OKPAlgorithm
    if isinstance(key, rsa.RSAPrivateKey):
        algorithm = RSAAlgorithm
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        algorithm = ECAlgorithm
    made = json.loads(algorithm.to_jwk(key.public_key()))
    return {**made, **({"kid": kid} if kid else {}), **more}


class Issuer:
    """Publishes `document`, counts who asks, and answers when `gate` is open; tells its own time."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.document: Any = {"keys": list(keys)}
        self.asked = 0
        self.now = 1_000_000.0
        self.gate = asyncio.Event()
        self.gate.set()

    async def fetch(self) -> Any:
        self.asked += 1
        await self.gate.wait()
        if isinstance(self.document, Exception):
            raise self.document
        return self.document

    def keys(self, **options: Any) -> RemoteKeys:
        return RemoteKeys("https://issuer.test/keys", fetch=self.fetch, clock=lambda: self.now, **options)


def kids(keys: Any) -> list[str | None]:
    return [key.kid for key in keys]


async def test_a_set_is_fetched_once_for_all_who_ask() -> None:
    issuer = Issuer(jwk(RSA, "a"))
    keys = issuer.keys()
    found = await asyncio.gather(*(keys.keys("a") for _ in range(5)))
    assert [kids(each) for each in found] == [["a"]] * 5
    assert issuer.asked == 1


async def test_a_stale_set_is_used_and_renewed_and_an_expired_one_is_not_used() -> None:
    issuer = Issuer(jwk(RSA, "a"))
    keys = issuer.keys(cache={"expires_in": 10_000, "stale_in": 5_000, "stale_timeout": 1})
    await keys.keys()
    issuer.now += 4
    await keys.keys()
    assert issuer.asked == 1
    issuer.now += 2
    issuer.gate.clear()
    issuer.document = {"keys": [jwk(OTHER_RSA, "b")]}
    assert kids(await keys.keys()) == ["a"]
    assert issuer.asked == 2
    issuer.gate.set()
    while kids(await keys.keys()) != ["b"]:
        await asyncio.sleep(0)
    issuer.now += 11
    issuer.document = OSError("unreachable")
    with pytest.raises(KeysError, match="unreachable"):
        await keys.keys()


async def test_a_stale_set_outlives_an_issuer_that_is_away() -> None:
    issuer = Issuer(jwk(RSA, "a"))
    keys = issuer.keys(cache={"expires_in": 10_000, "stale_in": 5_000, "stale_timeout": 1000})
    await keys.keys()
    issuer.now += 6
    issuer.document = OSError("unreachable")
    assert kids(await keys.keys()) == ["a"]
    assert kids(await keys.keys()) == ["a"]


async def test_an_unknown_key_is_asked_for_once_in_a_while() -> None:
    issuer = Issuer(jwk(RSA, "a"))
    keys = issuer.keys()
    await keys.keys("a")
    assert kids(await keys.keys("b")) == ["a"]
    assert issuer.asked == 1  # the set is new
    issuer.now += COOLDOWN
    issuer.document["keys"].append(jwk(OTHER_RSA, "b"))
    assert [kids(each) for each in await asyncio.gather(keys.keys("b"), keys.keys("b"))] == [["a", "b"]] * 2
    assert issuer.asked == 2
    for _ in range(3):
        assert kids(await keys.keys("c")) == ["a", "b"]
    assert issuer.asked == 2


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"keys": []},
        {"keys": [{"kty": "oct", "k": "AAAA"}, {"kty": "RSA", "use": "enc"}, {"kty": "what"}, 5]},
        {"keys": [{"kty": "RSA", "n": "x", "e": "x"}]},
        {"keys": [jwk(RSA, "a", alg="HS256")]},
    ],
)
async def test_what_holds_no_key_for_signatures_is_an_error(document: Any) -> None:
    issuer = Issuer()
    issuer.document = document
    with pytest.raises(KeysError, match="no keys"):
        await issuer.keys().keys()


async def test_the_algorithms_of_a_set_can_be_narrowed() -> None:
    issuer = Issuer(jwk(RSA, "r"), jwk(CURVES["ES256"], "e"), jwk(CURVES["EdDSA"], "d", alg="EdDSA"))
    assert [key.algorithms for key in await issuer.keys().keys()][1:] == [("ES256",), ("EdDSA",)]
    narrow = await issuer.keys(algorithms=["RS256", "EdDSA"]).keys()
    assert [(key.kid, key.algorithms) for key in narrow] == [("r", ("RS256",)), ("d", ("EdDSA",))]


# In a table

TABLE = """
auth:
  strategies: {s: {scheme: jwt, options: {keys: KEYS}}}
  default: s
routes: [{method: GET, path: /, handler: "my:who"}]
"""
CODE = """
from pathlib import Path
SECRET = "a secret of thirty-two bytes, or more"

async def who(request, h):
    return {"sub": request.auth.credentials["sub"]}

def find(artifacts, request):
    kid = artifacts["decoded"]["header"].get("kid")
    if kid == "down":
        raise boom.ServerUnavailable("no keys now")
    return {"one": SECRET, "two": [SECRET + "2", {"key": SECRET, "kid": "two"}]}.get(kid)
"""


def bearer(key: Any, kid: str | None = None, algorithm: str = "HS256") -> dict[str, str]:
    token = jwt.encode({"sub": "ann"}, key, algorithm=algorithm, headers={"kid": kid} if kid else None)
    return {"authorization": f"Bearer {token}"}


async def status(app: Any, headers: dict[str, str]) -> int:
    return (await inject(app, headers=headers)).status_code


async def test_a_function_finds_the_keys_of_each_token(make: Make) -> None:
    app = make(TABLE.replace("KEYS", '[{method: "my:find"}, another secret of thirty-two bytes]'), CODE)
    for _ in range(2):
        assert await status(app, bearer(SECRET, "one")) == 200
        assert await status(app, bearer(SECRET, "two")) == 200
        assert await status(app, bearer(SECRET + "2", "two")) == 200
        assert await status(app, bearer("another secret of thirty-two bytes")) == 200
        assert await status(app, bearer(SECRET, "three")) == 401
        assert await status(app, bearer(SECRET + "x", "one")) == 401
        assert await status(app, bearer(SECRET, "down")) == 503
    assert await status(app, {}) == 401


def publishing(document: Callable[[], Any]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert dict(scope["headers"])[b"x-client"] == b"hapiish"
        known = document()
        await send({"type": "http.response.start", "status": 200 if known else 503, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(known).encode()})

    return app


async def test_tokens_of_an_issuer_are_judged_by_the_keys_that_it_publishes(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    known: Any = {"keys": [jwk(RSA, "a")]}
    async with serving(publishing(lambda: known), ws="none") as port:
        source = f'{{uri: "http://127.0.0.1:{port}/keys", headers: {{X-Client: hapiish}}}}'
        app = make(TABLE.replace("KEYS", source), CODE)
        assert await status(app, bearer(RSA, "a", "RS256")) == 200
        assert await status(app, bearer(RSA, "a", "PS256")) == 200
        assert await status(app, bearer(OTHER_RSA, "a", "RS256")) == 401
        assert await status(app, bearer(RSA, "b", "RS256")) == 401
        known = None
        app = make(TABLE.replace("KEYS", source), CODE)
        with caplog.at_level(logging.INFO, logger="hapiish"):
            assert [await status(app, bearer(RSA, "a", "RS256")) for _ in range(3)] == [503] * 3
            known = {"keys": [jwk(RSA, "a")]}
            assert await status(app, bearer(RSA, "a", "RS256")) == 200
        told = [each for each in caplog.records if each.name == "hapiish"]
        assert [each.levelname for each in told] == ["WARNING", "INFO"]
        assert told[0].message.startswith(f"the issuer of the keys at http://127.0.0.1:{port}/keys does not answer: ")
        assert not any(each.exc_info for each in caplog.records)
