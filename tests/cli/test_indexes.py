"""`hapiish indexes` on a real database."""

from pathlib import Path

import pytest
from pymongo import MongoClient

from hapiish.cli import main

TABLE = """
hapiish: 1
database: {uri: "${PAPERS_URI:}", name: papers}
models: {Paper: "papers:Paper"}
routes: []
"""
MODELS = """
from mongoengine import Document, IntField, StringField

class Paper(Document):
    title = StringField(unique=True)
    year = IntField()
    meta = {"collection": "papers", "indexes": ["-year"]}
"""


@pytest.fixture
def table(tmp_path: Path, mongo_uri: str, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "papers.py").write_text(MODELS)
    path = tmp_path / "routes.yaml"
    path.write_text(TABLE)
    monkeypatch.setenv("PAPERS_URI", mongo_uri)
    with MongoClient[dict[str, object]](mongo_uri) as client:
        client.get_default_database().drop_collection("papers")
    return str(path)


def test_missing_ones_are_listed_then_built(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["indexes", table]) == 1
    assert capsys.readouterr().out.splitlines() == ["missing   papers (year desc)", "missing   papers (title) unique"]
    assert main(["indexes", table, "--apply"]) == 0
    assert capsys.readouterr().out.splitlines() == ["built     papers (year desc)", "built     papers (title) unique"]
    assert main(["indexes", table]) == 0
    assert capsys.readouterr().out == ""


def test_what_is_changed_or_unneeded_stays_until_drop_is_said(
    table: str, mongo_uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with MongoClient[dict[str, object]](mongo_uri) as client:
        papers = client.get_default_database().papers
        papers.create_index("title")
        papers.create_index("author")
        assert main(["indexes", table, "--apply"]) == 1
        assert capsys.readouterr().out.splitlines() == [
            "built     papers (year desc)",
            "changed   papers (title) unique, is papers (title)",
            "unneeded  papers (author)",
        ]
        assert main(["indexes", table, "--apply", "--drop"]) == 0
        assert capsys.readouterr().out.splitlines() == [
            "rebuilt   papers (title) unique, was papers (title)",
            "dropped   papers (author)",
        ]
        assert sorted(papers.index_information()) == ["_id_", "title_1", "year_-1"]


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (("database:", "x-database:"), [], "the table names no database"),
        (("papers:Paper", "papers:Papre"), [], 'did you mean "Paper"'),
        (("${PAPERS_URI:}", "nonsense"), [], "database.uri cannot be used"),
        (("models:", "modls:"), [], 'did you mean "models"'),
        (("", ""), ["--drop"], "--drop needs --apply"),
    ],
    ids=["database", "model", "uri", "table", "drop"],
)
def test_what_cannot_be_done_is_said(
    table: str, capsys: pytest.CaptureFixture[str], change: tuple[str, str], options: list[str], said: str
) -> None:
    path = Path(table)
    path.write_text(path.read_text().replace(*change))
    assert main(["indexes", table, *options]) == 1
    assert said in capsys.readouterr().err


def test_a_database_that_is_away_is_said(
    table: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAPERS_URI", "mongodb://127.0.0.1:1/papers?serverSelectionTimeoutMS=100")
    assert main(["indexes", table]) == 1
    assert "hapiish: 127.0.0.1:1" in capsys.readouterr().err
