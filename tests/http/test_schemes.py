"""The built-in schemes in a table: users, keys and sessions with and without Python functions."""

import importlib.util
import io
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import jwt
import pytest

from hapiish.cli import main
from hapiish.http.auth.secrets import hash_key, hash_password, is_password
from hapiish.http.cookies.iron import seal, unseal
from hapiish.table import check_text
from hapiish.table.problems import TableError
from hapiish.testing import Injected, inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

PASSWORD = "a password of at least 32 characters!"
CODE = """
async def who(request, h):
    return request.auth.credentials
"""


def table_of(scheme: str, options: str, route: str = "{}", auth: str = "{strategy: s}") -> str:
    return f"""
auth:
  strategies: {{s: {{scheme: {scheme}, options: {options}}}}}
  default: s
routes:
  - {{method: GET, path: "/{{p*}}", handler: "my:who", options: {{auth: {auth}, plugins: {route}}}}}
"""


def basic(name: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


async def seen(app: Any, **request: Any) -> Any:
    response = await inject(app, **request)
    return response.json if response.status_code == 200 else (response.status_code, response.json["message"])


# basic


def test_the_hash_of_a_password_is_its_own_and_no_other() -> None:
    known = hash_password("secret")
    assert known.startswith("$scrypt$ln=15,r=8,p=1$")
    assert hash_password("secret") != known
    assert is_password("secret", known)
    assert not is_password("Secret", known)


async def test_users_of_a_table_come_with_their_scopes(make: Make) -> None:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    argon = Argon2id(salt=b"0123456789abcdef", length=32, iterations=1, lanes=1, memory_cost=64)
    users = f"""{{
      ann: {{passwordHash: "{hash_password("secret")}", scope: admin, credentials: {{email: ann@a.test}}}},
      bob: {{passwordHash: "{argon.derive_phc_encoded(b"bobs")}"}}}}"""
    app = make(table_of("basic", f"{{users: {users}}}"), CODE)
    ann = {"user": "ann", "scope": ["admin"], "email": "ann@a.test"}
    for _ in range(2):  # the second time the password is remembered
        assert await seen(app, headers=basic("ann", "secret")) == ann
    assert await seen(app, headers=basic("bob", "bobs")) == {"user": "bob"}
    for name, password in (("ann", "bobs"), ("bob", "x"), ("eve", "secret"), ("ann", "")):
        assert await seen(app, headers=basic(name, password)) == (401, "Bad username or password")
    assert await seen(app) == (401, "Missing authentication")


# apiKey


@pytest.mark.parametrize(
    ("where", "request_of"),
    [
        ("", lambda key: {"headers": {"x-api-key": key}}),
        ("header: X-Token, ", lambda key: {"headers": {"x-token": key}}),
        ("query: key, ", lambda key: {"url": f"/?key={key}"}),
        ("cookie: key, ", lambda key: {"headers": {"cookie": f"key={key}"}}),
    ],
    ids=["header", "another header", "query", "cookie"],
)
async def test_keys_of_a_table_are_found_where_they_are_said_to_be(make: Make, where: str, request_of: Any) -> None:
    keys = f'{{reports: {{hash: "{hash_key("k1")}", scope: [read]}}, other: {{hash: "{hash_key("k2")}"}}}}'
    app = make(table_of("apiKey", f"{{{where}keys: {keys}, unauthorizedAttributes: {{realm: x}}}}"), CODE)
    assert await seen(app, **request_of("k1")) == {"key": "reports", "scope": ["read"]}
    assert await seen(app, **request_of("k2")) == {"key": "other"}
    assert await seen(app, **request_of("k3")) == (401, "Invalid API key")
    missing = await inject(app)
    assert missing.headers["www-authenticate"] == 'ApiKey realm="x"'
    assert missing.json["message"] == "Missing authentication"


async def test_a_function_may_know_the_keys(make: Make) -> None:
    code = (
        CODE
        + """
def validate(request, key, h):
    if key == "go":
        return {"response": h.redirect("/elsewhere")}
    return {"isValid": key == "good", "credentials": {"user": "u", "key": key}}
"""
    )
    app = make(table_of("apiKey", '{validate: "my:validate"}'), code)
    assert await seen(app, headers={"x-api-key": "good"}) == {"user": "u", "key": "good"}
    assert await seen(app, headers={"x-api-key": "bad"}) == (401, "Invalid API key")
    assert (await inject(app, headers={"x-api-key": "go"})).headers["location"] == "/elsewhere"


# cookie

SESSION = """
auth:
  strategies:
    session: {scheme: cookie, options: OPTIONS}
  default: session
routes:
  - method: GET
    path: /login
    handler: "my:login"
    options: {auth: {mode: try}, plugins: {cookie: {redirectTo: false}}}
  - {method: GET, path: /logout, handler: "my:logout"}
  - {method: GET, path: /set, handler: "my:set"}
  - {method: GET, path: /short, handler: "my:short"}
  - {method: GET, path: /open, handler: "my:open", options: {auth: false}}
  - {method: GET, path: /optional, handler: "my:who", options: {auth: {mode: optional}}}
  - {method: GET, path: /api, handler: "my:who", options: {plugins: {cookie: {redirectTo: false}}}}
  - {method: GET, path: /other, handler: "my:who", options: {plugins: {cookie: {redirectTo: /other-login}}}}
  - {method: GET, path: /me, handler: "my:who"}
"""
SESSION_CODE = """
async def who(request, h):
    return {"credentials": request.auth.credentials}

async def login(request, h):
    request.cookie_auth.set({"user": "ann"})
    return h.redirect(request.cookie_auth.next("/home"))

async def logout(request, h):
    request.cookie_auth.clear()
    return "bye"

async def set(request, h):
    request.cookie_auth.set("color", "red")
    request.cookie_auth.clear("user")
    return "ok"

async def short(request, h):
    request.cookie_auth.ttl(1000)
    return "ok"

async def open(request, h):
    request.cookie_auth.set({"user": "eve"})
    try:
        request.cookie_auth.set("user")
    except TypeError:
        return "typed"

async def where(request):
    return "/login?lang=en" if request.path == "/me" else None

async def validate(request, session, h):
    if session["user"] == "boom":
        raise boom.BadRequest("no")
    return {"isValid": session["user"] == "ann", "credentials": {"user": session["user"], "scope": "a"}}
"""


def session_app(make: Make, options: str, cookie: str = "") -> Any:
    given = f'{{cookie: {{password: "{PASSWORD}", isSecure: false{cookie}}}{options}}}'
    return make(SESSION.replace("OPTIONS", given), SESSION_CODE)


def sid(session: Any, **times: Any) -> dict[str, str]:
    return {"cookie": f"sid={seal(session, PASSWORD, **times)}"}


def session_of(response: Injected, password: str = PASSWORD) -> Any:
    """What the response sealed into the cookie, and the attributes that follow it."""
    line = str(response.headers["set-cookie"])
    text, _, rest = line.removeprefix("sid=").partition("; ")
    return (unseal(text, password) if text else None), rest


async def test_a_session_is_sealed_into_a_cookie_and_read_from_it(make: Make) -> None:
    app = session_app(make, "")
    response = await inject(app, url="/login")
    assert session_of(response) == ({"user": "ann"}, "HttpOnly; SameSite=Strict")
    cookie = {"cookie": str(response.headers["set-cookie"]).partition(";")[0]}
    assert await seen(app, url="/me", headers=cookie) == {"credentials": {"user": "ann"}}
    assert await seen(app, url="/me", headers={"cookie": "sid=forged"}) == (401, "Missing authentication")
    assert (await inject(app, url="/me")).headers["www-authenticate"] == "cookie"


async def test_handlers_change_and_end_a_session(make: Make) -> None:
    app = session_app(make, "", ", ttl: 1h, path: /")
    assert session_of(await inject(app, url="/set", headers=sid({"user": "ann"})))[0] == {"color": "red"}
    ended, attributes = session_of(await inject(app, url="/logout", headers=sid({"user": "ann"})))
    assert ended is None
    assert attributes.startswith("Max-Age=0;")
    assert session_of(await inject(app, url="/short", headers=sid({"user": "ann"})))[1].startswith("Max-Age=1;")
    assert (await inject(app, url="/open")).text == "typed"
    assert (await inject(app, url="/short", headers={})).status_code == 401


async def test_a_session_ends_with_its_ttl_whatever_the_browser_does(make: Make) -> None:
    app = session_app(make, ", keepAlive: true", ", ttl: 1h")
    response = await inject(app, url="/me", headers=sid({"user": "ann"}))
    assert session_of(response)[1].startswith("Max-Age=3600;")
    sealed = str(response.headers["set-cookie"]).partition(";")[0].removeprefix("sid=")
    with pytest.raises(ValueError, match="expired"):
        unseal(sealed, PASSWORD, clock=lambda: int(sealed.split("*")[5]) / 1000 + 61)
    assert await seen(app, url="/me", headers=sid({"user": "ann"}, ttl=1, clock=lambda: 1)) == (
        401,
        "Missing authentication",
    )


@pytest.mark.parametrize(
    ("options", "url", "location"),
    [
        (", redirectTo: /login", "/me", "/login"),
        (", redirectTo: /login, appendNext: true", "/me?a=1&b=%20", "/login?next=%2Fme%3Fa%3D1%26b%3D%2520"),
        (", redirectTo: /login?x=1, appendNext: then", "/me", "/login?x=1&then=%2Fme"),
        (", redirectTo: /login, appendNext: {name: to, raw: true}", "/%6De", "/login?to=%2F%256De"),
        (", redirectTo: /login, appendNext: {}", "/%6De", "/login?next=%2Fme"),
        (', redirectTo: {method: "my:where"}', "/me", "/login?lang=en"),
        (", redirectTo: /login", "/other", "/other-login"),
        (', redirectTo: {method: "my:where"}', "/logout", None),
        (", redirectTo: /login", "/api", None),
        (", redirectTo: false", "/me", None),
    ],
)
async def test_who_has_no_session_is_sent_to_the_login(make: Make, options: str, url: str, location: str) -> None:
    response = await inject(session_app(make, options), url=url)
    assert (response.status_code, response.headers.get("location")) == ((302, location) if location else (401, None))


async def test_nobody_is_redirected_where_a_session_is_not_required(make: Make) -> None:
    app = session_app(make, ", redirectTo: /login")
    assert await seen(app, url="/optional") == {"credentials": None}
    assert (await inject(app, url="/login")).headers["location"] == "/home"


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/me?a=1", "/me?a=1"),
        ("https://evil.test", "/home"),
        ("//evil.test", "/home"),
        ("/\\evil.test", "/home"),
        ("/\t/evil.test", "/home"),
        ("me", "/home"),
        ("", "/home"),
    ],
)
async def test_a_login_leads_to_paths_of_this_server_alone(make: Make, target: str, location: str) -> None:
    response = await inject(
        session_app(make, ""), url=f"/login?next={target}".replace("?a", "%3Fa").replace("\t", "%09")
    )
    assert response.headers["location"] == location


