"""Unions in requests: bodies with a discriminator, and alternatives of number and text in text inputs."""

import asyncio
from typing import Any

import pytest

from hapiish import Application
from hapiish.testing import Injected, inject
from tests.http.conftest import Make

SHOW = """
def show(request, h):
    return {name: getattr(request, name) for name in ("query", "params", "payload", "state")} | {
        "x": request.headers.get("x-limit")
    }
"""
SCHEMAS = """
schemas:
  Limit: {anyOf: [{type: integer, minimum: 1}, {const: all}]}
  Email: {type: object, properties: {kind: {const: email}, to: {type: string}, urgent: {type: boolean, default: false}},
    required: [kind, to], additionalProperties: false}
  Push: {type: object, properties: {kind: {const: push}, device: {type: integer}, badge: {type: integer, default: 1}},
    required: [kind, device], additionalProperties: false}
  Notice: {oneOf: [{$ref: "#/schemas/Email"}, {$ref: "#/schemas/Push"}]}
  Open: {oneOf: [{properties: {kind: {const: email}, to: {default: me}}, required: [kind]},
    {properties: {kind: {const: push}, badge: {default: 1}}, required: [kind]}]}
"""


def send(app: Application, method: str = "GET", url: str = "/", **given: Any) -> Injected:
    return asyncio.run(inject(app, method=method, url=url, **given))


def table(validate: str, method: str = "POST", path: str = "/", more: str = "") -> str:
    upload = ", payload: {multipart: true}" if method == "POST" else ""
    route = f"{{method: {method}, path: '{path}', handler: 'my:show', options: {{validate: {validate}{more}{upload}}}}}"
    return f"routes:\n- {route}\n{SCHEMAS}"


FORM = {"content-type": "application/x-www-form-urlencoded"}
MULTIPART = {"content-type": "multipart/form-data; boundary=B"}


def parts(**values: str) -> bytes:
    each = [f'--B\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in values.items()]
    return ("".join(each) + "--B--\r\n").encode()


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ({"kind": "email", "to": "ann"}, {"kind": "email", "to": "ann", "urgent": False}),
        ({"kind": "push", "device": 5}, {"kind": "push", "device": 5, "badge": 1}),
        ({"kind": "push", "device": 5, "badge": 2}, {"kind": "push", "device": 5, "badge": 2}),
    ],
)
def test_a_body_gets_the_defaults_of_its_kind_alone(make: Make, sent: Any, seen: Any) -> None:
    answer = send(make(table('{payload: {$ref: "#/schemas/Notice"}}'), SHOW), "POST", payload=sent)
    assert (answer.status_code, answer.json["payload"]) == (200, seen)


@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        ({"kind": "fax"}, [("/kind", 'must be "email" or "push"')]),
        ({"kind": "fax", "to": 5}, [("/kind", 'must be "email" or "push"')]),
        ({"to": "ann"}, [("/kind", "is required")]),
        ({"kind": "push", "to": "ann"}, [("/device", "is required"), ("/to", "is not allowed")]),
        ([], [("", "must be object")]),
    ],
)
def test_a_body_of_no_kind_is_told_the_kinds_and_one_of_a_kind_its_faults(make: Make, sent: Any, errors: Any) -> None:
    app = make(table('{payload: {$ref: "#/schemas/Notice"}}'), SHOW)
    answer = send(app, "POST", payload=sent)
    assert answer.status_code == 400
    assert [(each["path"], each["message"]) for each in answer.json["validation"]["errors"]] == errors


def test_a_form_is_read_as_its_kind_asks(make: Make) -> None:
    app = make(table('{payload: {$ref: "#/schemas/Notice"}}'), SHOW)
    for headers, body in ((FORM, b"kind=push&device=5"), (MULTIPART, parts(kind="push", device="5"))):
        answer = send(app, "POST", headers=headers, payload=body)
        assert answer.json["payload"] == {"kind": "push", "device": 5, "badge": 1}
    answer = send(app, "POST", headers=FORM, payload=b"kind=email&to=5")
    assert answer.json["payload"] == {"kind": "email", "to": "5", "urgent": False}
    answer = send(app, "POST", headers=FORM, payload=b"kind=push&device=5&more=1")
    assert [each["path"] for each in answer.json["validation"]["errors"]] == ["/more"]


