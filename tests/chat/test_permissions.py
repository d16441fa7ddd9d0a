"""Permissions of every route and event, for an anonymous caller, a non-member and a member."""

from dataclasses import dataclass
from typing import Any

import pytest
import socketio

from hapiish import Application, table
from hapiish.testing import inject
from tests.chat.callers import ROUTES, SECRET, Caller, Join, connected, serving

pytestmark = pytest.mark.anyio


@dataclass(frozen=True)
class Rule:
    """What a call answers to nobody, a stranger and a member. `{…}` is filled in: ids, e-mails, who calls."""

    id: str
    method: str
    path: str
    payload: dict[str, Any] | None
    statuses: tuple[int, int, int]


MESSAGE = {"conversationId": "{conversation}", "seq": 1}

MESSAGE_EVENTS: list[tuple[str, str, dict[str, Any], tuple[int, int]]] = [
    ("socket.edit", "message:edit", {**MESSAGE, "text": "hi", "rev": 0}, (404, 200)),
    ("socket.delete", "message:delete", {**MESSAGE, "scope": "all"}, (404, 200)),
    ("socket.react", "message:react", {**MESSAGE, "emoji": "+1", "on": True}, (404, 200)),
    ("socket.delta", "message:delta", {**MESSAGE, "offset": 0, "text": "hi"}, (404, 409)),
]

