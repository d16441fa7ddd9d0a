"""The page of each code: what it means, a table that has the problem, the same table without it, and why.

The texts are in `examples/HA….yaml` beside this module, so that `hapiish check --explain` prints them offline.
docs/problems is generated from them, and a test checks each table.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

import yaml

from hapiish.table.problems.codes import Code
from hapiish.table.problems.codes import page as index

FOLDER: Final = Path(__file__).parent / "examples"
SILENCE: Final = (
    "To silence it: `x-hapiish-ignore: [{code}]` in the mapping that it is about, or in one around it; at the top of "
    "the file for all of it; or `hapiish check --ignore {code}`."
)


PUBLISHED: Final = "<!-- not run: tests/table/test_pages.py checks it -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """The texts of a page. `wrong` and `right` are the texts of `routes.yaml`, or of `file`; empty if none can show it.

    `files` are further files beside the wrong table, `fixed` those beside the right one. `imports` and `workers` are
    the options of `check` that find the problem; with `run`, only a start finds it.
    """

    why: str
    wrong: str = ""
    right: str = ""
    file: str = "routes.yaml"
    files: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    imports: bool = False
    run: bool = False
    workers: int = 1


@cache
def examples() -> dict[Code, Example]:
    """The examples of all codes."""
    found: dict[Code, Example] = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        texts: dict[str, dict[str, Any]] = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
        found |= {code: Example(**texts[code]) for code in Code if code in texts}
    return found


def page(code: Code, *, is_published: bool = False) -> str:
    """The page of a code in Markdown; with `is_published`, with the marks of docs/."""
    example = examples().get(code, Example(why=code.meaning))
    lines = [f"# {code}", "", code.meaning]
    if example.right:
        mark = [PUBLISHED] if is_published else []
        for title, text, files in (("Wrong", example.wrong, example.files), ("Right", example.right, example.fixed)):
            lines += ["", f"## {title}"]
            for name, content in {example.file: text, **files}.items() if text or files else ():
                lines += ["", *mark, *_block(name, content)]
            if not text and not files:
                lines += ["", "There is no such file."]
    lines += ["", "## Why", "", *wrap(example.why.strip(), 120, break_long_words=False, break_on_hyphens=False)]
    lines += [""] * bool(_found_by(example)) + _found_by(example)
    if "Warning:" in code.meaning:
        lines += ["", "## Silence it", "", *wrap(SILENCE.format(code=code), 120)]
    return "\n".join(lines) + "\n"


def write(folder: Path) -> None:
    """Writes the index and the pages of all codes to the folder of the documentation."""
    (folder / "problems").mkdir(parents=True, exist_ok=True)
    (folder / "problems.md").write_text(index(), encoding="utf-8")
    for code in Code:
        (folder / "problems" / f"{code}.md").write_text(page(code, is_published=True), encoding="utf-8")


def _found_by(example: Example) -> list[str]:
    if example.run:
        return ["`hapiish run` finds it, when it compiles the table."]
    if example.imports:
        return ["`hapiish check --import` and `hapiish run` find it."]
    if example.workers > 1:
        return [f"`hapiish check --workers {example.workers}` and `hapiish run --workers {example.workers}` find it."]
    return []


def _block(name: str, text: str) -> list[str]:
    language = {"py": "python", "yaml": "yaml", "html": "html"}.get(name.rpartition(".")[2], "")
    comment = f"<!-- {name} -->" if language == "html" else f"# {name}"
    return [f"```{language}", comment, *text.rstrip("\n").split("\n"), "```"]
