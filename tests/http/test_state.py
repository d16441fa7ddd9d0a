"""Cookies of a table: the effect of each setting on sending and parsing (hapi §5.11)."""

import re
from typing import Any

import pytest

from hapiish.http.cookies.iron import seal, sign, unseal
from hapiish.table import check_text
from hapiish.testing import Injected, inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

PASSWORD = "a password of at least 32 characters!"
OLDER = "an older password of 32 characters or so"
EXPIRED = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"

ROUTES = """
routes:
  - {method: "*", path: /, handler: "my:handler"}
  - {method: GET, path: /blind, handler: "my:read", options: {state: {parse: false}}}
  - {method: GET, path: /read, handler: "my:read"}
"""
READ = "async def read(request, h):\n    return {'state': request.state}\n"


def setting(make: Make, state: str, call: str, server: str = "{}") -> Any:
    """An application whose `/` sets cookies by `call`."""
    table = f"server: {{state: {server}}}\nstate: {state}\n{ROUTES}"
    return make(table, f"{READ}async def handler(request, h):\n    {call}\n    return 'x'\n")


def lines(response: Injected) -> list[str]:
    """The Set-Cookie headers, with the date of an expiry left out."""
    found = response.headers.get("set-cookie", [])
    several = [found] if isinstance(found, str) else found
    return [re.sub(r"Expires=\w{3}, \d\d \w{3} 20\d\d [\d:]{8} GMT", "Expires=…", line) for line in several]


@pytest.mark.parametrize(
    ("state", "call", "expected"),
    [
        ("{}", "h.state('c', 'v')", ["c=v; Secure; HttpOnly; SameSite=Strict"]),
        ("{c: }", "h.state('c', 'v')", ["c=v; Secure; HttpOnly; SameSite=Strict"]),
        (
            "{c: {ttl: 1m, isSameSite: None, isPartitioned: true, domain: Shop.Example, path: /a}}",
            "h.state('c', 'v')",
            ["c=v; Max-Age=60; Expires=…; Secure; HttpOnly; SameSite=None; Partitioned; Domain=shop.example; Path=/a"],
        ),
        ("{c: {isSecure: false, isHttpOnly: false, isSameSite: false}}", "h.state('c', 'v')", ["c=v"]),
        ("{c: {isSecure: false}}", "h.state('c', 'v', is_secure=True, path='/x')",
         ["c=v; Secure; HttpOnly; SameSite=Strict; Path=/x"]),
        ("{c: {path: /, isSecure: false}}", "h.unstate('c')", [f"c=; {EXPIRED}; HttpOnly; SameSite=Strict; Path=/"]),
        ("{}", "h.unstate('c')", [f"c=; {EXPIRED}; Secure; HttpOnly; SameSite=Strict"]),
        ("{c: {isSecure: false, isHttpOnly: false, isSameSite: false, encoding: base64}}", "h.state('c', 'hello')",
         ["c=aGVsbG8="]),
        ("{c: {isSecure: false, isHttpOnly: false, isSameSite: false, encoding: base64json}}", "h.state('c', {'a': 1})",
         ["c=eyJhIjoxfQ=="]),
        ("{c: {isSecure: false, isHttpOnly: false, isSameSite: false, encoding: form}}",
         "h.state('c', {'a': 1, 'b': '2'})", ["c=a=1&b=2"]),
        ("{}", "h.state('c', '1'); h.state('d', '2'); h.state('c', '3')",
         [f"{pair}; Secure; HttpOnly; SameSite=Strict" for pair in ("c=3", "d=2")]),
        ("{}", "h.state('c', '1'); return h.response('x').state('c', '2').unstate('d')",
         ["c=2; Secure; HttpOnly; SameSite=Strict", f"d=; {EXPIRED}; Secure; HttpOnly; SameSite=Strict"]),
    ],
)  # fmt: skip
async def test_what_is_set_is_sent_in_hapi_order(make: Make, state: str, call: str, expected: list[str]) -> None:
    assert lines(await inject(setting(make, state, call))) == expected