@pytest.mark.parametrize(
    ("user", "outcome"),
    [
        ("ann", {"credentials": {"user": "ann", "scope": "a"}}),
        ("bob", (401, "Missing authentication")),
        ("boom", (401, "Invalid cookie")),
    ],
)
@pytest.mark.parametrize("clears", [True, False])
async def test_a_function_judges_the_session(make: Make, user: str, outcome: Any, clears: bool) -> None:
    app = session_app(make, ', validate: "my:validate"', f", clearInvalid: {str(clears).lower()}")
    headers = sid({"user": user})
    assert await seen(app, url="/me", headers=headers) == outcome
    assert ("set-cookie" in (await inject(app, url="/me", headers=headers)).headers) == (clears and user != "ann")


async def test_two_strategies_have_cookies_and_attributes_of_their_own(make: Make) -> None:
    strategy = f'{{scheme: cookie, options: {{cookie: {{name: NAME, password: "{PASSWORD}"}}EXTRA}}}}'
    first = strategy.replace("NAME", "a").replace("EXTRA", "")
    table = "auth: {{strategies: {{a: {}, b: {}}}}}\nroutes: [{{method: GET, path: /, handler: 'my:who'}}]\n"
    second = strategy.replace("NAME", "b")
    make(table.format(first, second.replace("EXTRA", ", requestDecoratorName: staff_auth")), CODE)
    for other, complaint in (
        (second.replace("EXTRA", ""), '"cookie_auth" is no free name'),
        (second.replace("EXTRA", ", requestDecoratorName: payload"), '"payload" is no free name'),
        (first, 'the cookie "a" is declared already'),
    ):
        with pytest.raises(TableError, match=complaint):
            make(table.format(first, other), CODE)


