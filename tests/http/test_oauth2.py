"""Login with OAuth 2.0 against a real local provider: success, and every failure."""

import base64
import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from hapiish.http.auth.providers import RENEWED, RETRIED, Issuer, own_provider
from hapiish.http.cookies.iron import seal, unseal
from hapiish.options.schemes.providers import ISSUERS, PROVIDERS
from hapiish.table import check_text
from hapiish.table.form import schema
from hapiish.table.problems import TableError
from hapiish.testing import Injected, inject
from tests.http.conftest import Make
from tests.http.provider import OTHER_KEY, LoginProvider
from tests.realtime.support import serving

pytestmark = pytest.mark.anyio

PASSWORD = "a password of at least 32 characters!"
TABLE = """
auth:
  strategies:
    login:
      scheme: oauth2
      options:
        clientId: client
        cookie: {password: PASSWORD, isSecure: false}
        OPTIONS
routes:
  - {method: GET, path: /login, handler: "my:login", options: {auth: {strategy: login, mode: try}}}
  - {method: GET, path: /strict, handler: "my:login", options: {auth: {strategy: login}}}
"""
CODE = """
async def login(request, h):
    auth = request.auth
    error = auth.error.message if auth.error else None
    return {"ok": auth.is_authenticated, "credentials": auth.credentials, "error": error, "artifacts": auth.artifacts}

async def profile(credentials, token, get, request):
    raw = await get(request.query["userinfo"] if "userinfo" in request.query else BASE + "/userinfo", {"extra": "1"})
    return {"from": raw["sub"], "type": token["token_type"], "provider": credentials["provider"]}

async def mistaken(credentials, token, get, request):
    return {}["mistaken"]

def state(request):
    return "-more"

def scope(request):
    return ["openid", request.query.get("scope", "email")]

def params(request):
    return {"prompt": "login"}

async def where(request):
    return "https://public.test" + request.path

def secret(request):
    return "s3cret"
"""


@asynccontextmanager
async def provider_of() -> AsyncIterator[LoginProvider]:
    provider = LoginProvider()
    async with serving(provider, ws="none") as port:
        provider.base = f"http://127.0.0.1:{port}"
        yield provider


@pytest.fixture
async def provider() -> AsyncIterator[LoginProvider]:
    async with provider_of() as running:
        yield running


def oidc(make: Make, provider: LoginProvider, more: str = "", secret: str = "clientSecret: s3cret") -> Any:
    lines = [f'issuer: "{provider.base}"', *filter(None, [secret, *more.split("\n")])]
    table = TABLE.replace("PASSWORD", PASSWORD).replace("OPTIONS", "\n        ".join(lines))
    return make(table, CODE.replace("BASE", repr(provider.base)))


def plain(make: Make, provider: LoginProvider, more: str = "", options: str = "") -> Any:
    base = provider.base
    given = f'{{name: plain, auth: "{base}/authorization", token: "{base}/token", profile: "{base}/userinfo"{more}}}'
    lines = [f"provider: {given}", "clientSecret: s3cret", *filter(None, [options])]
    table = TABLE.replace("PASSWORD", PASSWORD).replace("OPTIONS", "\n        ".join(lines))
    return make(table, CODE.replace("BASE", repr(base)))


def cookie_of(response: Injected) -> dict[str, str]:
    return {"cookie": str(response.headers["set-cookie"]).partition(";")[0]}


def asked_for(response: Injected) -> dict[str, str]:
    query = parse_qs(urlsplit(str(response.headers["location"])).query)
    return {key: values[0] for key, values in query.items()}


async def there(app: Any, url: str = "/login?from=here") -> tuple[Injected, str]:
    """The redirection to the provider, and where the provider sends the browser."""
    response = await inject(app, url=url)
    assert response.status_code == 302, response.text
    async with httpx.AsyncClient() as browser:
        back = await browser.get(str(response.headers["location"]), follow_redirects=False)
    return response, back.headers["location"]


async def round_trip(app: Any, url: str = "/login?from=here") -> Injected:
    response, back = await there(app, url)
    return await inject(app, url=back, headers=cookie_of(response))


# There and back


