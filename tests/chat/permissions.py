"""The permission matrix of the chat: the status of each route and event for a caller of each standing."""

from dataclasses import dataclass
from typing import Any

STANDINGS = (
    *("anonymous", "stranger", "blocked", "former", "member", "admin", "owner", "operator"),
    *("banned", "expired", "revoked"),
)
"""`blocked` calls with a direct conversation with the owner, who has blocked them. The others call with a group, of
which `banned`, `expired` and `revoked` are members. `operator` is not a member and has the scope admin."""

REFUSED = {"anonymous": 401, "banned": 403, "expired": 401, "revoked": 401}
"""The statuses of callers without a valid account, if the route or event needs one."""


@dataclass(frozen=True)
class Rule:
    """A call and its statuses: one for all callers, or one for each of stranger … operator (the others are `REFUSED`).

    `Standings.names` has the values for `{…}` in the path and the payload.
    """

    id: str
    """The id of the route or event in the table."""
    path: str
    """The method and the path of a route, or the name of an event."""
    payload: Any
    statuses: str

    def expected(self) -> dict[str, int]:
        """Returns the status for each standing."""
        numbers = [int(text) for text in self.statuses.split()]
        if len(numbers) == 1:
            return dict.fromkeys(STANDINGS, numbers[0])
        return REFUSED | dict(zip(STANDINGS[1:8], numbers, strict=True))


EVERYBODY = "200"
ACCOUNTS = "200 200 200 200 200 200 200"
ACCOUNTS_201 = "201 201 201 201 201 201 201"
ACCOUNTS_204 = "204 204 204 204 204 204 204"

MEMBERS = "404 200 404 200 200 200 404"
MEMBERS_204 = "404 204 404 204 204 204 404"
OPERATORS = "403 403 403 403 403 403 200"
OPERATORS_204 = "403 403 403 403 403 403 204"
WEBHOOK = {"url": "https://hooks.invalid/chat", "events": ["user.registered"]}
EVERY_MESSAGE = {"conversationId": "{conversation}", "seq": "{seq}"}
OWN_MESSAGE = {"conversationId": "{conversation}", "seq": "{own}"}