def test_a_query_gets_the_defaults_and_types_of_the_branch_that_holds(make: Make) -> None:
    app = make(table('{query: {$ref: "#/schemas/Notice"}}', "GET"), SHOW)
    assert send(app, url="/?kind=push&device=5").json["query"] == {"kind": "push", "device": 5, "badge": 1}
    assert send(app, url="/?kind=email&to=5").json["query"] == {"kind": "email", "to": "5", "urgent": False}
    assert send(app, url="/?kind=fax").json["validation"]["errors"][0]["message"] == 'must be "email" or "push"'


@pytest.mark.parametrize(
    ("text", "seen"), [("10", 10), ("all", "all"), ("0", "must be at least 1"), ("some", 'must be integer or "all"')]
)
def test_a_number_beside_a_word_is_one_in_every_input_of_text(make: Make, text: str, seen: Any) -> None:
    limit = '{properties: {limit: {$ref: "#/schemas/Limit"}}, required: [limit]}'
    header = '{properties: {x-limit: {$ref: "#/schemas/Limit"}}, required: [x-limit]}'
    answers = [
        (send(make(table(f"{{query: {limit}}}", "GET"), SHOW), url=f"/?limit={text}"), "query"),
        (send(make(table(f"{{params: {limit}}}", "GET", "/{limit}"), SHOW), url=f"/{text}"), "params"),
        (send(make(table(f"{{state: {limit}}}", "GET"), SHOW), headers={"cookie": f"limit={text}"}), "state"),
        (send(make(table(f"{{headers: {header}}}", "GET"), SHOW), headers={"x-limit": text}), "x"),
        (
            send(make(table(f"{{payload: {limit}}}"), SHOW), "POST", headers=FORM, payload=f"limit={text}".encode()),
            "payload",
        ),
        (
            send(make(table(f"{{payload: {limit}}}"), SHOW), "POST", headers=MULTIPART, payload=parts(limit=text)),
            "payload",
        ),
    ]
    for answer, source in answers:
        if answer.status_code == 200:
            found = answer.json[source]
            assert (found["limit"] if isinstance(found, dict) else found) == seen
        else:
            assert answer.status_code == 400
            assert [each["message"] for each in answer.json["validation"]["errors"]] == [seen]


def test_a_json_body_is_never_converted_not_even_for_a_branch(make: Make) -> None:
    app = make(table('{payload: {properties: {limit: {$ref: "#/schemas/Limit"}}}}'), SHOW)
    assert send(app, "POST", payload={"limit": 10}).json["payload"] == {"limit": 10}
    assert send(app, "POST", payload={"limit": "10"}).status_code == 400


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("/?ids=1&ids=all", {"ids": [1, "all"]}),
        ("/?ids=1", {"ids": [1]}),
        ("/?owner=", {"owner": None}),
        ("/?owner=4b825dc6-42cb-4eb9-a060-e54bf8d69288", {"owner": "4b825dc6-42cb-4eb9-a060-e54bf8d69288"}),
        ("/?since=1700000000", {"since": 1700000000}),
        ("/?since=2024-01-01T00:00:00Z", {"since": "2024-01-01T00:00:00Z"}),
        ("/?page=2", {"page": 2}),
        ("/?page=last", {"page": "last"}),
        ("/?size=3", {"size": 3}),
        ("/?size=max", {"size": "max"}),
    ],
)
def test_unions_of_a_query_are_read_by_the_first_branch_that_takes_the_text(make: Make, url: str, seen: Any) -> None:
    members = """{ids: {type: array, items: {$ref: "#/schemas/Limit"}},
      owner: {anyOf: [{type: string, format: uuid}, {type: "null"}]},
      since: {anyOf: [{type: string, format: date-time}, {type: integer}]},
      page: {enum: [1, 2, last]}, size: {type: [integer, string], pattern: "^[a-z]+$"}}"""
    app = make(table(f"{{query: {{properties: {members}, additionalProperties: false}}}}", "GET"), SHOW)
    answer = send(app, url=url)
    assert (answer.status_code, answer.json["query"]) == (200, seen)


