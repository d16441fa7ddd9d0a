"""Every block of the documentation is executed or checked; `blocks.py` tells the marks of pages and blocks."""

import re
import sys
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.docs import blocks
from tests.docs.blocks import PAGES, ROOT, Block, Page
from tests.docs.check import check
from tests.docs.project import Failed, Project

READ = [blocks.read(page) for page in PAGES]
ALONE = [block for page in READ if not page.run for block in page.blocks]
TOGETHER = [(page, name, found) for page in READ if page.run for name, found in page.projects()]


@pytest.fixture(autouse=True)
def installed(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the package of the chat importable."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])


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


@pytest.mark.parametrize("page", READ, ids=lambda page: page.name)
def test_a_mark_has_a_meaning(page: Page) -> None:
    assert page.run in ("", "page", "sections")
    assert [str(block) for block in page.blocks if block.not_run is not None and len(block.not_run) < 10] == []


@pytest.mark.parametrize("block", ALONE, ids=str)
def test_a_block_is_right(block: Block, tmp_path: Path) -> None:
    assert check(block, tmp_path) == []


@pytest.mark.parametrize(
    "found", [found for _, _, found in TOGETHER], ids=[f"{page.name}:{name}" for page, name, _ in TOGETHER]
)
def test_a_project_works_as_its_page_says(
    found: list[Block], packages: Path, tmp_path: Path, mongo_uri: str, request: pytest.FixtureRequest
) -> None:
    env = {"MONGODB_URI": mongo_uri, "PYTHONPATH": f"{ROOT}:{packages}"}
    env["HAPIISH_TEST_DATABASE"] = re.sub(r"/([\w-]+)\?", r"/docs_test_\1?", mongo_uri)
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


def test_code_of_hapiish_is_marked_nowhere() -> None:
    """Only blocks of other frameworks and commands that need more than this machine are left out."""
    left_out = [block for page in READ for block in page.blocks if block.not_run is not None]
    assert [str(block) for block in left_out if "hapiish" in block.text and block.language in ("yaml", "python")] == []