# jwt, in other places than its own test looks at


def token(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, PASSWORD)


@pytest.mark.parametrize(
    ("options", "request_of"),
    [
        ("headerName: X-Token", lambda text: {"headers": {"x-token": f"Bearer {text}"}}),
        ("cookieName: token", lambda text: {"headers": {"cookie": f"token={text}"}}),
        (
            "headless: {alg: HS256, typ: JWT}",
            lambda text: {"headers": {"authorization": f"Bearer {text.partition('.')[2]}"}},
        ),
        (
            f"headless: {token({}).partition('.')[0]}",
            lambda text: {"headers": {"authorization": f"Bearer {text.partition('.')[2]}"}},
        ),
    ],
    ids=["header", "cookie", "headless", "headless text"],
)
async def test_a_token_is_looked_for_where_the_strategy_says(make: Make, options: str, request_of: Any) -> None:
    app = make(table_of("jwt", f'{{keys: "{PASSWORD}", {options}}}'), CODE)
    text = token({"sub": "ann"})
    assert await seen(app, **request_of(text)) == {"sub": "ann"}
    assert (await seen(app))[0] == 401
    if "headless" in options:
        whole = await seen(app, headers={"authorization": f"Bearer {text}"})
        assert whole == (401, "Token contains header")


@pytest.mark.parametrize(
    ("claim", "claims", "scope"),
    [
        ("scope", {"scope": "a b"}, ["a", "b"]),
        ("permissions", {"permissions": ["a", 1]}, ["a"]),
        ("realm.roles", {"realm": {"roles": ["a"]}, "scope": "x"}, ["a"]),
        ("scp", {"scope": "x"}, []),
    ],
)
async def test_a_claim_may_be_the_scope(make: Make, claim: str, claims: dict[str, Any], scope: list[str]) -> None:
    app = make(table_of("jwt", f'{{keys: "{PASSWORD}", scopeClaim: {claim}}}'), CODE)
    found = await seen(app, headers={"authorization": f"Bearer {token(claims)}"})
    assert found == {**claims, "scope": scope}