async def test_a_login_with_openid_connect_goes_there_and_back(make: Make, provider: LoginProvider) -> None:
    app = oidc(make, provider)
    response, back = await there(app)
    assert str(response.headers["set-cookie"]).endswith("; HttpOnly; SameSite=Lax")
    asked = asked_for(response)
    assert asked["redirect_uri"] == "http://localhost/login"
    assert (asked["response_type"], asked["client_id"], asked["scope"]) == ("code", "client", "openid profile email")
    assert asked["code_challenge_method"] == "S256"
    assert {"state", "nonce", "code_challenge"} <= asked.keys()
    done = await inject(app, url=back, headers=cookie_of(response))
    profile = {"id": "42", "displayName": "Ann", "email": "ann@a.test"}
    found = done.json
    assert found["ok"] is True
    assert {**found["credentials"], "profile": None} == {
        "provider": "oidc",
        "token": "at",
        "refreshToken": "rt",
        "expiresIn": 60,
        "query": {"from": "here"},
        "profile": None,
    }
    assert {key: found["credentials"]["profile"][key] for key in profile} == profile
    assert found["credentials"]["profile"]["raw"]["name"] == "Ann"
    assert found["artifacts"]["access_token"] == "at"
    assert str(done.headers["set-cookie"]).startswith("oauth2-login=; Max-Age=0;")
    assert provider.exchange["grant_type"] == "authorization_code"
    assert "client_secret" not in provider.exchange
    again = await round_trip(app)
    assert again.json["ok"] is True
    assert [provider.asked.count(each) for each in (".well-known/openid-configuration", "jwks")] == [1, 1]


async def test_plain_oauth_reads_the_profile_with_the_token(make: Make, provider: LoginProvider) -> None:
    app = plain(
        make, provider, ", scope: [a, b], scopeSeparator: ',', fields: {id: sub, mail: email}, headers: {X-A: b}"
    )
    response, back = await there(app)
    asked = asked_for(response)
    assert asked["scope"] == "a,b"
    assert "nonce" not in asked
    done = (await inject(app, url=back, headers=cookie_of(response))).json
    assert done["credentials"]["profile"] == {"id": "42", "mail": "ann@a.test", "raw": provider.user}
    assert provider.headers["x-a"] == "b"


@pytest.mark.parametrize(
    ("more", "challenge"), [(", pkce: plain", "plain"), (", pkce: false", None), (", useParamsAuth: true", "S256")]
)
async def test_manners_of_a_provider_are_kept(make: Make, provider: LoginProvider, more: str, challenge: Any) -> None:
    app = plain(make, provider, more)
    response, back = await there(app)
    assert asked_for(response).get("code_challenge_method") == challenge
    assert (await inject(app, url=back, headers=cookie_of(response))).json["ok"] is True
    assert ("client_secret" in provider.exchange) == ("useParamsAuth" in more)
    assert ("code_verifier" in provider.exchange) == (challenge is not None)


async def test_a_public_client_has_no_secret(make: Make, provider: LoginProvider) -> None:
    provider.secret = None
    assert (await round_trip(oidc(make, provider, secret=""))).json["ok"] is True
    assert "authorization" not in provider.exchange
    assert provider.exchange["client_id"] == "client"


async def test_what_is_asked_for_may_be_chosen_and_made_up_by_functions(make: Make, provider: LoginProvider) -> None:
    more = """runtimeStateCallback: "my:state"
scope: {method: "my:scope"}
providerParams: {method: "my:params"}
tokenParams: {audience: api}
clientSecret: {method: "my:secret"}
name: staff"""
    app = oidc(make, provider, more, secret="")
    response, back = await there(app, "/login?scope=groups")
    asked = asked_for(response)
    assert (asked["scope"], asked["prompt"]) == ("openid groups", "login")
    assert asked["state"].endswith("-more")
    done = (await inject(app, url=back, headers=cookie_of(response))).json
    assert (done["ok"], done["credentials"]["provider"]) == (True, "staff")
    assert provider.exchange["audience"] == "api"


@pytest.mark.parametrize(
    ("more", "passed"), [("", None), ("allowRuntimeProviderParams: true", "en"), ("providerParams: {hl: de}", "de")]
)
async def test_the_query_reaches_the_provider_only_where_that_is_allowed(
    make: Make, provider: LoginProvider, more: str, passed: str | None
) -> None:
    response, _ = await there(oidc(make, provider, more), "/login?hl=en&state=mine&client_id=mine&url=u&scope=mine")
    asked = asked_for(response)
    assert asked.get("hl") == passed
    assert "mine" not in asked.values()


async def test_the_profile_may_be_skipped_or_read_by_a_function(make: Make, provider: LoginProvider) -> None:
    assert "profile" not in (await round_trip(oidc(make, provider, "skipProfile: true"))).json["credentials"]
    found = (await round_trip(oidc(make, provider, 'profile: "my:profile"'))).json["credentials"]["profile"]
    assert found == {"from": "42", "type": "Bearer", "provider": "oidc"}
    assert provider.query == {"extra": "1"}
    await round_trip(plain(make, provider, options="profileParams: {fields: all}"))
    assert provider.query == {"fields": "all"}


