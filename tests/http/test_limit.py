"""`limit`: counting keys, responses over the limit, and headers."""

import asyncio
import contextlib
from functools import partial
from typing import Any

import pytest

from hapiish import Application, TableError
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.http.guards import turns
from hapiish.http.guards.counters import Counters, Window
from hapiish.http.guards.rate_limit import caller_address, key_reader, trials_ended
from hapiish.http.guards.turns import Turn
from hapiish.testing import Injected, inject
from tests.http.conftest import Make
from tests.http.support import make_request
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio

CODE = """
    import asyncio

    def ok(request, h):
        return {"limits": [judged.verdict.remaining for judged in request.plugins.get("limit", [])]}

    def login(request, h):
        if request.payload["password"] != "right":
            raise boom.Unauthorized("Wrong password")
        return {"token": "t"}

    async def slow_login(request, h):
        for _ in range(5):
            await asyncio.sleep(0)
        return login(request, h)

    def is_friend(request, h):
        return request.headers.get("x-friend") == "yes"

    def validate(request, username, password, h):
        return {"isValid": password == "right", "credentials": {"id": username}}
"""
AUTH = 'auth: {strategies: {people: {scheme: basic, options: {validate: "my:validate"}}}}\n'


def limited(limit: str, more: str = "") -> str:
    return f"routes: [{{method: GET, path: /, handler: 'my:ok', options: {{limit: {limit}{more}}}}}]"


async def statuses(app: Application, count: int, **request: Any) -> list[int]:
    return [(await inject(app, **request)).status_code for _ in range(count)]


async def test_more_than_the_limit_is_429_with_the_time_to_wait(make: Make) -> None:
    app = make(limited("{max: 2, duration: 1m}"), CODE)
    assert await statuses(app, 2) == [200, 200]
    refused = await inject(app)
    assert refused.status_code == 429
    assert refused.json == {
        "statusCode": 429,
        "error": "Too Many Requests",
        "message": "Too Many Requests",
        "code": "too_many_requests",
    }
    assert 0 < int(str(refused.headers["retry-after"])) <= 60
    assert await statuses(app, 1, remote_address="10.0.0.9") == [200]


@pytest.mark.parametrize("limit", ["2/minute", "2/60s", "[2/1m]", "{max: 1, duration: 30s, burst: 2}"])
async def test_the_short_forms_say_the_same(make: Make, limit: str) -> None:
    answer = await inject(make(limited(limit), CODE))
    assert answer.headers["ratelimit-policy"] == '"2-in-60s";q=2;w=60'


async def test_every_response_of_a_limited_route_tells_how_much_is_left(make: Make) -> None:
    app = make(
        AUTH
        + limited(
            "[{max: 3, duration: 1m, by: address, name: all}, {max: 2, duration: 1h, name: mine}, "
            "{max: 100, duration: 1s, headers: false}]",
            ", auth: people",
        ),
        CODE,
    )
    answer = await inject(app, credentials={"id": "ann"})
    assert answer.headers["ratelimit-policy"] == '"all";q=3;w=60, "mine";q=2;w=3600'
    assert answer.headers["ratelimit"] == '"all";r=2;t=60, "mine";r=1;t=3600'
    assert answer.json == {"limits": [2, 1, 99]}
    unknown = await inject(app)
    assert unknown.status_code == 401
    assert unknown.headers["ratelimit-policy"] == '"all";q=3;w=60, "mine";q=2;w=3600'
    assert str(unknown.headers["ratelimit"]).startswith('"all";r=1;')
    assert "mine" not in str(unknown.headers["ratelimit"])


async def test_a_route_without_a_limit_has_no_headers_of_one(make: Make) -> None:
    app = make(
        "server: {routes: {limit: 1/minute}}\n"
        "routes:\n- {method: GET, path: /, handler: 'my:ok', options: {limit: false}}\n"
        "- {method: GET, path: /d, handler: 'my:ok'}\n- {method: GET, path: /r, handler: 'my:ok', options: "
        "{limit: {max: 2, duration: 1m}}}",
        CODE,
    )
    answer = await inject(app)
    assert "ratelimit" not in answer.headers
    route = app.server.match("GET", "/")
    assert route is not None
    assert (route.steps, route.finalizers) == ((), ())
    assert await statuses(app, 2, url="/d") == [200, 429]
    assert await statuses(app, 3, url="/r") == [200, 200, 429]


