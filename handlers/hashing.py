"""Passwords from clients: the parameters of their hashes, and the rules for new passwords."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hapiish import Request, boom


@contextmanager
def hashing(request: Request) -> Iterator[dict[str, Any]]:
    """Yields the parameters of the route for hashes; 503 `unavailable` while too many passwords are being hashed."""
    options: dict[str, Any] = request.route.settings.app["hashing"]
    try:
        yield options
    except TimeoutError:
        busy = "Too many people sign in at this moment"
        raise boom.ServerUnavailable(busy, code="unavailable", headers={"retry-after": "1"}) from None


def refuse_guessable(request: Request, password: str, *known: str, key: str = "password") -> None:
    """Raises 400 if a new password equals the user's e-mail, its local part or the user's name (NIST SP 800-63B)."""
    texts = {_plain(each) for each in known} | {_plain(each.rpartition("@")[0]) for each in known}
    if _plain(password) in texts - {""}:
        raise invalid(key, "must not be the name or the e-mail of its user")


def invalid(key: str, message: str) -> boom.BadRequest:
    """Returns a 400 for a key of the payload, in the format of a failed validation by a schema."""
    error = {"path": f"/{key}", "message": message, "keyword": "format"}
    validation = {"source": "payload", "keys": [key], "errors": [error]}
    return boom.BadRequest(f"{key} {message}", code="validation", extra={"validation": validation})


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
