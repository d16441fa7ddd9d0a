"""A process that sends two messages in a conversation and removes them: `remover.py URI CONVERSATION`."""

import sys

from bson import ObjectId

sys.path.insert(0, "")  # the project, in which the test starts this

from hapiish.store.connection import Target, acquire
from models.conversation import Conversation
from models.message import Message

if __name__ == "__main__":
    uri, place = sys.argv[1:]
    acquire(Target(uri), [Message, Conversation])
    sent = [Message.append(place, str(ObjectId()), text)[0] for text in ("gone", "gone too")]
    for message in sent:
        Conversation.push(message)
    Message.objects(id__in=[message["_id"] for message in sent]).delete()