def test_what_is_stripped_and_refused_goes_by_the_branch_that_holds(make: Make) -> None:
    strip = make(table('{payload: {$ref: "#/schemas/Open"}, options: {stripUnknown: true}}'), SHOW)
    sent = {"kind": "push", "to": "ann", "more": 1}
    assert send(strip, "POST", payload=sent).json["payload"] == {"kind": "push", "badge": 1}
    assert send(strip, "POST", headers=FORM, payload=b"kind=push&to=ann").json["payload"] == {
        "kind": "push",
        "badge": 1,
    }
    refuse = make(table('{payload: {$ref: "#/schemas/Open"}, options: {allowUnknown: false}}'), SHOW)
    answer = send(refuse, "POST", payload=sent)
    assert [each["path"] for each in answer.json["validation"]["errors"]] == ["/more", "/to"]
    assert send(refuse, "POST", payload={"kind": "push"}).json["payload"] == {"kind": "push", "badge": 1}
    none = send(refuse, "POST", payload={"kind": "fax", "to": "ann", "more": 1})
    assert [each["path"] for each in none.json["validation"]["errors"]] == ["/kind", "/more"]


def test_rules_across_inputs_are_told_by_the_branch_that_is_meant(make: Make) -> None:
    rules = """{all: {oneOf: [
      {properties: {query: {properties: {by: {const: id}}, required: [by, id]}}},
      {properties: {query: {properties: {by: {const: name}}, required: [by, name]}}}]}}"""
    app = make(table(rules, "GET"), SHOW)
    assert send(app, url="/?by=id&id=5").status_code == 200
    answer = send(app, url="/?by=name")
    assert [(each["path"], each["message"]) for each in answer.json["validation"]["errors"]] == [
        ("/name", "is required")
    ]
    answer = send(app, url="/?by=age")
    assert [(each["path"], each["message"]) for each in answer.json["validation"]["errors"]] == [
        ("/by", 'must be "id" or "name"')
    ]


def test_an_answer_is_modified_by_the_branch_that_holds(make: Make) -> None:
    code = "def show(request, h):\n    return {'kind': 'push', 'to': 'x'}"
    response = '{schema: {$ref: "#/schemas/Open"}, modify: true, options: {stripUnknown: true}}'
    app = make(table("{}", "GET", more=f", response: {response}").replace("validate: {}, ", ""), code)
    assert send(app).json == {"kind": "push", "badge": 1}


@pytest.mark.parametrize("output", ["data", "file", "stream", "annotated"])
def test_a_form_with_a_file_chooses_its_branch_like_any_other(make: Make, output: str) -> None:
    rules = """{payload: {oneOf: [
      {properties: {kind: {const: photo}, file: {}, width: {type: integer, default: 5}}, required: [kind, file]},
      {properties: {kind: {const: link}, url: {type: string}, depth: {default: 1}}, required: [kind, url]}]}}"""
    code = "def show(request, h):\n    return sorted(request.payload), request.payload['width']"
    text = table(rules).replace("multipart: true", f"multipart: {{output: {output}}}")
    if output == "annotated":
        text = text.replace("{const: photo}", "{properties: {payload: {const: photo}}}").replace(
            "{const: link}", "{properties: {payload: {const: link}}}"
        )
    file = (
        b'--B\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n'
        b"content-type: application/octet-stream\r\n\r\n\x01\x02\r\n"
    )
    answer = send(make(text, code), "POST", headers=MULTIPART, payload=file + parts(kind="photo"))
    assert (answer.status_code, answer.json) == (200, [["file", "kind", "width"], 5])
