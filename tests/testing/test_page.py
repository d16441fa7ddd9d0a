"""The tests and the table of docs/testing.md pass as they stand there."""

import re
from pathlib import Path

import pytest

from hapiish.cli import main
from tests.chat.callers import ROUTES, SECRET

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
NOTES = """
from hapiish import boom
from mongoengine import Document, StringField

class Note(Document):
    text = StringField()

def create(request, h):
    note = Note(text=request.payload["text"]).save()
    return h.response({"id": str(note.id), "text": note.text}).code(201)

def read(request, h):
    note = Note.objects(id=request.params["id"]).first()
    if note is None:
        raise boom.NotFound("There is no such note", code="not_found")
    return {"id": str(note.id), "text": note.text}
"""


@pytest.mark.parametrize("number", [1, 2])
def test_the_tests_of_the_page_pass(
    pytester: pytest.Pytester, mongo_server: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv("HAPIISH_TEST_DATABASE", mongo_server)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    tests = [text for language, text in BLOCKS if language == "python" and "def test_" in text]
    settings = next(text for language, text in BLOCKS if language == "toml")
    overridden = next(text for _, text in BLOCKS if "def hapiish_env" in text)
    pytester.path.joinpath("pyproject.toml").write_text(settings.replace('"routes.yaml"', f'"{ROUTES}"'))
    if number == 2:
        pytester.path.joinpath("conftest.py").write_text(overridden)
    for index, text in enumerate(tests):
        pytester.path.joinpath(f"test_{index}.py").write_text(text)
    result = pytester.runpytest_subprocess("-p", "hapiish.pytest_plugin")
    result.assert_outcomes(passed=4)


def test_the_examples_of_the_page_pass(
    tmp_path: Path, mongo_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert SECRET in PAGE
    monkeypatch.chdir(tmp_path)
    (table,) = (text for language, text in BLOCKS if language == "yaml" and "routes:" in text)
    text = table.replace("models.note:", "notes:").replace("handlers.notes:", "notes:")
    tmp_path.joinpath("routes.yaml").write_text(text)
    tmp_path.joinpath("notes.py").write_text(NOTES)
    assert main(["test", "--database", mongo_server]) == 0, capsys.readouterr().out
    assert "3 passed" in capsys.readouterr().out