@pytest.mark.parametrize(
    ("call", "state"),
    [
        ("h.state('c', 'a b')", "{}"),
        ("h.state('c', 'a;b')", "{}"),
        ("h.state('a b', 'c')", "{}"),
        ("h.state('c', 1)", "{}"),
        ("h.state('c', 'x', is_partitioned=True)", "{}"),
        ("h.state('c', 'x', path='x')", "{}"),
        ("h.state('c', 'x', colour='red')", "{}"),
        ("h.unstate('c', path='x'); h.unstate('d')", "{d: {}}"),
    ],
)
async def test_what_no_browser_would_take_is_our_own_error(make: Make, call: str, state: str) -> None:
    response = await inject(setting(make, state, call))
    assert response.status_code == 500
    assert lines(response) == ([f"d=; {EXPIRED}; Secure; HttpOnly; SameSite=Strict"] if "d" in state else [])


async def test_a_500_clears_declared_cookies_and_says_nothing_else(make: Make) -> None:
    call = "h.state('c', 'v'); h.unstate('c'); h.state('d', 'v'); h.unstate('foreign'); raise ValueError"
    response = await inject(setting(make, "{c: {}, d: {autoValue: x}}", call))
    assert (response.status_code, lines(response)) == (500, [f"c=; {EXPIRED}; Secure; HttpOnly; SameSite=Strict"])


async def test_the_server_has_settings_for_cookies_that_say_nothing_and_for_those_nobody_declares(make: Make) -> None:
    server = "{isSecure: false, isSameSite: Lax, path: /, ttl: 60s}"
    app = setting(make, "{c: {isSameSite: Strict, ttl: }}", "h.state('c', 'v'); h.state('foreign', 'v')", server)
    assert lines(await inject(app)) == [
        "c=v; HttpOnly; SameSite=Strict; Path=/",
        "foreign=v; Max-Age=60; Expires=…; HttpOnly; SameSite=Lax; Path=/",
    ]


async def read(app: Any, cookie: str, url: str = "/read") -> Any:
    response = await inject(app, url=url, headers={"cookie": cookie})
    return response.json["state"] if response.status_code == 200 else (response.status_code, response.json["message"])


STATE = f"""{{
  plain: {{}}, loose: {{strictHeader: false}}, json: {{encoding: base64json}}, text: {{encoding: base64}},
  form: {{encoding: form}}, quiet: {{encoding: base64json, ignoreErrors: true}},
  cleared: {{encoding: base64json, ignoreErrors: true, clearInvalid: true}},
  iron: {{encoding: iron, password: {{new: "{PASSWORD}", default: "{OLDER}"}}, iron: {{ttl: 1h, timestampSkewSec: 5}}}},
  signed: {{sign: {{password: "{PASSWORD}"}}}},
  both: {{encoding: iron, password: "{PASSWORD}", sign: {{password: "{OLDER}"}}}}}}"""
INVALID = (400, "Invalid cookie value")


@pytest.mark.parametrize(
    ("cookie", "state"),
    [
        ("plain=a; foreign=b", {"plain": "a", "foreign": "b"}),
        ("x=1; x=2", {"x": ["1", "2"]}),
        ('plain="quoted"', {"plain": "quoted"}),
        ("plain=a b", INVALID),
        ("loose=a b", {"loose": "a b"}),
        ("json=eyJhIjoxfQ==", {"json": {"a": 1}}),
        ("json=x", INVALID),
        ("text=aGVsbG8=; form=a=1&b=2", {"text": "hello", "form": {"a": "1", "b": "2"}}),
        ("quiet=x; plain=a", {"plain": "a"}),
        ("foreign=a b; plain=a", {"plain": "a"}),
        ('foreign="a; b[]=1; nonsense; plain=a', {"plain": "a"}),
        (f"iron={seal({'a': 1}, OLDER)}", {"iron": {"a": 1}}),
        (f"iron={seal([1], {'new': PASSWORD})}", {"iron": [1]}),
        (f"iron={seal(1, PASSWORD)}", INVALID),
        (f"iron={seal(1, OLDER, ttl=1000, clock=lambda: 1000)}", INVALID),
        (f"signed={sign('signed', 'a', PASSWORD)}", {"signed": "a"}),
        (f"signed={sign('other', 'a', PASSWORD)}", INVALID),
        ("signed=a", INVALID),
        (f"both={sign('both', seal('x', PASSWORD), OLDER)}", {"both": "x"}),
        (f"both={seal('x', PASSWORD)}", INVALID),
    ],
)
async def test_what_is_read_is_judged_where_it_is_declared(make: Make, cookie: str, state: Any) -> None:
    assert await read(setting(make, STATE, "pass"), cookie) == state


