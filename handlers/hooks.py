"""Events for webhooks: `notices` plans them, and the outbox sends them with the state at the time of sending.

An event is one row of the outbox for each webhook that wants its type. The row refers to the message, conversation or
user and does not contain it: a message that was deleted meanwhile is sent as deleted, and the outbox keeps no content.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any, Final

from hapiish import boom

from .outbound import Answer, post
from .settings import settings

SOURCES: Final = {"messages": "Message", "changes": "Change", "conversations": "Conversation", "users": "User"}
"""The names of the models whose new documents are events, by source."""

log = logging.getLogger("chat.webhooks")

Event = tuple[str, str, dict[str, Any]]
"""The type of an event, its key, and the ids of the objects that it is about."""


def plan(server: Any, source: str, rows: Iterable[Any], hooks: Sequence[Any]) -> list[Any]:
    """Returns the rows of the outbox for new documents: one for each event and each webhook that wants its type."""
    lasts = timedelta(seconds=settings(server)["webhooks"]["lasts"])
    works: list[Any] = []
    for row in rows if hooks else ():
        at = row["_id"].generation_time
        for type_, key, named in _events(server, source, row):
            works += [
                server.models.Outbox.work(
                    kind="webhook",
                    key=f"{hook['_id']}:{type_}:{key}",
                    target=str(hook["_id"]),
                    topic=f"{hook['_id']}:{type_}:{key}" if type_ == "message.updated" else None,
                    payload={"type": type_, "at": at, **named},
                    expires=datetime.now(UTC) + lasts,
                )
                for hook in hooks
                if type_ in hook["events"] and hook["_id"].generation_time <= at
            ]
    return works


def _events(server: Any, source: str, row: Any) -> Iterator[Event]:
    if source == "messages":
        yield "message.created", str(row["_id"]), _message(row)
    elif source == "conversations":
        yield "conversation.created", str(row["_id"]), {"conversationId": str(row["_id"])}
    elif source == "users":
        yield "user.registered", str(row["_id"]), {"userId": str(row["_id"])}
    elif row["kind"] == "message":
        yield "message.updated", str(row["_id"]), _message(row)
    elif row["kind"] == "members":
        conversation_id = str(row["conversationId"])
        for member in server.models.Webhook.joined(conversation_id, row["at"]):
            named = {"conversationId": conversation_id, "userId": member["userId"]}
            yield "member.joined", f"{conversation_id}:{member['userId']}:{member['joinedAt']}", named


def _message(row: Any) -> dict[str, Any]:
    return {"conversationId": str(row["conversationId"]), "seq": row["seq"]}


async def send(server: Any, work: Any) -> None:
    """Sends an event to its webhook. A 410 disables the webhook; any other answer but 2xx is a failed attempt."""
    models, call = server.models, server.store.call
    hook = await call(models.Webhook.one, work.target)
    if hook is None:
        return
    if hook.get("disabledAt") is not None:
        raise boom.Conflict("the webhook is disabled")
    data = await call(models.Webhook.data, work.payload, models.User)
    if data is None:
        return
    given, event_id = settings(server)["webhooks"], f"msg_{work.id}"
    body = json.dumps(
        {"type": work.payload["type"], "timestamp": work.payload["at"].isoformat(), "data": data}
    ).encode()
    timestamp = int(time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "hapiish-chat-webhooks",
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": models.Webhook.signed(hook, event_id, timestamp, body),
    }
    try:
        answer = await post(hook["url"], body, headers, insecure=given["insecure"])
        failure = _failure(answer)
    except (OSError, ValueError) as error:
        failure = boom.BadGateway(f"{type(error).__name__}: {error}")
    if failure is None:
        await call(models.Webhook.succeeded, work.target)
        return
    if isinstance(failure, boom.Gone):
        await call(lambda: models.Webhook.change(work.target, enabled=False))
        log.warning("webhook %s is disabled: its receiver answered 410", work.target)
    else:
        after = timedelta(seconds=given["disabledAfter"])
        await call(lambda: models.Webhook.failed(work.target, disabled_after=after))
    raise failure


def _failure(answer: Answer) -> boom.Boom | None:
    if 200 <= answer.status < 300:
        return None
    if answer.status == 410:
        return boom.Gone("the receiver wants no events any more")
    headers = {"Retry-After": answer.retry_after} if answer.retry_after else {}
    return boom.BadGateway(f"the receiver answered {answer.status}", headers=headers)
