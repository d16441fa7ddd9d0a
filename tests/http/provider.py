"""A local provider of OpenID Connect and OAuth 2.0, which can be configured to misbehave."""

import base64
import hashlib
import json
import time
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class LoginProvider:
    """`claims` replace those of ID tokens, None leaves one out; `broken` names what answers with a 500."""

    def __init__(self) -> None:
        self.base = ""
        self.secret: str | None = "s3cret"
        self.codes: dict[str, dict[str, str]] = {}
        self.claims: dict[str, Any] = {}
        self.user: Any = {"sub": "42", "name": "Ann", "email": "ann@a.test"}
        self.key = KEY
        self.broken = ""
        self.denies = ""
        self.id_token = True
        self.asked: list[str] = []
        self.exchange: dict[str, str] = {}
        self.query: dict[str, str] = {}
        self.headers: dict[str, str] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix("/")
        self.asked.append(path)
        self.query = {key: values[0] for key, values in parse_qs(scope["query_string"].decode()).items()}
        self.headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        body = b""
        while scope["method"] == "POST":
            message = await receive()
            body += message["body"]
            if not message.get("more_body"):
                break
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        if path == self.broken:
            status, headers, answer = 500, [], {"error": "server_error"}
        else:
            name = path.replace(".well-known/", "").replace("-", "_")
            status, headers, answer = getattr(self, name)(form)
        content = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": status, "headers": [content, *headers]})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def openid_configuration(self, form: dict[str, str]) -> Any:
        endpoints = {f"{each}_endpoint": f"{self.base}/{each}" for each in ("authorization", "token", "userinfo")}
        return 200, [], {"issuer": self.base, "jwks_uri": f"{self.base}/jwks", **endpoints}

    def jwks(self, form: dict[str, str]) -> Any:
        return 200, [], {"keys": [{**json.loads(RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "k", "use": "sig"}]}

    def authorization(self, form: dict[str, str]) -> Any:
        """Sends the browser straight back, with a code or with the denial it was told to give."""
        given = self.query
        back = {"state": given["state"], **({"error": self.denies} if self.denies else {"code": f"c{len(self.codes)}"})}
        if not self.denies:
            self.codes[back["code"]] = given
        return 302, [(b"location", f"{given['redirect_uri']}?{urlencode(back)}".encode())], None

    def token(self, form: dict[str, str]) -> Any:
        """Takes each code once, from the client that began, with the verifier that fits."""
        self.exchange = form
        begun = self.codes.pop(form.get("code", ""), None)
        if self.secret and not self.is_client(form):
            return 401, [], {"error": "invalid_client"}
        if begun is None or begun["redirect_uri"] != form["redirect_uri"]:
            return 400, [], {"error": "invalid_grant"}
        if "code_challenge" in begun:
            verifier = form["code_verifier"]
            digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            if begun["code_challenge"] != (digest if begun["code_challenge_method"] == "S256" else verifier):
                return 400, [], {"error": "invalid_grant"}
        answer = {"access_token": "at", "refresh_token": "rt", "expires_in": 60, "token_type": "Bearer"}
        if self.id_token and "nonce" in begun:
            now = int(time.time())
            claims = {
                "iss": self.base,
                "aud": "client",
                "sub": "42",
                "iat": now,
                "exp": now + 60,
                "nonce": begun["nonce"],
            }
            made = {key: value for key, value in {**claims, **self.claims}.items() if value is not None}
            answer["id_token"] = jwt.encode(made, self.key, algorithm="RS256", headers={"kid": "k"})
        return 200, [], answer

    def is_client(self, form: dict[str, str]) -> bool:
        basic = "Basic " + base64.b64encode(f"client:{self.secret}".encode()).decode()
        posted = form.get("client_id") == "client" and form.get("client_secret") == self.secret
        return self.headers.get("authorization") == basic or posted

    def userinfo(self, form: dict[str, str]) -> Any:
        return (200, [], self.user) if self.headers.get("authorization") == "Bearer at" else (401, [], None)