async def test_users_are_counted_apart_wherever_they_call_from(make: Make) -> None:
    app = make(AUTH + limited("{max: 1, duration: 1m, by: user}", ", auth: {strategy: people, mode: try}"), CODE)
    assert await statuses(app, 2, credentials={"id": "ann"}) == [200, 429]
    assert await statuses(app, 1, credentials={"id": "ann"}, remote_address="10.0.0.9") == [429]
    assert await statuses(app, 1, credentials={"id": "bob"}) == [200]
    assert await statuses(app, 2) == [200, 429]  # nobody known: by address
    assert await statuses(app, 1, remote_address="10.0.0.9") == [200]


async def test_an_address_is_judged_before_anybody_is_asked_who_they_are(make: Make) -> None:
    app = make(AUTH + limited("{max: 1, duration: 1m, by: address}", ", auth: people"), CODE)
    assert await statuses(app, 2) == [401, 429]


async def test_failures_alone_are_counted_where_that_is_wanted(make: Make) -> None:
    app = make(
        "routes: [{method: POST, path: /login, handler: 'my:login', options: "
        "{limit: {max: 2, duration: 1m, by: [address, payload.email], count: failures}}}]",
        CODE,
    )

    async def log_in(password: str, email: str = "ann@x.org") -> Injected:
        return await inject(app, method="POST", url="/login", payload={"password": password, "email": email})

    assert [(await log_in("right")).status_code for _ in range(5)] == [200] * 5
    first = await log_in("wrong")
    assert first.status_code == 401
    assert first.headers["ratelimit"] == '"2-in-60s";r=1;t=60'
    assert (await log_in("wrong", " Ann@X.org ")).status_code == 401
    assert (await log_in("right")).status_code == 429
    assert (await log_in("right", "bob@x.org")).status_code == 200


@pytest.mark.parametrize(
    ("count", "answers"), [("[401, 422]", [422, 422, 429]), ("422", [422, 422, 429]), ("[403]", [422] * 3)]
)
async def test_the_statuses_that_count_are_told_by_the_table(make: Make, count: str, answers: list[int]) -> None:
    app = make(
        "routes: [{method: POST, path: /login, handler: 'my:bad_data', options: "
        f"{{limit: {{max: 2, duration: 1m, by: address, count: {count}}}}}}}]",
        "def bad_data(request, h):\n    raise boom.BadData('Wrong password')\n",
    )
    assert [(await inject(app, method="POST", url="/login")).status_code for _ in range(3)] == answers


