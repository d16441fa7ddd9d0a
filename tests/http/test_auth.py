"""Authentication as tabulated for hapi (§3.4): results by mode, rules by scope, signed messages, server.auth."""

from typing import Any

import pytest

from hapiish.table import check_text
from hapiish.table.problems import TableError
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

# A scheme that does what the header says; `other` finds nothing.
SCHEMES = """
class Says:
    api = {"name": "says"}

    def __init__(self, server, options):
        self.credentials = options.get("credentials", {"user": "ann", "scope": ["a"]})

    async def authenticate(self, request, h):
        said = request.headers.get("say", "missing")
        if said == "good":
            return h.authenticated(credentials=self.credentials, artifacts={"raw": 1})
        if said == "missing":
            return h.unauthenticated(boom.Unauthorized(None, scheme="Says", attributes={"realm": "x"}))
        if said == "bad":
            raise boom.Unauthorized("Bad token", scheme="Says")
        if said == "known":
            return h.unauthenticated(boom.Unauthorized("Bad token", scheme="Says"), credentials=self.credentials)
        if said == "page":
            return h.redirect("/login").takeover()
        if said == "forbidden":
            raise boom.Forbidden("Go away")
        return h.continue_

    async def verify(self, auth):
        if auth.credentials.get("over"):
            raise boom.Unauthorized("It is over")

class Other:
    def __init__(self, server, options):
        pass

    def authenticate(self, request, h):
        if request.headers.get("other"):
            return h.authenticated(credentials={"user": "bob"})
        return h.unauthenticated(boom.Unauthorized(None, scheme="Other"))

def says(server, options):
    return Says(server, options)

def other(server, options):
    return Other(server, options)

async def handler(request, h):
    auth = request.auth
    return {
        "authenticated": auth.is_authenticated, "authorized": auth.is_authorized, "injected": auth.is_injected,
        "credentials": auth.credentials, "artifacts": auth.artifacts, "strategy": auth.strategy, "mode": auth.mode,
        "error": auth.error.message if auth.error else None,
    }
"""


def table_of(auth: str, *, method: str = "GET", path: str = "/", more: str = "", scheme: str = "says") -> str:
    return f"""
auth:
  schemes: {{says: "my:says", other: "my:other"}}
  strategies: {{s: {{scheme: {scheme}{more}}}, o: {{scheme: other}}}}
routes:
  - {{method: {method}, path: "{path}", handler: "my:handler", options: {{auth: {auth}}}}}
"""


GONE_ON = {"authenticated": False, "credentials": None, "strategy": None, "error": "Missing authentication"}
BAD = {"authenticated": False, "credentials": None, "strategy": "s", "error": "Bad token"}
KNOWN = {**BAD, "credentials": {"user": "ann", "scope": ["a"]}}
GOOD = {"authenticated": True, "credentials": {"user": "ann", "scope": ["a"]}, "artifacts": {"raw": 1}, "strategy": "s"}


@pytest.mark.parametrize(
    ("say", "mode", "outcome"),
    [
        ("missing", "required", (401, "Missing authentication")),
        ("missing", "optional", GONE_ON),
        ("missing", "try", GONE_ON),
        ("bad", "required", (401, "Bad token")),
        ("bad", "optional", (401, "Bad token")),
        ("bad", "try", BAD),
        ("known", "required", (401, "Bad token")),
        ("known", "optional", (401, "Bad token")),
        ("known", "try", KNOWN),
        ("good", "required", GOOD),
        ("good", "optional", GOOD),
        ("good", "try", GOOD),
        ("page", "required", 302),
        ("page", "optional", 302),
        ("page", "try", 302),
        ("forbidden", "required", (403, "Go away")),
        ("forbidden", "try", {**BAD, "error": "Go away"}),
        ("continue", "required", 500),
        ("continue", "optional", 500),
        ("continue", "try", 500),
    ],
)
async def test_what_a_scheme_says_means_what_the_mode_makes_of_it(
    make: Make, say: str, mode: str, outcome: Any
) -> None:
    app = make(table_of(f"{{strategies: [s, o], mode: {mode}}}"), SCHEMES)
    response = await inject(app, headers={"say": say})
    if isinstance(outcome, dict):
        assert response.status_code == 200
        assert {key: response.json[key] for key in outcome} == outcome
        assert response.json["mode"] == mode
    elif isinstance(outcome, tuple):
        assert (response.status_code, response.json["message"]) == outcome
    else:
        assert response.status_code == outcome


