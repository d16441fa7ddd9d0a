"""Response headers: a value that cannot be sent is a 500 that names the header."""

from typing import Any

import pytest

from hapiish import Application
from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

CODE = """
    def named(request, h):
        return h.response("x").header(request.query["name"], request.query["value"])

    def status(request, h):
        return h.response("x").code(int(request.query["code"]))

    def led(request, h):
        return h.redirect(request.query["to"])

    def back(request, h):
        return h.redirect_local(request.query.get("next"), request.query.get("default"))

    def made(request, h):
        return h.response({"a": 1}).created(request.query["to"])

    def refused(request, h):
        raise boom.Unauthorized(request.query["why"], scheme="Bearer")

    def typed(request, h):
        return h.response("x").type("text/plain\\r\\nx-evil: 1")

    def tagged(request, h):
        return h.response("x").etag('a\\r\\nx-evil: 1')

    def entity(request, h):
        return h.entity(etag="ü\\u4f60", modified="never\\r\\n") or "x"

    def baked(request, h):
        return h.response("x").state("a", "b\\r\\nx-evil: 1")

    async def reset(request, h):
        return h.response({"a": 1}).code(205)
"""
ROUTES = ("named", "status", "led", "back", "made", "refused", "typed", "tagged", "entity", "baked", "reset")
TABLE = "    routes:\n" + "".join(
    f'      - {{method: [GET, POST], path: /{name}, handler: "my:{name}"}}\n' for name in ROUTES
)


@pytest.fixture
def app(make: Make) -> Application:
    return make(TABLE, CODE)


@pytest.mark.parametrize(
    "value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b", "a\x7fb", "你好", "\ud83c", "a\x1bb"], ids=ascii
)
async def test_a_value_that_cannot_be_sent_is_a_500_that_names_the_header(
    app: Application, caplog: pytest.LogCaptureFixture, value: str
) -> None:
    answer = await send(app, "x-note", value)
    assert answer.status_code == 500
    assert answer.json["message"] == "An internal server error occurred"
    assert 'the header "x-note" cannot carry' in caplog.text
    assert "x-evil" not in answer.headers


async def send(app: Application, name: str, value: str) -> Any:
    """`/named` with a name and a value that no URL could carry."""
    route = app.server.lookup("named") or next(each for each in app.server.table() if each.path == "/named")
    before = route.handler

    async def named(request: Any, h: Any) -> Any:
        return h.response("x").header(name, value)

    route.handler = named
    try:
        return await inject(app, url="/named")
    finally:
        route.handler = before


