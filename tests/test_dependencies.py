"""docs/dependencies.md says for each larger module of http/ and kinds/ which library was considered."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
HAPIISH = ROOT / "hapiish"
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs" / "dependencies.md").read_text().partition("## Modules and libraries")[2].splitlines()
    if line.startswith("| `")
]


def test_each_module_of_over_100_lines_in_http_and_kinds_has_one_row() -> None:
    modules = {
        path.relative_to(HAPIISH).as_posix()
        for folder in ("http", "kinds")
        for path in (HAPIISH / folder).rglob("*.py")
        if len(path.read_text().splitlines()) > 100
    }
    rows = Counter(row[0].strip("`") for row in ROWS)
    assert modules
    assert sorted(modules - rows.keys()) == []
    assert [name for name, count in rows.items() if count > 1] == []


def test_each_row_names_an_existing_module_a_library_an_answer_and_a_reason() -> None:
    assert [row[0] for row in ROWS if not (HAPIISH / row[0].strip("`")).is_file()] == []
    assert [row for row in ROWS if len(row) != 4 or not all(row) or row[2] not in ("yes", "partly", "no")] == []


def test_a_row_that_refers_to_another_module_names_one_with_a_row_or_file() -> None:
    named = {name for row in ROWS for name in re.findall(r"`((?:http|kinds)/[\w/]+\.py)`", row[-1])}
    assert sorted(name for name in named if not (HAPIISH / name).is_file()) == []