ROUTE_RULES = [
    Rule(
        "accounts.register",
        "POST",
        "/register",
        {"fullName": "X", "email": "{who}@new.org", "password": "12345678"},
        (200, 200, 200),
    ),
    Rule(
        "accounts.login", "POST", "/login", {"email": "{friend_email}", "password": "cat's password"}, (200, 200, 200)
    ),
    Rule("accounts.refresh", "POST", "/token/refresh", {"refreshToken": "nonsense"}, (401, 401, 401)),
    Rule("accounts.logout", "POST", "/logout", None, (401, 204, 204)),
    Rule("accounts.sessions", "GET", "/sessions", None, (401, 200, 200)),
    Rule("accounts.endOthers", "DELETE", "/sessions", None, (401, 204, 204)),
    Rule("accounts.endSession", "DELETE", "/sessions/{conversation}", None, (401, 204, 204)),
    Rule("accounts.me", "GET", "/me", None, (401, 200, 200)),
    Rule("accounts.change", "PATCH", "/me", {"fullName": "X"}, (401, 200, 200)),
    Rule("accounts.password", "PUT", "/me/password", {"password": "x", "newPassword": "12345678"}, (401, 401, 401)),
    Rule("accounts.sendVerification", "POST", "/me/email/verification", None, (401, 204, 204)),
    Rule("accounts.verify", "POST", "/verify", {"token": "x"}, (422, 422, 422)),
    Rule("accounts.forgotten", "POST", "/password/forgotten", {"email": "{friend_email}"}, (202, 202, 202)),
    Rule("accounts.reset", "POST", "/password/reset", {"token": "x", "password": "12345678"}, (422, 422, 422)),
    Rule("people.get", "GET", "/users/{friend}", None, (401, 200, 200)),
    Rule("friends.remove", "DELETE", "/friends/{friend}", None, (401, 204, 204)),
    Rule("friends.add", "POST", "/friends", {"email": "{friend_email}"}, (401, 200, 200)),
    Rule("friends.index", "GET", "/friends", None, (401, 200, 200)),
    Rule("blocks.index", "GET", "/blocks", None, (401, 200, 200)),
    Rule("blocks.add", "PUT", "/blocks/{friend}", None, (401, 204, 204)),
    Rule("blocks.remove", "DELETE", "/blocks/{friend}", None, (401, 204, 204)),
    Rule("conversations.index", "GET", "/conversations", None, (401, 200, 200)),
    Rule("conversations.create", "POST", "/conversations", {"friendId": "{friend}"}, (401, 200, 200)),
    Rule("conversations.open", "PUT", "/conversations/direct/{friend}", None, (401, 201, 201)),
    Rule(
        "groups.create",
        "POST",
        "/conversations/group",
        {"title": "Team", "memberIds": ["{friend}"], "msgId": "{who}"},
        (401, 201, 201),
    ),
    Rule("conversations.show", "GET", "/conversations/{group}", None, (401, 404, 200)),
    Rule("groups.edit", "PATCH", "/conversations/{group}", {"title": "Crew"}, (401, 404, 200)),
    Rule("groups.close", "DELETE", "/conversations/{group}", None, (401, 404, 204)),
    Rule("members.index", "GET", "/conversations/{group}/members", None, (401, 404, 200)),
    Rule("members.put", "PUT", "/conversations/{group}/members/{friend}", {}, (401, 404, 201)),
    Rule("members.remove", "DELETE", "/conversations/{group}/members/{member}", None, (401, 404, 204)),
    Rule("state.read", "PUT", "/conversations/{conversation}/read", {"seq": 0}, (401, 404, 200)),
    Rule("state.delivered", "PUT", "/conversations/{conversation}/delivered", {"seq": 0}, (401, 404, 200)),
    Rule("state.unread", "PUT", "/conversations/{group}/unread", {"seq": 1}, (401, 404, 422)),
    Rule("state.mute", "PUT", "/conversations/{conversation}/mute", {"until": None}, (401, 404, 200)),
    Rule("state.unmute", "DELETE", "/conversations/{conversation}/mute", None, (401, 404, 204)),
    Rule("state.draft", "PUT", "/conversations/{conversation}/draft", {"text": "hi"}, (401, 404, 200)),
    Rule("state.undraft", "DELETE", "/conversations/{conversation}/draft", None, (401, 404, 204)),
    Rule("messages.index", "GET", "/messages/{conversation}", None, (401, 404, 200)),
    Rule("messages.create", "POST", "/messages/{conversation}", {"text": "hi"}, (401, 404, 201)),
    Rule("sync.read", "POST", "/sync", {}, (401, 200, 200)),
    Rule("web.client", "GET", "/", None, (200, 200, 200)),
    Rule("web.elsewhere", "POST", "/nothing", None, (404, 404, 404)),
    Rule("web.settings", "GET", "/settings.json", None, (200, 200, 200)),
    Rule("messages.show", "GET", "/messages/{conversation}/1", None, (401, 404, 200)),
    Rule("messages.edit", "PATCH", "/messages/{conversation}/1", {"text": "hi", "rev": 0}, (401, 404, 200)),
    Rule("messages.remove", "DELETE", "/messages/{conversation}/1", None, (401, 404, 200)),
    Rule("reactions.add", "PUT", "/messages/{conversation}/1/reactions/+1", None, (401, 404, 200)),
    Rule("reactions.remove", "DELETE", "/messages/{conversation}/1/reactions/+1", None, (401, 404, 200)),
    Rule("pins.add", "PUT", "/conversations/{conversation}/pins/1", None, (401, 404, 200)),
    Rule("pins.remove", "DELETE", "/conversations/{conversation}/pins/1", None, (401, 404, 200)),
    Rule("messages.search", "GET", "/search?q=hi", None, (401, 200, 200)),
    Rule("devices.index", "GET", "/devices", None, (401, 200, 200)),
    Rule("devices.put", "PUT", "/devices/phone", {"token": "{who}", "platform": "ios"}, (401, 204, 204)),
    Rule("devices.remove", "DELETE", "/devices/phone", None, (401, 204, 204)),
    Rule("webhooks.index", "GET", "/webhooks", None, (401, 403, 403)),
    Rule("webhooks.create", "POST", "/webhooks", {"url": "https://x.org", "events": ["x"]}, (401, 403, 403)),
    Rule("webhooks.change", "PATCH", "/webhooks/{conversation}", {}, (401, 403, 403)),
    Rule("webhooks.rotate", "POST", "/webhooks/{conversation}/secret", None, (401, 403, 403)),
    Rule("webhooks.remove", "DELETE", "/webhooks/{conversation}", None, (401, 403, 403)),
    Rule("webhooks.dead", "GET", "/webhooks/dead", None, (401, 403, 403)),
    Rule("webhooks.replay", "POST", "/webhooks/dead/{conversation}/replay", None, (401, 403, 403)),
    Rule("me.export", "GET", "/me/export", None, (401, 200, 200)),
    Rule("me.erase", "DELETE", "/me", {"password": "wrong"}, (401, 401, 401)),
    Rule("reports.create", "POST", "/reports", {"userId": "{friend}", "reason": "spam"}, (401, 201, 201)),
    Rule("reports.index", "GET", "/reports", None, (401, 403, 403)),
    Rule("reports.decide", "PATCH", "/reports/{conversation}", {"state": "open"}, (401, 403, 403)),
    Rule("bans.put", "PUT", "/bans/{friend}", {"reason": "spam"}, (401, 403, 403)),
    Rule("bans.remove", "DELETE", "/bans/{friend}", None, (401, 403, 403)),
    Rule("attachments.create", "POST", "/attachments", {"text": "hi"}, (401, 201, 201)),
    Rule("attachments.show", "GET", "/attachments/{attachment}", None, (401, 404, 200)),
    Rule("presence.index", "GET", "/presence?ids={friend}", None, (401, 200, 200)),
    Rule("health.live", "GET", "/health/live", None, (200, 200, 200)),
    Rule("health.ready", "GET", "/health/ready", None, (200, 200, 200)),
]

