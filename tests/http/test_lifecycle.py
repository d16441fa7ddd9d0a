import logging
from textwrap import indent

import pytest

from hapiish.testing import inject
from tests.http.conftest import Make

pytestmark = pytest.mark.anyio

POINTS = (
    "onRequest",
    "onPreAuth",
    "onCredentials",
    "onPostAuth",
    "onPreHandler",
    "onPostHandler",
    "onPreResponse",
    "onPostResponse",
)

TRACED = f"""
auth:
  schemes: {{kit: "my:Scheme"}}
  strategies: {{one: {{scheme: kit}}}}
ext:
{indent("".join(f'{point}: [{{method: "my:{point}"}}]' + chr(10) for point in POINTS), "  ")}
routes:
  - method: [GET, POST]
    path: /a/{{id}}
    handler: my:handler
    options:
      auth: {{strategy: one, scope: [user]}}
      pre: [[{{method: "my:pre", assign: p}}]]
      validate: {{query: {{type: object, properties: {{n: {{type: integer}}}}}}}}
  - {{method: GET, path: /fails, handler: "my:fails"}}
"""

TRACE = """
trace = []

class Scheme:
    def __init__(self, server, options): pass
    async def authenticate(self, request, h):
        trace.append("authenticate")
        if "x-user" not in request.headers:
            raise boom.Unauthorized(None, scheme="Kit")
        return h.authenticated(credentials={"scope": [request.headers["x-user"]]})

async def pre(request, h):
    trace.append("pre")
    return request.query

async def handler(request, h):
    trace.append("handler")
    return {"pre": request.pre["p"], "payload": request.payload}

async def fails(request, h):
    raise boom.Conflict("no")
""" + "".join(
    f"async def {point}(request, h):\n    trace.append('{point}')\n    return h.continue_\n" for point in POINTS
)


def trace_of(app: object) -> list[str]:
    function = app.server.compiled.server_ext  # type: ignore[attr-defined]
    assert function == {}
    handler = app.server.match("GET", "/fails").handler  # type: ignore[attr-defined]
    return handler.__globals__["trace"]  # type: ignore[no-any-return]


async def test_a_request_meets_every_step_in_hapis_order(make: Make) -> None:
    app = make(TRACED, TRACE)
    response = await inject(app, method="POST", url="/a/1?n=5", headers={"x-user": "user"}, payload={"x": 1})
    assert response.json == {"pre": {"n": 5}, "payload": {"x": 1}}
    assert trace_of(app) == [
        "onRequest",
        "onPreAuth",
        "authenticate",
        "onCredentials",
        "onPostAuth",
        "onPreHandler",
        "pre",
        "handler",
        "onPostHandler",
        "onPreResponse",
        "onPostResponse",
    ]


@pytest.mark.parametrize(
    ("url", "headers", "status", "expected"),
    [
        ("/a/1", {}, 401, ["onRequest", "onPreAuth", "authenticate", "onPreResponse", "onPostResponse"]),
        (
            "/a/1",
            {"x-user": "guest"},
            403,
            ["onRequest", "onPreAuth", "authenticate", "onCredentials", "onPreResponse", "onPostResponse"],
        ),
        ("/nowhere", {}, 404, ["onRequest", "onPreResponse", "onPostResponse"]),
        ("/a/%zz", {}, 400, ["onRequest", "onPreResponse", "onPostResponse"]),
        (
            "/fails",
            {},
            409,
            ["onRequest", "onPreAuth", "onPostAuth", "onPreHandler", "onPreResponse", "onPostResponse"],
        ),
    ],
)
async def test_a_failure_skips_to_on_pre_response(
    make: Make, url: str, headers: dict[str, str], status: int, expected: list[str]
) -> None:
    app = make(TRACED, TRACE)
    assert (await inject(app, url=url, headers=headers)).status_code == status
    assert trace_of(app) == expected


ONE = """
routes:
  - method: GET
    path: /
    handler: my:handler
    options: {options}
"""


def table(options: str) -> str:
    return ONE.replace("{options}", options)


HANDLER = """
async def handler(request, h):
    return "handled"
"""


@pytest.mark.parametrize("point", ["onPreAuth", "onPostAuth", "onPreHandler"])
@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ("return h.continue_", 200, "handled"),
        ("return h.response('mine').takeover()", 200, "mine"),
        ("return h.response('mine')", 500, None),
        ("return 'mine'", 500, None),
        ("return None", 500, None),
        ("raise boom.Forbidden('no')", 403, None),
        ("return boom.Forbidden('no')", 403, None),
    ],
)
async def test_before_the_handler_a_function_goes_on_takes_over_or_fails(
    make: Make, point: str, body: str, status: int, text: str | None
) -> None:
    app = make(
        table(f'{{ext: {{{point}: {{method: "my:ext"}}}}}}'), HANDLER + f"async def ext(request, h):\n    {body}\n"
    )
    response = await inject(app)
    assert response.status_code == status
    assert text is None or response.text == text


@pytest.mark.parametrize("point", ["onPostHandler", "onPreResponse"])
@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ("return h.continue_", 200, "handled"),
        ("return 'mine'", 200, "mine"),
        ("return h.response('mine').code(202)", 202, "mine"),
        ("raise boom.Conflict('no')", 409, None),
    ],
)
async def test_after_the_handler_a_value_replaces_the_response(
    make: Make, point: str, body: str, status: int, text: str | None
) -> None:
    app = make(
        table(f'{{ext: {{{point}: {{method: "my:ext"}}}}}}'), HANDLER + f"async def ext(request, h):\n    {body}\n"
    )
    response = await inject(app)
    assert response.status_code == status
    assert text is None or response.text == text


