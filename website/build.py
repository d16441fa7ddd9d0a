"""Writes the site and reports broken links:  python -m website.build [FOLDER]"""

import html
import json
import posixpath
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Final

from website import contents
from website.page import Page, load

ROOT: Final = Path(__file__).resolve().parent.parent
HERE: Final = Path(__file__).resolve().parent
FILES: Final = ("style.css", "site.js")


class Site:
    """The pages of the repository by path, and the navigation."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        paths = [*sorted(each.relative_to(root).as_posix() for each in (root / "docs").rglob("*.md"))]
        paths += [each for each in contents.OUTSIDE if (root / each).exists()]
        self.pages: dict[str, Page] = {path: load(root, path) for path in paths}
        self.parts = contents.parts(self.pages[contents.HOME])
        self.copied: set[str] = set()

    def faults(self) -> list[str]:
        """Returns the broken links of all pages, and the pages that no navigation reaches."""
        found = [
            f"{page.path}: {fault}"
            for page in self.pages.values()
            for target in page.targets
            for fault in self.broken(page.path, target)
        ]
        readme = load(self.root, "README.md") if (self.root / "README.md").exists() else None
        if readme is not None:
            found += [f"README.md: {fault}" for target in readme.targets for fault in self.broken("README.md", target)]
        missing = [
            f"{part.title}: no page {path}" for part in self.parts for path in part.paths if path not in self.pages
        ]
        return [
            *found,
            *missing,
            *(f"{path}: not in {contents.HOME}" for path in contents.unlisted(self.pages, self.parts)),
        ]

    def broken(self, path: str, target: str) -> Iterator[str]:
        """Yields the fault of a link; links to other hosts are not followed."""
        if _is_foreign(target):
            return
        found, anchor = _resolved(path, target)
        if found not in self.pages and not (self.root / found).exists():
            yield f"no file {found} ({target})"
        elif anchor and found.endswith(".md"):
            page = self.pages.get(found) or load(self.root, found)
            if anchor not in page.anchors:
                yield f"no section {anchor} in {found}"

    def follow(self, path: str, target: str) -> str:
        """Returns the address of a link in the site: of a page, or of a copied file."""
        if _is_foreign(target) or target.startswith("#"):
            return target
        found, anchor = _resolved(path, target)
        if found in self.pages:
            return relative(path, address(found)) + (f"#{anchor}" if anchor else "")
        file = self.root / found
        if file.is_file():
            self.copied.add(found)
            return relative(path, f"files/{found}")
        return relative(path, "files/index.html") if file.is_dir() else target

    def write(self, out: Path) -> None:
        """Writes all pages, the index of the search and the files that pages show or link to."""
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        template = Template((HERE / "template.html").read_text(encoding="utf-8"))
        order = [path for part in self.parts for path in part.paths]
        for page in self.pages.values():
            file = out / address(page.path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(template.substitute(self.values(page, order)), encoding="utf-8")
        for name in FILES:
            shutil.copy(HERE / name, out / name)
        index = json.dumps(list(self.index()), ensure_ascii=False, separators=(",", ":"))
        (out / "search.js").write_text(f"window.searchIndex={index};\n", encoding="utf-8")
        for path in sorted(self.copied):
            target = out / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.root / path, target)
        self.write_folders(out)

    def write_folders(self, out: Path) -> None:
        """Writes the page to which links to folders of the repository lead."""
        (out / "files").mkdir(exist_ok=True)
        text = "<!doctype html><meta charset=utf-8><title>Repository</title><p>This folder is in the repository."
        (out / "files" / "index.html").write_text(text, encoding="utf-8")

    def values(self, page: Page, order: list[str]) -> dict[str, str]:
        """Returns the values of the template for a page."""
        place = order.index(page.path) if page.path in order else -1
        before = order[place - 1] if place > 0 else None
        after = order[place + 1] if 0 <= place < len(order) - 1 else None
        if page.path == contents.HOME and order:
            after = order[0]
        return {
            "title": html.escape(page.title),
            "root": relative(page.path, "").rstrip("/") or ".",
            "home": relative(page.path, address(contents.HOME)),
            "navigation": "".join(self.navigation(page)),
            "outline": "".join(_outline(page)),
            "body": page.html(self.follow),
            "before": self.step(page, before, "prev", "Previous"),
            "after": self.step(page, after, "next", "Next"),
        }

    def navigation(self, page: Page) -> Iterator[str]:
        """Yields the navigation as seen from a page."""
        listed = {path for part in self.parts for path in part.paths}
        index, inner = contents.family(page.path, self.pages)
        inner = [path for path in inner if path not in listed]
        for part in self.parts:
            yield f"<h2>{html.escape(part.title)}</h2><ul>"
            for path in part.paths:
                yield f"<li>{self.link(page, path, part.labels[path])}"
                if path == index and inner:
                    yield "<ul>" + "".join(f"<li>{self.link(page, each)}</li>" for each in inner) + "</ul>"
                yield "</li>"
            yield "</ul>"

    def link(self, page: Page, path: str, label: str | None = None) -> str:
        """Returns a link to another page with a label, by default its title."""
        current = ' aria-current="page"' if path == page.path else ""
        title = html.escape(label or self.pages[path].title)
        return f'<a href="{html.escape(relative(page.path, address(path)))}"{current}>{title}</a>'

    def step(self, page: Page, path: str | None, rel: str, word: str) -> str:
        """Returns the link to the next or the previous page."""
        if path is None:
            return ""
        there = html.escape(relative(page.path, address(path)))
        return f'<a rel="{rel}" href="{there}"><small>{word}</small>{html.escape(self.pages[path].title)}</a>'

    def index(self) -> Iterator[list[str]]:
        """Yields what the search knows of each section: page, heading, address, text."""
        for page in self.pages.values():
            for section in page.sections:
                text = " ".join(section.text.split())
                if section.title or text:
                    at = address(page.path) + (f"#{section.anchor}" if section.level > 1 else "")
                    yield [page.title, section.title if section.level > 1 else "", at, text]


def address(path: str) -> str:
    """Returns the place of a page in the site."""
    inner = path.removeprefix("docs/")
    inner = inner.removesuffix("README.md") + "index.md" if inner.endswith("README.md") else inner
    return inner.removesuffix(".md").lower() + ".html"


def relative(path: str, there: str) -> str:
    """Returns the address of a place of the site as seen from a page."""
    return posixpath.relpath(there or ".", posixpath.dirname(address(path)) or ".")


def _is_foreign(target: str) -> bool:
    """Returns True for a link to another host."""
    return "://" in target or target.startswith("mailto:")


def _resolved(path: str, target: str) -> tuple[str, str]:
    """Returns the file in the repository that a link of a page names, and its anchor."""
    name, _, anchor = target.partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) if name else path, anchor


def _outline(page: Page) -> Iterator[str]:
    for section in page.sections:
        if section.level in (2, 3) and section.title:
            yield f'<li class="level-{section.level}"><a href="#{section.anchor}">{html.escape(section.title)}</a></li>'


def main(arguments: list[str]) -> int:
    """Builds the site; returns 1 if a link is broken."""
    site = Site()
    out = Path(arguments[0]) if arguments else ROOT / "dist" / "docs"
    site.write(out)
    faults = site.faults()
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(site.pages)} pages in {out}; open {out / 'index.html'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