async def test_tokens_may_be_left_to_the_function_alone(make: Make) -> None:
    code = (
        CODE
        + """
async def validate(artifacts, request, h):
    return {"isValid": artifacts["decoded"]["payload"]["sub"] == "ann"}
"""
    )
    app = make(table_of("jwt", '{verify: false, validate: "my:validate"}'), code)
    good = jwt.encode({"sub": "ann", "exp": 1}, "another secret of more than 32 bytes")
    assert await seen(app, headers={"authorization": f"Bearer {good}"}) == {"sub": "ann", "exp": 1}
    bad = jwt.encode({"sub": "eve"}, "another secret of more than 32 bytes")
    assert await seen(app, headers={"authorization": f"Bearer {bad}"}) == (401, "Invalid credentials")


# What is found at load


@pytest.mark.parametrize(
    ("scheme", "options", "problem"),
    [
        ("basic", "{}", '1:49: HA0388 the strategy "s" needs validate or users'),
        ("basic", '{validate: "a:b", users: {a: {passwordHash: $scrypt$}}}', '1:67: HA0314 "users" and "validate" ex'),
        ("basic", "{users: {a: {passwordHash: secret}}}", "1:76: HA0205 "),
        ("basic", "{users: {a: {}}}", "1:58: HA0203 "),
        ("apiKey", "{header: x}", '1:50: HA0388 the strategy "s" needs validate or keys'),
        ("apiKey", '{validate: "a:b", header: x, query: y}', '1:79: HA0314 "query" and "header" exclude each other'),
        ("apiKey", "{keys: {a: {hash: secret}}}", "1:68: HA0205 "),
        ("cookie", "{cookie: {}}", "1:51: HA0203 "),
        ("cookie", "{cookie: {password: short}}", "1:70: HA0207 "),
        (
            "cookie",
            f'{{cookie: {{password: "{PASSWORD}"}}, keepAlive: true}}',
            "1:112: HA0388 keepAlive requires a cookie with a ttl",
        ),
        ("cookie", f'{{cookie: {{password: "{PASSWORD}", colour: red}}}}', '1:111: HA0204 unknown option "colour"'),
        ("jwt", "{}", '1:47: HA0388 the strategy "s" needs keys'),
        ("jwt", "{verify: false}", "1:56: HA0388 verify: false without validate"),
        ("jwt", f'{{keys: "{PASSWORD}", headerName: a, cookieName: b}}', '1:110: HA0314 "cookieName" and "headerName"'),
        ("jwt", "{keys: {uri: nowhere}}", "1:60: HA0205 "),
    ],
)
def test_options_that_leave_nobody_to_judge_are_found_at_load(scheme: str, options: str, problem: str) -> None:
    text = f"auth: {{strategies: {{s: {{scheme: {scheme}, options: {options}}}}}}}"
    found = [str(each).split("\n")[0].removeprefix("f:") for each in check_text(text, "f", {})[1]]
    assert [each[: len(problem)] for each in found] == [problem]


@pytest.mark.parametrize(
    ("scheme", "options", "complaint"),
    [
        ("basic", "{users: {ann: {passwordHash: $scrypt$x}}}", 'strategy "s": user "ann": not a hash of a password'),
        ("basic", "{users: {ann: {passwordHash: '$scrypt$ln=40,r=8,p=1$YQ$YQ'}}}", "unreasonable costs"),
        ("jwt", "{keys: short}", "32 bytes"),
        ("jwt", "{keys: [{uri: 'https://a.test/'}], cache: {staleIn: 1h}}", "staleTimeout"),
        ("jwt", "{keys: '-----BEGIN PUBLIC KEY-----'}", "the PEM text is not a readable key"),
    ],
)
def test_options_that_a_scheme_cannot_use_are_found_when_it_is_made(
    make: Make, scheme: str, options: str, complaint: str
) -> None:
    with pytest.raises(TableError, match=complaint):
        make(table_of(scheme, options), CODE)