ROUTE_RULES = [
    Rule(
        "accounts.register",
        "POST /register",
        {"fullName": "X", "email": "{standing}@new.example.org", "password": "correct horse"},
        EVERYBODY,
    ),
    Rule("accounts.login", "POST /login", {"email": "mate@example.org", "password": "{password}"}, EVERYBODY),
    Rule("accounts.refresh", "POST /token/refresh", {"refreshToken": "nonsense"}, "401"),
    Rule("accounts.logout", "POST /logout", None, ACCOUNTS_204),
    Rule("accounts.sessions", "GET /sessions", None, ACCOUNTS),
    Rule("accounts.endOthers", "DELETE /sessions", None, ACCOUNTS_204),
    Rule("accounts.endSession", "DELETE /sessions/{session}", None, ACCOUNTS_204),
    Rule("accounts.sendVerification", "POST /me/email/verification", None, ACCOUNTS_204),
    Rule("accounts.verify", "POST /verify", {"token": "x"}, "422"),
    Rule("accounts.forgotten", "POST /password/forgotten", {"email": "{standing}@example.org"}, "202"),
    Rule("accounts.reset", "POST /password/reset", {"token": "x", "password": "correct horse"}, "422"),
    Rule("accounts.me", "GET /me", None, ACCOUNTS),
    Rule("accounts.change", "PATCH /me", {"about": "X"}, ACCOUNTS),
    Rule(
        "accounts.password", "PUT /me/password", {"password": "{password}", "newPassword": "staple horse"}, ACCOUNTS_204
    ),
    Rule("people.get", "GET /users/{person}", None, "200 404 200 200 200 200 200"),
    Rule("friends.add", "POST /friends", {"email": "{person_email}"}, "200 403 200 200 200 200 200"),
    Rule("friends.index", "GET /friends", None, ACCOUNTS),
    Rule("friends.remove", "DELETE /friends/{person}", None, ACCOUNTS_204),
    Rule("blocks.index", "GET /blocks", None, ACCOUNTS),
    Rule("blocks.add", "PUT /blocks/{person}", None, ACCOUNTS_204),
    Rule("blocks.remove", "DELETE /blocks/{person}", None, ACCOUNTS_204),
    Rule("conversations.index", "GET /conversations", None, ACCOUNTS),
    Rule("conversations.create", "POST /conversations", {"friendId": "{person}"}, "200 403 200 200 200 200 200"),
    Rule("conversations.open", "PUT /conversations/direct/{person}", None, "201 403 201 201 201 201 201"),
    Rule("conversations.show", "GET /conversations/{conversation}", None, MEMBERS),
    Rule(
        "groups.create",
        "POST /conversations/group",
        {"title": "Team", "memberIds": ["{person}"], "msgId": "1"},
        "201 403 201 201 201 201 201",
    ),
    Rule("groups.edit", "PATCH /conversations/{conversation}", {"title": "Crew"}, "404 403 404 403 200 200 404"),
    Rule("groups.close", "DELETE /conversations/{conversation}", None, "404 403 404 403 403 204 404"),
    Rule("members.index", "GET /conversations/{conversation}/members", None, MEMBERS),
    Rule("members.put", "PUT /conversations/{conversation}/members/{newcomer}", {}, "404 403 404 403 201 201 404"),
    Rule("members.remove", "DELETE /conversations/{conversation}/members/{mate}", None, "404 403 404 403 204 204 404"),
    Rule("state.read", "PUT /conversations/{conversation}/read", {"seq": 0}, MEMBERS),
    Rule("state.delivered", "PUT /conversations/{conversation}/delivered", {"seq": 0}, MEMBERS),
    Rule("state.unread", "PUT /conversations/{conversation}/unread", {"seq": "{seq}"}, MEMBERS),
    Rule("state.mute", "PUT /conversations/{conversation}/mute", {"until": None}, MEMBERS),
    Rule("state.unmute", "DELETE /conversations/{conversation}/mute", None, MEMBERS_204),
    Rule("state.draft", "PUT /conversations/{conversation}/draft", {"text": "hi"}, MEMBERS),
    Rule("state.undraft", "DELETE /conversations/{conversation}/draft", None, MEMBERS_204),
    Rule("messages.index", "GET /messages/{conversation}", None, MEMBERS),
    Rule("messages.create", "POST /messages/{conversation}", {"text": "hi"}, "404 403 404 201 201 201 404"),
    Rule("messages.show", "GET /messages/{conversation}/{seq}", None, MEMBERS),
    Rule(
        "messages.edit", "PATCH /messages/{conversation}/{own}", {"text": "hi", "rev": 0}, "404 403 404 200 200 200 404"
    ),
    Rule("messages.remove", "DELETE /messages/{conversation}/{mates}?scope=all", None, "404 403 404 403 200 200 404"),
    Rule("reactions.add", "PUT /messages/{conversation}/{seq}/reactions/+1", None, "404 403 404 200 200 200 404"),
    Rule("reactions.remove", "DELETE /messages/{conversation}/{seq}/reactions/+1", None, MEMBERS),
    Rule("pins.add", "PUT /conversations/{conversation}/pins/{seq}", None, "404 403 404 200 200 200 404"),
    Rule("pins.remove", "DELETE /conversations/{conversation}/pins/{seq}", None, MEMBERS),
    Rule("messages.search", "GET /search?q=find&conversationId={conversation}", None, MEMBERS),
    Rule("sync.read", "POST /sync", {}, ACCOUNTS),
    Rule("attachments.create", "POST /attachments?name=a.txt&type=text/plain", b"hello", ACCOUNTS_201),
    Rule("attachments.show", "GET /attachments/{attachment}", None, MEMBERS),
    Rule("presence.index", "GET /presence?ids={person}", None, ACCOUNTS),
    Rule("devices.index", "GET /devices", None, ACCOUNTS),
    Rule("devices.put", "PUT /devices/phone", {"token": "{standing}", "platform": "ios"}, ACCOUNTS_204),
    Rule("devices.remove", "DELETE /devices/phone", None, ACCOUNTS_204),
    Rule("webhooks.index", "GET /webhooks", None, OPERATORS),
    Rule("webhooks.create", "POST /webhooks", WEBHOOK, "403 403 403 403 403 403 201"),
    Rule("webhooks.change", "PATCH /webhooks/{webhook}", {"events": ["message.created"]}, OPERATORS),
    Rule("webhooks.rotate", "POST /webhooks/{webhook}/secret", None, OPERATORS),
    Rule("webhooks.remove", "DELETE /webhooks/{webhook}", None, OPERATORS_204),
    Rule("webhooks.dead", "GET /webhooks/dead", None, OPERATORS),
    Rule("webhooks.replay", "POST /webhooks/dead/{webhook}/replay", None, "403 403 403 403 403 403 404"),
    Rule("me.export", "GET /me/export", None, ACCOUNTS),
    Rule("me.erase", "DELETE /me", {"password": "{password}"}, ACCOUNTS_204),
    Rule("reports.create", "POST /reports", {"userId": "{mate}", "reason": "spam"}, ACCOUNTS_201),
    Rule("reports.index", "GET /reports", None, OPERATORS),
    Rule("reports.decide", "PATCH /reports/{report}", {"state": "resolved"}, OPERATORS),
    Rule("bans.put", "PUT /bans/{mate}", {"reason": "spam"}, OPERATORS_204),
    Rule("bans.remove", "DELETE /bans/{mate}", None, OPERATORS_204),
    Rule("web.client", "GET /", None, EVERYBODY),
    Rule("web.elsewhere", "POST /nothing", None, "404"),
    Rule("web.settings", "GET /settings.json", None, EVERYBODY),
    Rule("health.live", "GET /health/live", None, EVERYBODY),
    Rule("health.ready", "GET /health/ready", None, EVERYBODY),
]