async def test_limits_of_one_route_each_count_what_they_are_for(make: Make) -> None:
    app = make(
        "routes: [{method: GET, path: /made, handler: 'my:made', options: {limit: ["
        "{name: new, max: 2, duration: 1m, by: address, count: [201]}, "
        "{name: bad, max: 5, duration: 1m, by: address, count: failures}]}}]",
        "def made(request, h):\n    return h.response('x').code(201)\n",
    )
    answers = [await inject(app, url="/made") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[1].headers["ratelimit"] == '"new";r=0;t=60, "bad";r=5;t=60'


@pytest.mark.parametrize(
    ("count", "message"),
    [
        ("[99]", "must be at least 200, not 99"),
        ("[]", "must be a list of at least 1"),
        ("often", "all, failures, or a list of statuses from 200 to 599"),
        ("[422, 422]", "without duplicates"),
        ("[401, many]", "whole number"),
    ],
)
async def test_what_is_no_status_is_refused_where_it_is_written(make: Make, count: str, message: str) -> None:
    limit = f"{{max: 1, duration: 1s, count: {count}}}"
    table = f"routes: [{{method: GET, path: /, handler: 'my:show', options: {{limit: {limit}}}}}]"
    with pytest.raises(TableError, match=message):
        make(table, CODE)


async def test_guesses_that_come_all_at_once_are_no_more_than_one_after_another(make: Make) -> None:
    app = make(
        "routes: [{method: POST, path: /login, handler: 'my:slow_login', options: "
        "{limit: {max: 3, duration: 1m, by: address, count: failures}}}]",
        CODE,
    )

    async def log_in(*passwords: str) -> list[int]:
        requests = [inject(app, method="POST", url="/login", payload={"password": text}) for text in passwords]
        return [answer.status_code for answer in await asyncio.gather(*requests)]

    assert await log_in(*["right"] * 10) == [200] * 10
    assert sorted(await log_in(*["wrong"] * 10, "right")) == [401] * 3 + [429] * 8


class Dripping:
    """Requests to the path whose bodies come when they are told to."""

    def __init__(self, app: Application, path: str, **headers: str) -> None:
        self.app = app
        self.arrived = asyncio.Event()
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "scheme": "http",
            "root_path": "",
            "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        }

    async def send(self, body: bytes) -> int:
        """The status that a request gets whose body comes after `arrived`, in two pieces."""
        pieces = [body[:5], body[5:]]
        said: list[Any] = []

        async def receive() -> Any:
            await self.arrived.wait()
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            said.append(message)

        await self.app(self.scope, receive, send)
        return int(said[0]["status"])


STREAMED = """
    async def streamed_login(request, h):
        body = await request.payload.read()
        await asyncio.sleep(0)
        if body != b'{"password": "right"}':
            raise boom.Unauthorized("Wrong password")
        return "in"
"""


@pytest.mark.parametrize(
    ("handler", "more"),
    [
        ("slow_login", ""),
        ("slow_login", ", payload: {failAction: ignore}"),
        ("slow_login", ", auth: {strategy: people, mode: try}"),
        ("streamed_login", ", payload: {output: stream}"),
    ],
)
async def test_bodies_that_do_not_come_keep_nobody_waiting_and_come_no_more_often_than_the_limit(
    make: Make, handler: str, more: str
) -> None:
    app = make(
        AUTH + f"routes: [{{method: POST, path: /login, handler: 'my:{handler}', options: "
        f"{{limit: {{max: 3, duration: 1m, by: address, count: failures}}{more}}}}}]",
        CODE + STREAMED,
    )
    late = Dripping(app, "/login", **{"content-type": "application/json"})
    prompt = Dripping(app, "/login", **{"content-type": "application/json"})
    prompt.arrived.set()
    guesses = [asyncio.create_task(late.send(b'{"password": "wrong"}')) for _ in range(100)]
    await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        assert [await prompt.send(b'{"password": "right"}') for _ in range(5)] == [200] * 5
    assert not any(guess.done() for guess in guesses)
    late.arrived.set()
    assert sorted(await asyncio.gather(*guesses)) == [401] * 3 + [429] * 97
    assert await prompt.send(b'{"password": "right"}') == 429


async def test_a_guess_whose_client_left_keeps_nobody_waiting() -> None:
    counters, request = Counters(), make_request()
    window = Window(1, 60)

    def turn() -> Turn:
        return Turn(counters.trials, "k", partial(counters.look, window, "k"))

    first, second, third = turn(), turn(), turn()
    await first.take()
    assert first.holds
    counters.trials.of(request).append(first)
    waiting = [asyncio.create_task(each.take()) for each in (second, third)]
    await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)
    for _ in range(2):
        await trials_ended(counters)(request, Toolkit(request))
    await waiting[0]
    waiting[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting[1]
    assert (second.holds, third.holds, counters.trials.count("k")) == (True, False, 1)
    del second, waiting
    await asyncio.sleep(0)
    assert len(counters.trials) == 0


async def test_a_turn_that_does_not_come_is_a_503(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.01)
    app = make(
        "routes: [{method: POST, path: /login, handler: 'my:endless', options: "
        "{limit: {max: 1, duration: 1m, by: address, count: failures}}}]",
        CODE + "\n    async def endless(request, h):\n        await asyncio.sleep(60)\n",
    )
    first = asyncio.create_task(inject(app, method="POST", url="/login"))
    await asyncio.sleep(0)
    second = await inject(app, method="POST", url="/login")
    assert (second.status_code, second.json["code"], second.headers["retry-after"]) == (503, "limit_busy", "1")
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first


BUSY = """
    running, most = 0, 0

    async def busy(request, h):
        global running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await asyncio.sleep(0)
        running -= 1
        if request.payload and request.payload.get("fail"):
            raise boom.Unauthorized("No")
        return {"most": most}
"""


def busy(*limits: str) -> str:
    """Two routes with the same limits."""
    routes = (
        f"{{method: POST, path: /{n}, handler: 'my:busy', options: {{limit: [{', '.join(limits)}]}}}}" for n in "ab"
    )
    return f"routes: [{', '.join(routes)}]"


@pytest.mark.parametrize("count", ["all", "failures"])
async def test_requests_at_once_are_bounded_and_none_is_refused(make: Make, count: str) -> None:
    shared = f"{{name: busy, max: 1000, duration: 1m, by: route, concurrency: 3, count: {count}}}"
    app = make(busy(shared), CODE + BUSY)
    requests = [inject(app, method="POST", url=f"/{'ab'[n % 2]}") for n in range(40)]
    answers = await asyncio.gather(*requests)
    assert {answer.status_code for answer in answers} == {200}
    assert answers[-1].json == {"most": 3}


async def test_requests_at_once_are_counted_by_key_and_beside_failures(make: Make) -> None:
    limits = ("{max: 5, duration: 1m, by: address, count: failures, concurrency: 2}",)
    app = make(busy(*limits), CODE + BUSY)

    async def ask(address: str, **payload: bool) -> int:
        return (await inject(app, method="POST", url="/a", payload=payload, remote_address=address)).status_code

    statuses = await asyncio.gather(*(ask(f"192.0.2.{n % 2}", fail=True) for n in range(20)))
    assert sorted(statuses) == [401] * 10 + [429] * 10
    assert (await inject(app, method="POST", url="/b")).json == {"most": 4}


async def test_a_body_that_does_not_come_takes_no_place_of_those_at_once(make: Make) -> None:
    app = make(busy("{max: 1000, duration: 1m, by: route, concurrency: 1}"), CODE + BUSY)
    late = Dripping(app, "/a", **{"content-type": "application/json"})
    waiting = [asyncio.create_task(late.send(b'{"fail": false}')) for _ in range(10)]
    await asyncio.sleep(0.01)
    assert (await inject(app, method="POST", url="/a")).json == {"most": 1}
    assert not any(each.done() for each in waiting)
    late.arrived.set()
    assert await asyncio.gather(*waiting) == [200] * 10
    assert (await inject(app, method="POST", url="/a")).json == {"most": 1}


async def test_turns_under_many_guesses_cost_linear_work() -> None:
    async def guess(counters: Counters, window: Window) -> None:
        turn = Turn(counters.trials, "k", partial(look, counters, window))
        await turn.take()
        await asyncio.sleep(0)
        turn.pause()

    looks = 0

    def look(counters: Counters, window: Window) -> Any:
        nonlocal looks
        looks += 1
        return counters.look(window, "k")

    for count in (100, 1000):
        looks = 0
        counters, window = Counters(), Window(2, 60)
        await asyncio.gather(*(guess(counters, window) for _ in range(count)))
        assert looks <= 4 * count


async def test_failed_authentication_counts_as_a_failure(make: Make) -> None:
    app = make(AUTH + limited("{max: 2, duration: 1m, by: address, count: failures}", ", auth: people"), CODE)
    wrong = {"authorization": "Basic YW5uOndyb25n"}  # ann:wrong
    right = {"authorization": "Basic YW5uOnJpZ2h0"}
    assert await statuses(app, 3, headers=right) == [200] * 3
    assert await statuses(app, 3, headers=wrong) == [401, 401, 429]
    assert await statuses(app, 1, headers=right) == [429]


async def test_limits_of_one_name_are_counted_together(make: Make) -> None:
    limit = "{limit: {max: 3, duration: 1m, name: shared}}"
    app = make(
        f"""
        routes:
          - {{method: GET, path: /a, handler: "my:ok", options: {limit}}}
          - {{method: GET, path: /b, handler: "my:ok", options: {limit}}}
          - {{method: [POST, PUT], path: /c, handler: "my:ok", options: {{limit: 1/minute}}}}
        """,
        CODE,
    )
    assert await statuses(app, 2, url="/a") == [200, 200]
    assert await statuses(app, 2, url="/b") == [200, 429]
    assert await statuses(app, 2, url="/c", method="POST") == [200, 429]
    assert await statuses(app, 1, url="/c", method="PUT") == [200]


async def test_all_callers_of_a_route_can_be_counted_together(make: Make) -> None:
    app = make(limited("{max: 1, duration: 1m, by: route}"), CODE)
    assert await statuses(app, 1, remote_address="10.0.0.1") == [200]
    assert await statuses(app, 1, remote_address="10.0.0.2") == [429]


async def test_some_requests_and_addresses_are_let_be(make: Make) -> None:
    app = make(
        "server: {limit: {allowlist: [10.0.0.0/8, '2001:db8::/32']}}\n"
        + limited("{max: 1, duration: 1m, skip: 'my:is_friend'}"),
        CODE,
    )
    assert await statuses(app, 2) == [200, 429]
    assert await statuses(app, 2, headers={"x-friend": "yes"}) == [200, 200]
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"):
        assert await statuses(app, 2, remote_address=address) == [200, 200]


async def test_requests_at_once_do_not_slip_past_each_other(make: Make) -> None:
    app = make(limited("{max: 5, duration: 1m}"), CODE)
    answers = await asyncio.gather(*(inject(app) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 15


async def test_a_reload_forgets_nothing(make: Make) -> None:
    app = make(limited("1/minute"), CODE)
    assert await statuses(app, 1) == [200]
    assert await app.reload() == []
    assert await statuses(app, 1) == [429]


async def test_applications_that_share_a_redis_share_their_counts(make: Make, redis_url: str) -> None:
    table = "server: {limit: {store: '${REDIS_URL:}', partition: a}}\n" + limited("{max: 3, duration: 1m}")
    first, second = make(table, CODE, REDIS_URL=redis_url), make(table, CODE, REDIS_URL=redis_url)
    async with first.router.lifespan_context(first), second.router.lifespan_context(second):
        assert await statuses(first, 2) == [200, 200]
        assert await statuses(second, 2) == [200, 429]


async def test_without_its_store_a_limit_allows_or_refuses_as_it_was_told(make: Make) -> None:
    with RedisServer() as server:
        app = make(
            f"""
            server: {{limit: {{store: "{server.url}"}}}}
            routes:
              - {{method: GET, path: /open, handler: "my:ok", options: {{limit: 1/minute}}}}
              - method: GET
                path: /closed
                handler: "my:ok"
                options: {{limit: {{max: 1, duration: 1m, onStoreError: refuse}}}}
            """,
            CODE,
        )
        async with app.router.lifespan_context(app):
            server.stop()
            assert await statuses(app, 3, url="/open") == [200] * 3
            refused = await inject(app, url="/closed")
            assert (refused.status_code, refused.json["code"]) == (503, "limits_unavailable")
            assert refused.headers["ratelimit-policy"] == '"1-in-60s";q=1;w=60'
            assert "ratelimit" not in refused.headers


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("/run/app.sock", "/run/app.sock"),
    ],
)
async def test_an_ipv6_caller_is_its_whole_subnet(address: str, group: str) -> None:
    request = make_request()
    request.scope["client"] = (address, 0)
    assert caller_address(request) == group


async def test_nobody_can_take_the_place_of_an_address_or_of_another_value() -> None:
    def key(by: list[str], **headers: str) -> str:
        request = make_request(headers=headers)
        request.scope["client"] = ("10.0.0.1", 0)
        return key_reader("s", by)(request)

    nobody = key(["headers.x-a"])
    assert nobody == key(["address"])
    assert nobody not in (key(["headers.x-a"], **{"x-a": "10.0.0.1"}), key(["headers.x-a"], **{"x-a": "@10.0.0.1"}))
    both = ["headers.x-a", "headers.x-b"]
    assert key(both, **{"x-a": "1", "x-b": "23"}) != key(both, **{"x-a": "12", "x-b": "3"})


@pytest.mark.parametrize(
    ("credentials", "same"),
    [
        ({"id": "1", "user": {"id": "2"}}, {"id": 1}),
        ({"user": {"id": "2"}, "sub": "3"}, {"user": {"id": 2}}),
        ({"user": "ann", "sub": "3"}, {"user": "ann"}),
        ({"sub": "3"}, {"sub": "3", "scope": ["a"]}),
    ],
)
async def test_a_user_is_known_by_what_credentials_usually_have(credentials: Any, same: Any) -> None:
    def key(of: Any) -> str:
        request = make_request()
        request.auth.credentials = of
        return key_reader("s", ["user"])(request)

    assert key(credentials) == key(same) != key(None)
