"""`session`: values that persist between requests, with yar's keys and methods."""

import asyncio
import logging
from typing import Any

import pytest

from hapiish import Application, TableError
from hapiish.http.cookies.iron import seal, unseal
from hapiish.testing import Injected, inject
from tests.http.conftest import Make
from tests.redis_server import RedisServer

pytestmark = pytest.mark.anyio

PASSWORD = "a password of at least 32 characters!"
CODE = """
    def put(request, h):
        request.session.set(request.payload)
        return {"id": request.session.id}

    async def show(request, h):
        session = request.session
        return {"id": session.id, "a": session.get("a"), "all": session._store}

    def take(request, h):
        return [request.session.get("a", clear=True), request.session.get("a")]

    def flash(request, h):
        q = request.query
        return {"said": request.session.flash(q.get("type"), q.get("message"), "override" in q)}

    def touch(request, h):
        request.session.touch()
        return {}

    def change_inside(request, h):
        request.session.get("list").append(1)
        if "touch" in request.query:
            request.session.touch()
        return {}

    def log_in(request, h):
        request.session.reset()
        request.session.set("user", "ann")
        return {"id": request.session.id}

    def lazily(request, h):
        session = request.session
        session.lazy()
        session.count = getattr(session, "count", 0) + 1
        if session.count == 3:
            del session.count
            session.lazy(False)
            return {"count": 3, "left": session._store}
        return {"count": session.count}

    def crash(request, h):
        request.session.set("a", "lost")
        raise ValueError("oops")

    def refuse(request, h):
        request.session.set("a", "kept")
        raise boom.Conflict("no")

    async def commit(request, h):
        request.session.set("a", "early")
        await request.session.commit()
        raise ValueError("oops")

    async def revoke(request, h):
        await request.server.session.revoke(request.query["id"])
        return {}

    def none(request, h):
        return {"session": request.session}

    def unfit(request, h):
        request.session.set("a", object())
        return {}

    def new_id(request):
        return "id-" + request.headers.get("x-n", "0")
"""
ROUTES = """
    routes:
      - {method: POST, path: /, handler: "my:put"}
      - {method: GET, path: /, handler: "my:show"}
      - {method: GET, path: "/{name}", handler: "my:none", options: {session: false}}
""" + "".join(
    f'      - {{method: GET, path: /{name.replace("_", "-")}, handler: "my:{name}"}}\n'
    for name in (
        "take",
        "flash",
        "touch",
        "change_inside",
        "log_in",
        "lazily",
        "crash",
        "refuse",
        "commit",
        "revoke",
        "unfit",
    )
)


def table(settings: str = "", more: str = "") -> str:
    return f"    session: {{cookieOptions: {{password: '{PASSWORD}'}}, {settings}}}\n{more}{ROUTES}"


class Browser:
    """Keeps the cookie that it is given."""

    def __init__(self, app: Application, cookie: str = "") -> None:
        self.app = app
        self.cookie = cookie
        self.line = ""

    async def ask(self, url: str = "/", **request: Any) -> Injected:
        headers = {**({"cookie": self.cookie} if self.cookie else {}), **request.pop("headers", {})}
        answer = await inject(self.app, url=url, headers=headers, **request)
        self.line = str(answer.headers.get("set-cookie", ""))
        if self.line:
            self.cookie = self.line.partition(";")[0]
        return answer

    async def put(self, **values: Any) -> Injected:
        return await self.ask(method="POST", payload=values)

    @property
    def sealed(self) -> Any:
        """What the cookie has in it."""
        return unseal(self.cookie.removeprefix("session="), PASSWORD)


@pytest.fixture
def app(make: Make) -> Application:
    return make(table(), CODE)


@pytest.fixture
def browser(app: Application) -> Browser:
    return Browser(app)


async def test_a_small_session_is_in_its_cookie(browser: Browser) -> None:
    first = await browser.put(a=1, b={"c": [True]})
    assert browser.line.endswith("; Secure; HttpOnly; SameSite=Lax; Path=/")
    assert browser.sealed == {"id": first.json["id"], "_store": {"a": 1, "b": {"c": [True]}}}
    again = await browser.ask()
    assert browser.line == ""  # nothing has changed
    assert again.json == {"id": first.json["id"], "a": 1, "all": {"a": 1, "b": {"c": [True]}}}


