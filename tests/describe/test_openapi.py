"""`hapiish openapi` describes what a table's routes really accept and answer, and its documents are valid."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from hapiish.cli import main
from hapiish.describe.openapi import document, openapi
from hapiish.describe.openapi.paths import templates
from hapiish.table import check, load
from tests import test_sharing as sharing
from tests.describe.plain_chat import plain_chat

ROOT = Path(__file__).parent.parent.parent
ENV = {"JWT_SECRET": "0123456789abcdef0123456789abcdef"}
PROJECTS = sorted((ROOT / "tests" / "projects").glob("*/routes.yaml"))


def made(tmp_path: Path, text: str, **given: Any) -> dict[str, Any]:
    (tmp_path / "routes.yaml").write_text(text)
    found = document(load(tmp_path / "routes.yaml", ENV), **given)
    valid(found)
    return found


def valid(found: dict[str, Any]) -> None:
    validator = import_module("openapi_spec_validator").OpenAPIV31SpecValidator
    assert [error.message for error in validator(found).iter_errors()] == []


def operation(
    tmp_path: Path, options: str = "{}", *, method: str = "POST", path: str = "/a", more: str = ""
) -> dict[str, Any]:
    text = f"routes: [{{method: '{method}', path: '{path}', handler: 'my:f', options: {options}}}]\n{more}"
    item = next(iter(made(tmp_path, text)["paths"].values()))
    found: dict[str, Any] = item[method.lower()]
    return found


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return document(load(plain_chat(tmp_path_factory.mktemp("chat")), ENV))


def test_the_chat_has_a_valid_document(chat: dict[str, Any]) -> None:
    valid(chat)
    assert chat["openapi"] == "3.1.0"
    assert chat["info"]["title"] == "Chat"
    assert chat["paths"].keys() > {"/register", "/login", "/friends", "/conversations", "/messages/{conversationId}"}


@pytest.mark.parametrize("file", PROJECTS, ids=lambda file: file.parent.name)
def test_every_table_that_checks_has_a_valid_document(file: Path) -> None:
    table, _ = check(file, {**ENV})
    if table is not None:
        valid(document(table))


def test_schema_names_are_components(chat: dict[str, Any]) -> None:
    create = chat["paths"]["/messages/{conversationId}"]["post"]
    assert create["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/NewMessage"}
    message = chat["components"]["schemas"]["Message"]
    assert message["properties"]["_id"] == {"$ref": "#/components/schemas/Id"}
    assert "OfConversation" not in chat["components"]["schemas"]  # no part of the document refers to it


def test_parameters_have_their_types_defaults_and_names(chat: dict[str, Any]) -> None:
    index = chat["paths"]["/messages/{conversationId}"]["get"]
    assert index["parameters"] == [
        {"name": "conversationId", "in": "path", "required": True, "schema": {"$ref": "#/components/schemas/Id"}},
        {"name": "before", "in": "query", "schema": {"$ref": "#/components/schemas/Seq"}},
        {"name": "after", "in": "query", "schema": {"$ref": "#/components/schemas/Seq"}},
        {
            "name": "limit",
            "in": "query",
            "schema": {"type": "integer", "minimum": 1, "maximum": 200, "default": 200},
            "example": 10,
        },
    ]


def test_errors_are_those_of_the_route_with_their_bodies(chat: dict[str, Any]) -> None:
    responses = chat["paths"]["/messages/{conversationId}"]["post"]["responses"]
    assert set(responses) >= {"200", "201", "400", "401", "408", "413", "415", "429", "500", "503", "default"}
    limited = chat["components"]["responses"][responses["429"]["$ref"].rpartition("/")[2]]
    assert limited["headers"].keys() >= {"retry-after", "ratelimit", "ratelimit-policy"}
    (shown,) = limited["content"]["application/json"]["examples"].values()
    assert shown["value"]["code"] == "too_many_requests"
    assert limited["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}


def test_errors_of_the_handler_are_those_that_the_table_declares(chat: dict[str, Any]) -> None:
    responses = chat["paths"]["/conversations"]["post"]["responses"]
    assert responses["403"]["description"] == "One of you has blocked the other (`blocked`)"
    assert "`conversation_exists`" in responses["422"]["description"]
    assert chat["paths"]["/blocks/{userId}"]["delete"]["responses"]["204"].keys() == {"description", "headers"}


def test_whole_examples_of_the_table_are_examples_of_the_document(chat: dict[str, Any]) -> None:
    register = chat["paths"]["/register"]["post"]["requestBody"]["content"]["application/json"]
    assert register["examples"]["ann-registers"]["value"]["email"] == "ann@example.org"
    assert "a-short-password" not in register["examples"]  # it is refused


def test_an_example_of_an_error_declares_its_status(tmp_path: Path) -> None:
    example = "{name: It is gone, response: {status: 410, payload: {code: gone, message: Too late}}}"
    gone = operation(tmp_path, f"{{examples: [{example}, {{response: {{status: 202}}}}]}}")["responses"]
    assert gone["410"]["content"]["application/json"]["examples"]["it-is-gone"] == {
        "summary": "It is gone",
        "value": {"statusCode": 410, "error": "Gone", "message": "Too late", "code": "gone"},
    }
    assert gone["202"]["description"] == "Accepted"


def test_an_example_with_a_reference_or_a_part_of_a_response_is_left_out(tmp_path: Path) -> None:
    rules = "validate: {payload: {type: object}}, response: {schema: {type: object, required: [a, b]}}"
    examples = """[
      {name: first, request: {payload: {a: 1}}, response: {payload: {a: 1}}},
      {name: second, given: {o: first}, request: {payload: {a: '{o.payload.a}'}}, response: {payload: {a: 1, b: 2}}},
      {name: third, response: {payload: {a: {$match: {type: integer}}, b: 2}}}]"""
    found = operation(tmp_path, f"{{{rules}, examples: {examples}}}")
    assert list(found["requestBody"]["content"]["application/json"]["examples"]) == ["first"]
    assert list(found["responses"]["200"]["content"]["application/json"]["examples"]) == ["second"]


def test_strategies_are_security_schemes(chat: dict[str, Any]) -> None:
    assert chat["components"]["securitySchemes"] == {
        "session": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    assert chat["paths"]["/friends"]["get"]["security"] == [{"session": []}]
    assert chat["paths"]["/login"]["post"]["security"] == []


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/a", ["/a"]),
        ("/", ["/"]),
        ("/a/", ["/a/"]),
        ("/{p}", ["/{p}"]),
        ("/u/{p?}", ["/u/{p}", "/u"]),
        ("/{p?}", ["/{p}", "/"]),
        ("/f/{p*}", ["/f/{p}", "/f"]),
        ("/{p*}", ["/{p}", "/"]),
        ("/{p*2}/x", ["/{p_1}/{p_2}/x"]),
        ("/{p*2}/{p_1}", ["/{p_1_}/{p_2}/{p_1}"]),
        ("/{a}.{b}", ["/{a}.{b}"]),
        ("/{a}.{b?}", ["/{a}.{b}", "/{a}."]),
        ("/v{a}-{b}/c", ["/v{a}-{b}/c"]),
    ],
)
def test_every_form_of_path_has_its_templates(path: str, texts: list[str]) -> None:
    assert [each.text for each in templates(path)] == texts


def test_a_rest_parameter_says_that_it_may_contain_slashes(tmp_path: Path) -> None:
    found = made(tmp_path, "routes: [{method: GET, path: '/f/{p*}', handler: 'my:f', id: f}]")
    assert found["paths"]["/f/{p}"]["get"]["parameters"][0]["description"] == "The rest of the path, slashes included"
    assert found["paths"]["/f"]["get"]["operationId"] == "f.without-p"


def test_paths_that_differ_in_names_of_parameters_are_one_item(tmp_path: Path) -> None:
    text = (
        "routes: [{method: GET, path: '/u/{id}', handler: 'my:f'}, {method: PUT, path: '/u/{name}', handler: 'my:f'}]"
    )
    found = made(tmp_path, text)["paths"]
    assert list(found) == ["/u/{id}"]
    assert found["/u/{id}"]["put"]["parameters"][0]["name"] == "id"
    assert found["/u/{id}"]["put"]["parameters"][0]["description"] == "`name` of the route /u/{name}"


def test_the_router_s_choice_has_the_template_of_several_routes(tmp_path: Path) -> None:
    text = (
        "routes: [{method: GET, path: '/{p*}', handler: 'my:f', id: a}, {method: GET, path: /, handler: 'my:f', id: b}]"
    )
    found = made(tmp_path, text)["paths"]
    assert found["/"]["get"]["operationId"] == "b"
    assert found["/{p}"]["get"]["operationId"] == "a"


def test_a_host_has_a_document_of_its_own(tmp_path: Path) -> None:
    text = """
