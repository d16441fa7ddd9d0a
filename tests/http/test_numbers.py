"""Numbers and nesting of JSON from request to response: exact, or refused with a reason."""

import asyncio
from typing import Any

import pytest

from hapiish import Application
from hapiish.testing import Injected, inject
from tests.http.conftest import Make

SHOW = """
def show(request, h):
    n = request.payload["n"] if request.payload else request.query["n"]
    return {"type": type(n).__name__, "n": n, "twice": n * 2}

def echo(request, h):
    return {"data": [request.payload]}
"""
RULE = "{type: object, properties: {n: {type: integer}}}"
LONG = 99999999999999999999999


def send(app: Application, method: str = "POST", url: str = "/", **given: Any) -> Injected:
    return asyncio.run(inject(app, method=method, url=url, **given))


def table(handler: str = "show", options: str = f"{{validate: {{payload: {RULE}}}}}", more: str = "") -> str:
    return f"{more}routes: [{{method: POST, path: /, handler: 'my:{handler}', options: {options}}}]\n"


JSON = {"content-type": "application/json"}
KINDS = """{oneOf: [
  {properties: {k: {const: a}, n: {type: integer}}, required: [k]},
  {properties: {k: {const: b}, n: {type: number}}, required: [k]}]}"""


@pytest.mark.parametrize("number", [LONG, -LONG, 2**63, 2**64, -(2**63) - 1, 10**999, 7])
@pytest.mark.parametrize("options", [f"{{validate: {{payload: {RULE}}}}}", "{}"])
def test_an_integer_of_a_body_is_exact_and_is_sent_exactly(make: Make, number: int, options: str) -> None:
    answer = send(make(table(options=options), SHOW), payload=f'{{"n": {number}}}', headers=JSON)
    assert answer.json == {"type": "int", "n": number, "twice": number * 2}


@pytest.mark.parametrize("number", [LONG, -LONG, 10**999, 7])
@pytest.mark.parametrize("kind", ["integer", "number"])
def test_an_integer_of_a_query_is_exact(make: Make, number: int, kind: str) -> None:
    rule = f"{{validate: {{query: {{properties: {{n: {{type: {kind}}}}}}}}}}}"
    answer = send(make(table(options=rule), SHOW), url=f"/?n={number}")
    assert answer.json == {"type": "int", "n": number, "twice": number * 2}


@pytest.mark.parametrize(
    ("digits", "settings", "status"),
    [
        (1000, "", 200),
        (1001, "", 400),
        (100_000, "", 400),
        (20, "server: {json: {maxDigits: 20}}\n", 200),
        (21, "server: {json: {maxDigits: 20}}\n", 400),
        (4000, "server: {json: {maxDigits: 4000}}\n", 200),
        (1001, "server: {json: {maxDigits: null}}\n", 400),
    ],
)
def test_an_integer_may_have_so_many_digits_as_the_table_says(
    make: Make, digits: int, settings: str, status: int
) -> None:
    app = make(table(more=settings), SHOW)
    answer = send(app, payload=f'{{"n": -{"9" * digits}}}', headers=JSON)
    assert answer.status_code == status
    if status == 400:
        assert "digits" in answer.json["message"]


def test_digits_in_text_and_in_fractions_are_no_integer(make: Make) -> None:
    app = make(table("echo", "{}"), SHOW)
    body = f'{{"a": "{"1" * 2000}", "b": 0.{"3" * 2000}}}'
    assert send(app, payload=body, headers=JSON).json == {"data": [{"a": "1" * 2000, "b": 1 / 3}]}


def test_integers_of_a_part_of_a_form_are_exact(make: Make) -> None:
    app = make(
        "server: {json: {maxDigits: 25}}\n"
        "routes: [{method: POST, path: /, handler: 'my:echo', options: {payload: {multipart: true}}}]\n",
        SHOW,
    )

    def part(number: str) -> Injected:
        body = (
            '--x\r\ncontent-disposition: form-data; name="n"\r\ncontent-type: application/json\r\n\r\n'
            f"[{number}]\r\n--x--\r\n"
        )
        return send(app, payload=body, headers={"content-type": "multipart/form-data; boundary=x"})

    assert part(str(LONG)).json == {"data": [{"n": [LONG]}]}
    # As any part that is no JSON, it is then text.
    assert part("9" * 26).json == {"data": [{"n": f"[{'9' * 26}]"}]}


