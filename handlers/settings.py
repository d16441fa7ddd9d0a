"""The settings of background jobs and of several routes: `server.app.chat` of the table, from its `params`.

A project that uses the chat sets them by `with`. They do not depend on which routes the project keeps.
"""

from collections.abc import Mapping
from typing import Any


def settings(server: Any) -> Mapping[str, Any]:
    """Returns `administration`, `changes`, `eraseMessages`, `sweeper` and `webhooks`."""
    found: Mapping[str, Any] = server.settings.app["chat"]
    return found