async def test_challenges_are_joined_and_the_next_strategy_is_asked_only_where_nothing_was_found(make: Make) -> None:
    app = make(table_of("{strategies: [s, o]}"), SCHEMES)
    assert (await inject(app)).headers["www-authenticate"] == 'Says realm="x", Other'
    assert (await inject(app, headers={"other": "1"})).json["strategy"] == "o"
    bad = await inject(app, headers={"say": "bad", "other": "1"})
    assert (bad.status_code, bad.headers["www-authenticate"]) == (401, 'Says error="Bad token"')


async def test_without_authentication_nothing_is_known(make: Make) -> None:
    found = (await inject(make(table_of("false"), SCHEMES), headers={"say": "good"})).json
    assert [found[key] for key in ("authenticated", "authorized", "injected")] == [False] * 3
    assert [found[key] for key in ("credentials", "artifacts", "strategy", "mode", "error")] == [None] * 5


MISSING_SCOPE: Any = ...


@pytest.mark.parametrize(
    ("rule", "scope", "status"),
    [
        ("[a, b]", ["b"], 200),
        ("[a, b]", ["c"], 403),
        ("[a]", "a", 200),
        ("[+x, a, b]", ["x"], 403),
        ("[+x, a, b]", ["x", "a"], 200),
        ("[+x, +y]", ["x", "y", "z"], 200),
        ("[+x, +y]", ["x"], 403),
        ("['!bad']", ["ok"], 200),
        ("['!bad']", ["bad"], 403),
        ("['!bad']", MISSING_SCOPE, 403),
        ("['!bad', a]", ["a", "bad"], 403),
        ("['user-{params.id}']", ["user-1"], 200),
        ("['user-{params.id}']", ["user-2"], 403),
        ("['q-{query.q}', 'z-{credentials.user}']", ["z-u"], 200),
        ("[a]", [], 403),
        ("['{query.nope}']", [""], 403),  # unlike hapi: what is missing is nobody's
    ],
)
async def test_a_scope_is_judged_as_hapi_does(make: Make, rule: str, scope: Any, status: int) -> None:
    app = make(table_of(f"{{strategy: s, scope: {rule}}}", path="/{id}"), SCHEMES)
    credentials = {"user": "u"} if scope is MISSING_SCOPE else {"user": "u", "scope": scope}
    response = await inject(app, url="/1", credentials=credentials)
    assert response.status_code == status
    assert response.json["message" if status == 403 else "authorized"] == ("Insufficient scope" if status == 403 else 1)


@pytest.mark.parametrize(
    ("access", "credentials", "outcome"),
    [
        ("[{scope: x}, {entity: app}]", {"scope": ["y"]}, 200),
        ("[{scope: x}, {entity: app}]", {"user": "u", "scope": ["y"]}, "Insufficient scope"),
        ("[{entity: user}]", {"scope": ["y"]}, "Application credentials cannot be used on a user endpoint"),
        ("{entity: app}", {"user": "u"}, "User credentials cannot be used on an application endpoint"),
        ("[{scope: x, entity: app}, {scope: y, entity: user}]", {"user": "u", "scope": "y"}, 200),
    ],
)
async def test_rules_are_alternatives(make: Make, access: str, credentials: Any, outcome: Any) -> None:
    response = await inject(make(table_of(f"{{strategy: s, access: {access}}}"), SCHEMES), credentials=credentials)
    assert (200 if response.status_code == 200 else response.json["message"]) == outcome


@pytest.mark.parametrize(
    ("say", "mode", "status"), [("missing", "try", 200), ("known", "try", 403), ("good", "try", 403)]
)
async def test_access_is_judged_on_whatever_credentials_there_are(make: Make, say: str, mode: str, status: int) -> None:
    app = make(table_of(f"{{strategy: s, mode: {mode}, scope: b}}"), SCHEMES)
    response = await inject(app, headers={"say": say})
    assert response.status_code == status
    assert status == 403 or response.json["authorized"] is False


