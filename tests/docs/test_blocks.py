"""Every block of the documentation is executed or checked; `blocks.py` tells the marks of pages and blocks.

These are the blocks that are checked one by one; `test_projects.py` and `test_recipes.py` execute the others.
"""

from pathlib import Path

import pytest

from tests.docs.blocks import ALL, Block, Page
from tests.docs.check import CHECKS, check


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_a_mark_has_a_meaning(page: Page) -> None:
    assert page.run in ("", "page", "sections")
    assert [str(block) for block in page.blocks if block.not_run is not None and len(block.not_run) < 10] == []


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("block", [block for page in ALL if not page.run for block in page.blocks], ids=str)
def test_a_block_is_right(block: Block, tmp_path: Path) -> None:
    assert check(block, tmp_path) == []


def test_only_commands_are_left_out_and_only_other_frameworks_are_foreign() -> None:
    """The tables of docs/problems have a test of their own, which knows the files beside them."""
    blocks = [block for page in ALL for block in page.blocks if not page.name.startswith("docs/problems/")]
    assert [str(block) for block in blocks if block.not_run is not None and block.language != "console"] == []
    assert [str(block) for block in blocks if block.foreign and "docs/coming-from/" not in block.page] == []


def wrong(language: str, text: str) -> Block:
    return Block(page="docs/x.md", line=1, section="", language=language, text=text)


@pytest.mark.parametrize(
    "block",
    [
        wrong("yaml", "routes:\n  - {method: GET, path: /, handlr: 'a:b'}\n"),
        wrong("yaml", "- {method: GET, path: no-slash, handler: 'a:b'}\n"),
        wrong("python", "def create(request, h):\n    return messages\n"),
        wrong("python", "from hapiish import bom\n\nprint(bom)\n"),
        wrong("python", "def create(request, h)\n    return 1\n"),
        wrong("console", "$ hapiish chek\n"),
        wrong("console", "$ cd x && hapiish check --formt json\n"),
        wrong("console", "scripts/rnu\n"),
        wrong("json", "{'a': 1}\n"),
        wrong("js", "const x = ;\n"),
        wrong("typescript", "const x: = 5\n"),
        wrong("ts", "export const x: number = 'five';\n"),
        wrong("dockerfile", "FROMM python\n"),
        wrong("toml", "a = \n"),
        wrong("", "a diagram\n"),
        wrong("sh", "ls\n"),
    ],
    ids=lambda block: f"{block.language}-{block.text[:28]}",
)
def test_a_wrong_block_and_one_that_nothing_checks_have_faults(block: Block, tmp_path: Path) -> None:
    assert check(block, tmp_path) != []


def test_text_is_the_language_of_what_is_no_code() -> None:
    assert CHECKS["text"](wrong("text", "{"), Path()) == []
