"""The documents of a table agree with what its application answers."""

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hapiish import create_app
from hapiish.describe.openapi import document
from hapiish.table import load
from hapiish.testing import inject

ROOT = Path(__file__).parent.parent.parent
SECRET = "0123456789abcdef0123456789abcdef"
CODE = """
from hapiish import boom

async def echo(request, h):
    return {"params": request.params, "query": request.query, "payload": request.payload}

async def teapot(request, h):
    raise boom.Teapot("Short and stout", code="teapot")

async def empty(request, h):
    return None

async def slow(request, h):
    import asyncio
    await asyncio.sleep(60)

def check(request, name, password, h):
    return {"isValid": password == "right", "credentials": {"id": name, "scope": [name]}}

def own(body, request):
    return {"wrong": body["statusCode"]}
"""
TABLE = """
auth: {strategies: {basic: {scheme: basic, options: {validate: 'my:check'}}}}
state: {sid: {encoding: base64json}}
routes:
  - {method: POST, path: /plain, handler: 'my:echo'}
  - {method: GET, path: /guarded, handler: 'my:echo', options: {auth: {strategy: basic, scope: [ann]}}}
  - {method: GET, path: /limited, handler: 'my:echo', options: {limit: {max: 1, duration: 1h, by: address}}}
  - {method: GET, path: /slow, handler: 'my:slow', options: {timeout: {server: 20}}}
  - {method: GET, path: /empty, handler: 'my:empty', options: {response: {status: {204: true}}}}
  - {method: GET, path: /tea, handler: 'my:teapot', options: {response: {status: {418: {description: Tea}}}}}
  - {method: GET, path: /other, handler: 'my:teapot'}
  - {method: GET, path: /own, handler: 'my:teapot', options: {response: {errors: 'my:own'}}}
  - method: POST
    path: /checked/{id}
    handler: 'my:echo'
    options:
      payload: {maxBytes: 100, allow: [application/json]}
      csrf: {restful: true}
      validate: {params: {properties: {id: {type: integer}}}, payload: {type: object, required: [a]}, status: 422}
  - method: GET
    path: /queried
    handler: 'my:echo'
    options:
      validate:
        query:
          type: object
          properties: {n: {type: integer, minimum: 1}, b: {type: boolean}, l: {type: array, items: {type: number}}}
          additionalProperties: false
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("conform")
    (made / "my.py").write_text(CODE)
    (made / "routes.yaml").write_text(TABLE)
    return made


class Documented:
    """An application with its document; `ask` sends a request and compares the answer."""

    def __init__(self, file: Path, env: dict[str, str]) -> None:
        self.document = document(load(file, env))
        self.app = create_app(file, env=env)

    async def ask(self, method: str, url: str, **given: Any) -> Any:
        response = await inject(self.app, method=method, url=url, **given)
        self.conforms(method, url.partition("?")[0], response)
        return response

    def conforms(self, method: str, path: str, response: Any) -> None:
        """Asserts that the document has the response: status, media type, schema, headers, and an error's reason."""
        operation = self.operation(method, path)
        described = operation["responses"].get(str(response.status_code))
        is_listed = described is not None
        described = described or operation["responses"].get(f"{response.status_code // 100}XX")
        described = self.resolved(described or operation["responses"]["default"])
        for name, header in described.get("headers", {}).items():
            assert not self.resolved(header).get("required") or name in response.headers, (name, response.headers)
        content = described.get("content", {})
        if not content:
            assert response.payload == b""
            return
        if "*/*" in content:
            return
        media = response.headers["content-type"].partition(";")[0]
        schema = content[media].get("schema", True)
        whole = {**schema, "components": self.document["components"]} if isinstance(schema, dict) else schema
        jsonschema.Draft202012Validator(whole).validate(response.json)
        if response.status_code >= 400 and is_listed and "examples" in content[media]:
            shown = [each["value"] for each in content[media]["examples"].values()]
            known = {(each["message"], each.get("code")) for each in shown}
            assert (response.json["message"], response.json.get("code")) in known

    def operation(self, method: str, path: str) -> dict[str, Any]:
        for template, item in self.document["paths"].items():
            if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path) and method.lower() in item:
                found: dict[str, Any] = item[method.lower()]
                return found
        raise AssertionError(f"{method} {path} is not in the document")

    def resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in value:
            return value
        found: Any = self.document
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return self.resolved(found)