async def test_injected_credentials_skip_the_strategies_and_say_so(make: Make) -> None:
    app = make(table_of("{strategy: s, scope: a}"), SCHEMES)
    given: dict[str, Any] = {
        "credentials": {"scope": "a"},
        "artifacts": [1],
        "strategy": "s",
        "headers": {"say": "bad"},
    }
    found = (await inject(app, **given)).json
    assert [found[key] for key in ("authenticated", "authorized", "injected")] == [True] * 3
    assert (found["artifacts"], found["strategy"], found["mode"]) == ([1], "s", "required")


async def test_a_default_may_have_a_mode_and_rules_and_routes_add_to_it(make: Make) -> None:
    table = """
    auth:
      schemes: {says: "my:says"}
      strategies: {s: {scheme: says}}
      default: {strategy: s, mode: optional, access: [{scope: [a]}]}
    routes:
      - {method: GET, path: /, handler: "my:handler"}
      - {method: GET, path: /mine, handler: "my:handler", options: {auth: {scope: [b]}}}
      - {method: GET, path: /must, handler: "my:handler", options: {auth: {mode: required}}}
      - {method: GET, path: /open, handler: "my:handler", options: {auth: false}}
    """
    app = make(table, SCHEMES)
    statuses = {
        url: [(await inject(app, url=url, headers={"say": say})).status_code for say in ("missing", "good")]
        for url in ("/", "/mine", "/must", "/open", "/nowhere")
    }
    assert statuses == {
        "/": [200, 200], "/mine": [200, 403], "/must": [401, 200], "/open": [200, 200], "/nowhere": [404, 404]
    }  # fmt: skip


# Signed bodies and responses

SIGNING = """
class Signing:
    options = OPTIONS

    async def authenticate(self, request, h):
        if "user" not in request.headers:
            return h.unauthenticated(boom.Unauthorized(None, scheme="Signing"))
        return h.authenticated(credentials={"user": request.headers["user"]})

    async def payload(self, request, h):
        signature = request.headers.get("signature")
        if signature is None:
            raise boom.Unauthorized(None, scheme="Signing")
        if signature == "page":
            return h.response("sign in").takeover()
        if signature == "nothing":
            return None
        return h.continue_ if signature == request.payload["text"][::-1] else boom.Unauthorized("Bad signature")

    def response(self, request, h):
        if request.headers["user"] == "eve":
            raise boom.Forbidden("not for you")
        request.response.header("signed-for", request.headers["user"])
        return 1 if request.headers["user"] == "one" else h.continue_

def signing(server, options):
    return Signing()

class Plain:
    async def authenticate(self, request, h):
        return h.authenticated(credentials={"user": "plain"})

def plain(server, options):
    return Plain()

async def handler(request, h):
    if request.payload["text"] == "crash":
        raise boom.Conflict("no")
    return request.payload
"""


def signing_table(payload: str, strategies: str = "[s]", method: str = "POST") -> str:
    return f"""
auth:
  schemes: {{signing: "my:signing", plain: "my:plain"}}
  strategies:
    s: {{scheme: signing}}
    p: {{scheme: plain}}
    b: {{scheme: basic, options: {{validate: "my:handler"}}}}
routes:
  - method: {method}
    path: /
    handler: "my:handler"
    options: {{auth: {{strategies: {strategies}{payload}}}}}
"""


