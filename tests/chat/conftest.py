"""What the tests of the chat share: its documents on the real database."""

from collections.abc import Iterator

import pytest

from hapiish.store import indexes
from hapiish.store.connection import Target, acquire, release
from models.conversation import Conversation
from models.message import Message
from models.user import User

DOCUMENTS = (User, Conversation, Message)


@pytest.fixture
def documents(mongo_uri: str) -> Iterator[None]:
    """The chat's documents, connected as an application connects them, with their indexes and nothing else."""
    connection = acquire(Target(mongo_uri), DOCUMENTS)
    try:
        indexes.apply(DOCUMENTS)
        for document in DOCUMENTS:
            document.objects.delete()
        yield
    finally:
        release(connection)
