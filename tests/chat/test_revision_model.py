"""Any sequence of changes of a message has the result that a simple model predicts."""

from typing import Any

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.change import Change
from models.conversation import Conversation
from models.message import Message

pytestmark = pytest.mark.usefixtures("documents")

USERS = [str(ObjectId()) for _ in range(2)]
ANN, BOB = USERS

STEPS = st.one_of(
    st.tuples(st.just("edit"), st.sampled_from(USERS), st.sampled_from(["one", "two", ""]), st.integers(0, 3)),
    st.tuples(st.just("react"), st.sampled_from(USERS), st.sampled_from(["a", "b"]), st.booleans()),
    st.tuples(st.just("hide"), st.sampled_from(USERS)),
    st.tuples(st.just("remove"), st.sampled_from(USERS)),
)


class Predicted:
    """A message of ann's, and the number of changes."""

    def __init__(self) -> None:
        self.text, self.rev, self.changes = "hello", 0, 0
        self.reactions: list[tuple[str, str]] = []
        self.hidden: set[str] = set()
        self.is_gone = False

    def take(self, step: tuple[Any, ...]) -> str:
        """Changes the message and returns the outcome."""
        outcome: str = getattr(self, step[0])(*step[1:])
        if outcome == "changed":
            self.changes += 1
            self.rev += step[0] != "hide"
        return outcome

    def edit(self, user: str, text: str, rev: int) -> str:
        if user in self.hidden:
            return "missing"
        if user != ANN:
            return "foreign"
        if self.is_gone:
            return "gone"
        if rev != self.rev:
            return "same" if (rev + 1, text) == (self.rev, self.text) else "conflict"
        if not text:
            return "empty"
        self.text = text
        return "changed"

    def react(self, user: str, emoji: str, on: bool) -> str:
        if user in self.hidden:
            return "missing"
        if self.is_gone:
            return "gone"
        if ((emoji, user) in self.reactions) == on:
            return "same"
        (self.reactions.append if on else self.reactions.remove)((emoji, user))
        return "changed"

    def hide(self, user: str) -> str:
        if user in self.hidden:
            return "same"
        self.hidden.add(user)
        return "changed"

    def remove(self, user: str) -> str:
        if user in self.hidden:
            return "missing"
        if user != ANN:
            return "foreign"
        if self.is_gone:
            return "same"
        self.is_gone, self.text, self.reactions = True, "", []
        return "changed"


def made(place: str, step: tuple[Any, ...]) -> str:
    """Makes a step as a handler does, and returns the outcome."""
    name, user, *more = step
    if name == "edit":
        revision = Message.edit(place, 1, user, more[0], rev=more[1])
    elif name == "react":
        revision = Message.react(place, 1, user, more[0], on=more[1])
    elif name == "hide":
        revision = Message.hide(place, 1, user)
    else:
        revision = Message.remove(place, 1, user, is_admin=False)
    if revision.after is not None and revision.entries:
        if name != "hide":
            Conversation.preview(revision.after)
        Change.publish(Message, revision.after["_id"], revision.entries)
    return revision.outcome


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=12))
def test_a_message_is_the_result_of_its_changes(steps: list[tuple[Any, ...]]) -> None:
    place, expected = Conversation.open(str(ObjectId()), str(ObjectId()))[0]["id"], Predicted()
    sent, _ = Message.append(place, ANN, "hello")
    Conversation.push(sent)
    for step in steps:
        assert made(place, step) == expected.take(step), step
    stored = Message.stored(place, 1)
    assert stored is not None
    (shown,) = Message.shown([stored])
    assert (shown["text"], shown.get("rev", 0), "deletedAt" in shown) == (expected.text, expected.rev, expected.is_gone)
    grouped = {emoji: [user for each, user in expected.reactions if each == emoji] for emoji, _ in expected.reactions}
    assert shown.get("reactions", {}) == grouped
    assert stored.get("words", []) == ([] if expected.is_gone else [expected.text])
    for user in USERS:
        assert (Message.one(place, 1, reader=user) is None) == (user in expected.hidden)
    head = Conversation.objects.get(id=place)
    assert (head.last_message.text, head.change_seq or 0, stored.get("pending", [])) == (
        expected.text,
        expected.changes,
        [],
    )
    rows = Change.since(place, 0, head=expected.changes, limit=100)
    assert rows is not None
    assert len(rows) == expected.changes