@pytest.mark.parametrize(
    ("more", "uri"),
    [
        ("forceHttps: true", "https://localhost/login"),
        ("location: https://app.test/", "https://app.test/login"),
        ('location: {method: "my:where"}', "https://public.test/login"),
    ],
)
async def test_the_provider_is_told_the_public_address(
    make: Make, provider: LoginProvider, more: str, uri: str
) -> None:
    assert asked_for(await inject(oidc(make, provider, more), url="/login"))["redirect_uri"] == uri


async def test_a_secure_cookie_over_http_is_our_own_mistake(make: Make, provider: LoginProvider) -> None:
    table = TABLE.replace("PASSWORD", PASSWORD).replace(", isSecure: false", "")
    app = make(table.replace("OPTIONS", f'issuer: "{provider.base}"'), CODE)
    assert (await inject(app, url="/login")).status_code == 500
    assert (await inject(app, url="https://localhost/login")).status_code == 302


# What can go wrong


async def outcome(app: Any, back: str, headers: dict[str, str] | None = None) -> Any:
    """What the route in the mode try says, and what a route that requires the login answers."""
    response = await inject(app, url=back, headers=headers)
    if response.status_code != 200:
        return response.status_code
    found = response.json
    assert found["ok"] is False
    assert not {"token", "refreshToken", "profile"} & found["credentials"].keys()
    return found["error"]


async def test_another_state_than_ours_is_refused(make: Make, provider: LoginProvider) -> None:
    app = oidc(make, provider)
    response, back = await there(app)
    state = asked_for(response)["state"]
    for wrong in ("", "x", state[:-1], state[:-1] + "é"):
        forged = back.replace(f"state={state}", f"state={wrong}")
        assert await outcome(app, forged, cookie_of(response)) == "Incorrect oidc state parameter"
    assert await outcome(app, back.replace("state=", "stat="), cookie_of(response)) == "Incorrect oidc state parameter"
    assert "token" not in provider.asked


async def test_a_login_without_its_cookie_is_refused(make: Make, provider: LoginProvider) -> None:
    app = oidc(make, provider)
    response, back = await there(app)
    assert await outcome(app, back) == "Missing oidc request token cookie"
    assert await outcome(app, back, {"cookie": "oauth2-login=forged"}) == "Missing oidc request token cookie"
    waiting = unseal(cookie_of(response)["cookie"].partition("=")[2], PASSWORD)
    late = seal(waiting, PASSWORD, ttl=600_000, clock=lambda: 1)
    assert await outcome(app, back, {"cookie": f"oauth2-login={late}"}) == "Missing oidc request token cookie"
    assert waiting["query"] == {"from": "here"}
    other, _ = await there(app)
    assert await outcome(app, back, cookie_of(other)) == "Incorrect oidc state parameter"


async def test_a_login_under_way_ends_after_ten_minutes(make: Make, provider: LoginProvider) -> None:
    response = await inject(oidc(make, provider), url="/login")
    sealed = cookie_of(response)["cookie"].partition("=")[2]
    with pytest.raises(ValueError, match="expired"):
        unseal(sealed, PASSWORD, clock=lambda: int(sealed.split("*")[5]) / 1000 + 61)
    short = TABLE.replace("PASSWORD", PASSWORD).replace("false}", "false, ttl: 1m, name: under-way}")
    app = make(short.replace("OPTIONS", f'issuer: "{provider.base}"'), CODE)
    assert str((await inject(app, url="/login")).headers["set-cookie"]).partition("; ")[2].startswith("Max-Age=60;")


async def test_a_code_is_good_once(make: Make, provider: LoginProvider) -> None:
    app = oidc(make, provider)
    response, back = await there(app)
    assert (await inject(app, url=back, headers=cookie_of(response))).json["ok"] is True
    assert await outcome(app, back, cookie_of(response)) == "Failed obtaining oidc access token"
    assert await outcome(app, back.replace("/login", "/strict"), cookie_of(response)) == 401


