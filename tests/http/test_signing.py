"""Signed tokens: claims, key selection, and acceptance by the strategy that signed them."""

import json
import math
import time
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from hapiish import Application, TableError
from hapiish.http.auth.jwt import jwt_scheme
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

SECRET = "a secret of thirty-two bytes, or more"
OTHER = "another secret, of sixty-four bytes or more, as SHA-512 wants its keys"

CODE = """
async def async_login(request, h):
    return {"token": request.server.auth.sign({"sub": request.query["user"]})}

def login(request, h):
    return {"token": request.server.auth.sign({"sub": request.query["user"]}, "session", expires_in=60)}

async def me(request, h):
    return request.auth.credentials

class Scheme:
    def __init__(self, server, options): pass
    async def authenticate(self, request, h):
        return h.authenticated(credentials={})
"""

TABLE = """
auth:
  schemes: {mine: "my:Scheme"}
  strategies:
    other: {scheme: mine}
    session: {scheme: jwt, options: {keys: "a secret of thirty-two bytes, or more", verify: {aud: [api, app], iss: me}}}
  default: session
routes:
  - {method: GET, path: /login, handler: "my:login", options: {auth: false}}
  - {method: GET, path: /async, handler: "my:async_login", options: {auth: false}}
  - {method: GET, path: /me, handler: "my:me"}
"""


@pytest.fixture
async def app(make: Make) -> Application:
    return make(TABLE, CODE)


def scheme(**options: Any) -> Any:
    server: Any = None
    return jwt_scheme(server, {"keys": SECRET, **options})


def header(token: str) -> Any:
    part = token.split(".", maxsplit=1)[0]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def claims(token: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False})


@pytest.mark.parametrize(("path", "lasts"), [("/login", 60), ("/async", 3600)])
async def test_what_a_handler_signs_lets_its_client_in(app: Application, path: str, lasts: int) -> None:
    token = (await inject(app, url=f"{path}?user=ann")).json["token"]
    answer = await inject(app, url="/me", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    given = answer.json
    assert (given["sub"], given["aud"], given["iss"], given["exp"] - given["iat"]) == ("ann", "api", "me", lasts)
    assert abs(given["iat"] - time.time()) < 60
    assert header(token) == {"alg": "HS256", "typ": "JWT"}


async def test_a_strategy_that_cannot_sign_says_why(app: Application) -> None:
    sign = app.server.auth.sign
    with pytest.raises(ValueError, match='"other" cannot sign: tokens are for strategies of the scheme jwt'):
        sign({}, "other")
    with pytest.raises(ValueError, match='no strategy "sesion"; known: other, session'):
        sign({}, "sesion")
    with pytest.raises(ValueError, match='"session" cannot sign: the strategy would refuse this token: Token audience'):
        sign({"aud": "elsewhere"})


@pytest.mark.parametrize(
    ("given", "lasts"),
    [
        ({}, 3600),
        ({"expires_in": 5}, 5),
        ({"expires_in": timedelta(minutes=2)}, 120),
        ({"expires_in": False}, None),
    ],
)
def test_a_token_lives_as_long_as_is_said(given: dict[str, Any], lasts: int | None) -> None:
    made = claims(scheme().sign({}, **given))
    assert (made["exp"] - made["iat"] if "exp" in made else None) == lasts


def test_the_claims_say_themselves_when_they_end() -> None:
    moment = datetime(2100, 1, 1, tzinfo=UTC)
    assert claims(scheme().sign({"exp": moment, "nbf": moment - timedelta(days=1)}))["exp"] == moment.timestamp()
    assert claims(scheme().sign({"exp": 4102444800, "iat": 5}))["iat"] == 5
    with pytest.raises(ValueError, match="Token expired"):
        scheme().sign({"exp": 5})


@pytest.mark.parametrize(("ttl", "lasts"), [(60_000, 60), (False, None)])
def test_the_strategy_says_how_long_tokens_live(ttl: Any, lasts: int | None) -> None:
    made = claims(scheme(sign={"ttl": ttl}).sign({}))
    assert (made["exp"] - made["iat"] if "exp" in made else None) == lasts


def test_the_first_key_signs_and_all_are_accepted_so_that_keys_can_be_changed() -> None:
    new, old = {"key": SECRET, "kid": "new"}, {"key": OTHER, "kid": "old", "algorithms": ["HS384", "HS512"]}
    rotating = scheme(keys=[new, old])
    assert header(rotating.sign({})) == {"alg": "HS256", "typ": "JWT", "kid": "new"}
    assert header(rotating.sign({}, kid="old")) == {"alg": "HS384", "typ": "JWT", "kid": "old"}
    before = scheme(keys=[old]).sign({"sub": "ann"})
    assert rotating._verifier.verify(before).claims()["sub"] == "ann"
    with pytest.raises(ValueError, match='no key called "gone" signs here; those that do: new, old'):
        rotating.sign({}, kid="gone")


@pytest.mark.parametrize("kind", ["rsa", "ec", "ed"])
def test_a_private_key_signs_by_its_own_algorithm(kind: str) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    key: Any = {
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
        "ec": lambda: ec.generate_private_key(ec.SECP384R1()),
        "ed": ed25519.Ed25519PrivateKey.generate,
    }[kind]()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    token = scheme(keys=[public, pem]).sign({"sub": "ann"})
    name = {"rsa": "RS256", "ec": "ES384", "ed": "EdDSA"}[kind]
    assert jwt.decode(token, public, algorithms=[name])["sub"] == "ann"
    with pytest.raises(ValueError, match="no key to sign with: public keys, certificates"):
        scheme(keys=[public]).sign({})


@pytest.mark.parametrize("keys", [{"uri": "https://login.example.com/jwks.json"}, [lambda artifacts, request: None]])
def test_keys_of_others_do_not_sign(keys: Any) -> None:
    with pytest.raises(ValueError, match="no key to sign with"):
        scheme(keys=keys).sign({})
    with pytest.raises(ValueError, match="sign needs a secret or a private key"):
        scheme(keys=keys, sign={"ttl": 1000})


def test_own_keys_beside_those_of_others_sign() -> None:
    assert scheme(keys=[{"uri": "https://login.example.com/jwks.json"}, SECRET]).sign({"sub": "ann"})


def test_tokens_without_a_header_are_signed_without_one() -> None:
    made = scheme(headless={"alg": "HS256", "typ": "JWT"})
    token = made.sign({"sub": "ann"})
    assert token.count(".") == 1
    assert made._verifier.verify(token).claims()["sub"] == "ann"


async def test_a_ttl_stands_in_the_table(make: Make) -> None:
    table = TABLE.replace("iss: me}", "iss: me}, sign: {ttl: 2d}")
    made = claims(make(table, CODE).server.auth.sign({"sub": "ann"}))
    assert made["exp"] - made["iat"] == 2 * 24 * 3600
    with pytest.raises(TableError, match="false or a duration"):
        make(table.replace("2d", "soon"), CODE)


def test_endless_is_no_number_of_seconds() -> None:
    with pytest.raises(ValueError, match="False for a token that never expires"):
        scheme().sign({}, expires_in=math.inf)
