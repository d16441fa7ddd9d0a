"""The start and stop of the chat's background jobs, with the modules that register jobs and that no route names."""

from . import erasure, heads, retention
from .sweeper import check, start, stop

__all__ = ["check", "erasure", "heads", "retention", "start", "stop"]
