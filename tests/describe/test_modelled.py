"""With `--import`, the routes of resources have the schemas of their models' fields."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hapiish.cli import main

TODO = Path(__file__).parent.parent / "projects" / "todo"


def written(folder: Path, *arguments: str) -> dict[str, Any]:
    assert main(["openapi", str(folder / "routes.yaml"), "-o", str(folder / "openapi.json"), *arguments]) == 0
    found: dict[str, Any] = json.loads((folder / "openapi.json").read_text())
    return found


@pytest.fixture
def todo(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TODO, tmp_path / "todo"))


def test_documents_inputs_and_answers_have_the_fields_of_the_model(todo: Path) -> None:
    found = written(todo, "--import")
    board = found["components"]["schemas"]["Board"]
    assert board["properties"]["slug"] == {"type": "string", "maxLength": 40, "pattern": "^(?:[a-z][a-z0-9-]*$)"}
    assert board["required"] == ["_id", "slug", "title", "userId"]
    create = found["paths"]["/boards"]["post"]
    payload = create["requestBody"]["content"]["application/json"]["schema"]
    assert set(payload["properties"]) == {"slug", "title"}  # the owner is the server's
    created = create["responses"]["201"]
    assert created["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Board"}
    assert created["headers"].keys() >= {"location", "etag"}
    page = found["paths"]["/boards"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert page["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Board"}
    assert found["paths"]["/boards/{slug}"]["get"]["parameters"][0]["schema"]["maxLength"] == 40


def test_without_import_the_documents_are_objects(todo: Path) -> None:
    found = written(todo)
    assert "Board" not in found["components"]["schemas"]
    answer = found["paths"]["/boards/{slug}"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"] == {"type": "object"}


def test_a_model_that_cannot_be_imported_is_a_problem_with_its_place(
    todo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (todo / "models" / "todo.py").write_text("raise RuntimeError('broken')")
    assert main(["openapi", str(todo / "routes.yaml"), "--import"]) == 1
    assert "broken" in capsys.readouterr().err
