"""A process that changes a conversation and is killed: `publisher.py URI CONVERSATION COMMANDS`.

It kills itself with SIGKILL when the server has confirmed this number of commands of the change.
"""

import os
import signal
import sys
from typing import Any

from bson import ObjectId
from pymongo import monitoring

sys.path.insert(0, "")  # the working directory is the project

from hapiish.store.connection import Target, acquire
from hapiish.store.rows import update
from models import change
from models.conversation import Conversation


class Killer(monitoring.CommandListener):
    """Kills the process after `left` commands."""

    left = -1

    def started(self, event: Any) -> None:
        """Does nothing."""

    def failed(self, event: Any) -> None:
        """Does nothing."""

    def succeeded(self, event: Any) -> None:
        """Counts a command."""
        Killer.left -= 1
        if Killer.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    uri, place, commands = sys.argv[1:]
    monitoring.register(Killer())
    acquire(Target(uri), [Conversation, change.Change])
    Conversation._get_collection()
    Killer.left = int(commands)
    entry = change.entry("conversation", place)
    update(Conversation, {"_id": ObjectId(place)}, {"$set": {"lastSeq": 7}, "$push": {"pending": entry}})
    change.publish(Conversation, place, [entry])
