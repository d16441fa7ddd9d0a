"""The blocks of code in the documentation, each with its place and its marks.

A mark is a comment on the line above a block or, for `run`, at the top of a page:

- `<!-- run: page -->` or `<!-- run: sections -->`: the blocks of the page, or of each section, make one project. Files
  are written, commands run, and their output is compared, in order (`project.py`). Blocks of other pages are checked
  one by one (`check.py`).
- `<!-- invalid: HA0204 -->`: a table that has these problems.
- `<!-- foreign: FastAPI -->`: the code of another framework, whose syntax is checked.
- `<!-- not run: reason -->`: a block that needs more than this machine; of commands the options are checked.

The first line of a file block names the file: `# handlers/notes.py`, or ```` ```yaml routes.yaml ````.
`# routes.yaml, below routes:` adds the block at the end of that list; `# handlers/notes.py, at the end` appends it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILE = re.compile(
    r"(?:#|//|--) (?P<name>[\w./-]+\.\w+|[\w./-]*Dockerfile)(?:, (?P<how>at the end|below [\w.]+:))?(?=$|[ ,:])"
)
MARK = re.compile(r"<!-- *(run|invalid|foreign|not run): *(.*?) *-->", re.DOTALL)
PARSER = MarkdownIt("commonmark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of code; `file` is the file that it shows, and `how` the place in it."""

    page: str
    line: int
    section: str
    language: str
    text: str
    file: str | None = None
    how: str | None = None
    invalid: tuple[str, ...] = ()
    foreign: str | None = None
    not_run: str | None = None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the documentation; `run` is `page`, `sections` or empty."""

    name: str
    text: str
    run: str
    blocks: tuple[Block, ...]

    def projects(self) -> Iterator[tuple[str, list[Block]]]:
        """Yields the projects of a page that runs, each with its heading and blocks."""
        sections: dict[str, list[Block]] = {}
        for block in self.blocks:
            sections.setdefault(block.section if self.run == "sections" else "", []).append(block)
        yield from sections.items()


def read(file: Path) -> Page:
    """Reads a page."""
    name, text = file.relative_to(ROOT).as_posix(), file.read_text()
    blocks: list[Block] = []
    run, section, marks = "", "", {}
    tokens = PARSER.parse(text)
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and after is not None:
            section = after.content
        elif token.type == "html_block":
            marks = dict(MARK.findall(token.content))
            run = marks.get("run", run)
            continue
        elif token.type in ("fence", "code_block"):
            info = token.info.split() if token.type == "fence" else ["console"]
            blocks.append(
                _block(info, token.content, marks, page=name, section=section, line=(token.map or [0])[0] + 1)
            )
        marks = {}
    return Page(name, text, run, tuple(blocks))


def _block(info: list[str], text: str, marks: dict[str, str], **place: Any) -> Block:
    named = FILE.match(text.partition("\n")[0])
    file, how = (named["name"], named["how"]) if named else (None, None)
    return Block(
        **place,
        language=info[0] if info else "",
        text=text,
        file=info[1] if len(info) > 1 else file,
        how=how,
        invalid=tuple(marks.get("invalid", "").split()),
        foreign=marks.get("foreign"),
        not_run=marks.get("not run"),
    )


ALL = [read(page) for page in PAGES]
"""All pages of the documentation."""
