"""Warns of secrets in the plain text of a table; a `${…}` keeps them out of it."""

import re
from collections.abc import Iterator
from typing import Any, Final

from hapiish.table.advice.own import Advised
from hapiish.table.problems import Problem
from hapiish.table.problems.codes import Code
from hapiish.table.problems.secrets import without_passwords
from hapiish.table.text.marks import Path

_KEYS: Final = frozenset(
    {"apiKey", "clientSecret", "passphrase", "password", "passwords", "privateKey", "secret", "secretKey"}
)
"""Options whose value is a secret, in hapi's and in usual words."""
_JWT_KEYS: Final = frozenset({"key", "keys"})
_NAMES: Final = _KEYS | _JWT_KEYS
_DATA: Final = frozenset(
    {"description", "notes", "examples", "schemas", "schema", "validate", "response", "info", "payload", "params"}
)
"""Keys whose contents are documentation or JSON Schemas."""
_KNOWN: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36}|glpat-[0-9A-Za-z_-]{20}"
    r"|xox[abpr]-[0-9A-Za-z-]{10,}|sk_live_[0-9A-Za-z]{16,}|AIza[0-9A-Za-z_-]{35})"
)
"""The forms of well-known secrets: private keys in PEM, and tokens of AWS, GitHub, GitLab, Slack, Stripe and Google."""
_FUNCTION: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", re.ASCII)
# A text that calls itself an example is none; documentation is full of them.
_PUBLIC: Final = re.compile(r"-----BEGIN (?:[A-Z ]*PUBLIC KEY|CERTIFICATE)-----|\$(?:scrypt|argon2)|https?://")


def plain_text(advised: Advised) -> Iterator[Problem]:
    """Passwords, keys and URLs with a login that are written in a file of the project."""
    draft = advised.draft
    for realm in advised.realms:
        tree, outside = realm.part.tree, realm.part.tree.outside
        for path, text, label in _texts(realm.value):
            if path not in tree.substituted and id(text) not in outside:
                message = f"a secret in plain text: {label}"
                hint = "write ${NAME} or ${file:/run/secrets/name}, and replace the secret if the file was shared"
                yield Problem(draft.mark(*realm.at, *path), Code.PLAIN_SECRET, message, hint, warning=True)


def _texts(table: Any) -> Iterator[tuple[Path, str, str]]:
    """Yields the secrets of a table with their paths, and what each is."""
    # A table has many texts, so that a path is a chain of steps until a text may be a secret.
    waiting: list[tuple[_Chain, Any]] = [(None, table)]
    while waiting:
        chain, value = waiting.pop()
        for step, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(child, dict | list):
                if (step not in _DATA and not str(step).startswith("\0")) or (step == "params" and chain is None):
                    waiting.append(((chain, step), child))
            elif isinstance(child, str) and child and step not in _DATA and "${" not in child:
                if "://" not in child and not _KNOWN.search(child) and not _may_hold(chain, step):
                    continue
                path = _path((chain, step))
                label = _label(path, child)
                if label:
                    yield path, child, label


_Chain = tuple[Any, str | int] | None


def _may_hold(chain: _Chain, step: str | int) -> bool:
    """Returns True if an option, or an entry of an option, may be a secret by its name."""
    return step in _NAMES or (chain is not None and chain[1] in _NAMES)


def _path(chain: _Chain) -> Path:
    steps: list[str | int] = []
    while chain is not None:
        chain, step = chain
        steps.append(step)
    return tuple(reversed(steps))


def _label(path: Path, text: str) -> str:
    if "://" in text and without_passwords(text) != text:
        return "a password in a URL"
    known = _KNOWN.search(text)
    if known:
        return "a private key" if known[0].startswith("-") else "a token"
    words = [step for step in path if isinstance(step, str)]
    if not words or _FUNCTION.fullmatch(text) or _PUBLIC.match(text) or "example" in text.lower():
        return ""
    if words[-1] in _KEYS or (len(words) > 1 and words[-2] == "passwords"):
        return f'the value of "{words[-1]}"'
    is_strategy = words[:2] == ["auth", "strategies"] or (words[:1] == ["params"] and "keys" in words)
    if is_strategy and words[-1] in _JWT_KEYS:
        return f'the value of "{words[-1]}"'
    return ""
