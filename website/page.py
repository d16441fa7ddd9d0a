"""A page of the documentation: Markdown to HTML, with anchors, links, highlighted code and the texts for the search."""

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
FORMATTER: HtmlFormatter[str] = HtmlFormatter(nowrap=True)
Follow = Callable[[str, str], str]
"""`(page, target)` → the address of a link in the site."""


@dataclass(slots=True)
class Section:
    """A heading with the text below it; `text` is for the search."""

    title: str
    anchor: str
    level: int
    text: str = ""


@dataclass(slots=True)
class Page:
    """A page; `path` is relative to the root of the repository, `anchors` are the places that links can name."""

    path: str
    title: str
    tokens: Sequence[Token]
    sections: list[Section] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    targets: list[str] = field(default_factory=list)

    def html(self, follow: Follow) -> str:
        """Returns the contents of the page; `follow` gives the addresses of its links."""
        return "".join(_pieces(self.tokens, lambda target: follow(self.path, target)))


def read(path: str, text: str) -> Page:
    """Parses a page and collects its headings, anchors and links."""
    tokens = PARSER.parse(text)
    page = Page(path, path, tokens)
    page.sections.append(Section("", "", 1))
    for position, token in enumerate(tokens):
        if token.type == "heading_open":
            inline = tokens[position + 1]
            title, level = _plain(inline), int(token.tag[1])
            anchor = _unique(slug(title), page.anchors)
            token.attrSet("id", anchor)
            if level == 1 and page.title == path:
                page.title = title
            page.sections.append(Section(title, anchor, level))
        elif token.type == "inline" and tokens[position - 1].type != "heading_open":
            page.sections[-1].text += f" {_plain(token)}"
        elif token.type in ("fence", "code_block"):
            page.sections[-1].text += f" {token.content}"
        for each in (token, *(token.children or ())):
            if each.type in ("html_block", "html_inline"):
                page.anchors.update(re.findall(r'\bid="([^"]+)"', each.content))
            for name in ("href", "src"):
                if (target := each.attrGet(name)) is not None:
                    page.targets.append(str(target))
    return page


def slug(title: str) -> str:
    """Returns the anchor of a heading, as GitHub forms it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _unique(anchor: str, taken: set[str]) -> str:
    number, found = 0, anchor
    while found in taken:
        number += 1
        found = f"{anchor}-{number}"
    taken.add(found)
    return found


def _plain(token: Token) -> str:
    """Returns the text of a line without its markup."""
    kinds = ("text", "code_inline", "softbreak")
    return "".join(child.content or " " for child in token.children or () if child.type in kinds)


def _pieces(tokens: Sequence[Token], follow: Callable[[str], str]) -> Iterator[str]:
    for position, token in enumerate(tokens):
        for child in token.children or ():
            for name in ("href", "src"):
                if (target := child.attrGet(name)) is not None:
                    child.attrSet(name, follow(str(target)))
        if token.type == "html_block" and token.content.lstrip().startswith("<!--"):
            continue
        if token.type == "fence":
            yield code(token.content, token.info.split()[0] if token.info.split() else "text")
        elif token.type == "table_open":
            yield '<div class="table"><table>'
        elif token.type == "table_close":
            yield "</table></div>"
        elif token.type == "heading_close":
            anchor = tokens[position - 2].attrGet("id")  # of the opening: a heading is three tokens
            yield f' <a class="anchor" href="#{anchor}" aria-label="Link to this section">#</a></{token.tag}>'
        else:
            yield PARSER.renderer.render([token], PARSER.options, {})


def code(text: str, language: str) -> str:
    """Returns a block of code with its words marked by kind."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        marked = html.escape(text)
    else:
        marked = highlight(text, lexer, FORMATTER)
    name = html.escape(language)
    return f'<div class="code" data-language="{name}"><pre tabindex="0"><code>{marked}</code></pre></div>\n'


def load(root: Path, path: str) -> Page:
    """Reads the page in a file of the repository."""
    return read(path, (root / path).read_text(encoding="utf-8"))