async def test_who_says_no_at_the_provider_is_not_logged_in(make: Make, provider: LoginProvider) -> None:
    provider.denies = "access_denied"
    app = oidc(make, provider)
    response, back = await there(app)
    assert await outcome(app, back, cookie_of(response)) == "App rejected: access_denied"
    assert await outcome(app, "/login?denied=1") == "App rejected: 1"
    assert await outcome(app, "/login?error=x&error_description=Not%20today") == "App rejected: Not today"
    strict = await inject(app, url="/strict?error=access_denied")
    assert (strict.status_code, strict.json["message"]) == (401, "App rejected: access_denied")


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"aud": "other"}, "Token audience is not allowed"),
        ({"iss": "https://evil.test"}, "Token payload iss value not allowed"),
        ({"exp": 1}, "Token expired"),
        ({"exp": None}, "exp or sub is missing"),
        ({"sub": None}, "exp or sub is missing"),
        ({"nonce": "another"}, "nonce does not match"),
        ({"nonce": None}, "nonce does not match"),
        ({"azp": "other"}, "azp is another client"),
        ({"aud": ["client", "other"]}, "azp is another client"),
        ({"at_hash": "another"}, "at_hash does not match"),
        ({"at_hash": ["another"]}, "at_hash does not match"),
        ({"iat": None}, "Missing claim: 'iat'"),
        ({"iat": 2**40}, "The token was issued in the future"),
    ],
    ids=str,
)
async def test_an_id_token_that_is_not_for_this_login_is_refused(
    make: Make, provider: LoginProvider, claims: dict[str, Any], reason: str
) -> None:
    provider.claims = claims
    app = oidc(make, provider)
    response, back = await there(app)
    assert await outcome(app, back, cookie_of(response)) == f"Invalid oidc ID token: {reason}"


async def test_an_id_token_may_name_its_audience_twice_and_its_access_token(
    make: Make, provider: LoginProvider
) -> None:
    at_hash = base64.urlsafe_b64encode(hashlib.sha256(b"at").digest()[:16]).rstrip(b"=").decode()
    provider.claims = {"aud": ["client", "other"], "azp": "client", "at_hash": at_hash}
    app = oidc(make, provider)
    response, back = await there(app)
    assert (await inject(app, url=back, headers=cookie_of(response))).json["ok"] is True


async def test_an_id_token_of_another_key_or_none_is_refused(make: Make, provider: LoginProvider) -> None:
    app = oidc(make, provider)
    provider.key = OTHER_KEY
    response, back = await there(app)
    assert await outcome(app, back, cookie_of(response)) == "Invalid oidc ID token: Invalid token signature"
    provider.id_token = False
    response, back = await there(app)
    assert await outcome(app, back, cookie_of(response)) == "Invalid oidc ID token: it is missing"


async def test_a_profile_of_somebody_else_is_refused(make: Make, provider: LoginProvider) -> None:
    provider.user = {"sub": "43"}
    app = oidc(make, provider)
    response, back = await there(app)
    assert await outcome(app, back, cookie_of(response)) == "The oidc profile has another subject"