@pytest.mark.parametrize(
    "body",
    [
        '{"n": 99999999999999999999999, "s": NaN}',
        '{"n": 99999999999999999999999, "s": 1e999}',
        '{"n": 99999999999999999999999, "s": -Infinity}',
        '{"n": 99999999999999999999999, "s": 01}',
        '{"n": 99999999999999999999999,}',
        '\ufeff{"n": 99999999999999999999999}',
        '{"n": 1e999}',
        '{"n": NaN}',
        b'{"n": 99999999999999999999999, "s": "\xff"}',
    ],
)
def test_a_long_integer_makes_the_reader_no_laxer(make: Make, body: str | bytes) -> None:
    answer = send(make(table(options="{}"), SHOW), payload=body, headers=JSON)
    assert (answer.status_code, answer.json["message"]) == (400, "Invalid request payload JSON format")


def nested(levels: int, inside: str = "1") -> str:
    return "[" * levels + inside + "]" * levels


@pytest.mark.parametrize("inside", ["1", str(LONG)])
@pytest.mark.parametrize(
    ("levels", "status"), [(127, 200), (128, 200), (129, 400), (255, 400), (1023, 400), (9999, 400)]
)
def test_json_that_is_read_can_be_written_and_the_rest_is_refused_with_the_reason(
    make: Make, inside: str, levels: int, status: int
) -> None:
    answer = send(make(table("echo", "{}"), SHOW), payload=nested(levels, inside), headers=JSON)
    assert answer.status_code == status
    if 128 < levels < 1024:
        assert "more than 128 levels" in answer.json["message"]


def test_the_bound_counts_levels_and_no_brackets(make: Make) -> None:
    app = make(table("echo", "{}"), SHOW)
    wide = [[{"a": "[" * 50}, []]] * 200
    assert send(app, payload=wide).json == {"data": [wide]}


def test_a_deep_body_is_refused_before_its_schema_sees_it(make: Make) -> None:
    tree = "{$defs: {n: {items: {$ref: '#/$defs/n'}}}, $ref: '#/$defs/n'}"
    app = make(table("echo", f"{{validate: {{payload: {tree}}}}}"), SHOW)
    assert send(app, payload=nested(129), headers=JSON).status_code == 400
    assert send(app, payload=nested(128), headers=JSON).status_code == 200


def test_half_a_surrogate_pair_beside_a_long_integer_is_a_replacement_character(make: Make) -> None:
    body = f'{{"n": {LONG}, "s": "\\ud83c"}}'
    assert send(make(table("echo", "{}"), SHOW), payload=body, headers=JSON).json == {
        "data": [{"n": LONG, "s": "\ufffd"}]
    }


@pytest.mark.parametrize("written", ["3.0", "3e0", "30e-1", "0.3E1", "3"])
@pytest.mark.parametrize(
    ("rule", "body", "path"),
    [
        ("{properties: {n: {type: integer}}}", '{"n": %s}', ["n"]),
        ("{properties: {n: {type: [integer, 'null']}}}", '{"n": %s}', ["n"]),
        ("{properties: {n: {enum: [1, 3]}}}", '{"n": %s}', ["n"]),
        ("{properties: {n: {const: 3}}}", '{"n": %s}', ["n"]),
        ("{properties: {n: {$ref: '#/$defs/n'}}, $defs: {n: {type: integer}}}", '{"n": %s}', ["n"]),
        ("{properties: {n: {allOf: [{type: integer}, {minimum: 1}]}}}", '{"n": %s}', ["n"]),
        ("{properties: {n: {anyOf: [{type: integer}, {type: string}]}}}", '{"n": %s}', ["n"]),
        ("{properties: {n: {items: {type: integer}}}}", '{"n": [1, %s]}', ["n", 1]),
        ("{properties: {n: {type: [array, integer], items: {type: integer}}}}", '{"n": %s}', ["n"]),
        ("{properties: {n: {prefixItems: [true, {type: integer}]}}}", '{"n": [1, %s]}', ["n", 1]),
        ("{patternProperties: {'^n': {type: integer}}}", '{"n": %s}', ["n"]),
        ("{additionalProperties: {type: integer}}", '{"n": %s}', ["n"]),
        ("{properties: {a: {properties: {n: {type: integer, default: 1}}}}}", '{"a": {"n": %s}}', ["a", "n"]),
        (
            KINDS,
            *('{"k": "a", "n": %s}', ["n"]),
        ),
        ("{if: {required: [n]}, then: {properties: {n: {type: integer}}}}", '{"n": %s}', ["n"]),
        ("{type: integer}", "%s", []),
        ("{items: {type: integer}}", "[%s]", [0]),
    ],
)
def test_an_integer_is_an_int_whatever_it_was_written_as(
    make: Make, rule: str, body: str, path: list[Any], written: str
) -> None:
    app = make(table("echo", f"{{validate: {{payload: {rule}}}}}"), SHOW)
    answer = send(app, payload=body % written, headers=JSON)
    assert answer.status_code == 200, answer.text
    value = answer.json["data"][0]
    for step in path:
        value = value[step]
    assert (value, type(value)) == (3, int)