@pytest.mark.parametrize(
    ("name", "value"), [("Transfer-Encoding", "chunked"), ("transfer-encoding", "x"), ("content-length", "many")]
)
async def test_a_handler_does_not_say_how_a_body_is_framed(
    make: Make, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    code = f"""
        async def pieces():
            yield b"abc"

        async def streamed(request, h):
            return h.response(pieces()).header({name!r}, {value!r})
    """
    answer = await inject(make('    routes: [{method: GET, path: /, handler: "my:streamed"}]', code))
    assert answer.status_code == 500
    assert str(answer.headers.get(name.lower(), "0")).isdecimal()
    assert f'the header "{name.lower()}"' in caplog.text


@pytest.mark.parametrize("value", ["", "a b", "caf\xe9", "a\tb", "\xa0", '"quoted\\"'])
async def test_every_value_of_latin_1_is_sent_as_it_is(app: Application, value: str) -> None:
    answer = await send(app, "x-note", value)
    assert (answer.status_code, answer.headers["x-note"]) == (200, value)


@pytest.mark.parametrize("name", ["a b", "a:b", "", "a\r\nb", "é", "a(b)"])
async def test_a_name_that_is_none_is_a_500(app: Application, caplog: pytest.LogCaptureFixture, name: str) -> None:
    assert (await send(app, name, "x")).status_code == 500
    assert "is not the name of a header" in caplog.text


@pytest.mark.parametrize("path", ["/typed", "/tagged", "/entity", "/baked"])
async def test_every_way_to_a_header_ends_in_an_answer(app: Application, path: str) -> None:
    answer = await inject(app, url=path)
    assert answer.status_code == 500
    assert "x-evil" not in answer.headers


@pytest.mark.parametrize("code", [0, 99, 100, 199, 600, 999, -1])
async def test_a_number_that_is_no_status_is_a_500(app: Application, code: int) -> None:
    assert (await inject(app, url=f"/status?code={code}")).status_code == 500


async def test_a_reset_content_has_no_body(app: Application) -> None:
    answer = await inject(app, url="/reset")
    assert (answer.status_code, answer.payload, answer.headers["content-length"]) == (205, b"", "0")


@pytest.mark.parametrize(
    ("to", "location"),
    [
        ("/caf%C3%A9", "/caf%C3%A9"),
        ("/caf%25C3%25A9?a=%25", "/caf%C3%A9?a=%25"),
        ("https://a.example/%E4%BD%A0?q=%E4%BD%A0%20b#%C3%BC", "https://a.example/%E4%BD%A0?q=%E4%BD%A0%20b#%C3%BC"),
        ("/a%0D%0Ax-evil:1", "/a%0D%0Ax-evil:1"),
        ("/%5Cevil.example", "/%5Cevil.example"),
        ("/100%25", "/100%25"),
        ("http://[::1]:80/", "http://[::1]:80/"),
    ],
)
@pytest.mark.parametrize("path", ["/led", "/made"])
async def test_a_location_is_percent_encoded(app: Application, path: str, to: str, location: str) -> None:
    answer = await inject(app, method="POST", url=f"{path}?to={to.replace('#', '%23').replace('&', '%26')}")
    assert answer.status_code == (302 if path == "/led" else 201)
    assert answer.headers["location"] == location
    assert "x-evil" not in answer.headers


LOCAL = ["/", "/home", "/a/b?c=d%26e", "/a//b", "/caf%C3%A9"]
FOREIGN = [
    *("https://evil.example", "//evil.example", "/%5Cevil.example", "%5C%5Cevil.example", "/%09/evil.example"),
    *("", "home", "javascript:alert(1)", "%0A//evil.example", "/%0D%0A/evil.example", "%20//evil.example"),
]


@pytest.mark.parametrize("target", LOCAL)
async def test_a_local_redirect_leads_to_a_path_of_this_server(app: Application, target: str) -> None:
    answer = await inject(app, url=f"/back?next={target}")
    assert (answer.status_code, str(answer.headers["location"])[0]) == (302, "/")


@pytest.mark.parametrize("target", FOREIGN)
async def test_a_local_redirect_leads_nowhere_else(app: Application, target: str) -> None:
    answer = await inject(app, url=f"/back?next={target}")
    assert (answer.status_code, answer.json["code"]) == (400, "redirect")
    answer = await inject(app, url=f"/back?next={target}&default=/login")
    assert (answer.status_code, answer.headers["location"]) == (302, "/login")


async def test_a_challenge_is_sent_whatever_the_message_says(app: Application) -> None:
    answer = await inject(app, url="/refused?why=%D0%BD%D0%B5%D1%82%0D%0A%22b%22")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="?????\\"b\\""'
    assert answer.json["message"] == 'нет\r\n"b"'


async def test_a_list_is_a_line_for_each_value(make: Make) -> None:
    code = """
        def handler(request, h):
            answer = h.response("x").header("x-many", ["a", 2]).header("vary", ("a", "b")).header("x-one", ["c"])
            return answer.header("x-one", ["d", "e"], append=True).header("x-many", ["z"], override=False)
    """
    response = await inject(make('routes: [{method: GET, path: /, handler: "my:handler"}]', code))
    assert [response.headers[name] for name in ("x-many", "vary", "x-one")] == [["a", "2"], "a,b", "c,d,e"]


async def test_a_line_of_a_list_that_cannot_be_sent_is_a_500(make: Make) -> None:
    code = "def handler(request, h):\n    return h.response('x').header('x-many', ['a', 'b\\r\\nx-evil: 1'])\n"
    response = await inject(make('routes: [{method: GET, path: /, handler: "my:handler"}]', code))
    assert (response.status_code, response.headers.get("x-evil")) == (500, None)
