"""The chat's documents on the database in memory, which `hapiish run` falls back to where no mongod can run."""

from concurrent.futures import ThreadPoolExecutor

from hapiish.store.connection import MEMORY, Target, acquire, release
from models.conversation import Conversation
from models.membership import Membership
from models.message import Message
from models.user import User


def test_messages_are_numbered_deduplicated_and_barred_as_on_mongodb() -> None:
    connection = acquire(Target(MEMORY), [User, Conversation, Membership, Message])
    try:
        for document in (User, Conversation, Membership, Message):
            document.ensure_indexes()
        ann, bob = (User.register(name, f"{name}@example.org", "a password") for name in ("ann", "bob"))
        assert ann is not None
        assert bob is not None
        opened, _ = Conversation.open(ann["_id"], bob["_id"])
        for _ in range(2):  # unknown to the process, then remembered
            assert Conversation.of_sender(opened["id"], ann["_id"], User) == (ann, opened, False)
        with ThreadPoolExecutor(16) as threads:
            sent = list(
                threads.map(lambda n: Message.append(opened["id"], ann["_id"], "hi", client_id=str(n % 40)), range(80))
            )
        assert sorted(message["seq"] for message, duplicate in sent if not duplicate) == list(range(1, 41))
        for message, _ in sent:
            Conversation.push(message)
        User.block(ann["_id"], bob["_id"])
        account, conversation, is_barred = Conversation.of_sender(opened["id"], bob["_id"], User)
        assert conversation is not None
        assert (account, conversation["lastSeq"], is_barred) == (bob, 40, True)
        assert [message["seq"] for message in Message.page(opened["id"], limit=3)[0]] == [38, 39, 40]
    finally:
        release(connection)
