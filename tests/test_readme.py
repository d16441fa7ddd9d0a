"""The README begins with the two commands and stays short; tests/docs runs its examples."""

import re
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_first_lines_are_the_commands_of_a_checkout() -> None:
    first = re.findall(r"^scripts/\w+", README, re.MULTILINE)[:2]
    assert first == ["scripts/run", "scripts/test"]
    assert README.index("scripts/test") < 400


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) < 220