async def test_sealed_and_signed_cookies_come_back_as_they_were(make: Make) -> None:
    call = "h.state('iron', {'user': 'ü'}); h.state('signed', 'a.b'); h.state('both', [1])"
    app = setting(make, STATE, call)
    sent = [line.partition(";")[0] for line in lines(await inject(app))]
    assert unseal(sent[0].partition("=")[2], {"new": PASSWORD}) == {"user": "ü"}
    assert int(sent[0].split("*")[5]) > 0
    assert await read(app, "; ".join(sent)) == {"iron": {"user": "ü"}, "signed": "a.b", "both": [1]}


async def test_a_route_may_leave_cookies_unread(make: Make) -> None:
    app = setting(make, STATE, "pass")
    assert await read(app, "json=x; plain=a", "/blind") == {}


async def test_an_invalid_cookie_is_cleared_where_its_declaration_says_so(make: Make) -> None:
    app = setting(make, STATE, "pass")
    response = await inject(app, url="/read", headers={"cookie": "cleared=x; quiet=x"})
    assert lines(response) == [f"cleared=; {EXPIRED}; Secure; HttpOnly; SameSite=Strict"]


@pytest.mark.parametrize(
    ("action", "status"), [("error", 400), ("log", 200), ("ignore", 200), ('"my:action"', 418)], ids=str
)
async def test_fail_action_says_what_a_bad_cookie_means(make: Make, action: str, status: int) -> None:
    table = f"""
    state: {{c: {{encoding: base64json}}}}
    routes:
      - {{method: GET, path: /, handler: "my:handler", options: {{state: {{failAction: {action}}}}}}}
    """
    code = """
    async def handler(request, h):
        return {"state": request.state}

    async def action(request, h, err):
        return h.response(err.data).code(418).takeover()
    """
    response = await inject(make(table, code), headers={"cookie": "c=x; d=y"})
    assert response.status_code == status
    assert response.json == {400: response.json, 200: {"state": {"d": "y"}}, 418: {"cookies": ["c"]}}[status]


AUTOMATIC = """
state:
  fixed: {autoValue: dark, isSecure: false, isHttpOnly: false, isSameSite: false}
  made: {autoValue: {method: "my:make"}, encoding: base64json, isSecure: false, isHttpOnly: false, isSameSite: false}
routes:
  - {method: GET, path: /, handler: "my:handler"}
  - {method: GET, path: /set, handler: "my:set"}
  - {method: GET, path: /crash, handler: "my:crash"}
  - {method: GET, path: /blind, handler: "my:handler", options: {state: {parse: false}}}
"""
AUTOMATIC_CODE = """
def make(request):
    return None if request.path == "/set" else {"path": request.path}

async def handler(request, h):
    return "x"

async def set(request, h):
    h.state("fixed", "light")
    return "x"

async def crash(request, h):
    raise ValueError
"""


@pytest.mark.parametrize(
    ("url", "cookie", "expected"),
    [
        ("/", "", ["fixed=dark", "made=eyJwYXRoIjoiLyJ9"]),
        ("/", "fixed=light", ["made=eyJwYXRoIjoiLyJ9"]),
        ("/", "fixed=x; made=eyJwYXRoIjoiLyJ9", []),
        ("/set", "", ["fixed=light"]),
        ("/nowhere", "made=eyJwYXRoIjoiLyJ9", ["fixed=dark"]),
        ("/crash", "", []),
        ("/blind", "", []),
    ],
)
async def test_an_automatic_value_is_for_clients_without_the_cookie(
    make: Make, url: str, cookie: str, expected: list[str]
) -> None:
    response = await inject(make(AUTOMATIC, AUTOMATIC_CODE), url=url, headers={"cookie": cookie} if cookie else {})
    assert lines(response) == expected