routes:
  - {method: GET, path: /, handler: 'my:f', id: a, vhost: a.test}
  - {method: GET, path: /, handler: 'my:f', id: b, vhost: b.test}
  - {method: GET, path: /c, handler: 'my:f', id: c}
"""
    (tmp_path / "routes.yaml").write_text(text)
    both = openapi(load(tmp_path / "routes.yaml", ENV))
    assert both.document["paths"]["/"]["get"]["servers"] == [{"url": "https://a.test"}]
    assert both.remarks == ("GET / (host b.test): / has its place; write a document for each host with --vhost",)
    one = openapi(load(tmp_path / "routes.yaml", ENV), vhost="b.test")
    assert {path: item["get"]["operationId"] for path, item in one.document["paths"].items()} == {"/": "b", "/c": "c"}
    assert one.remarks == ()


def test_internal_routes_are_left_out(tmp_path: Path) -> None:
    assert (
        made(tmp_path, "routes: [{method: GET, path: /, handler: 'my:f', options: {isInternal: true}}]")["paths"] == {}
    )


@pytest.mark.parametrize(
    ("auth", "security"),
    [
        ("false", []),
        ("one", [{"one": []}]),
        ("{strategies: [one, two]}", [{"one": []}, {"two": []}]),
        ("{strategy: one, mode: optional}", [{"one": []}, {}]),
        ("{strategy: one, mode: try}", [{"one": []}, {}]),
        ("{strategy: one, scope: [a, b]}", [{"one": ["a"]}, {"one": ["b"]}]),
        ("{strategy: one, scope: ['+a', '+b', '!c']}", [{"one": ["a", "b"]}]),
        ("{strategy: one, access: [{scope: [a]}, {entity: user}]}", [{"one": ["a"]}, {"one": []}]),
    ],
)
def test_access_rules_are_requirements(tmp_path: Path, auth: str, security: list[Any]) -> None:
    more = """
