"""Hashes and verifies passwords with Argon2id. Passwords are never stored or logged.

Hashing takes about 20 ms of CPU time on purpose: call it in the thread pool (it releases the GIL).
"""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's minimum for Argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def digest(password: str) -> str:
    """Returns a salted hash that contains its parameters."""
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Returns True if `password` matches `stored`. A missing hash takes the same time (no user enumeration)."""
    try:
        return _hasher.verify(stored or _decoy(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def outdated(stored: str) -> bool:
    """Returns True if a hash was made with outdated parameters."""
    return _hasher.check_needs_rehash(stored)


@cache
def _decoy() -> str:
    return digest("nobody's password")
