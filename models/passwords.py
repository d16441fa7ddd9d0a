"""Hashes and verifies passwords with Argon2id. Passwords are never stored or logged.

A hash takes about 20 ms of CPU time and 19 MB of memory on purpose. Call the functions in a thread: they release the
GIL. A process makes at most `concurrency` hashes at once, which bounds the memory.
"""

import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

Options = Mapping[str, Any]

# OWASP's minimum for Argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.
DEFAULT: Final[Options] = {"timeCost": 2, "memoryCost": 19_456, "parallelism": 1, "concurrency": 4, "waiting": 16}
"""The parameters of Argon2id (`memoryCost` in KiB), the most concurrent hashes, and the most threads that wait."""

_PATIENCE: Final = 5.0  # seconds


class _Gate:
    """Admits `concurrency` threads at once. Up to `waiting` more wait for `_PATIENCE`; others get a TimeoutError."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._inside = 0
        self._waiting = 0

    @contextmanager
    def pass_through(self, options: Options) -> Iterator[None]:
        with self._condition:
            if self._inside >= options["concurrency"]:
                self._wait(options)
            self._inside += 1
        try:
            yield
        finally:
            with self._condition:
                self._inside -= 1
                self._condition.notify()

    def _wait(self, options: Options) -> None:
        if self._waiting >= options["waiting"]:
            raise TimeoutError("too many passwords are being hashed")
        self._waiting += 1
        try:
            if not self._condition.wait_for(lambda: self._inside < options["concurrency"], _PATIENCE):
                raise TimeoutError("too many passwords are being hashed")
        finally:
            self._waiting -= 1


_gate = _Gate()


def digest(password: str, options: Options | None = None) -> str:
    """Returns a salted hash that contains its parameters. Raises TimeoutError while too many hashes are being made."""
    options = _complete(options)
    with _gate.pass_through(options):
        return _hasher(options).hash(_normal(password))


def matches(stored: str | None, password: str, options: Options | None = None) -> bool:
    """Returns True if `password` matches `stored`. A missing hash takes the same time, so that accounts stay hidden.

    Raises TimeoutError as `digest` does.
    """
    options = _complete(options)
    hasher, hashed = _hasher(options), stored or _decoy(_key(options))
    with _gate.pass_through(options):
        is_right = _verify(hasher, hashed, _normal(password))
        if not is_right and _normal(password) != password:  # a hash of an older version
            is_right = _verify(hasher, hashed, password)
    return is_right and stored is not None


def outdated(stored: str, options: Options | None = None) -> bool:
    """Returns True if a hash was made with outdated parameters."""
    return _hasher(_complete(options)).check_needs_rehash(stored)


def _verify(hasher: PasswordHasher, hashed: str, password: str) -> bool:
    try:
        return hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _complete(options: Options | None) -> Options:
    return {**DEFAULT, **(options or {})}


def _hasher(options: Options) -> PasswordHasher:
    return _made(_key(options))


def _key(options: Options) -> tuple[int, int, int]:
    return options["timeCost"], options["memoryCost"], options["parallelism"]


@lru_cache(8)
def _made(key: tuple[int, int, int]) -> PasswordHasher:
    return PasswordHasher(time_cost=key[0], memory_cost=key[1], parallelism=key[2])


@lru_cache(8)
def _decoy(key: tuple[int, int, int]) -> str:
    return _made(key).hash("nobody's password")


def _normal(password: str) -> str:
    """Returns the form that is hashed. Keyboards enter the same text in several ways (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)