auth:
  strategies:
    one: {scheme: basic, options: {validate: 'my:v'}}
    two: {scheme: apiKey, options: {validate: 'my:v', query: key}}
"""
    assert operation(tmp_path, f"{{auth: {auth}}}", more=more)["security"] == security


def test_every_scheme_is_described(tmp_path: Path) -> None:
    password = "0123456789abcdef0123456789abcdef"
    text = f"""
auth:
  schemes: {{hawk: 'my:hawk'}}
  strategies:
    basic: {{scheme: basic, options: {{validate: 'my:v'}}}}
    key: {{scheme: apiKey, options: {{validate: 'my:v'}}}}
    crumb: {{scheme: jwt, options: {{keys: {password}, cookieName: token}}}}
    header: {{scheme: jwt, options: {{keys: {password}, headerName: x-token}}}}
    sid: {{scheme: cookie, options: {{cookie: {{password: {password}}}}}}}
    github: {{scheme: oauth2, options: {{provider: github, clientId: x, cookie: {{password: {password}}}}}}}
    google: {{scheme: oauth2, options: {{provider: google, clientId: x, cookie: {{password: {password}}}}}}}
    own: {{scheme: hawk}}
    told: {{scheme: hawk, x-openapi: {{type: mutualTLS}}}}
routes:
  - method: GET
    path: /
    handler: 'my:f'
    options: {{auth: {{strategies: [basic, key, crumb, header, sid, github, google, own, told]}}}}
"""
    schemes = made(tmp_path, text)["components"]["securitySchemes"]
    assert {name: (each["type"], each.get("in"), each.get("name")) for name, each in schemes.items()} == {
        "basic": ("http", None, None),
        "key": ("apiKey", "header", "x-api-key"),
        "crumb": ("apiKey", "cookie", "token"),
        "header": ("apiKey", "header", "x-token"),
        "sid": ("apiKey", "cookie", "sid"),
        "github": ("oauth2", None, None),
        "google": ("openIdConnect", None, None),
        "own": ("http", None, None),
        "told": ("mutualTLS", None, None),
    }
    assert password not in json.dumps(schemes)


def test_x_keys_reach_the_document(tmp_path: Path) -> None:
    text = """