@pytest.mark.parametrize(
    ("setting", "options", "headers", "outcome"),
    [
        (", payload: required", "{}", {"signature": "cba"}, 200),
        (", payload: true", "{}", {"signature": "cba"}, 200),
        (", payload: required", "{}", {"signature": "x"}, (401, "Bad signature")),
        (", payload: required", "{}", {}, (401, "Missing payload authentication")),
        (", payload: required", "{}", {"signature": "nothing"}, 500),
        (", payload: optional", "{}", {}, 200),
        (", payload: optional", "{}", {"signature": "x"}, (401, "Bad signature")),
        (", payload: false", "{}", {"signature": "x"}, 200),
        ("", "{}", {"signature": "x"}, 200),
        ("", "{'payload': True}", {}, (401, "Missing payload authentication")),
        ("", "{'payload': True}", {"signature": "cba"}, 200),
        (", mode: try, payload: required", "{}", {"user": ""}, 200),
    ],
)
async def test_a_body_is_authenticated_once_it_is_read(
    make: Make, setting: str, options: str, headers: dict[str, str], outcome: Any
) -> None:
    app = make(signing_table(setting), SIGNING.replace("OPTIONS", options))
    sent = {"user": "ann", **headers}
    if not sent["user"]:
        del sent["user"]
    response = await inject(app, method="POST", payload={"text": "abc"}, headers=sent)
    got = response.status_code
    assert (got if isinstance(outcome, int) else (got, response.json["message"])) == outcome


async def test_a_page_may_stand_in_for_a_signature_and_injected_callers_sign_too(make: Make) -> None:
    app = make(signing_table(", payload: required"), SIGNING.replace("OPTIONS", "{}"))
    page = await inject(app, method="POST", payload={"text": "abc"}, headers={"user": "ann", "signature": "page"})
    assert page.text == "sign in"
    given: dict[str, Any] = {"method": "POST", "payload": {"text": "abc"}, "credentials": {}, "headers": {"user": "a"}}
    assert (await inject(app, **given, strategy="s")).json["message"] == "Missing payload authentication"
    assert (await inject(app, **given)).status_code == 200


async def test_a_response_is_signed_whatever_it_is(make: Make) -> None:
    app = make(signing_table(""), SIGNING.replace("OPTIONS", "{}"))

    async def answer(user: str, text: str = "abc") -> Any:
        headers = {"user": user} if user else {}
        response = await inject(app, method="POST", payload={"text": text}, headers=headers)
        return response.status_code, response.headers.get("signed-for")

    assert await answer("ann") == (200, "ann")
    assert await answer("ann", "crash") == (409, "ann")
    assert await answer("eve") == (403, None)
    assert await answer("one") == (500, None)
    assert await answer("") == (401, None)


@pytest.mark.parametrize(
    ("setting", "strategies", "options", "complaint"),
    [
        (", payload: required", "[s, p]", "{}", 'HA0386 the strategy "p" does not support payload authentication'),
        (", payload: optional", "[p]", "{}", "HA0386 payload authentication needs a strategy that supports it"),
        (", payload: optional", "[s]", "{'payload': True}", 'HA0386 the strategy "s" insists'),
        (", payload: false", "[s]", "{'payload': True}", 'HA0386 the strategy "s" insists'),
    ],
)
def test_payload_authentication_that_cannot_be_is_found_when_the_schemes_are_made(
    make: Make, setting: str, strategies: str, options: str, complaint: str
) -> None:
    with pytest.raises(TableError, match=complaint):
        make(signing_table(setting, strategies), SIGNING.replace("OPTIONS", options))
    make(signing_table(setting, strategies, "GET"), SIGNING.replace("OPTIONS", options))


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (
            signing_table(", payload: required", "[s, b]"),
            '12:42: HA0386 the strategy "b" does not support payload authentication',
        ),
        (signing_table(", payload: optional", "[s, b]"), ""),
        (
            signing_table(", payload: optional", "[b]"),
            '12:39: HA0386 the strategy "b" does not support payload authentication',
        ),
        (
            "auth: {strategies: {b: {scheme: jwt, options: {keys: x}}}, default: {strategy: b, payload: true}}",
            '1:83: HA0386 the strategy "b" does not support payload authentication',
        ),
        (
            """{auth: {schemes: {k: "a:b"}, strategies: {k: {scheme: k}}},
            sockets: {namespaces: [{namespace: /, auth: {strategy: k, payload: required}}]}}""",
            "2:71: HA0386 sockets have no payload authentication",
        ),
    ],
)
def test_payload_authentication_that_no_built_in_scheme_has_is_found_by_check(table: str, problem: str) -> None:
    found = [str(each).split("\n")[0].removeprefix("f:") for each in check_text(table, "f", {})[1]]
    assert [each[: len(problem)] for each in found] == ([problem] if problem else [])


# server.auth