EVENT_RULES = [
    Rule("socket.init", "init", {"senderId": "{me}"}, ACCOUNTS),
    Rule("socket.sync", "sync", {}, ACCOUNTS),
    Rule(
        "socket.message", "message", {"conversationId": "{conversation}", "text": "hi"}, "404 403 404 200 200 200 404"
    ),
    Rule("socket.edit", "message:edit", {**OWN_MESSAGE, "text": "hi", "rev": 0}, "404 403 404 200 200 200 404"),
    Rule(
        "socket.delete",
        "message:delete",
        {"conversationId": "{conversation}", "seq": "{mates}", "scope": "all"},
        "404 403 404 403 200 200 404",
    ),
    Rule("socket.react", "message:react", {**EVERY_MESSAGE, "emoji": "+1", "on": True}, "404 403 404 200 200 200 404"),
    Rule("socket.delta", "message:delta", {**OWN_MESSAGE, "offset": 0, "text": "hi"}, "404 403 404 409 409 409 404"),
    Rule("socket.read", "conversation:read", {"conversationId": "{conversation}", "seq": 0}, MEMBERS),
    Rule("socket.delivered", "message:delivered", {"conversationId": "{conversation}", "seq": 0}, MEMBERS),
    Rule("socket.unread", "conversation:unread", EVERY_MESSAGE, MEMBERS),
    Rule("socket.mute", "conversation:mute", {"conversationId": "{conversation}", "until": None}, MEMBERS),
    Rule("socket.draft", "draft", {"conversationId": "{conversation}", "text": "hi"}, MEMBERS),
    Rule("socket.presence.watch", "presence:watch", {"userIds": []}, ACCOUNTS),
    Rule("socket.typing", "typing", {"conversationId": "{conversation}", "on": True}, MEMBERS),
    Rule("socket.bye", "bye", {}, ACCOUNTS),
    Rule("socket.refresh", "auth:refresh", {"token": "{token}"}, ACCOUNTS),
]