async def test_a_function_has_the_last_word_on_the_settings_of_a_cookie(make: Make) -> None:
    code = """
    async def handler(request, h):
        h.state("c", "v", path="/x")
        h.state("foreign", "v")
        return "x"

    def context(settings, request):
        settings["is_same_site"] = "None" if "new" in request.headers.get("user-agent", "") else False

    async def foreign(settings, request):
        return {"is_http_only": False}
    """
    table = """
    server: {state: {contextualize: "my:foreign"}}
    state: {c: {contextualize: "my:context", isHttpOnly: false}}
    routes: [{method: GET, path: /, handler: "my:handler"}]
    """
    app = make(table, code)
    foreign = "foreign=v; Secure; SameSite=Strict"
    assert lines(await inject(app, headers={"user-agent": "new"})) == ["c=v; Secure; SameSite=None; Path=/x", foreign]
    assert lines(await inject(app)) == ["c=v; Secure; Path=/x", foreign]


async def test_a_proxy_hands_on_what_a_cookie_says_or_else_what_the_handler_says(make: Make) -> None:
    cookies = setting(
        make, "{mine: {passThrough: false}, shared: {passThrough: true}, open: {}}", "pass"
    ).server.cookies
    header = "mine=1; shared=2;open=3; foreign = 4"
    assert cookies.pass_through(header, True) == "shared=2; open=3; foreign = 4"
    assert cookies.pass_through(header, False) == "shared=2; foreign = 4"


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("state: {c: {encoding: iron}}", '1:23: HA0385 the cookie "c" cannot be sealed without a password'),
        (
            f'state: {{c: {{password: "{PASSWORD}"}}}}',
            '1:13: HA0385 "password" has no effect: the cookie "c" is not sealed',
        ),
        ("state: {c: {iron: {ttl: 1h}}}", '1:13: HA0385 "iron" has no effect: the cookie "c" is not sealed'),
        ("state: {c: {autoValue: 1}}", '1:24: HA0385 "autoValue" must be text with the encoding none'),
        ("state: {c: {autoValue: a b}}", '1:24: HA0385 the cookie "c" cannot contain spaces'),
        (
            "state: {c: {encoding: form, autoValue: a}}",
            '1:40: HA0385 "autoValue" must be a mapping with the encoding form',
        ),
        ("state: {c: {encoding: base64json, autoValue: 1}}", ""),
        ("server: {state: {encoding: iron}}\nstate: {c: {}}", '1:28: HA0385 the cookie "c" cannot be sealed'),
        ("server: {state: {encoding: iron}}\nstate: {c: {encoding: none}}", ""),
        ("server: {state: {isPartitioned: true}}\nstate: {c: {}}", "1:18: HA0325 the partitioned cookie"),
        ("state: {c: {encoding: iron, password: short}}", "1:39: HA0207 "),
        ("state: {c: {sign: {password: short}}}", "1:30: HA0207 "),
        ("state: {c: {sign: {}}}", "1:13: HA0203 "),
        (f'state: {{c: {{sign: {{password: {{"a-b": "{PASSWORD}"}}}}}}}}', "1:31: HA0208 "),
        ("server: {state: {autoValue: x}}", '1:18: HA0385 "autoValue" belongs to a single cookie'),
        ("state: {c: {autoValue: {method: nowhere}}}", "1:33: HA0205 "),
    ],
)
def test_what_does_not_fit_together_is_found_at_load(table: str, problem: str) -> None:
    found = [str(each).split("\n")[0] for each in check_text(table, "f", {})[1]]
    assert [each.removeprefix("f:")[: len(problem)] for each in found] == ([problem] if problem else [])
