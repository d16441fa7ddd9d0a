"""A process that writes to a conversation: `sender.py URI CONVERSATION`, 4 threads of 10 messages."""

import sys
from concurrent.futures import ThreadPoolExecutor

from bson import ObjectId

sys.path.insert(0, "")  # the project, in which the test starts this

from hapiish.store.connection import Target, acquire
from models.message import Message


def write(place: str) -> None:
    ann = str(ObjectId())
    for n in range(10):
        Message.append(place, ann, str(n), client_id=str(n))


if __name__ == "__main__":
    uri, place = sys.argv[1:]
    acquire(Target(uri), [Message])
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, [place] * 4))
