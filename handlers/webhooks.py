"""Webhooks, for administrators: registration, changes, rotation of secrets, and replay of dead events."""

from datetime import timedelta
from typing import Any, NoReturn

from hapiish import Request, Response, Toolkit, boom

from .outbound import parse
from .settings import settings


def index(request: Request, h: Toolkit) -> list[dict[str, Any]]:
    """Lists the webhooks, the oldest first, without their secrets."""
    webhooks: list[dict[str, Any]] = request.models.Webhook.list_all()
    return webhooks


def create(request: Request, h: Toolkit) -> Response:
    """Registers a webhook: 201 with its `secret`, which is shown only once.

    422 `invalid` for an address that is not allowed, 409 `conflict` if there are too many webhooks.
    """
    given, limits = request.payload, settings(request.server)["webhooks"]
    _check(request, given["url"])
    me = request.auth.credentials["id"]
    made = request.models.Webhook.create(given["url"], given["events"], me, most=limits["max"])
    if made is None:
        raise boom.Conflict(f"There are {limits['max']} webhooks already", code="conflict")
    return h.response(made).code(201)


def change(request: Request, h: Toolkit) -> dict[str, Any]:
    """Changes the address or the events of a webhook, or disables or enables it."""
    given = request.payload
    if "url" in given:
        _check(request, given["url"])
    changed: dict[str, Any] | None = request.models.Webhook.change(
        request.params["webhookId"], url=given.get("url"), events=given.get("events"), enabled=given.get("enabled")
    )
    return changed if changed is not None else _missing()


def rotate(request: Request, h: Toolkit) -> dict[str, Any]:
    """Replaces the secret of a webhook and returns the new one.

    For the seconds of the setting `webhooks.overlap`, events have signatures of both.
    """
    overlap = timedelta(seconds=settings(request.server)["webhooks"]["overlap"])
    changed: dict[str, Any] | None = request.models.Webhook.rotate(request.params["webhookId"], overlap=overlap)
    return changed if changed is not None else _missing()


def remove(request: Request, h: Toolkit) -> None:
    """Removes a webhook: 204. Its events that are not sent yet are dropped."""
    if not request.models.Webhook.remove(request.params["webhookId"]):
        _missing()


def dead(request: Request, h: Toolkit) -> list[dict[str, Any]]:
    """Lists dead events, which are not sent again, the newest first. `event` is the type, `error` the last error."""
    query = request.query
    rows = request.models.Outbox.dead(
        "webhook", target=query.get("webhookId"), before=query.get("before"), limit=query["limit"]
    )
    return [
        {
            "id": row["id"],
            "webhookId": row["target"],
            "event": row["payload"].get("type", ""),
            **{name: row[name] for name in ("error", "attempts", "createdAt", "diedAt")},
        }
        for row in rows
    ]


def replay(request: Request, h: Toolkit) -> None:
    """Queues a dead event to be sent again: 204; 404 if it is not dead."""
    lasts = timedelta(seconds=settings(request.server)["webhooks"]["lasts"])
    if request.models.Outbox.replay(request.params["eventId"], lasts=lasts) is None:
        raise boom.NotFound("There is no such event", code="not_found")


def _check(request: Request, url: str) -> None:
    try:
        parse(url, insecure=settings(request.server)["webhooks"]["insecure"])
    except ValueError as error:
        raise boom.BadData(str(error), code="invalid") from error


def _missing() -> NoReturn:
    raise boom.NotFound("There is no such webhook", code="not_found")