async def test_a_takeover_of_the_handler_skips_on_post_handler(make: Make) -> None:
    code = """
    async def handler(request, h):
        return h.response("x").takeover()
    async def ext(request, h):
        return "y"
    """
    app = make(table('{ext: {onPostHandler: {method: "my:ext"}}}'), code)
    assert (await inject(app)).text == "x"


async def test_on_pre_response_sees_errors_and_may_answer_instead(make: Make) -> None:
    code = """
    async def handler(request, h):
        raise boom.NotFound("gone")
    async def ext(request, h):
        return h.response({"was": request.response.error.message}).code(200)
    """
    app = make(table('{ext: {onPreResponse: {method: "my:ext"}}}'), code)
    response = await inject(app)
    assert (response.status_code, response.json) == (200, {"was": "gone"})


async def test_on_request_may_change_the_path_and_the_method(make: Make) -> None:
    code = """
    async def early(request, h):
        request.set_url("/b?x=1")
        request.set_method("POST")
        return h.continue_
    async def handler(request, h):
        return {"path": request.path, "query": request.query, "method": request.method}
    """
    app = make(
        'ext: {onRequest: {method: "my:early"}}\nroutes: [{method: POST, path: /b, handler: "my:handler"}]', code
    )
    assert (await inject(app, url="/a")).json == {"path": "/b", "query": {"x": "1"}, "method": "post"}


async def test_a_payload_that_on_request_made_is_not_read_again(make: Make) -> None:
    code = """
    async def early(request, h):
        request.payload = {"made": True}
        return h.continue_
    async def handler(request, h):
        return request.payload
    """
    app = make('ext: {onRequest: {method: "my:early"}}\nroutes: [{method: POST, path: /, handler: "my:handler"}]', code)
    assert (await inject(app, method="POST", payload="not json")).json == {"made": True}


async def test_on_request_may_answer_by_itself(make: Make) -> None:
    code = HANDLER + "async def early(request, h):\n    return h.response('early').takeover()\n"
    app = make('ext: {onRequest: {method: "my:early"}}\nroutes: [{method: GET, path: /, handler: "my:handler"}]', code)
    assert (await inject(app)).text == "early"


async def test_an_ordinary_exception_is_a_logged_500_that_says_nothing(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(table("{}"), "async def handler(request, h):\n    raise ValueError('a secret')\n")
    response = await inject(app)
    assert response.status_code == 500
    assert "secret" not in response.text
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "a secret"
    assert str(response.headers["x-request-id"]) in record.getMessage()


async def test_what_cannot_be_json_is_a_500(make: Make) -> None:
    app = make(table("{}"), "async def handler(request, h):\n    return {'x': object()}\n")
    assert (await inject(app)).status_code == 500


async def test_a_def_handler_runs_outside_the_event_loop(make: Make) -> None:
    code = """
    import threading
    def handler(request, h):
        return threading.current_thread() is threading.main_thread()
    """
    assert (await inject(make(table("{}"), code))).json is False


PRE = """
async def handler(request, h):
    return {name: value if isinstance(value, int) else repr(value) for name, value in request.pre.items()}

async def one(request, h):
    return 1

async def two(request, h):
    return request.pre["a"] + 1

async def bad(request, h):
    raise boom.BadRequest("pre")

async def act(request, h, error):
    return 7
"""


@pytest.mark.parametrize(
    ("pre", "status", "body"),
    [
        ('[{method: "my:one", assign: a}, {method: "my:two", assign: b}]', 200, {"a": 1, "b": 2}),
        ('["my:one"]', 200, {}),
        ('[[{method: "my:one", assign: a}, {method: "my:one", assign: b}]]', 200, {"a": 1, "b": 1}),
        ('[[{method: "my:one", assign: a}, {method: "my:bad"}]]', 400, None),
        ('[{method: "my:bad", assign: a, failAction: "my:act"}]', 200, {"a": 7}),
        ('[{method: "my:bad", assign: a, failAction: log}]', 200, {"a": "BadRequest('pre')"}),
    ],
)
async def test_prerequisites_assign_in_order_and_by_set(make: Make, pre: str, status: int, body: object) -> None:
    response = await inject(make(table(f"{{pre: {pre}}}"), PRE))
    assert response.status_code == status
    assert body is None or response.json == body


async def test_every_request_has_an_id_of_its_own_in_a_header(make: Make) -> None:
    app = make(table("{}"), "async def handler(request, h):\n    return request.info.id\n")
    one, two = await inject(app), await inject(app)
    assert one.text == one.headers["x-request-id"] != two.text


async def test_an_inbound_id_is_taken_over_only_from_those_who_are_trusted(make: Make) -> None:
    trusting = make("server: {requestId: {header: x-trace, trust: true}}\n" + table("{}"), HANDLER)
    assert (await inject(trusting, headers={"x-trace": "abc"})).headers["x-trace"] == "abc"
    assert (await inject(trusting, headers={"x-trace": "a b\\n"})).headers["x-trace"] != "a b\\n"
    wary = make(table("{}"), HANDLER)
    assert (await inject(wary, headers={"x-request-id": "abc"})).headers["x-request-id"] != "abc"


async def test_one_line_is_logged_per_request_without_its_query(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hapiish.access")
    await inject(make(table("{}"), HANDLER), url="/?token=secret")
    [record] = [record for record in caplog.records if record.name == "hapiish.access"]
    assert record.getMessage().startswith("GET / 200 7B ")
    assert "secret" not in record.getMessage()
