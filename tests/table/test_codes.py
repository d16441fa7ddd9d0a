"""Problem codes: one enumeration, which generates the documentation."""

import re
from pathlib import Path

from hapiish.table.problems.codes import SUBJECTS, Code, page

ROOT = Path(__file__).parent.parent.parent


def test_docs_problems_md_is_the_page_of_the_codes() -> None:
    assert (ROOT / "docs" / "problems.md").read_text() == page()


def test_every_code_belongs_to_a_subject_and_is_on_the_page_once() -> None:
    text = page()
    for code in Code:
        assert code[:4] in SUBJECTS
        assert text.count(f"| [{code}](problems/{code}.md) |") == 1


def test_every_code_is_used_and_none_is_made_up_elsewhere() -> None:
    source = "\n".join(file.read_text() for file in (ROOT / "hapiish").rglob("*.py") if file.name != "codes.py")
    used = {name for name in Code.__members__ if f"Code.{name}" in source}
    numbers = set(re.findall(r"HA0\d{3}", source))
    assert numbers <= {str(code) for code in Code}
    assert {name for name in Code.__members__ if name not in used and str(Code[name]) not in numbers} == set()