@pytest.mark.parametrize("broken", ["token", "userinfo", "jwks"])
async def test_a_provider_that_fails_is_a_502_told_of_once(
    make: Make, provider: LoginProvider, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = oidc(make, provider)
    caplog.set_level(logging.INFO, logger="hapiish")
    provider.broken = broken
    for _ in range(2):
        response, back = await there(app)
        assert await outcome(app, back, cookie_of(response)) == 502
    provider.broken = ""
    assert (await round_trip(app)).status_code == 200
    told = [each for each in caplog.records if each.name == "hapiish"]
    assert [each.levelname for each in told] == ["WARNING", "INFO"]
    assert not any(each.exc_info for each in told)


async def test_a_mistake_in_a_profile_function_has_its_traceback_in_the_log(
    make: Make, provider: LoginProvider, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await round_trip(oidc(make, provider, 'profile: "my:mistaken"'))).status_code == 502
    assert "KeyError: 'mistaken'" in caplog.text


async def test_a_provider_that_talks_nonsense_is_a_502(make: Make, provider: LoginProvider) -> None:
    provider.user = ["nobody"]
    assert (await round_trip(plain(make, provider))).status_code == 502
    provider.secret = "another"
    assert (await round_trip(plain(make, provider))).status_code == 502
    provider.broken = ".well-known/openid-configuration"
    assert (await inject(oidc(make, provider), url="/login")).status_code == 502


# Providers


async def test_an_issuer_is_asked_once_a_day_and_kept_while_it_is_away() -> None:
    now, asked, document = 0.0, 0, {"issuer": "https://a.test", "jwks_uri": "j", "token_endpoint": "t"}

    async def fetch(uri: str) -> Any:
        nonlocal asked
        asked += 1
        assert uri == "https://a.test/.well-known/openid-configuration"
        if document is None:
            raise OSError("away")
        return document

    issuer = Issuer("a", "https://a.test/", "client", fetch=fetch, clock=lambda: now)
    with pytest.raises(ValueError, match="does not describe"):
        await issuer.provider()
    document["authorization_endpoint"] = "x"
    document["token_endpoint_auth_methods_supported"] = ["client_secret_post"]  # type: ignore[assignment]
    first = await issuer.provider()
    assert first.use_params_auth is True
    assert await issuer.provider() is first
    assert asked == 2
    now = RENEWED
    document["authorization_endpoint"] = "y"
    assert (await issuer.provider()).auth == "y"
    assert (await issuer.provider()).keys is first.keys
    now, document = 2 * RENEWED, None  # type: ignore[assignment]
    assert (await issuer.provider()).auth == "y"
    assert (await issuer.provider()).auth == "y"
    assert asked == 4
    now += RETRIED
    assert (await issuer.provider()).auth == "y"
    assert asked == 5
    document = {"issuer": "https://b.test", "jwks_uri": "j", "token_endpoint": "t", "authorization_endpoint": "x"}
    with pytest.raises(ValueError, match="names another issuer"):
        await Issuer("a", "https://a.test", "client", fetch=fetch).provider()


def test_known_providers_are_those_of_the_schema_and_well_formed() -> None:
    options = schema.load()["definitions"]
    known = options["oauth2Options"]["properties"]["provider"]["anyOf"][0]["enum"]
    assert known == sorted([*ISSUERS, *PROVIDERS])
    is_valid = schema.is_valid("oauth2Provider")
    for name, given in PROVIDERS.items():
        assert is_valid({"name": name, **given}), name
        assert own_provider({"name": name, **given}).auth.startswith("https://")
    assert all(uri.startswith("https://") for uri in ISSUERS.values())


@pytest.mark.parametrize("name", ["github", "google"])
async def test_a_known_provider_needs_no_more_than_a_client(make: Make, name: str) -> None:
    options = f"{{provider: {name}, clientId: c, clientSecret: s, cookie: {{password: {PASSWORD}}}}}"
    table = f"""
    auth: {{strategies: {{s: {{scheme: oauth2, options: {options}}}}}}}
    routes: [{{method: GET, path: /login, handler: "my:login", options: {{auth: s}}}}]
    """
    app = make(table, CODE)
    if name == "github":
        response = await inject(app, url="https://a.test/login")
        assert str(response.headers["location"]).startswith("https://github.com/login/oauth/authorize?")
        assert asked_for(response)["scope"] == "user:email"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("{clientId: a, cookie: {password: PASSWORD}}", '1:50: HA0388 the strategy "s" needs provider or issuer'),
        ("{provider: github, issuer: 'https://a', clientId: a, cookie: {password: PASSWORD}}", "1:69: HA0314 "),
        ("{provider: githup, clientId: a, cookie: {password: PASSWORD}}", '1:61: HA0202 "provider" must be'),
        (
            "{provider: {name: a, auth: x, token: 'https://a'}, clientId: a, cookie: {password: PASSWORD}}",
            "1:77: HA0205",
        ),
        ("{provider: github, cookie: {password: PASSWORD}}", "1:41: HA0203 "),
        ("{provider: github, clientId: a}", "1:41: HA0203 "),
    ],
)
def test_options_that_lead_nowhere_are_found_at_load(options: str, problem: str) -> None:
    text = f"auth: {{strategies: {{s: {{scheme: oauth2, options: {options.replace('PASSWORD', PASSWORD)}}}}}}}"
    found = [str(each).split("\n")[0].removeprefix("f:") for each in check_text(text, "f", {})[1]]
    assert [each[: len(problem)] for each in found] == [problem]


def test_a_socket_cannot_log_in_at_a_third_party(make: Make) -> None:
    options = f"{{provider: github, clientId: a, cookie: {{password: {PASSWORD}}}}}"
    auth = f"auth: {{strategies: {{s: {{scheme: oauth2, options: {options}}}}}, default: s}}\n"
    found = check_text(f"{auth}sockets: {{namespaces: [{{namespace: /, auth: s}}, {{namespace: /b}}]}}", "f", {})[1]
    assert [(str(each.code), each.mark.column) for each in found] == [("HA0387", 45), ("HA0387", 49)]
    own = 'auth: {schemes: {k: "my:k"}, strategies: {s: {scheme: k}}, default: s}\nsockets: {namespaces: [{}]}\n'
    code = "class K:\n    handshake = False\n    authenticate = print\n\ndef k(server, options):\n    return K()\n"
    with pytest.raises(TableError, match=r'HA0387 the strategy "s" cannot authenticate a Socket\.IO handshake'):
        make(own, code)
