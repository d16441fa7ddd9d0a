"""The navigation: the lists of docs/README.md, a heading for each part.

A page of a folder is found below the index of the folder: its README, or the page of that name beside the folder.
"""

import posixpath
from dataclasses import dataclass, field

from markdown_it.token import Token

from website.page import Page

HOME = "docs/README.md"
OUTSIDE = ("CONTRIBUTING.md", "CHANGELOG.md")
"""Pages of the site that are not in docs/."""


@dataclass(slots=True)
class Part:
    """A part of the navigation, such as the how-to guides."""

    title: str
    labels: dict[str, str] = field(default_factory=dict)
    """The words of each link, by the path of its page."""

    @property
    def paths(self) -> list[str]:
        """The pages in their order."""
        return list(self.labels)


def parts(home: Page) -> list[Part]:
    """Reads the parts from the start page: its second-level headings and the links below each."""
    found: list[Part] = []
    tokens = home.tokens
    for position, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            found.append(Part(tokens[position + 1].content))
        elif token.type == "inline" and found and tokens[position - 2].type == "list_item_open":
            link = next((child for child in token.children or () if child.type == "link_open"), None)
            if link is not None:
                target = str(link.attrGet("href"))
                found[-1].labels[posixpath.normpath(posixpath.join("docs", target))] = label(token)
    return [part for part in found if part.paths]


def label(token: Token) -> str:
    """Returns the words of the first link of a line."""
    words, is_inside = "", False
    for child in token.children or ():
        is_inside = child.type == "link_open" or (is_inside and child.type != "link_close")
        words += child.content if is_inside else ""
        if child.type == "link_close":
            break
    return words


def index_of(path: str, pages: dict[str, Page]) -> str | None:
    """Returns the index of the folder of a page: its README, or the page of that name beside the folder."""
    folder = posixpath.dirname(path)
    found = next((each for each in (f"{folder}/README.md", f"{folder}.md") if each in pages), None)
    return found if found not in (HOME, path) else None


def unlisted(pages: dict[str, Page], listed: list[Part]) -> list[str]:
    """Returns the pages that the navigation does not reach."""
    named = {HOME, *(path for part in listed for path in part.paths)}
    return sorted(path for path in pages if path not in named and index_of(path, pages) not in named)


def family(path: str, pages: dict[str, Page]) -> tuple[str, list[str]]:
    """Returns the index of the folder of a page, and the other pages of the folder."""
    index = index_of(path, pages) or path
    return index, sorted(each for each in pages if index_of(each, pages) == index)