info: {title: T, version: '1', x-logo: {url: /l.svg}}
x-tagGroups: [{name: All, tags: [t]}]
schemas: {S: {type: object, x-nullable: true}}
routes:
  - method: POST
    path: /
    handler: 'my:f'
    x-codegen: {a: 1}
    options: {x-badge: new, tags: [t], validate: {payload: {$ref: '#/schemas/S'}}}
"""
    found = made(tmp_path, text)
    post = found["paths"]["/"]["post"]
    assert found["info"]["x-logo"] == {"url": "/l.svg"}
    assert found["x-tagGroups"] == [{"name": "All", "tags": ["t"]}]
    assert (post["x-codegen"], post["x-badge"]) == ({"a": 1}, "new")
    assert found["components"]["schemas"]["S"]["x-nullable"] is True


def test_a_deprecated_route_says_so(tmp_path: Path) -> None:
    found = operation(tmp_path, "{deprecated: {since: 2026-01-31, sunset: 2027-01-31, link: /why}}")
    assert found["deprecated"] is True
    assert "Deprecated since 2026-01-31; it may stop working after 2027-01-31. See /why." in found["description"]
    assert found["responses"]["2XX"]["headers"].keys() >= {"deprecation", "sunset", "link"}


def test_an_own_error_body_replaces_hapiish_s(tmp_path: Path) -> None:
    found = made(
        tmp_path,
        "routes: [{method: GET, path: /, handler: 'my:f', options: {response: {errors: "
        "{body: 'my:b', type: application/problem+json}}}}]",
    )
    error = found["components"]["responses"]["InternalServerError"]
    assert error["content"] == {"application/problem+json": {}}
    assert "schemas" not in found["components"]


def test_a_schema_that_refers_to_itself_is_a_component(tmp_path: Path) -> None:
    body = "{validate: {payload: {type: object, properties: {next: {$ref: '#'}}}}}"
    found = made(tmp_path, f"routes: [{{method: POST, path: /, handler: 'my:f', id: a, options: {body}}}]")
    key = "a.payload"
    assert found["components"]["schemas"][key]["properties"]["next"] == {"$ref": f"#/components/schemas/{key}"}


def test_names_that_openapi_does_not_allow_get_keys_that_it_does(tmp_path: Path) -> None:
    text = """
schemas: {'My Thing': {type: string}, My.Thing: {type: integer}, Error: {type: boolean}}
routes:
  - method: POST
    path: /
    handler: 'my:f'
    options:
      validate:
        payload:
          properties: {a: {$ref: '#/schemas/My%20Thing'}, b: {$ref: '#/schemas/My.Thing'}, c: {$ref: '#/schemas/Error'}}
"""
    schemas = made(tmp_path, text)["components"]["schemas"]
    assert {key: each.get("type") for key, each in schemas.items()} == {
        "My.Thing": "string",
        "My.Thing_": "integer",
        "Error": "boolean",
        "ErrorBody": "object",
    }


def test_the_command_writes_yaml_and_json_and_compares(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "routes.yaml").write_text("routes: [{method: GET, path: /, handler: 'my:f'}]")
    assert main(["openapi"]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert main(["openapi", "--output", "openapi.json"]) == 0
    assert json.loads((tmp_path / "openapi.json").read_text()) == shown
    assert main(["openapi", "-o", "openapi.json", "--check"]) == 0
    (tmp_path / "routes.yaml").write_text("routes: [{method: GET, path: /other, handler: 'my:f'}]")
    assert main(["openapi", "-o", "openapi.json", "--check"]) == 1
    assert "openapi.json is not up to date" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["GET", "POST", "*"])
def test_every_option_of_a_route_has_a_valid_document(tmp_path: Path, method: str) -> None:
    table = sharing.HEAD + "routes:\n"
    for number, options in enumerate(sharing.CHOICES):
        if method != "GET" or not options.startswith(
            ("{payload", "{csrf", "{validate: {payload", "{auth: {strategy: one, payload")
        ):
            table += sharing.ROUTE.format(method=method, path=f"/{number}/{{id?}}", options=options)
    (tmp_path / "routes.yaml").write_text(table)
    (tmp_path / "my.py").write_text(sharing.CODE)
    loaded, problems = check(tmp_path / "routes.yaml", ENV)
    assert loaded is not None, problems
    valid(document(loaded))
