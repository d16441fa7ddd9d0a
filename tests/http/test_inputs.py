"""`validate` and `response` of a table: options, functions, and rules across inputs."""

import asyncio
import logging
from typing import Any

import pytest

from hapiish import Application
from hapiish.table.problems import TableError
from hapiish.testing import Injected, inject
from tests.http.conftest import Make

NESTED = "{type: object, properties: {a: {type: integer}, deep: {properties: {b: {}}}}}"


def send(app: Application, method: str = "GET", url: str = "/", **given: Any) -> Injected:
    return asyncio.run(inject(app, method=method, url=url, **given))


def table(options: str, method: str = "POST", path: str = "/", more: str = "") -> str:
    return f"routes:\n- {{method: {method}, path: '{path}', handler: 'my:show', options: {options}}}\n{more}"


SHOW = """
def show(request, h):
    return {"query": request.query, "payload": request.payload, "orig": list(request.orig)}
"""


# validate.options


@pytest.mark.parametrize(
    ("options", "sent", "status", "seen"),
    [
        ("{}", {"a": 1, "x": 2}, 200, {"a": 1, "x": 2}),
        ("{allowUnknown: false}", {"a": 1}, 200, {"a": 1}),
        ("{allowUnknown: false}", {"a": 1, "x": 2}, 400, ["x"]),
        ("{allowUnknown: false}", {"deep": {"b": 1, "c": 1}, "x": 1}, 400, ["deep.c", "x"]),
        ("{allowUnknown: false, abortEarly: true}", {"deep": {"b": 1, "c": 1}, "x": 1}, 400, ["deep.c"]),
        ("{abortEarly: true}", {"a": "x", "deep": 5}, 400, ["a"]),
        ("{stripUnknown: true}", {"a": 1, "x": 2, "deep": {"b": 1, "c": 2}}, 200, {"a": 1, "deep": {"b": 1}}),
        ("{stripUnknown: true, allowUnknown: false}", {"a": 1, "x": 2}, 200, {"a": 1}),
        ("{stripUnknown: true}", {"a": "x", "y": 1}, 400, ["a"]),
    ],
)
def test_the_options_of_validation_close_strip_and_stop(
    make: Make, options: str, sent: Any, status: int, seen: Any
) -> None:
    app = make(table(f"{{validate: {{payload: {NESTED}, options: {options}}}}}"), SHOW)
    answer = send(app, "POST", payload=sent)
    assert answer.status_code == status
    assert (answer.json["payload"] if status == 200 else answer.json["validation"]["keys"]) == seen


def test_headers_and_cookies_may_always_have_what_a_schema_does_not_mention(make: Make) -> None:
    rules = "{headers: {properties: {x-a: {type: integer}}}, state: {properties: {sid: {}}}"
    app = make(
        table(f"{{validate: {rules}, options: {{allowUnknown: false, stripUnknown: true}}}}}}", "GET"),
        "def show(request, h):\n    return [request.headers['x-a'], request.headers['x-b'], request.state]",
    )
    answer = send(app, headers={"x-a": "1", "x-b": "2", "cookie": "other=1"})
    assert answer.json == [1, "2", {"other": "1"}]


def test_unknown_names_of_a_query_are_stripped_before_the_rest_is_converted(make: Make) -> None:
    rules = "{query: {properties: {n: {type: integer}}, additionalProperties: false}, options: {stripUnknown: true}}"
    app = make(table(f"{{validate: {rules}}}", "GET"), SHOW)
    assert send(app, url="/?n=5&utm_source=x").json["query"] == {"n": 5}


# Functions


FUNCTIONS = """
async def double(value, options):
    return {"n": int(value["n"]) * 2, "seen": options.context.params["id"], "strict": options.abort_early}

def judge(value, options):
    if value == {"taken": True}:
        raise boom.Conflict("taken", code="taken")
    if value == {"bug": True}:
        raise KeyError("n")
    if value != {}:
        raise ValueError("not empty")

async def show(request, h):
    return {"query": request.query, "payload": request.payload, "orig": request.orig}
"""


def test_a_function_validates_knows_the_other_inputs_and_returns_what_replaces_its_own(make: Make) -> None:
    app = make(table("{validate: {query: 'my:double', options: {abortEarly: true}}}", "GET", "/{id}"), FUNCTIONS)
    answer = send(app, url="/7?n=4").json
    assert answer["query"] == {"n": 8, "seen": "7", "strict": True}
    assert answer["orig"] == {"query": {"n": "4"}}


