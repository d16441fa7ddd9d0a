"""Authentication of sockets by every supported scheme: token, headers, query or cookies of the handshake."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from hapiish import create_app
from hapiish.http.auth.secrets import hash_key
from hapiish.http.cookies.iron import seal
from tests.realtime.support import raw, serving

pytestmark = pytest.mark.anyio

SECRET = "a secret of the tests that is long enough"
TABLE = f"""
auth:
  schemes: {{own: "my:Own"}}
  strategies:
    token: {{scheme: jwt, options: {{keys: "{SECRET}", httpAuthScheme: Token}}}}
    crumb: {{scheme: jwt, options: {{keys: "{SECRET}", cookieName: token}}}}
    key: {{scheme: apiKey, options: {{keys: {{reports: {{hash: "{hash_key("k1")}"}}}}}}}}
    query: {{scheme: apiKey, options: {{query: key, keys: {{reports: {{hash: "{hash_key("k1")}"}}}}}}}}
    basic: {{scheme: basic, options: {{validate: "my:validate"}}}}
    session:
      scheme: cookie
      options: {{cookie: {{password: "{SECRET}"}}, redirectTo: /login, validate: "my:session"}}
    own: {{scheme: own}}
sockets:
  namespaces:
    - {{namespace: /token, auth: token, events: [&who {{event: who, handler: "my:who"}}]}}
    - {{namespace: /crumb, auth: crumb, events: [*who]}}
    - {{namespace: /key, auth: key, events: [*who]}}
    - {{namespace: /query, auth: query, events: [*who]}}
    - {{namespace: /basic, auth: basic, events: [*who]}}
    - {{namespace: /session, auth: session, events: [*who]}}
    - {{namespace: /own, auth: own, events: [*who]}}
    - {{namespace: /several, auth: {{strategies: [key, token]}}, events: [*who]}}
"""
CODE = """
from hapiish import boom

class Own:
    token_header = (b"x-own", b"own ")

    def __init__(self, server, options):
        pass

    async def authenticate(self, request, h):
        if request.headers.get("x-own") != "own good":
            return h.unauthenticated(boom.Unauthorized("Bad token", scheme="Own"))
        return h.authenticated(credentials={"user": "own"})

def validate(request, username, password, h):
    return {"isValid": password == "secret", "credentials": {"user": username}}

async def session(request, session, h):
    return {"isValid": session["user"] == "ann"}

async def who(request, h):
    return {"credentials": request.auth.credentials}
"""


@pytest.fixture
def app(tmp_path: Path) -> Any:
    (tmp_path / "routes.yaml").write_text(TABLE)
    (tmp_path / "my.py").write_text(CODE)
    return create_app(tmp_path / "routes.yaml")


def token(sub: str) -> str:
    return jwt.encode({"sub": sub}, SECRET)


async def who(app: Any, namespace: str, auth: Any = None, headers: Any = None, query: str = "") -> Any:
    """Whom the namespace takes the client for, or why it lets nobody in."""
    async with serving(app) as port, raw(port, additional_headers=headers or {}, query=query) as client:
        await client.send(f"40{namespace},{json.dumps(auth) if auth else ''}")
        answer = str(await client.receive())
        if answer.startswith("44"):
            return json.loads(answer.partition(",")[2])["message"]
        return (await client.ask("who", {}, namespace=namespace))["credentials"]


REPORTS = {"key": "reports"}


@pytest.mark.parametrize(
    ("namespace", "given", "outcome"),
    [
        ("/token", {"auth": {"token": token("ann")}}, {"sub": "ann"}),
        ("/token", {"headers": {"Authorization": f"Token {token('ann')}"}}, {"sub": "ann"}),
        ("/token", {"auth": {"token": "x"}}, "Invalid token structure"),
        ("/token", {}, "Missing authentication"),
        ("/crumb", {"headers": {"Cookie": f"token={token('ann')}"}}, {"sub": "ann"}),
        ("/crumb", {"auth": {"token": token("ann")}}, "Missing authentication"),
        ("/key", {"auth": {"token": "k1"}}, REPORTS),
        ("/key", {"headers": {"X-Api-Key": "k1"}}, REPORTS),
        ("/key", {"auth": {"token": "k2"}}, "Invalid API key"),
        ("/query", {"query": "&key=k1"}, REPORTS),
        ("/query", {"query": "&key=k2"}, "Invalid API key"),
        ("/basic", {"headers": {"Authorization": "Basic YW5uOnNlY3JldA=="}}, {"user": "ann"}),
        ("/basic", {"headers": {"Authorization": "Basic YW5uOng="}}, "Bad username or password"),
        ("/session", {"headers": {"Cookie": f"sid={seal({'user': 'ann'}, SECRET)}"}}, {"user": "ann"}),
        ("/session", {"headers": {"Cookie": f"sid={seal({'user': 'eve'}, SECRET)}"}}, "Missing authentication"),
        ("/session", {"headers": {"Cookie": "sid=forged"}}, "Missing authentication"),
        ("/own", {"auth": {"token": "good"}}, {"user": "own"}),
        ("/own", {"auth": {"token": "bad"}}, "Bad token"),
        ("/several", {"headers": {"Authorization": f"Token {token('ann')}"}}, {"sub": "ann"}),
        ("/several", {"headers": {"X-Api-Key": "k1"}}, REPORTS),
    ],
)
async def test_a_handshake_is_judged_by_the_scheme_of_its_namespace(
    app: Any, namespace: str, given: Any, outcome: Any
) -> None:
    assert await who(app, namespace, **given) == outcome


@pytest.mark.parametrize(
    ("rules", "auth", "query", "refused"),
    [
        ("{payload: {type: object, required: [device]}}", {"device": "phone"}, "", False),
        ("{payload: {type: object, required: [device]}}", {}, "", True),
        ("{query: {type: object, required: [version]}}", None, "&version=2", False),
        ("{query: {type: object, required: [version]}}", None, "", True),
        ("{headers: {type: object, required: [user-agent]}}", None, "", False),
        ("{headers: {type: object, required: [x-app]}}", None, "", True),
    ],
)
async def test_a_namespace_validates_the_handshake(
    tmp_path: Path, rules: str, auth: Any, query: str, refused: bool
) -> None:
    (tmp_path / "routes.yaml").write_text(f"sockets: {{namespaces: [{{namespace: /, validate: {rules}}}]}}")
    app = create_app(tmp_path / "routes.yaml", env={})
    async with serving(app) as port, raw(port, query=query) as client:
        await client.send("40" + (json.dumps(auth) if auth is not None else ""))
        answer = str(await client.receive())
    assert answer.startswith("44" if refused else "40"), answer
    assert not refused or json.loads(answer[2:])["data"]["statusCode"] == 400
