"""The page of each code: what it means, a table that has the problem, the same table without it, and why.

The texts are in `pages/HA….yaml` beside this module, so that `hapiish check --explain` prints them offline.
docs/problems is generated from them, and a test checks each table.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from hapiish.table.problems.codes import SUBJECTS, Code

FOLDER: Final = Path(__file__).parent / "pages"
SILENCE: Final = (
    "To silence it: `x-hapiish-ignore: [{code}]` in the mapping that it is about, or in one around it; at the top of "
    "the file for all of it; or `hapiish check --ignore {code}`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The texts of a page. `files` are further files beside the table, `env` variables, `imports` and `workers` the
    options of `check` that find the problem. `wrong` and `right` are the texts of `routes.yaml`, or of `file`.
    """

    why: str
    wrong: str
    right: str
    file: str = "routes.yaml"
    files: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    imports: bool = False
    workers: int = 1


@cache
def examples() -> dict[Code, Example]:
    """The examples of all codes."""
    found: dict[Code, Example] = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        texts: dict[str, dict[str, Any]] = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
        found |= {code: Example(**texts[code]) for code in Code if code in texts}
    return found


def page(code: Code) -> str:
    """The page of a code in Markdown."""
    example = examples().get(code)
    meaning = code.meaning
    lines = [f"# {code}", "", meaning, "", f"{SUBJECTS[code[:4]]}."]
    if example is None:
        return "\n".join(lines) + "\n"
    lines += ["", "## Wrong", "", *_block(example.file, example.wrong), *_files(example.files)]
    lines += ["", "## Right", "", *_block(example.file, example.right), *_files(example.fixed)]
    lines += ["", "## Why", "", example.why.strip()]
    if example.imports:
        lines += ["", "`hapiish check --import` and `hapiish run` find it."]
    if example.workers > 1:
        lines += ["", f"`hapiish check --workers {example.workers}` and `hapiish run --workers` find it."]
    if "Warning:" in meaning:
        lines += ["", "## Silence it", "", SILENCE.format(code=code)]
    return "\n".join(lines) + "\n"


def _files(files: dict[str, str]) -> list[str]:
    return [line for name, text in files.items() for line in ("", *_block(name, text))]


def _block(name: str, text: str) -> list[str]:
    language = "python" if name.endswith(".py") else "yaml" if name.endswith(".yaml") else ""
    return [f"```{language}", f"# {name}", *text.rstrip("\n").split("\n"), "```"]
