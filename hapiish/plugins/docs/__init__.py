"""The plugin `hapiish.plugins.docs`: a page that documents and tries the routes and Socket.IO events of the table.

The page is a program of this folder (`assets`), without a build step and without addresses of other hosts. It reads an
OpenAPI and an AsyncAPI document, which are made once for each table, when all plugins have registered their routes.
"""

from collections.abc import Mapping
from typing import Any, Final

from hapiish.plugins.docs.contents import Contents
from hapiish.plugins.docs.options import OPTIONS_SCHEMA, PageOptions
from hapiish.registrar import Registrar

__all__ = ["multiple", "name", "options_schema", "register", "requirements"]

name: Final = "docs"
multiple: Final = True
options_schema: Final[Mapping[str, Any]] = OPTIONS_SCHEMA

_QUIET: Final[Mapping[str, Any]] = {"csrf": False, "limit": False, "session": False}
"""Route options of the assets. The page loads about a dozen of them at once, and they are the same for all users."""


def register(server: Registrar, options: Mapping[str, Any]) -> None:
    """Registers the routes of the page, its assets and its documents, whose bodies are made at compilation."""
    given = PageOptions.of(options)
    kind = f"docs{''.join(letter if letter.isalnum() else '_' for letter in given.path)}"
    contents = Contents(given)
    server.kind(kind, contents.handler, defaults={"plugins": {"docs": {"hidden": True}}})
    for part, path in given.paths.items():
        more = _QUIET if part == "assets" else {}
        auth = given.auth if part != "assets" else False
        server.route({"method": "GET", "path": path, "handler": {kind: part}, "options": {"auth": auth, **more}})