@pytest.fixture
def made(folder: Path) -> Documented:
    return Documented(folder / "routes.yaml", {})


def basic(name: str, password: str) -> dict[str, str]:
    from base64 import b64encode

    return {"authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode()}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "url", "given", "status"),
    [
        ("POST", "/plain", {"payload": {"a": 1}}, 200),
        ("POST", "/plain", {"payload": "{", "headers": {"content-type": "application/json"}}, 400),
        ("POST", "/plain", {"payload": "x", "headers": {"content-type": "x"}}, 400),
        ("POST", "/plain", {"payload": "x", "headers": {"content-type": "image/png"}}, 415),
        ("POST", "/plain", {"payload": "x" * 2_000_000, "headers": {"content-type": "text/plain"}}, 413),
        ("POST", "/plain", {"headers": {"cookie": "sid=%"}}, 400),
        ("GET", "/guarded", {}, 401),
        ("GET", "/guarded", {"headers": basic("ann", "wrong")}, 401),
        ("GET", "/guarded", {"headers": basic("bob", "right")}, 403),
        ("GET", "/guarded", {"headers": basic("ann", "right")}, 200),
        ("GET", "/guarded", {"headers": {"authorization": "Basic"}}, 400),
        ("GET", "/slow", {}, 503),
        ("GET", "/empty", {}, 204),
        ("GET", "/tea", {}, 418),
        ("GET", "/other", {}, 418),
        ("GET", "/own", {}, 418),
        ("POST", "/checked/7", {"payload": {"a": 1}}, 403),
        ("POST", "/checked/7", {"payload": {"a": "x" * 200}}, 413),
        ("GET", "/queried?n=2&b=true&l=1&l=2", {}, 200),
        ("GET", "/queried?n=x", {}, 400),
        ("GET", "/queried?m=1", {}, 400),
    ],
)
async def test_an_answer_is_in_the_document(
    made: Documented, method: str, url: str, given: dict[str, Any], status: int
) -> None:
    assert (await made.ask(method, url, **given)).status_code == status


@pytest.mark.anyio
async def test_a_limited_answer_is_in_the_document(made: Documented) -> None:
    statuses = [(await made.ask("GET", "/limited")).status_code for _ in range(2)]
    assert statuses == [200, 429]


QUERIES = st.fixed_dictionaries(
    {}, optional={"n": st.text(max_size=3) | st.integers().map(str), "b": st.text(max_size=4), "x": st.text(max_size=2)}
)


@pytest.mark.anyio
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=QUERIES)
async def test_a_query_is_accepted_if_and_only_if_its_parameters_are(made: Documented, query: dict[str, str]) -> None:
    from urllib.parse import urlencode

    response = await made.ask("GET", f"/queried?{urlencode(query)}")
    parameters = {each["name"]: each["schema"] for each in made.operation("GET", "/queried")["parameters"]}
    accepted = all(name in parameters and accepts(parameters[name], text) for name, text in query.items())
    assert (response.status_code == 200) == accepted


def accepts(schema: dict[str, Any], text: str) -> bool:
    """Returns whether a text is valid as a value of the schema's type, as a client would write it."""
    if schema["type"] == "boolean":
        return text.lower() in ("true", "false")
    return re.fullmatch("-?(0|[1-9][0-9]*)", text) is not None and int(text) >= schema["minimum"]


@pytest.mark.anyio
async def test_errors_before_a_handler_are_listed_by_their_reasons(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(CODE)
    (tmp_path / "files").mkdir()
    (tmp_path / "routes.yaml").write_text("""
routes:
  - {method: GET, path: '/files/{rest*}', handler: {directory: {path: files}}}
  - {method: GET, path: '/{first}.{second}', handler: 'my:echo', options: {response: {status: {200: true}}}}
  - {method: POST, path: /packed, handler: 'my:echo', options: {payload: {parse: gunzip}}}
""")
    made = Documented(tmp_path / "routes.yaml", {})
    packed = {"content-encoding": "gzip", "content-type": "text/plain"}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/files/%zz", {}),
        ("GET", "/%ff.a", {}),
        ("POST", "/packed", {"payload": "not gzip", "headers": packed}),
    ]
    for method, url, more in asked:
        response = await made.ask(method, url, **more)
        assert response.status_code == 400
        assert "400" in made.operation(method, url)["responses"], url
