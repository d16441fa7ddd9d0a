"""The tables of docs/guide.md are valid."""

import re
from pathlib import Path

import pytest

from hapiish.table import check_text

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "guide.md").read_text()
TABLES = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
SECRETS = dict.fromkeys(
    ("JWT_SECRET", "COOKIE_PASSWORD", "GOOGLE_ID", "GOOGLE_SECRET"), "a secret of at least thirty-two bytes"
)


@pytest.mark.parametrize("text", [text for text in TABLES if "package:" not in text])
def test_a_table_of_the_guide_has_no_problem(text: str) -> None:
    assert [str(problem) for problem in check_text(text, "guide.yaml", SECRETS)[1]] == []


def test_the_links_of_the_guide_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", GUIDE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


def test_the_folders_that_the_guide_names_exist() -> None:
    named = re.findall(r"`((?:tests|scripts)/[\w/-]+)`", GUIDE)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
