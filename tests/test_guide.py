"""docs/guide.md names folders that exist; tests/docs checks its code and its links."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_folders_that_the_guide_names_exist() -> None:
    named = re.findall(r"`((?:tests|scripts)/[\w/-]+)`", (ROOT / "docs" / "guide.md").read_text())
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