async def test_a_visitor_has_a_session_at_once_unless_blank_ones_are_not_kept(make: Make, browser: Browser) -> None:
    first = await browser.ask()
    assert browser.sealed == {"id": first.json["id"], "_store": {}}
    assert (await browser.ask()).json["id"] == first.json["id"]
    other = Browser(make(table("storeBlank: false"), CODE))
    await other.ask()
    assert other.line == ""
    await other.put(a=1)
    assert other.line != ""
    await other.ask("/take")
    assert other.sealed["_store"] == {}  # it was there, so its end is told


async def test_a_session_that_does_not_fit_is_in_the_cache(browser: Browser) -> None:
    id = (await browser.put(text="x" * 2000, a=1)).json["id"]
    assert browser.sealed == {"id": id}
    assert (await browser.ask()).json == {"id": id, "a": 1, "all": {"text": "x" * 2000, "a": 1}}
    await browser.put(text="")
    assert browser.sealed == {"id": id, "_store": {"text": "", "a": 1}}  # and back


@pytest.mark.parametrize("length", range(300, 700, 7))
async def test_no_cookie_is_larger_than_it_may_be_and_none_is_spared_needlessly(app: Application, length: int) -> None:
    sessions = app.server.session
    assert sessions is not None
    content = {"id": "i", "_store": {"text": "x" * length}}
    assert sessions.fits(content) == (len(seal(content, PASSWORD, ttl=86_400_000)) <= 1024)


async def test_a_table_may_keep_all_sessions_in_the_cache_and_revoke_them(make: Make) -> None:
    app = make(table("maxCookieSize: 0"), CODE)
    browser = Browser(app)
    id = (await browser.put(a=1)).json["id"]
    assert browser.sealed == {"id": id}
    await Browser(app).ask(f"/revoke?id={id}")
    answer = (await browser.ask()).json
    assert answer["all"] == {}
    assert answer["id"] != id
    assert browser.sealed == {"id": answer["id"]}


async def test_values_can_be_taken_out(browser: Browser) -> None:
    await browser.put(a=1)
    assert (await browser.ask("/take")).json == [1, None]
    assert (await browser.ask()).json["a"] is None


@pytest.mark.parametrize("settings", ["", "maxCookieSize: 0"])
async def test_messages_for_the_next_page(make: Make, settings: str) -> None:
    browser = Browser(make(table(settings), CODE))
    for query, said in (
        ("type=error&message=one", ["one"]),
        ("type=error&message=two", ["one", "two"]),
        ("type=info&message=three&override", "three"),
        ("type=info&message=four", ["three", "four"]),
        ("type=error", ["one", "two"]),
        ("type=error", []),
        ("", {"info": ["three", "four"]}),
        ("", {}),
    ):
        assert (await browser.ask(f"/flash?{query}")).json == {"said": said}


async def test_a_value_changed_in_place_is_kept_when_the_session_is_touched(browser: Browser) -> None:
    await browser.put(list=[])
    await browser.ask("/change-inside")
    assert (await browser.ask()).json["all"] == {"list": []}
    await browser.ask("/change-inside?touch")
    assert (await browser.ask()).json["all"] == {"list": [1]}
    await browser.ask("/touch")
    assert browser.line != ""


@pytest.mark.parametrize("settings", ["", "maxCookieSize: 0"])
async def test_a_session_that_begins_anew_has_another_id_and_the_old_one_is_forgotten(
    make: Make, settings: str
) -> None:
    app = make(table(settings), CODE)
    browser = Browser(app)
    old = (await browser.put(a=1)).json["id"]
    stolen = Browser(app, browser.cookie)
    new = (await browser.ask("/log-in")).json["id"]
    assert new != old
    assert (await browser.ask()).json == {"id": new, "a": None, "all": {"user": "ann"}}
    if settings:
        assert (await stolen.ask()).json["all"] == {}


async def test_attributes_of_a_lazy_session_are_values(browser: Browser) -> None:
    assert [(await browser.ask("/lazily")).json for _ in range(3)] == [
        {"count": 1},
        {"count": 2},
        {"count": 3, "left": {}},
    ]
    assert (await browser.ask("/lazily")).json == {"count": 1}


async def test_an_error_keeps_what_was_set_and_a_crash_does_not(browser: Browser) -> None:
    await browser.put(a="before")
    assert (await browser.ask("/crash")).status_code == 500
    assert (await browser.ask()).json["a"] == "before"
    assert (await browser.ask("/refuse")).status_code == 409
    assert (await browser.ask()).json["a"] == "kept"
    assert (await browser.ask("/unfit")).status_code == 500
    assert (await browser.ask()).json["a"] == "kept"


