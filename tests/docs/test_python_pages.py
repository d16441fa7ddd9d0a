"""docs/python documents the Python side, from the docstrings."""

import re

import pytest

from hapiish.bound import BaseServer
from hapiish.http.exchange.request import Auth, Info, Request
from hapiish.http.exchange.response import Response
from hapiish.http.exchange.toolkit import Toolkit
from hapiish.realtime.socketio.socket import Socket
from hapiish.registrar import AuthRegistrar, Registrar
from website import python_contents, python_pages
from website.python_pages import OUT

HIDDEN = {name for page in python_contents.PAGES for source in page.sources for name in source.hide}
INSIDE = {"mime", "pausing", "is_active", "listen", "receive", "scope", "uploads", "asked", "auth", "client", "context"}
INSIDE |= {
    "expiry",
    "home",
    "on_leave",
    "CONTINUE",
    "has_custom_body",
    "more",
    "prepare",
    "taken_over",
    "error",
    "header",
}
"""Attributes for the framework alone."""


def test_the_pages_in_the_repository_are_those_of_the_code() -> None:
    kept = {file.name: file.read_text() for file in OUT.glob("*.md")}
    written = {name: text.rstrip() + "\n" for name, text in python_pages.pages().items()}
    assert written == kept, "run: python -m website.python_pages"


@pytest.mark.parametrize("page", python_contents.PAGES, ids=lambda page: page.name)
def test_everything_on_a_page_says_what_it_is(page: python_contents.ApiPage) -> None:
    text = (OUT / f"{page.name}.md").read_text()
    parts = re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]
    silent = [
        part.partition("\n")[0]
        for part in parts
        if not re.sub(r"```text.*?```", "", part, flags=re.DOTALL).partition("\n")[2].strip()
    ]
    rows = [line for line in text.splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert (silent, rows) == ([], [])


@pytest.mark.parametrize("cls", [Request, Auth, Info, Toolkit, Response, Socket, BaseServer, Registrar, AuthRegistrar])
def test_every_public_name_of_a_class_is_on_a_page(cls: type) -> None:
    text = "\n".join(python_pages.pages().values())
    public = {name for name in vars(cls) if not name.startswith("_")}
    assert sorted(name for name in public - INSIDE - HIDDEN if not re.search(rf"\b{name}\b`", text)) == []
