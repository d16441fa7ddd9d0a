"""Hides the passwords of URLs in texts that problems show."""

import re
from typing import Final

_AUTHORITY: Final = re.compile(r"(?<=://)[^\s\"']+")
_PASSWORD: Final = re.compile(r"(?<=[?&]password=)[^\s\"'&]+")


def without_passwords(text: str) -> str:
    """Returns `text`, of the same length, with asterisks in place of the passwords of URLs; variables stay."""
    if "://" not in text:
        return text
    return _PASSWORD.sub(lambda found: _hidden(found[0]), _AUTHORITY.sub(lambda found: _without_login(found[0]), text))


def _without_login(rest: str) -> str:
    login, at, address = rest.rpartition("@")
    user, colon, password = login.partition(":")
    return user + colon + _hidden(password) + at + address


def _hidden(password: str) -> str:
    return password if "${" in password else "*" * len(password)
