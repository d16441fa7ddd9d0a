"""`hapiish test --contract`: responses are compared with the OpenAPI document of the table."""

from pathlib import Path

import pytest

from hapiish import table
from hapiish.cli import contract, main
from hapiish.describe.openapi import openapi
from tests.chat.callers import ROUTES, SECRET

TABLE = """
hapiish: 1
auth:
  schemes: {key: "shop:scheme"}
  strategies: {key: {scheme: key}}
schemas: {New: {type: object, required: [n], properties: {n: {type: integer, minimum: 1}}, additionalProperties: false}}
routes:
  - method: POST
    path: /things
    handler: "shop:create"
    options:
      validate: {payload: {$ref: "#/schemas/New"}}
      response: {status: {"200": {$ref: "#/schemas/New"}}}
  - method: GET
    path: /things/{id}
    handler: "shop:read"
    options:
      validate: {params: {type: object, properties: {id: {type: integer, minimum: 1, maximum: 9}}}}
      response: {status: {"200": {$ref: "#/schemas/New"}}}
  - {method: GET, path: /mine, handler: "shop:mine", options: {auth: key}}
"""
CODE = """
from hapiish import boom

async def create(request, h):
    return request.payload

async def read(request, h):
    return {"n": request.params["id"]}

async def mine(request, h):
    return {}

def scheme(server, options):
    return Key()

class Key:
    async def authenticate(self, request, h):
        raise boom.Unauthorized("No key")
"""
READ = 'return {"n": request.params["id"]}'
OPEN = "GET /mine: Accepted without credentials (200)"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table and handlers."""
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("routes.yaml").write_text(TABLE)
    tmp_path.joinpath("shop.py").write_text(CODE)
    return tmp_path


def test_the_chat_keeps_its_contract(
    mongo_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JWT_SECRET", SECRET)
    arguments = ["--contract", "--max-examples", "1", "--database", mongo_server]
    status, said = main(["test", str(ROUTES), *arguments]), capsys.readouterr().out
    assert status == 0, said
    operations = sum(map(len, openapi(table.load(ROUTES)).document["paths"].values()))
    assert f"{operations} operations" in said


def test_a_table_that_keeps_its_contract_passes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "--contract"]) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "without credentials, because no example that succeeds has any: GET /mine" in said
    assert "3 operations" in said
    assert "0 faults" in said


def test_an_application_may_draw_random_numbers_at_any_time(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draws = """
import random, threading
threading.Thread(target=lambda: [random.random() for _ in range(3_000_000)]).start()
"""
    project.joinpath("shop.py").write_text(CODE + draws)
    assert main(["test", "--contract", "--max-examples", "20"]) == 0, capsys.readouterr().out


def test_an_operation_for_which_no_text_can_be_generated_is_left_out_with_a_remark(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = TABLE.replace("properties: {n:", 'properties: {name: {type: string, pattern: "^[\\\\p{Cc}a]$"}, n:', 1)
    project.joinpath("routes.yaml").write_text(named)
    assert main(["test", "--contract", "--max-examples", "5"]) == 0, capsys.readouterr().out
    said = capsys.readouterr().out
    assert "not tested: POST /things: Failed to generate test cases" in said
    assert "3 operations" in said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (READ, "return [][5]", ["GET /things/{id}: Server error (500)", "IndexError: list"]),
        (READ, 'return {"m": 1}', ["GET /things/{id}: Server error (500)"]),
        ('raise boom.Unauthorized("No key")', "return h.authenticated(credentials={})", [OPEN]),
        ("return request.payload", 'return h.response("<p>").type("text/html")', ["POST /things", "(500)"]),
    ],
)  # fmt: skip
def test_a_response_that_contradicts_the_document_is_a_fault(
    project: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, said: list[str]
) -> None:
    project.joinpath("shop.py").write_text(CODE.replace(before, after))
    assert main(["test", "--contract", "--max-examples", "5"]) == 1
    text = capsys.readouterr().out
    assert [part for part in said if part not in text] == []


def test_a_request_that_the_document_forbids_must_be_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project.joinpath("routes.yaml").write_text(
        TABLE.replace("validate: {payload", "validate: {failAction: ignore, payload")
    )
    project.joinpath("shop.py").write_text(CODE.replace("return request.payload", 'return {"n": 1}'))
    assert main(["test", "--contract"]) == 1
    assert "POST /things: Schema-violating request accepted (200)" in capsys.readouterr().out


def test_the_run_is_repeatable(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project.joinpath("shop.py").write_text(CODE.replace(READ, "return 1 / 0"))
    said = []
    for _ in range(2):
        assert main(["test", "--contract", "--seed", "7", "-v"]) == 1
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


def test_a_missing_package_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contract, "is_installed", lambda module: False)
    assert main(["test", "--contract"]) == 2
    assert 'pip install "hapiish[contract]"' in capsys.readouterr().err


def test_a_database_that_cannot_be_used_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = project.joinpath("routes.yaml").read_text()
    project.joinpath("routes.yaml").write_text(f"database: {{}}\n{text}")
    assert main(["test", "--contract", "--database", "http://localhost"]) == 2
    assert "hapiish: the database cannot be used" in capsys.readouterr().err


def test_a_table_that_cannot_be_served_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project.joinpath("shop.py").write_text(CODE.replace("async def mine", "async def another"))
    assert main(["test", "--contract"]) == 2
    said = capsys.readouterr().err
    assert "shop:mine" in said
    assert "routes.yaml: the table cannot be served" in said
