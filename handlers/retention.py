"""The job that removes messages that are older than the operator wants (`administration.retentionDays`)."""

from time import monotonic
from typing import Any, Final

from . import sweeper
from .settings import settings

SECONDS: Final = 40.0


def remove_old(server: Any) -> None:
    """Removes old messages, and lets their files be removed; the next run continues."""
    attachments: Any = getattr(server.models, "Attachment", None)
    days, until = settings(server)["administration"]["retentionDays"], monotonic() + SECONDS
    while days > 0 and monotonic() < until:
        removed = server.models.Report.remove_old(days)
        if removed is None:
            return
        for message in removed if attachments is not None else ():
            attachments.release(message)


sweeper.register("retention", 600, remove_old, deadline=60)
