"""Push notifications of messages to members who have no socket: `notices` plans them, and the outbox sends them.

A member gets no push while a device of the member is online, for a message that the member has read or received, from a
user whom the member has blocked, and in a muted conversation unless the message mentions the member.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hapiish import boom

AGE: Final = timedelta(hours=1)
"""The age at which a message is too old for a push."""
_PREVIEW: Final = 200  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """The work of a push sender: the device's `token` and `platform`, and the `payload` to show."""

    id: str
    target: str
    token: str
    platform: str
    payload: dict[str, Any]
    attempts: int
    kind: str = "push"


def plan(server: Any, messages: Iterable[Any]) -> list[Any]:
    """Returns the rows of the outbox for stored messages: one for each device of each absent member.

    The row is for the newest message of a conversation that the member should be notified of.
    """
    fresh = datetime.now(UTC) - AGE
    by_conversation: dict[str, list[Any]] = {}
    for message in messages:
        if message.get("type") != "system" and "deletedAt" not in message and message["createdAt"] > fresh:
            by_conversation.setdefault(str(message["conversationId"]), []).append(message)
    works: list[Any] = []
    for conversation_id, found in by_conversation.items():
        works += _of_conversation(server, conversation_id, sorted(found, key=lambda each: each["seq"]))
    return works


def _of_conversation(server: Any, conversation_id: str, messages: Sequence[Any]) -> list[Any]:
    models = server.models
    devices = models.Device.of_users(models.Conversation.members_of(conversation_id))
    if not devices:
        return []
    absent = devices.keys() - online(server, devices)
    if not absent:
        return []
    states = models.Device.states(conversation_id, absent)
    senders = {str(message["userId"]) for message in messages}
    blocked = {sender: models.Device.blocking(models.User, absent, sender) for sender in senders}
    works = []
    for user in absent:
        state = states.get(user)
        newest = _newest(user, messages, state, blocked)
        if newest is None:
            continue
        works += [
            models.Outbox.work(
                kind="push",
                key=f"push:{user}:{device}:{newest['_id']}",
                target=f"{user}/{device}",
                topic=f"push:{user}:{device}:{conversation_id}",
                payload={"userId": user, "deviceId": device, "conversationId": conversation_id, "seq": newest["seq"]},
                expires=newest["createdAt"] + AGE,
            )
            for device in devices[user]
        ]
    return works


def _newest(user: str, messages: Sequence[Any], state: Any, blocked: dict[str, set[str]]) -> Any:
    """Returns the newest message that an absent user should be notified of, or None."""
    if state is not None and state.has_left:
        return None
    for message in reversed(messages):
        sender = str(message["userId"])
        if sender == user or user in blocked[sender] or user in map(str, message.get("hiddenFor", ())):
            continue
        if state is not None and message["seq"] <= state.known:
            return None
        if state is None or not state.is_muted or user in map(str, message.get("mentions", ())):
            return message
    return None


def online(server: Any, users: Iterable[str]) -> set[str]:
    """Returns the users who have a socket; an empty set if the table has no presence. Call it in a thread."""
    try:
        presence = server.presence
    except RuntimeError:
        return set()
    found: set[str] = presence.online(users)
    return found


async def send(server: Any, work: Any) -> None:
    """Sends a push with the sender of the table (`senders.push`), unless it is not wanted any more.

    If the sender raises `Gone` (410), the device is removed.
    """
    push = await server.store.call(_current, server, work)
    if push is None:
        return
    try:
        await server.methods.senders.push(server, push)
    except boom.Gone:
        given = work.payload
        await server.store.call(
            lambda: server.models.Device.remove(given["userId"], given["deviceId"], token=push.token)
        )


def _current(server: Any, work: Any) -> Push | None:
    """Returns the push with the present content of the message; None if it is not wanted any more.

    Raises 503 while the message is streaming.
    """
    models, given = server.models, work.payload
    user, conversation_id, seq = given["userId"], given["conversationId"], given["seq"]
    account = models.User.account(user)
    device, place, message, known = models.Device.facts(user, given["deviceId"], conversation_id, seq)
    if device is None or account is None or getattr(account, "ban", None) is not None:
        return None
    sessions = getattr(account, "session_ids", None)
    if sessions is not None and "sessionId" in device and str(device["sessionId"]) not in sessions:
        models.Device.remove(user, given["deviceId"], token=device["token"])  # signed out on this device
        return None
    if place is None or message is None or seq <= known or online(server, [user]):
        return None
    if message.get("streaming"):
        raise boom.ServerUnavailable("the message is still being written")
    sender_id = str(message["userId"])
    sender = models.User.account(sender_id)
    payload = {
        "conversationId": conversation_id,
        "seq": seq,
        "messageId": str(message["_id"]),
        "userId": sender_id,
        "fullName": sender["fullName"] if sender is not None else "",
        "text": message["text"][:_PREVIEW],
        "attachments": len(message.get("attachments", ())),
        "isMention": user in map(str, message.get("mentions", ())),
    }
    title = place.get("title")
    return Push(
        id=work.id,
        target=work.target,
        token=device["token"],
        platform=device["platform"],
        payload={**payload, **({"title": title} if title else {})},
        attempts=work.attempts,
    )
