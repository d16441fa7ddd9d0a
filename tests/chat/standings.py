"""A small chat with a user of each standing. It is made once and restored from its documents."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from bson import ObjectId
from pymongo.database import Database

from hapiish import Application
from hapiish.testing import Injected, inject
from tests.chat.callers import SECRET
from tests.chat.permissions import WEBHOOK

PEOPLE = (
    "stranger",
    "blocked",
    "former",
    "member",
    "admin",
    "owner",
    "operator",
    "banned",
    "expired",
    "revoked",
    "mate",
    "other",
    "newcomer",
)
PASSWORD = "correct horse battery"

BACKGROUND = frozenset({"tails", "tailbatches", "leases", "outbox", "repairs", "presence", "wordfillings"})
"""Collections that background jobs write at any time."""

Documents = dict[str, list[dict[str, Any]]]


@dataclass
class Standings:
    """The ids and tokens of the users, the objects that they share, and all documents of the database."""

    ids: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    refresh: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    things: dict[str, Any] = field(default_factory=dict)
    documents: Documents = field(default_factory=dict)
    admitted: dict[str, dict[str, Any]] = field(default_factory=dict)

    def admit(self, standing: str, database: Database[dict[str, Any]]) -> None:
        """Restores the account from before it was banned or its session was revoked."""
        database["users"].replace_one({"_id": self.admitted[standing]["_id"]}, self.admitted[standing])

    def names(self, standing: str) -> dict[str, Any]:
        """Returns the values for the templates of the rules, by name, for a caller of this standing."""
        place = "direct" if standing == "blocked" else "group"
        own = self.things["own"].get(standing)
        return {
            **self.things,
            **{name: self.ids[name] for name in ("mate", "newcomer", "owner", "member")},
            "standing": standing,
            "me": self.ids.get(standing, self.ids["stranger"]),
            "conversation": self.things[place],
            "attachment": self.things["files"][place],
            "seq": self.things["owner's"][place],
            "mates": self.things["own"]["mate"] if place == "group" else self.things["owner's"][place],
            "own": own or self.things["owner's"][place],
            "person": self.ids["owner" if standing == "blocked" else "other"],
            "person_email": ("owner" if standing == "blocked" else "other") + "@example.org",
            "session": self.sessions.get(standing, "0" * 24),
            "refresh": self.refresh.get(standing, "x" * 40),
            "token": self.tokens.get(standing, "x" * 40),
        }


async def create(app: Application, database: Database[dict[str, Any]]) -> Standings:
    """Makes the chat with its own API."""
    world = Standings()

    async def call(who: str, method: str, url: str, payload: Any = None, **more: Any) -> Injected:
        headers = {"authorization": f"Bearer {world.tokens[who]}"} if who in world.tokens else {}
        answer = await inject(app, method=method, url=url, payload=payload, headers=headers | more.pop("headers", {}))
        assert answer.status_code < 300, (who, method, url, answer.status_code, answer.text)
        return answer

    for who in PEOPLE:
        account = {"fullName": who.title(), "email": f"{who}@example.org", "password": PASSWORD}
        signed_in = (await call(who, "POST", "/register", account)).json
        world.ids[who], world.tokens[who] = signed_in["user"]["myId"], signed_in["token"]
        world.refresh[who], world.sessions[who] = signed_in["refreshToken"], signed_in["sessionId"]

    made = {
        "title": "Group",
        "memberIds": [world.ids[who] for who in ("admin", "member", "former", "mate", "banned", "expired", "revoked")],
        "msgId": "g",
    }
    group = (await call("owner", "POST", "/conversations/group", made)).json["id"]
    await call("owner", "PUT", f"/conversations/{group}/members/{world.ids['admin']}", {"role": "admin"})
    direct = (await call("blocked", "PUT", f"/conversations/direct/{world.ids['owner']}")).json["id"]
    world.things |= {"group": group, "direct": direct, "own": {}, "owner's": {}, "files": {}, "password": PASSWORD}
    for who in ("former", "member", "admin", "owner", "mate"):
        sent = (await call(who, "POST", f"/messages/{group}", {"text": f"from {who}", "msgId": "1"})).json
        world.things["own"][who] = sent["seq"]
    for who, place in (("owner", group), ("owner", direct), ("blocked", direct)):
        file = (await call(who, "POST", "/attachments?name=a.txt&type=text/plain", b"hello")).json["id"]
        message = {"text": "words to find", "attachments": [file]}
        sent = (await call(who, "POST", f"/messages/{place}", message)).json
        if who == "owner":
            world.things["files"]["group" if place == group else "direct"] = file
        if who == "owner":
            world.things["owner's"]["group" if place == group else "direct"] = sent["seq"]
        else:
            world.things["own"]["blocked"] = sent["seq"]
    await call("owner", "DELETE", f"/conversations/{group}/members/{world.ids['former']}")
    await call("owner", "PUT", f"/blocks/{world.ids['blocked']}")
    for who in ("revoked", "banned"):
        kept = database["users"].find_one({"_id": ObjectId(world.ids[who])})
        assert kept is not None
        world.admitted[who] = kept
    await call("revoked", "POST", "/logout")
    database["users"].update_one({"_id": ObjectId(world.ids["operator"])}, {"$set": {"scope": ["admin"]}})
    world.things["webhook"] = (await call("operator", "POST", "/webhooks", WEBHOOK)).json["id"]
    report = {"userId": world.ids["mate"], "reason": "spam"}
    world.things["report"] = (await call("other", "POST", "/reports", report)).json["id"]
    ban = {"reason": "the test", "at": datetime.now(UTC)}
    database["users"].update_one({"_id": ObjectId(world.ids["banned"])}, {"$set": {"banned": ban}})
    claims = jwt.decode(world.tokens["expired"], SECRET, algorithms=["HS256"])
    moment = int(datetime.now(UTC).timestamp())
    world.tokens["expired"] = jwt.encode(
        claims | {"iat": moment - 90_000, "exp": moment - 3_600}, SECRET, algorithm="HS256"
    )
    world.documents = {name: list(database[name].find()) for name in database.list_collection_names()}
    return world


def restore(world: Standings, database: Database[dict[str, Any]]) -> None:
    """Restores the documents of the database."""
    for name in {*database.list_collection_names(), *world.documents} - BACKGROUND:
        if not name.startswith("system."):
            database[name].delete_many({})
            if documents := world.documents.get(name):
                database[name].insert_many(deepcopy(documents))