EVENT_RULES: list[tuple[str, str, dict[str, Any], tuple[int, int]]] = [
    ("socket.read", "conversation:read", {"conversationId": "{conversation}", "seq": 0}, (404, 200)),
    ("socket.delivered", "message:delivered", {"conversationId": "{conversation}", "seq": 0}, (404, 200)),
    ("socket.unread", "conversation:unread", {"conversationId": "{conversation}", "seq": 1}, (404, 200)),
    ("socket.mute", "conversation:mute", {"conversationId": "{conversation}", "until": None}, (404, 200)),
    ("socket.draft", "draft", {"conversationId": "{conversation}", "text": "hi"}, (404, 200)),
    ("socket.refresh", "auth:refresh", {"token": "x"}, (401, 401)),
    ("socket.init", "init", {"senderId": "{member}"}, (403, 200)),
    ("socket.sync", "sync", {}, (200, 200)),
    ("socket.message", "message", {"conversationId": "{conversation}", "text": "hi"}, (404, 200)),
    *MESSAGE_EVENTS,
    ("socket.presence.watch", "presence:watch", {"userIds": []}, (200, 200)),
    ("socket.typing", "typing", {"conversationId": "{conversation}", "on": True}, (404, 200)),
    ("socket.bye", "bye", {}, (200, 200)),
]


def test_every_route_and_event_has_its_rule() -> None:
    checked = table.load(ROUTES, {"JWT_SECRET": SECRET})
    assert {route.id for route in checked.routes} == {rule.id for rule in ROUTE_RULES}
    assert checked.sockets is not None
    events = {event.id for namespace in checked.sockets.namespaces for event in namespace.events}
    assert events == {rule[0] for rule in EVENT_RULES}


def filled(template: Any, names: dict[str, str]) -> Any:
    if isinstance(template, dict):
        return {key: filled(value, names) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, names) for value in template]
    return template.format(**names) if isinstance(template, str) else template


@pytest.mark.parametrize("rule", ROUTE_RULES, ids=lambda rule: rule.id)
async def test_a_route_is_open_to_whom_it_should_be(app: Application, join: Join, rule: Rule) -> None:
    member, other, friend, stranger = [await join(name) for name in ("ann", "bob", "cat", "eve")]
    names = {
        "conversation": await member.open(other),
        "group": await member.gather("Team", other),
        "member": member.id,
        "friend": friend.id,
        "friend_email": friend.email,
    }
    await member.say(names["conversation"], "the first message")
    names["attachment"] = (await member.call("POST", "/attachments", "hi")).json["id"]
    callers: list[tuple[str, Caller | None]] = [("nobody", None), ("stranger", stranger), ("member", member)]
    for (who, caller), status in zip(callers, rule.statuses, strict=True):
        payload = filled(rule.payload, {**names, "who": who})
        url = rule.path.format(**names)
        if caller is None:
            answer = await inject(app, method=rule.method, url=url, payload=payload)
        else:
            answer = await caller.call(rule.method, url, payload)
        assert answer.status_code == status, who


@pytest.mark.parametrize("rule", EVENT_RULES, ids=lambda rule: rule[0])
async def test_an_event_is_open_to_whom_it_should_be(app: Application, join: Join, rule: Any) -> None:
    _, event, template, statuses = rule
    member, other, stranger = [await join(name) for name in ("ann", "bob", "eve")]
    conversation = await member.open(other)
    await member.say(conversation, "the first message")
    data = filled(template, {"conversation": conversation, "member": member.id})
    async with serving(app) as url:
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with connected(url, None):
                pass
        for caller, status in zip((stranger, member), statuses, strict=True):
            async with connected(url, caller.token) as device:
                ack = await device.send(event, data)
                assert (200 if ack["ok"] else ack["error"]["statusCode"]) == status
