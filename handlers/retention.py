"""The job that removes messages older than `administration.retentionDays`."""

from time import monotonic
from typing import Any, Final

from . import sweeper
from .settings import settings

SECONDS: Final = 40.0
"""The longest time of a run."""


def remove_old(server: Any) -> None:
    """Removes old messages, and lets the sweeper remove their files. The next run continues."""
    attachments: Any = getattr(server.models, "Attachment", None)
    days, until = settings(server)["administration"]["retentionDays"], monotonic() + SECONDS
    while days > 0 and monotonic() < until:
        removed = server.models.Report.remove_old(days)
        if removed is None:
            return
        for message in removed if attachments is not None else ():
            attachments.release(message)


sweeper.register("retention", 600, remove_old, deadline=60)
