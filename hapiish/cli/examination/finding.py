"""The result of an examination."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A subject of an examination and its result. `failed`: `hapiish run` does not start, or answers errors."""

    name: str
    status: Status
    message: str
    hint: str = ""


def ok(name: str, message: str) -> Finding:
    """Returns a finding without a fault."""
    return Finding(name, "ok", message)


def failed(name: str, message: str, hint: str = "") -> Finding:
    """Returns a finding that keeps `hapiish run` from serving."""
    return Finding(name, "failed", message, hint)


def warning(name: str, message: str, hint: str = "") -> Finding:
    """Returns a finding that a user should know, and with which `hapiish run` serves."""
    return Finding(name, "warning", message, hint)
