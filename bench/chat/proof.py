"""Proves that both servers give equal answers to the same requests and events, on the same data.

It compares statuses, bodies, the headers that clients use, acknowledgements and delivered messages, with masked ids,
numbers and times. Of an error, it compares `statusCode`, `error` and `code`, because each framework has its own texts.
The chat on hapiish has more features than the chat on the original stack. The comparison leaves out the additional keys
of its answers, which cost it time.
"""

import http.client
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import jwt
from bson import ObjectId
from dataset import DATABASE, SECRET, Pair, Reader, account, head, memberships, token, user
from pinned import Pinned
from pymongo import MongoClient
from websockets.sync.client import ClientConnection, connect

PATIENCE = 10  # seconds for an answer
HEADERS = ("content-type", "x-next-cursor", "strict-transport-security", "x-frame-options", "x-content-type-options")
NEW = ("_id", "seq", "createdAt")
UNKNOWN = "f" * 24
BURST, PER_SECOND = 100, 5  # the chat's limit of messages

Answer = dict[str, Any]


class ProofError(Exception):
    """Raised if the servers differ; the message has both answers."""


class Proof:
    """Compares two running servers; `facts` counts the equal answers."""

    def __init__(self, ports: dict[str, int], uri: str) -> None:
        self.ports = ports
        self.uri = uri
        self.facts = 0
        self.pairs = iter(range(1000, 2000))

    def same(self, what: str, answers: dict[str, Any]) -> Any:
        """Returns the answer of the last server; raises ProofError if another answer lacks a part of it."""
        *others, (last, common) = answers.items()
        for other, answer in others:
            if _common(answer, common) != common:
                found = "\n".join(
                    f"{name}: {json.dumps(value)[:2000]}" for name, value in ((other, answer), (last, common))
                )
                raise ProofError(f"the servers differ: {what}\n{found}")
        self.facts += 1
        return common

    def expect(self, what: str, found: Any, expected: Any) -> None:
        """Raises ProofError unless `found` is `expected`."""
        if found != expected:
            raise ProofError(f"{what}: expected {expected}, got {found}")
        self.facts += 1

    def request(self, status: int, method: str, target: str, who: str | None, payload: Any = None) -> Answer:
        """Sends a request to both servers and returns the common answer."""
        answers = {name: call(port, method, target, who and token(who), payload) for name, port in self.ports.items()}
        what = f"{method} {target} {str(payload)[:100]}"
        answer: Answer = self.same(what, answers)
        self.expect(what, answer["status"], status)
        return answer

    def pair(self) -> Pair:
        """Returns a new pair of users with an empty conversation."""
        pair = Pair(next(self.pairs))
        client: MongoClient[dict[str, Any]] = MongoClient(self.uri)
        with client:
            members = [account(pair.sender, [pair.friend]), account(pair.friend, [pair.sender])]
            client[DATABASE].users.insert_many(members)
            conversation = head(pair.sender, pair.friend, 0, 0)
            client[DATABASE].conversations.insert_one(conversation)
            client[DATABASE].memberships.insert_many(memberships(conversation))
        return pair


def prove(start: Callable[[str], Pinned], uri: str, servers: Sequence[str]) -> int:
    """Compares the servers and returns the number of compared facts; raises ProofError and StartError."""
    with ExitStack() as running:
        ports = {name: running.enter_context(start(name)).port for name in servers}
        proof = Proof(ports, uri)
        for part in (_reads, _refusals, _posts, _blocks, _sockets, _order, _limits):
            part(proof)
    return proof.facts


