"""`response.errors` formats the body of every error, from any source."""

import json
from pathlib import Path
from typing import Any

import pytest

from hapiish import Application, TableError
from hapiish.http.serving.connections import Limits
from hapiish.http.serving.protocol import HttpProtocol
from hapiish.testing import inject
from tests.http.conftest import Make
from tests.http.wire import talk
from tests.realtime.support import raw, serving

pytestmark = pytest.mark.anyio

CODE = """
def body(body, request):
    own = [f"{each['path'][1:]} {each['message']}" for each in body.get("validation", {}).get("errors", [])]
    return {"errors": {"body": own or [body["message"]]}}

def show(request, h):
    return {"ok": True}

def crash(request, h):
    raise KeyError("a secret")

def late(request, h):
    raise boom.TooManyRequests("Slow down", code="slow", headers={"retry-after": "7"})

def unsendable(request, h):
    return {"x": object()}

def wrong(request, h):
    return {"x": 1}

def own(request, h):
    return h.response({"mine": True}).code(404)

def brand(request, h):
    if request.response.is_boom and request.query.get("brand"):
        return h.response({"branded": request.response.source}).code(request.response.status_code)
    return h.continue_

def fails(body, request):
    raise KeyError("x")

def strange(body, request):
    return {"x": object()}

def text(body, request):
    return f"<h1>{body['statusCode']}</h1>"

def leaves(body, request):
    return None

async def waits(body, request):
    return {}

def early(request, h):
    if request.query.get("early"):
        raise boom.Forbidden("Not you")
    return h.continue_

def connect(request, h):
    raise boom.Forbidden("Not this room", code="room")

def listed(body, request):
    return [request.method, body["statusCode"]]

def no_request(body, request):
    return {"known": request is not None, **body}
"""

TABLE = """
server:
  routes:
    cors: true
    payload: {maxBytes: 20}
    response: {errors: ERRORS}
    validate: {status: 422}
auth: {strategies: {session: {scheme: jwt, options: {keys: "a secret of thirty-two bytes, or more"}}}}
ext:
  onRequest: [{method: "my:early"}]
  onPreResponse: [{method: "my:brand"}]
routes:
  - {method: GET, path: /show, handler: "my:show", options: {validate: {query: {properties: {n: {type: integer}}}}}}
  - {method: POST, path: /show, handler: "my:show", options: {validate: {payload: {required: [title]}}}}
  - {method: GET, path: /private, handler: "my:show", options: {auth: session}}
  - {method: GET, path: /crash, handler: "my:crash"}
  - {method: GET, path: /late, handler: "my:late"}
  - {method: GET, path: /unsendable, handler: "my:unsendable"}
  - {method: GET, path: /wrong, handler: "my:wrong", options: {response: {schema: {required: [y]}}}}
  - {method: GET, path: "/of/{name}", handler: "my:show"}
  - {method: GET, path: /own, handler: "my:own"}
  - {method: GET, path: /plain, handler: "my:crash", options: {response: {errors: null}}}
  - {method: GET, path: /html, handler: "my:late", options: {response: {errors: {body: "my:text", type: text/html}}}}
  - {method: GET, path: /missing.txt, handler: {file: missing.txt}}
  - method: GET
    path: /judged
    handler: "my:late"
    options: {response: {status: {"429": {required: [errors], additionalProperties: false, properties: {errors: {}}}}}}
"""
JSON = {"content-type": "application/json"}
HIDDEN = "An internal server error occurred"


def table(errors: str = '"my:body"') -> str:
    return TABLE.replace("ERRORS", errors)


@pytest.fixture
async def app(make: Make) -> Application:
    return make(table(), CODE)


@pytest.mark.parametrize(
    ("request_", "more", "status", "said"),
    [
        ("GET /show?n=x", {}, 422, "n must be integer"),
        ("POST /show", {"payload": {}}, 422, "title is required"),
        ("POST /show", {"payload": b"{", "headers": JSON}, 400, "Invalid request payload"),
        ("POST /show", {"payload": {"title": "long" * 10}}, 413, "Payload content length greater than"),
        ("POST /show", {"payload": b"x", "headers": {"content-type": "x/y"}}, 415, "Unsupported Media Type"),
        ("GET /nowhere", {}, 404, "Not Found"),
        ("PUT /show", {}, 405, "Method Not Allowed"),
        ("GET /of/%ff", {}, 400, "Bad Request"),
        ("GET /show?early=1", {}, 403, "Not you"),
        ("GET /private", {}, 401, "Missing authentication"),
        ("GET /crash", {}, 500, HIDDEN),
        ("GET /unsendable", {}, 500, HIDDEN),
        ("GET /wrong", {}, 500, HIDDEN),
        ("GET /late", {}, 429, "Slow down"),
        ("GET /judged", {}, 429, "Slow down"),
        ("GET /missing.txt", {}, 404, "Not Found"),
        ("OPTIONS /nowhere", {}, 404, "Not Found"),
    ],
)  # fmt: skip
async def test_every_error_has_the_body_of_the_application(
    app: Application, request_: str, more: dict[str, Any], status: int, said: str
) -> None:
    method, url = request_.split()
    answer = await inject(app, method=method, url=url, **more)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert list(answer.json) == ["errors"]
    assert said.strip() in answer.json["errors"]["body"][0]


