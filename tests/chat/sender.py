"""A process that writes to a conversation: `sender.py URI CONVERSATION`, 10 threads of 10 messages.

It prints the number of inserts that it needed.
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from bson import ObjectId

sys.path.insert(0, "")  # the project, in which the test starts this

from hapiish.store.connection import Target, acquire
from models.message import Message
from tests.commands import recorded


def write(place: str) -> None:
    ann = str(ObjectId())
    for n in range(10):
        Message.append(place, ann, str(n), client_id=str(n))


if __name__ == "__main__":
    uri, place = sys.argv[1:]
    acquire(Target(uri), [Message])
    with recorded() as commands, ThreadPoolExecutor(10) as threads:
        list(threads.map(write, [place] * 10))
    sys.stdout.write(str(commands.count("insert")))