def call(port: int, method: str, target: str, bearer: str | None, payload: Any = None) -> Answer:
    """Returns status, headers and body of a response, of an error only the comparable parts."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
    body = payload if isinstance(payload, bytes | None) else json.dumps(payload).encode()
    if body is not None:
        headers["content-type"] = "application/json"
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        found = json.loads(response.read() or b"null")
    finally:
        connection.close()
    if response.status >= 400:
        return {"status": response.status, "body": _error(found)}
    kept = {name: value.replace(" ", "") for name in HEADERS if (value := response.headers.get(name)) is not None}
    return {"status": response.status, "headers": kept, "body": found}


def _error(body: dict[str, Any]) -> dict[str, Any]:
    kept = {key: body[key] for key in ("statusCode", "error", "code") if key in body}
    if body["statusCode"] == 401:
        kept.pop("code", None)  # hapi's scheme has no codes
    return kept


def _common(answer: Any, plain: Any) -> Any:
    """Returns an answer with only the keys that the plain answer has."""
    if isinstance(answer, dict) and isinstance(plain, dict):
        return {key: _common(value, plain[key]) for key, value in answer.items() if key in plain}
    if isinstance(answer, list) and isinstance(plain, list) and len(answer) == len(plain):
        return [_common(one, other) for one, other in zip(answer, plain, strict=True)]
    return answer


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        return {key: key in NEW or _masked(item) for key, item in value.items()}
    return value


def _reads(proof: Proof) -> None:
    reader = Reader(1)
    proof.request(200, "GET", "/friends", reader.id)
    proof.request(200, "GET", "/conversations", reader.id)
    first = proof.request(200, "GET", "/conversations?limit=3", reader.id)
    proof.expect("the length of a list", len(first["body"]), 3)
    proof.request(200, "GET", f"/conversations?limit=3&cursor={first['headers']['x-next-cursor']}", reader.id)
    for query in ("", "?limit=20", "?limit=1", "?before=21&limit=20", "?after=390", "?after=10&limit=20", "?before=1"):
        proof.request(200, "GET", f"/messages/{reader.deep}{query}", reader.id)
    for stranger in (user(0x30000), user(3)):
        proof.request(200, "GET", "/friends", stranger)
        proof.request(200, "GET", "/conversations", stranger)


def _refusals(proof: Proof) -> None:
    reader, conversation = Reader(0), Reader(0).deep
    for target in (
        *("/conversations?limit=0", "/conversations?limit=201", "/conversations?limit=x", "/conversations?more=1"),
        *("/conversations?cursor=1", "/messages/1", f"/messages/{conversation}?limit=0"),
        *(f"/messages/{conversation}?limit=201", f"/messages/{conversation}?before=2&after=1"),
        *(f"/messages/{conversation}?before=-1", f"/messages/{conversation}?more=1"),
    ):
        proof.request(400, "GET", target, reader.id)
    for target in (f"/messages/{UNKNOWN}", f"/messages/{Reader(1).deep}", "/nowhere"):
        proof.request(404, "GET", target, reader.id)
    expired = jwt.encode({"sub": reader.id, "exp": int(time.time()) - 60}, SECRET, algorithm="HS256")
    forged = jwt.encode({"sub": reader.id, "exp": int(time.time()) + 60}, SECRET + "!", algorithm="HS256")
    for bearer in (None, expired, forged, token(UNKNOWN), "x"):
        answers = {name: call(port, "GET", "/friends", bearer) for name, port in proof.ports.items()}
        proof.expect(f"the token {bearer}", proof.same(f"the token {bearer}", answers)["status"], 401)


def _posts(proof: Proof) -> None:
    pair = proof.pair()
    target = f"/messages/{pair.conversation}"
    for payload, status in (
        ({"text": ""}, 400),
        ({"text": "x" * 8001}, 400),
        ({"text": 5}, 400),
        ({"msgId": "1"}, 400),
        ({"text": "x", "more": 1}, 400),
        ({"text": "x", "msgId": ""}, 400),
        ({"text": "x", "msgId": "x" * 129}, 400),
        ({"text": "x", "senderId": "x"}, 400),
        ({"text": "x", "createdAt": "yesterday"}, 400),
        (["x"], 400),
        (b'{"text": ', 400),
        ({"text": "x" * 70_000}, 413),
        ({"text": "x", "senderId": pair.friend}, 403),
        ({"text": "x", "receiverId": pair.sender}, 403),
    ):
        proof.request(status, "POST", target, pair.sender, payload)
    proof.request(404, "POST", f"/messages/{UNKNOWN}", pair.sender, {"text": "x"})
    proof.request(404, "POST", f"/messages/{Reader(0).deep}", pair.sender, {"text": "x"})
    sent: dict[str, Answer] = {}
    for number, (name, port) in enumerate(proof.ports.items(), 1):
        payload = {
            "text": "é" * 300,
            "msgId": f"m-{number}",
            "senderId": pair.sender,
            "receiverId": pair.friend,
            "createdAt": "2026-03-01T12:30:00.250Z",
        }
        sent[name] = call(port, "POST", target, token(pair.sender), payload)
        proof.expect(f"the number of a message, {name}", sent[name]["body"].get("seq"), number)
        sent[name]["body"]["msgId"] = sent[name]["body"]["msgId"] == f"m-{number}"
        repeated = proof.request(200, "POST", target, pair.sender, payload)["body"]
        proof.expect("a repeated message", (repeated.get("duplicate"), repeated["seq"]), (True, number))
    proof.same("the answers to new messages", {name: _masked(answer) for name, answer in sent.items()})
    bare = {name: call(port, "POST", target, token(pair.friend), {"text": "x"}) for name, port in proof.ports.items()}
    for answer in bare.values():
        proof.expect("the id of a message without one", answer["body"].pop("msgId"), answer["body"]["_id"])
    proof.same("the answers to messages without a client id", {name: _masked(answer) for name, answer in bare.items()})
    for who in (pair.sender, pair.friend):
        proof.request(200, "GET", "/conversations", who)
        proof.request(200, "GET", target, who)


def _blocks(proof: Proof) -> None:
    pair = proof.pair()
    client: MongoClient[dict[str, Any]] = MongoClient(proof.uri)
    with client:
        client[DATABASE].users.update_one({"_id": ObjectId(pair.friend)}, {"$push": {"blocked": ObjectId(pair.sender)}})
    for who in (pair.sender, pair.friend):
        proof.request(403, "POST", f"/messages/{pair.conversation}", who, {"text": "x"})


class Wire:
    """A Socket.IO client over a raw WebSocket."""

    def __init__(self, port: int, bearer: str, running: ExitStack) -> None:
        url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
        self.wire: ClientConnection = running.enter_context(connect(url))
        self.until("0")
        self.wire.send(f"40{json.dumps({'token': bearer})}")
        self.asked = 0

    def until(self, *starts: str) -> str:
        """Returns the next packet that begins with one of `starts`."""
        while True:
            packet = str(self.wire.recv(PATIENCE))
            if packet.startswith(starts):
                return packet
            if packet == "2":
                self.wire.send("3")

    def send(self, event: str, payload: Any) -> None:
        self.wire.send(f"42{self.asked}{json.dumps([event, payload])}")
        self.asked += 1

    def acknowledged(self) -> Any:
        packet = self.until("43")
        return json.loads(packet[packet.index("[") :])[0]

    def emit(self, event: str, payload: Any) -> Any:
        """Sends an event and returns its acknowledgement, of an error only the comparable parts."""
        self.send(event, payload)
        answer = self.acknowledged()
        return {"ok": False, "error": _error(answer["error"])} if "error" in answer else answer

    def message(self) -> Any:
        """Returns the next delivered message; hapiish sends other events besides."""
        event, payload = json.loads(self.until('42["message"')[2:])
        return {event: payload}


def _sockets(proof: Proof) -> None:
    pair = proof.pair()
    answers: dict[str, list[Any]] = {}
    payload = {"conversationId": pair.conversation, "text": "Hello", "senderId": pair.sender}
    payload |= {"receiverId": pair.friend, "createdAt": "2026-03-01T12:30:00.250Z"}
    for name, port in proof.ports.items():
        with ExitStack() as running:
            refused = Wire(port, "x", running).until("44")
            found = [json.loads(refused[2:])["data"]["statusCode"]]
            sender, other = (Wire(port, token(pair.sender), running) for _ in range(2))
            friend = Wire(port, token(pair.friend), running)
            for wire in (sender, other, friend):
                wire.until("40")
            changes = (
                *({"text": ""}, {"more": 1}, {"conversationId": "x"}, {"senderId": pair.friend}),
                *({"receiverId": pair.sender}, {"conversationId": UNKNOWN}, {"text": 5}, {"createdAt": "x"}),
            )
            found += [sender.emit("message", payload | change) for change in changes]
            found.append(sender.emit("init", {"senderId": pair.friend}))
            answer = sender.emit("message", payload | {"msgId": name})
            live = [friend.message(), other.message()]
            again = sender.emit("message", payload | {"msgId": name})
            proof.expect(f"{name}: a repeated event", again, {**answer, "duplicate": True})
            for message in (answer["message"], live[0]["message"], live[1]["message"], again["message"]):
                proof.expect(f"{name}: the client id", message.pop("msgId"), name)
            proof.expect(f"{name}: the delivered number", live[0]["message"]["seq"], answer["message"]["seq"])
            found += [_masked(answer), _masked(live), _masked(again)]
            begun = sender.emit("init", {"senderId": pair.sender})
            proof.expect(f"{name}: heads", begun["heads"], {pair.conversation: answer["message"]["seq"]})
            found.append(sorted(begun))
            # Only now the next packet of the sender: it did not get its own message.
            call(port, "POST", f"/messages/{pair.conversation}", token(pair.friend), {"text": "back"})
            found += [wire.message()["message"]["text"] for wire in (sender, other, friend)]
        answers[name] = found
    for number, both in enumerate(zip(*answers.values(), strict=True)):
        proof.same(f"answer {number} over a socket", dict(zip(answers, both, strict=True)))


def _order(proof: Proof) -> None:
    """Forty messages at once over one socket of each server, into the same conversation."""
    pair = proof.pair()
    numbers: list[int] = []

    def flush(name: str, port: int) -> None:
        with ExitStack() as running:
            sender, friend = Wire(port, token(pair.sender), running), Wire(port, token(pair.friend), running)
            sender.until("40"), friend.until("40")
            for number in range(40):
                message = {"conversationId": pair.conversation, "text": str(number), "msgId": f"{name}-{number}"}
                sender.send("message", message)
            own = [sender.acknowledged()["message"]["seq"] for _ in range(40)]
            live = [friend.message()["message"] for _ in range(40)]
            numbers.extend(own)
            texts = [message["text"] for message in live]
            proof.expect(f"{name}: the order of a sender's messages", own, sorted(own))
            proof.expect(f"{name}: the order of delivery", texts, [str(number) for number in range(40)])

    with ThreadPoolExecutor() as threads:
        list(threads.map(flush, proof.ports, proof.ports.values()))
    proof.expect("the numbers of all messages", sorted(numbers), [*range(1, 40 * len(proof.ports) + 1)])


def _limits(proof: Proof) -> None:
    """More messages than the limit allows at once: the rest is refused, by events and by requests."""
    for name, port in proof.ports.items():
        pair = proof.pair()
        with ExitStack() as running:
            sender = Wire(port, token(pair.sender), running)
            sender.until("40")
            begun = time.monotonic()
            for _ in range(BURST + 60):
                sender.send("message", {"conversationId": pair.conversation, "text": "x"})
            answers = [sender.acknowledged() for _ in range(BURST + 60)]
            most = BURST + PER_SECOND * (time.monotonic() - begun) + 1
            accepted = sum(answer["ok"] for answer in answers)
            proof.expect(f"{name}: {accepted} messages are within the limit", BURST <= accepted <= most, True)
            refused = [answer["error"] for answer in answers if not answer["ok"]]
            codes = {(error["statusCode"], error.get("code"), error.get("retryAfter", 0) > 0) for error in refused}
            proof.expect(f"{name}: a refused event", codes, {(429, "rate_limited", True)})
        target = f"/messages/{pair.conversation}"
        with ThreadPoolExecutor(40) as threads:
            sent = [threads.submit(call, port, "POST", target, token(pair.sender), {"text": "x"}) for _ in range(40)]
        refused_too = [post.result()["status"] for post in sent]
        proof.expect(f"{name}: requests share the limit", 429 in refused_too, True)