async def test_headers_stay(app: Application) -> None:
    private = await inject(app, url="/private", headers={"origin": "https://app.example"})
    assert private.headers["www-authenticate"] == "Bearer"
    assert private.headers["access-control-allow-origin"] == "https://app.example"
    assert (await inject(app, method="PUT", url="/show")).headers["allow"] == "GET, HEAD, POST"
    assert (await inject(app, url="/late")).headers["retry-after"] == "7"


async def test_what_is_no_error_of_ours_stays(app: Application) -> None:
    assert (await inject(app, url="/own")).json == {"mine": True}
    assert (await inject(app, url="/show")).json == {"ok": True}


async def test_on_pre_response_sees_it_and_goes_before(app: Application) -> None:
    assert (await inject(app, url="/late?brand=1")).json == {"branded": {"errors": {"body": ["Slow down"]}}}


async def test_a_route_has_its_own_or_none(app: Application) -> None:
    assert (await inject(app, url="/plain")).json == {
        "statusCode": 500,
        "error": "Internal Server Error",
        "message": HIDDEN,
    }
    html = await inject(app, url="/html")
    assert (html.status_code, html.text, html.headers["retry-after"]) == (429, "<h1>429</h1>", "7")
    assert html.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("function", ["fails", "strange", "leaves"])
async def test_where_the_function_has_nothing_to_say_the_error_is_hapis(make: Make, function: str) -> None:
    answer = await inject(make(table(f'"my:{function}"'), CODE), url="/late")
    assert answer.status_code == 429
    assert answer.json == {"statusCode": 429, "error": "Too Many Requests", "message": "Slow down", "code": "slow"}


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ('"my:waits"', "an async function; a def is required"),
        ('"my:nothing"', 'no "nothing"'),
        ("{type: a/b}", "body"),
        ('{body: "my:body", type: json}', "a media type such as"),
    ],
)
async def test_what_cannot_be_such_a_function_is_a_problem_of_the_table(make: Make, errors: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        make(table(errors), CODE)


async def test_problem_details_of_rfc_9457_are_there_to_be_named(make: Make) -> None:
    app = make(table('{body: "hapiish.problem:details", type: application/problem+json}'), CODE)
    answer = await inject(app, url="/show?n=x")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json == {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "Invalid request query input",
        "source": "query",
        "errors": [{"detail": "must be integer", "pointer": "#/n"}],
    }
    assert (await inject(app, url="/nowhere")).json == {"type": "about:blank", "title": "Not Found", "status": 404}
    late = (await inject(app, url="/late")).json
    assert (late["detail"], late["code"]) == ("Slow down", "slow")


SOCKETS = """
server: {routes: {response: {errors: "my:body"}}}
sockets:
  namespaces:
    - namespace: /
      events:
        - {event: late, handler: "my:late"}
        - {event: listed, handler: "my:late", options: {response: {errors: "my:listed"}}}
        - {event: judged, handler: "my:show", options: {validate: {payload: {required: [title]}}}}
    - {namespace: /room, onConnect: "my:connect"}
"""


async def test_events_and_refused_sockets_have_it_too(make: Make) -> None:
    async with serving(make(SOCKETS, CODE)) as port, raw(port) as client:
        await client.join("/")
        late = {"errors": {"body": ["Slow down"]}, "retryAfter": 7}
        assert await client.ask("late", 1) == {"ok": False, "error": late}
        assert await client.ask("listed", 1) == {"ok": False, "error": ["event", 429]}
        assert "title" in (await client.ask("judged", {}))["error"]["errors"]["body"][0]
        assert (await client.ask("unknown", 1))["error"] == {"errors": {"body": ["Unknown event"]}}
        await client.send("40/room")
        refusal = json.loads(await client.until("44/room,"))
        assert refusal == {"message": "Not this room", "data": {"errors": {"body": ["Not this room"]}}}
        await client.send('40/room,"auth"')
        refusal = json.loads(await client.until("44/room,"))
        assert refusal["data"] == {"errors": {"body": ["The handshake's auth must be an object"]}}


async def test_what_is_not_even_a_request_has_it_too(make: Make) -> None:
    app = make('server: {routes: {response: {errors: {body: "my:no_request", type: x/y}}}}\nroutes: []', CODE)
    async with serving(app, http=HttpProtocol, limits=Limits()) as port:
        answer = await talk(port, b"GET / HTTP/1.1\r\n\r\n")
    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"content-type: x/y" in head
    assert json.loads(content) == {
        "known": False,
        "statusCode": 400,
        "error": "Bad Request",
        "message": "Missing Host header",
    }


async def test_a_used_table_has_its_own_form(tmp_path: Path) -> None:
    from hapiish import create_app

    for name in ("outer", "inner"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "my.py").write_text(
            "from hapiish import boom\n" + CODE + f"def named(body, request): return {{'{name}': body['statusCode']}}\n"
        )
    shape = (
        'server: {routes: {response: {errors: "my:named"}}}\nroutes: [{method: GET, path: /late, handler: "my:late"}]\n'
    )
    (tmp_path / "inner" / "routes.yaml").write_text(shape)
    (tmp_path / "outer" / "routes.yaml").write_text(
        shape + "plugins: [{table: ../inner/routes.yaml, routes: {prefix: /inner}}]\n"
    )
    app = create_app(tmp_path / "outer" / "routes.yaml", env={})
    assert (await inject(app, url="/late")).json == {"outer": 429}
    assert (await inject(app, url="/inner/late")).json == {"inner": 429}
    assert (await inject(app, url="/inner/nothing")).json == {"outer": 404}