SERVICE = (
    SCHEMES
    + """
async def test(request, h):
    verdict = await request.server.auth.test("s", request)
    return {"credentials": verdict.credentials, "artifacts": verdict.artifacts, "auth": request.auth.is_authenticated}

async def verify(request, h):
    if request.query.get("later"):
        request.auth.credentials["over"] = True
    await request.server.auth.verify(request)
    return "still good"

async def about(request, h):
    service = request.server.auth
    route = request.server.lookup("mine")
    return {
        "api": service.api, "default": service.default, "none": service.lookup(request.route),
        "mine": service.lookup(route).strategies, "may": service.access(request, route),
        "free": service.access(request, request.route), "authorized": request.auth.is_authorized,
    }
"""
)
SERVICE_TABLE = """
auth:
  schemes: {says: "my:says"}
  strategies: {s: {scheme: says}}
routes:
  - {method: GET, path: /test, handler: "my:test"}
  - {method: GET, path: /about, handler: "my:about"}
  - {method: GET, path: /mine, id: mine, handler: "my:handler", options: {auth: {strategy: s, scope: [a]}}}
  - {method: GET, path: /verify, handler: "my:verify", options: {auth: {strategy: s, mode: try}}}
"""


@pytest.mark.parametrize(
    ("say", "outcome"),
    [
        ("good", {"credentials": {"user": "ann", "scope": ["a"]}, "artifacts": {"raw": 1}, "auth": False}),
        ("bad", (401, "Bad token")),
        ("known", (401, "Bad token")),
        ("page", (401, "Authentication requires a response of the scheme")),
    ],
)
async def test_code_may_ask_a_strategy_about_any_request(make: Make, say: str, outcome: Any) -> None:
    response = await inject(make(SERVICE_TABLE, SERVICE), url="/test", headers={"say": say})
    got = response.json if response.status_code == 200 else (response.status_code, response.json["message"])
    assert got == outcome


async def test_code_may_have_credentials_judged_once_more(make: Make) -> None:
    app = make(SERVICE_TABLE, SERVICE)

    async def verify(url: str = "/verify", **given: Any) -> Any:
        response = await inject(app, url=url, **given)
        return response.text if response.status_code == 200 else response.json["message"]

    assert await verify(headers={"say": "good"}) == "still good"
    assert await verify("/verify?later=1", headers={"say": "good"}) == "It is over"
    assert await verify(headers={"say": "bad"}) == "Bad token"
    assert await verify() == "Missing authentication"
    assert await verify(credentials={"user": "u"}) == "still good"


async def test_code_may_ask_what_routes_want(make: Make) -> None:
    app = make(SERVICE_TABLE, SERVICE)
    known = {"api": {"s": {"name": "says"}}, "default": None, "none": None, "mine": ["s"], "free": True}
    found = (await inject(app, url="/about")).json
    assert found == {**known, "may": False, "authorized": False}
    assert (await inject(app, url="/about", credentials={"scope": "a"})).json["may"] is True


async def test_a_token_that_is_over_by_now_fails_its_verification(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    import jwt

    secret = "a secret of thirty-two bytes, or more"
    table = f"""
    auth: {{strategies: {{s: {{scheme: jwt, options: {{keys: "{secret}"}}}}}}, default: s}}
    routes: [{{method: GET, path: /, handler: "my:handler"}}]
    """
    code = """
    async def handler(request, h):
        await request.server.auth.verify(request)
        import hapiish.http.auth.jwt as module
        module.time = lambda: request.received + 1000
        await request.server.auth.verify(request)
    """
    token = jwt.encode({"exp": int(time.time()) + 500}, secret)
    monkeypatch.setattr("hapiish.http.auth.jwt.time", time.time)
    response = await inject(make(table, code), headers={"authorization": f"Bearer {token}"})
    assert (response.status_code, response.json["message"]) == (401, "Token expired")


def test_a_factory_that_makes_no_scheme_is_refused(make: Make) -> None:
    table = 'auth: {schemes: {k: "my:k"}, strategies: {s: {scheme: k}}}'
    with pytest.raises(TableError, match='strategy "s": dict is no scheme: it has no authenticate'):
        make(table, "def k(server, options):\n    return {}\n")