@pytest.mark.parametrize(
    "rule",
    [
        "{properties: {n: {type: number}}}",
        "{properties: {n: {type: [integer, number]}}}",
        "{properties: {n: {minimum: 1}}}",
        "true",
        "{properties: {n: {anyOf: [{type: string}, {type: number}]}}}",
        KINDS,
    ],
)
def test_a_number_that_need_not_be_an_integer_stays_as_it_was_written(make: Make, rule: str) -> None:
    app = make(table("echo", f"{{validate: {{payload: {rule}}}}}"), SHOW)
    value = send(app, payload='{"k": "b", "n": 3.0}', headers=JSON).json["data"][0]["n"]
    assert (value, type(value)) == (3.0, float)


@pytest.mark.parametrize("rule", [
    "{anyOf: [{type: integer}, {type: number}]}",
    "{oneOf: [{type: integer, maximum: 5}, {type: number, exclusiveMinimum: 5}]}",
    "{type: number, if: {minimum: 1}, then: {type: integer}}",
])  # fmt: skip
def test_a_number_that_an_alternative_takes_as_an_integer_is_one(make: Make, rule: str) -> None:
    app = make(table("echo", f"{{validate: {{payload: {{properties: {{n: {rule}}}}}}}}}"), SHOW)
    value = send(app, payload='{"n": 3.0}', headers=JSON).json["data"][0]["n"]
    assert (value, type(value)) == (3, int)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{type: integer}", "must be integer"),
        ("{type: number}", "must be number"),
        ("{anyOf: [{type: integer}, {const: all}]}", 'must be integer or "all"'),
    ],
)
def test_a_text_of_too_many_digits_is_told_so(make: Make, rule: str, said: str) -> None:
    options = f"{{validate: {{query: {{properties: {{n: {rule}, l: {{type: array, items: {rule}}}}}}}}}}}"
    app = make(table(options=options, more="server: {json: {maxDigits: 20}}\n").replace("POST", "GET"), SHOW)
    for query, place in ((f"n={'9' * 21}", "/n"), (f"n=1&l=1&l=-{'9' * 21}", "/l/1")):
        [fault] = send(app, "GET", f"/?{query}").json["validation"]["errors"]
        assert (fault["path"], fault["message"]) == (place, f"{said} (an integer has at most 20 digits)")
    [fault] = send(app, "GET", "/?n=x").json["validation"]["errors"]
    assert fault["message"] == said


def test_a_fraction_is_no_integer(make: Make) -> None:
    assert send(make(table(), SHOW), payload='{"n": 3.5}', headers=JSON).status_code == 400


@pytest.mark.parametrize("source", ["query", "params", "headers", "state"])
@pytest.mark.parametrize("kind", ["integer", "number", "[integer, 'null']"])
def test_an_integer_of_text_may_have_so_many_digits_as_the_table_says(make: Make, source: str, kind: str) -> None:
    app = make(
        "server: {json: {maxDigits: 25}}\nroutes: [{method: GET, path: '/{n?}', handler: 'my:both', "
        f"options: {{validate: {{{source}: {{properties: {{n: {{type: {kind}}}}}}}}}}}}}]\n",
        "def both(request, h):\n"
        "    return {'n': (request.query or request.params or request.state or request.headers)['n']}",
    )

    def ask(digits: int) -> Injected:
        number = "9" * digits
        headers = {"headers": {"n": number}, "state": {"cookie": f"n={number}"}}.get(source)
        url = {"query": f"/?n={number}", "params": f"/{number}"}.get(source, "/")
        return send(app, "GET", url, headers=headers)

    assert ask(25).json == {"n": 10**25 - 1}
    assert ask(26).status_code == 400
