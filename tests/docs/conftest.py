"""Fixtures of the tests of the documentation: the package of the chat, and the player of projects."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.docs.blocks import ROOT, Block
from tests.docs.project import Failed, Project

Play = Callable[[list[Block]], None]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package of the chat, as `scripts/package-chat` lays it out."""
    folder = tmp_path_factory.mktemp("packages") / "hapiish_chat"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "routes.yaml").write_text((ROOT / "routes.yaml").read_text())
    for part in ("handlers", "models"):
        (folder / part).symlink_to(ROOT / part)
    return folder.parent


@pytest.fixture
def installed(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the package of the chat importable."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])


@pytest.fixture
def play(packages: Path, installed: None, tmp_path: Path, mongo_uri: str, request: pytest.FixtureRequest) -> Play:
    """Plays the blocks of a project, on an empty database; the first that does not work fails the test."""
    env = {"MONGODB_URI": mongo_uri, "PYTHONPATH": f"{ROOT}:{packages}"}
    env["HAPIISH_TEST_DATABASE"] = re.sub(r"/([\w-]+)\?", r"/docs_test_\1?", mongo_uri)

    def play_all(found: list[Block]) -> None:
        if any("database:" in block.text for block in found):
            with MongoClient[dict[str, object]](mongo_uri) as client:
                client.drop_database(client.get_default_database())
        if any("hapiish.emitter" in block.text for block in found):
            env["REDIS_URL"] = request.getfixturevalue("redis_url")
        fault, block = "", found[0]
        with Project(tmp_path, env) as project:
            try:
                for block in found:
                    project.play(block)
                project.load(found)
            except Failed as failed:
                fault = f"{block}: {failed}"
        if fault:
            pytest.fail(fault, pytrace=False)

    return play_all