async def test_a_session_can_be_written_before_the_response_is_made(make: Make) -> None:
    browser = Browser(make(table("maxCookieSize: 0"), CODE))
    await browser.put(a="before")
    assert (await browser.ask("/commit")).status_code == 500
    assert (await browser.ask()).json["a"] == "early"


async def test_routes_may_go_without(browser: Browser) -> None:
    await browser.put(a=1)
    assert (await browser.ask("/anything")).json == {"session": None}
    assert browser.line == ""


async def test_a_table_without_sessions_has_no_step_for_them(make: Make) -> None:
    app = make(ROUTES, CODE)
    route: Any = app.server.match("GET", "/")
    assert (route.steps, route.finalizers, app.server.session) == ((), (), None)


@pytest.mark.parametrize(
    "content",
    ["nonsense", seal({"id": "x"}, "another password of 32 characters"), seal({"id": 5, "_store": {}}, PASSWORD)],
)
async def test_a_cookie_that_cannot_be_opened_begins_a_new_session(app: Application, content: str) -> None:
    browser = Browser(app, f"session={content}")
    answer = await browser.ask()
    assert (answer.status_code, answer.json["all"]) == (200, {})
    assert browser.sealed["id"] == answer.json["id"]


async def test_ids_may_be_of_ones_own_making(make: Make) -> None:
    browser = Browser(make(table("customSessionIDGenerator: 'my:new_id', name: session"), CODE))
    assert (await browser.ask(headers={"x-n": "7"})).json["id"] == "id-7"
    assert (await browser.ask("/log-in", headers={"x-n": "8"})).json["id"] == "id-8"


async def test_a_session_is_over_when_it_was_not_written_for_its_time(make: Make) -> None:
    browser = Browser(make(table("maxCookieSize: 0, cache: {expiresIn: 20ms}"), CODE))
    first = (await browser.put(a=1)).json["id"]
    async with asyncio.timeout(10):
        while (answer := (await browser.ask()).json)["id"] == first:
            await asyncio.sleep(0.01)
    assert answer["all"] == {}


async def test_processes_that_share_a_redis_share_sessions(make: Make, redis_url: str) -> None:
    caches = f"    caches: [{{name: shared, provider: redis, options: {{url: '{redis_url}'}}}}]\n"
    settings = table("maxCookieSize: 0, cache: {cache: shared}", caches)
    first, second = make(settings, CODE), make(settings, CODE)
    async with first.router.lifespan_context(first), second.router.lifespan_context(second):
        browser = Browser(first)
        await browser.put(a=1)
        assert (await Browser(second, browser.cookie).ask()).json["a"] == 1


@pytest.mark.parametrize(("strict", "status"), [("true", 503), ("false", 200)])
async def test_without_its_cache_a_session_is_an_error_or_empty(
    make: Make, strict: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with RedisServer() as server:
        caplog.set_level(logging.INFO, logger="hapiish")
        caches = f"    caches: [{{provider: redis, options: {{url: '{server.url}'}}}}]\n"
        app = make(table(f"maxCookieSize: 0, errorOnCacheNotReady: {strict}", caches), CODE)
        async with app.router.lifespan_context(app):
            browser = Browser(app)
            await browser.put(a=1)
            server.stop()
            answer = await browser.ask()
            assert answer.status_code == status
            assert answer.json.get("all", {}) == {}
            assert (await browser.put(a=2)).status_code == status
            server.start()
            assert (await browser.put(a=3)).status_code == 200
            assert (await browser.ask()).json["all"] == {"a": 3}
    told = [each for each in caplog.records if each.levelno > logging.INFO or each.name == "hapiish.caches"]
    assert [each.levelname for each in told] == ["WARNING", "INFO"]
    assert told[1].message == 'the store of the cache "_default" answers again'


def test_what_makes_ids_must_be_a_function(make: Make) -> None:
    with pytest.raises(TableError) as refused:
        make(table("customSessionIDGenerator: 'my:boom'"), CODE)
    assert [problem.code for problem in refused.value.problems] == ["HA0402"]


@pytest.mark.parametrize("key", ["_flash", "_lazyKeys"])
async def test_a_key_of_the_sessions_own_is_no_key_for_values(make: Make, key: str) -> None:
    browser = Browser(make(table(), CODE))
    await browser.put(a=1)
    assert (await browser.put(**{key: 5, "b": 2})).status_code == 500
    assert (await browser.ask("/flash?type=note&message=hi")).json == {"said": ["hi"]}
    assert (await browser.ask()).json["all"] == {"a": 1, "_flash": {"note": ["hi"]}}
