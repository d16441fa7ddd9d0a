"""The start, stop and check of the chat's background jobs. It imports the modules of jobs that have no route."""

from . import erasure, heads, retention
from .sweeper import check, start, stop

__all__ = ["check", "erasure", "heads", "retention", "start", "stop"]
