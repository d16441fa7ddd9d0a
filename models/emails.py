"""E-mail addresses in one canonical form, so that no two accounts have addresses that are the same to a mail server.

The unique index of accounts compares this form: the local part in NFC without case, the domain in its form for the DNS
(IDNA 2008). Quoted local parts and comments, which give one mailbox several spellings, are refused.
"""

import re
import unicodedata
from typing import Final

import idna

LONGEST: Final = 254
"""The most characters of an address (RFC 5321, errata 1690)."""

_SYMBOLS: Final = frozenset("!#$%&'*+-/=?^_`{|}~")
_INVISIBLE: Final = frozenset("\u115f\u1160\u3164\uffa0")
_LABELS: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")


def canonical(email: str) -> str | None:
    """Returns the canonical form of an address; None for a text that is no address.

    An address is accepted in NFC and in NFD, in any case. A domain is accepted in letters and in its form for the DNS.
    With few spellings, the limits that count by address are effective.
    """
    if len(email) > LONGEST or email not in {composed := unicodedata.normalize("NFC", email), _decomposed(email)}:
        return None
    local, at, domain = composed.rpartition("@")
    local = unicodedata.normalize("NFC", local.casefold())
    name = _in_dns(domain.lower())
    if not at or name is None or not all(part and all(map(_is_text, part)) for part in local.split(".")):
        return None
    found = f"{local}@{name}"
    return found if len(local.encode()) <= 64 and len(found) <= LONGEST else None


def spellings(email: str) -> list[str]:
    """Returns the forms under which an account with this address may be stored, the most exact one first.

    Older versions stored an address in lower case, otherwise unchanged.
    """
    lower, known = email.lower(), canonical(email)
    return [lower] if known is None or known == lower else [lower, known]


def _is_text(char: str) -> bool:
    """Returns whether an unquoted local part may have a character (RFC 6532), such as letters of all scripts."""
    if char in _SYMBOLS:
        return True
    return (char.isalnum() or unicodedata.category(char)[0] == "M") and char not in _INVISIBLE


def _in_dns(domain: str) -> str | None:
    if domain.isascii():
        return domain if _LABELS.fullmatch(domain) else None
    try:
        name = idna.encode(domain, uts46=True).decode("ascii")
        is_usual = idna.decode(name) == domain
    except idna.IDNAError:
        return None
    return name if is_usual and _LABELS.fullmatch(name) else None


def _decomposed(email: str) -> str:
    return unicodedata.normalize("NFD", email)