def test_a_redirection_of_a_route_is_a_path_or_false() -> None:
    text = "routes: [{method: GET, path: /, handler: 'a:b', options: {plugins: {cookie: {redirectTo: true}}}}]"
    assert [str(each.code) for each in check_text(text, "f", {})[1]] == ["HA0388"]


@pytest.mark.parametrize(
    ("table", "package"),
    [
        (table_of("cookie", f'{{cookie: {{password: "{PASSWORD}"}}}}'), "cryptography"),
        (table_of("jwt", "{keys: '-----BEGIN PUBLIC KEY-----'}"), "cryptography"),
        (table_of("jwt", "{keys: [{uri: 'https://a.test/'}]}"), "httpx"),
        (table_of("basic", "{users: {a: {passwordHash: $argon2id$}}}"), "cryptography"),
        (table_of("oauth2", f"{{provider: github, clientId: a, cookie: {{password: '{PASSWORD}'}}}}"), "authlib"),
        (f'state: {{a: {{encoding: iron, password: "{PASSWORD}"}}}}', "cryptography"),
    ],
    ids=["cookie", "pem", "published keys", "argon2", "oauth2", "state"],
)
def test_what_a_scheme_needs_besides_is_named_when_it_is_missing(
    make: Make, monkeypatch: pytest.MonkeyPatch, table: str, package: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(TableError) as caught:
        make(table, CODE)
    problem = caught.value.problems[0]
    assert (str(problem.code), problem.hint) == ("HA0405", 'pip install "hapiish[auth]"')
    assert package in problem.message


def test_schemes_that_a_table_does_not_use_are_not_imported(tmp_path: Path) -> None:
    options = f'options: {{users: {{ann: {{passwordHash: "{hash_password("x")}"}}}}}}'
    strategies = f'{{b: {{scheme: basic, {options}}}, j: {{scheme: jwt, options: {{keys: "{PASSWORD}"}}}}}}'
    (tmp_path / "routes.yaml").write_text(f"auth: {{strategies: {strategies}}}\n")
    code = (
        "import sys; from hapiish import create_app; create_app(sys.argv[1]);"
        "heavy = {'httpx', 'authlib', 'hapiish.http.auth.oauth2', 'hapiish.http.auth.cookie'};"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    run = [sys.executable, "-c", code, str(tmp_path / "routes.yaml")]
    assert subprocess.run(run, check=True, capture_output=True, text=True).stdout == "[]\n"


def test_the_command_hashes_a_line_of_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    assert main(["hash"]) == 0
    assert is_password("secret", capsys.readouterr().out.strip())
    monkeypatch.setattr("sys.stdin", io.StringIO("k1\n"))
    assert main(["hash", "--key"]) == 0
    assert capsys.readouterr().out.strip() == hash_key("k1")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["hash"]) == 2


async def test_a_custom_scheme_makes_its_sealed_cookie_as_the_built_in_ones_do(make: Make) -> None:
    app = make(
        f"""
        server: {{state: {{isSecure: false}}}}
        auth:
          schemes: {{tag: "my:Tag"}}
          strategies: {{s: {{scheme: tag, options: {{cookie: {{password: {PASSWORD}, ttl: 1h}}}}}}}}
        routes: [{{method: GET, path: /, handler: "my:handler", options: {{auth: s}}}}]
        """,
        """
        class Tag:
            def __init__(self, server, options):
                self.cookies = {"tag": server.sealed_cookie(options["cookie"], is_same_site="Lax")}

            async def authenticate(self, request, h):
                count = request.state.get("tag", 0) + 1
                request.set_cookie("tag", count, {})
                return h.authenticated(credentials={"count": count})

        def handler(request, h):
            return request.auth.credentials
        """,
    )
    first = await inject(app)
    cookie = str(first.headers["set-cookie"])
    assert cookie.startswith("tag=Fe26.2")
    assert "Max-Age=3600" in cookie
    assert cookie.endswith("; HttpOnly; SameSite=Lax")
    assert (await inject(app, headers={"cookie": cookie.partition(";")[0]})).json == {"count": 2}
    assert (await inject(app, headers={"cookie": "tag=forged"})).json == {"count": 1}