@pytest.mark.parametrize(
    ("sent", "status", "message"),
    [
        ({}, 200, None),
        ({"taken": True}, 409, "taken"),
        ({"x": 1}, 400, "Invalid request payload input"),
        ({"bug": True}, 400, "Invalid request payload input"),
    ],
)
def test_what_a_function_raises_refuses_the_input_and_a_boom_keeps_its_status(
    make: Make, sent: Any, status: int, message: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(table("{validate: {payload: 'my:judge', errorFields: {help: me}}}"), FUNCTIONS)
    with caplog.at_level(logging.ERROR, "hapiish"):
        answer = send(app, "POST", payload=sent)
    assert answer.status_code == status
    if status != 200:
        assert answer.json["message"] == message
        assert answer.json.get("code") == ("taken" if status == 409 else None)
        assert answer.json["help"] == "me"
        assert answer.json["validation"] == {"source": "payload", "keys": [], "errors": []}
    assert ("[validation error payload]" in caplog.text) == ("bug" in sent)


def test_what_a_function_raises_may_be_ignored_or_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    app = make(table("{validate: {payload: 'my:judge', failAction: ignore}}"), FUNCTIONS)
    assert send(app, "POST", payload={"x": 1}).json["payload"] == {"x": 1}
    assert not caplog.records
    app = make(table("{validate: {payload: 'my:judge', failAction: log}}"), FUNCTIONS)
    with caplog.at_level(logging.ERROR, "hapiish"):
        assert send(app, "POST", payload={"x": 1}).json["payload"] == {"x": 1}
    assert "[validation error payload] not empty" in caplog.text


def test_a_function_of_a_route_for_any_method_is_not_asked_about_the_body_of_a_get(make: Make) -> None:
    app = make(table("{validate: {payload: 'my:judge'}}", "'*'"), FUNCTIONS)
    assert send(app).status_code == 200
    assert send(app, "PUT", payload={"x": 1}).status_code == 400


def test_a_context_has_the_data_of_route_and_request_and_says_what_it_has_not(make: Make) -> None:
    code = """
    def check(value, options):
        context = options.context
        assert context.app.route == {"a": 1} and context.app.request == {}
        assert context.headers["x"] == "y" and context.state == {} and context.auth.credentials is None
        try:
            context.body
        except AttributeError as error:
            return {"said": str(error)}

    def show(request, h):
        return request.query
    """
    app = make(table("{app: {a: 1}, validate: {query: 'my:check'}}", "GET"), code)
    said = send(app, headers={"x": "y"}).json["said"]
    assert said.startswith("a validation's context has no 'body'; it has params, query, payload, headers, state, ")
    assert said.endswith("auth, server, models and app")


# All inputs together

ACROSS = """{
  properties: {query: {properties: {to: {type: integer}}}},
  if: {properties: {query: {required: [from]}}},
  then: {properties: {query: {required: [to]}, params: {properties: {id: {const: 5}}}}},
}"""


@pytest.mark.parametrize(
    ("url", "validation"),
    [
        ("/1?a=1", None),
        ("/5?from=1&to=2", None),
        (
            "/5?from=1",
            {"source": "query", "keys": ["to"],
             "errors": [{"path": "/to", "message": "is required", "keyword": "required"}]},
        ),
        (
            "/6?from=1&to=2",
            {"source": "params", "keys": ["id"],
             "errors": [{"path": "/id", "message": "must be 5", "keyword": "const"}]},
        ),
        (
            "/6?from=1",
            {"source": "all", "keys": ["params.id", "query.to"],
             "errors": [{"path": "/params/id", "message": "must be 5", "keyword": "const"},
                        {"path": "/query/to", "message": "is required", "keyword": "required"}]},
        ),
    ],
)  # fmt: skip
def test_one_schema_over_all_inputs_judges_after_each_had_its_own(make: Make, url: str, validation: Any) -> None:
    rules = f"""{{params: {{properties: {{id: {{type: integer}}}}}},
                  query: {{properties: {{to: {{type: integer}}}}}}, all: {ACROSS}}}"""
    answer = send(make(table(f"{{validate: {rules}}}", "GET", "/{id}"), SHOW), url=url)
    assert answer.status_code == (400 if validation else 200)
    if validation:
        assert answer.json["validation"] == validation
        source = validation["source"]
        assert answer.json["message"] == f"Invalid request {source} input".replace(" all input", "")


def test_a_rule_may_ask_who_the_caller_is_whatever_its_credentials_hold(make: Make) -> None:
    more = "auth: {strategies: {s: {scheme: basic, options: {validate: 'my:nobody'}}}}\n"
    rule = "{properties: {auth: {properties: {credentials: {required: [verified]}}}}}"
    app = make(
        table(f"{{auth: s, validate: {{all: {rule}}}}}", more=more),
        SHOW + "\ndef nobody(request, username, password, h):\n    return {'isValid': False}\n",
    )

    class Odd:
        def to_mongo(self) -> Any:
            raise TypeError("of no form")

    answer = send(app, "POST", payload={}, credentials={"id": {1, 2}})
    assert answer.json["validation"] == {
        "source": "auth",
        "keys": ["credentials.verified"],
        "errors": [{"path": "/credentials/verified", "message": "is required", "keyword": "required"}],
    }
    assert send(app, "POST", payload={}, credentials={"verified": {1, 2}}).status_code == 200
    assert send(app, "POST", payload={}, credentials={"verified": Odd()}).status_code == 200


def test_all_inputs_may_be_judged_by_a_function_and_its_failure_by_another(make: Make) -> None:
    code = """
    def check(value, options):
        if value["query"].get("a") != value["payload"]["a"]:
            raise boom.BadRequest("a and a differ")
        return "says nothing"

    async def told(request, h, err):
        return h.response([err.message, err.extra["validation"]["source"]]).takeover()

    async def show(request, h):
        return "fine"
    """
    app = make(table("{validate: {all: 'my:check', failAction: 'my:told'}}"), code)
    assert send(app, "POST", "/?a=1", payload={"a": "1"}).text == "fine"
    assert send(app, "POST", "/?a=2", payload={"a": "1"}).json == ["a and a differ", "all"]


# failAction


def test_a_fail_action_gets_the_detailed_error_and_raising_it_shows_the_details(make: Make) -> None:
    code = """
    def act(request, h, err):
        assert err.default_error.message == "Invalid request query input", err.default_error
        assert [fault["keyword"] for fault in err.details] == ["required", "type"]
        assert err.source == "query"
        raise err if "b" in request.query else err.default_error

    def show(request, h):
        return "fine"
    """
    schema = "{type: object, required: [a], properties: {b: {type: number}}}"
    rules = f"{{query: {schema}, failAction: 'my:act', detail: none, errorFields: {{help: me}}}}"
    answer = send(make(table(f"{{validate: {rules}}}", "GET"), code), url="/?b=x")
    assert answer.json == {
        "statusCode": 400,
        "error": "Bad Request",
        "message": '"a" is required. "b" must be number',
        "help": "me",
        "validation": {
            "source": "query",
            "keys": ["a", "b"],
            "errors": [
                {"path": "/a", "message": "is required", "keyword": "required"},
                {"path": "/b", "message": "must be number", "keyword": "type"},
            ],
        },
    }


# Answers

ANSWER = "{type: object, properties: {id: {type: integer}, role: {default: user}, at: {type: string}}, required: [id]}"


@pytest.mark.parametrize(
    ("rules", "status", "seen"),
    [
        (f"{{schema: {ANSWER}}}", 200, {"id": 1, "password": "x", "at": "2026-01-02"}),
        (f"{{schema: {ANSWER}, modify: true}}", 200, {"id": 1, "password": "x", "at": "2026-01-02", "role": "user"}),
        (
            f"{{schema: {ANSWER}, modify: true, options: {{stripUnknown: true}}}}",
            200,
            {"id": 1, "at": "2026-01-02", "role": "user"},
        ),
        (f"{{schema: {ANSWER}, options: {{stripUnknown: true, allowUnknown: false}}}}", 200,
         {"id": 1, "password": "x", "at": "2026-01-02"}),
        (f"{{schema: {ANSWER}, options: {{allowUnknown: false}}}}", 500, None),
        ("{status: {'200': 'my:public'}, modify: true}", 200, {"id": 1}),
        ("{schema: 'my:public'}", 200, {"id": 1, "password": "x", "at": "2026-01-02"}),
        ("{schema: 'my:refuse'}", 500, None),
        ("{schema: 'my:refuse', failAction: 'my:mend'}", 200, {"mended": "no good"}),
        ("{schema: 'my:refuse', failAction: ignore}", 200, {"id": 1, "password": "x", "at": "2026-01-02"}),
    ],
)  # fmt: skip
def test_an_answer_is_judged_and_modified_as_the_table_says(make: Make, rules: str, status: int, seen: Any) -> None:
    code = """
    from datetime import date

    def public(value, options):
        assert options.context.query == {}
        return {"id": value["id"]}

    def refuse(value, options):
        raise boom.BadRequest("no good")

    def mend(request, h, err):
        return {"mended": str(err).rpartition(": ")[2]}

    async def show(request, h):
        return {"id": 1, "password": "x", "at": date(2026, 1, 2)}
    """
    answer = send(make(table(f"{{response: {rules}}}", "GET"), code))
    assert answer.status_code == status
    if seen:
        assert answer.json == seen


def test_modify_holds_for_errors_as_well(make: Make) -> None:
    rules = "{status: {'404': {properties: {message: {}}}}, modify: true, options: {stripUnknown: true}}"
    app = make(table(f"{{response: {rules}}}", "GET"), "def show(request, h):\n    raise boom.NotFound('gone')")
    answer = send(app)
    assert (answer.status_code, answer.json) == (404, {"message": "gone"})


def test_every_function_that_is_not_there_is_told_at_its_place(make: Make) -> None:
    text = """
    routes:
    - method: POST
      path: /
      handler: my:show
      options:
        json: {replacer: my:a}
        validate: {payload: my:b, all: my:c}
        response: {schema: my:d, status: {"201": my:e}}
    """
    with pytest.raises(TableError) as caught:
        make(text, SHOW)
    places = [(problem.mark.line, problem.mark.column, problem.message[:6]) for problem in caught.value.problems]
    assert sorted(places) == [
        (7, 22, '"my:a"'), (8, 25, '"my:b"'), (8, 36, '"my:c"'), (9, 24, '"my:d"'), (9, 46, '"my:e"'),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "fitting", "wrong", "path"),
    [
        (r"{properties: {a: {pattern: '^\p{L}+$'}}}", {"a": "Žluť"}, {"a": "1"}, "/a"),
        (r"{properties: {a: {pattern: '^(?<y>.)\k<y>$'}}}", {"a": "xx"}, {"a": "xy"}, "/a"),
        (r"{patternProperties: {'^\p{Lu}$': {type: integer}}}", {"Ž": 1, "x": ""}, {"Ž": "x"}, "/Ž"),
        (r"{propertyNames: {pattern: '^\P{Lu}+$'}}", {"a": 1}, {"B": 1}, "/B"),
        (r"{patternProperties: {'^\p{Lu}$': true}, additionalProperties: false}", {"Ž": 1}, {"ž": 1}, "/ž"),
        (r"{patternProperties: {'^\p{Lu}$': true}, unevaluatedProperties: false}", {"Ž": 1}, {"ž": 1}, "/ž"),
        (
            r"{patternProperties: {'^\p{Lu}$': {$ref: '#/$defs/n'}}, $defs: {n: {type: integer}}}",
            *({"Ž": 1}, {"Ž": None}, "/Ž"),
        ),
        (
            r"{properties: {a: {$ref: '#/patternProperties/%5E.$'}}, patternProperties: {'^.$': {type: integer}}}",
            *({"a": 1, "aa": ""}, {"a": ""}, "/a"),
        ),
    ],
)
def test_patterns_of_ecmascript_judge_and_explain(make: Make, rule: str, fitting: Any, wrong: Any, path: str) -> None:
    app = make(table(f"{{validate: {{payload: {rule}}}}}"), SHOW)
    assert send(app, "POST", payload=fitting).json["payload"] == fitting
    refused = send(app, "POST", payload=wrong)
    assert refused.status_code == 400
    assert [fault["path"] for fault in refused.json["validation"]["errors"]] == [path]


def test_a_text_on_which_a_pattern_would_work_for_ever_is_a_400(make: Make) -> None:
    slow = r"^(a+)+\1$"
    names = f"patternProperties: {{'{slow}': true}}, unevaluatedProperties: false"
    rule = f"{{properties: {{a: {{pattern: '{slow}'}}}}, {names}}}"
    app = make(table(f"{{validate: {{payload: {rule}}}}}"), SHOW)
    answer = send(app, "POST", payload={"a": "a" * 30_000 + "!", "a" * 3000 + "!": 1})
    assert answer.status_code == 400
    assert {fault["keyword"] for fault in answer.json["validation"]["errors"]} == {"pattern", "unevaluatedProperties"}
