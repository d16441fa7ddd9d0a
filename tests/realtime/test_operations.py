"""Operations of the server on the sockets of rooms: emit, disconnect, join, leave, count, sockets, call."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from hapiish import create_app
from hapiish.realtime import NamespaceHooks, RealtimeServer, Socket
from hapiish.realtime.cluster import operations
from hapiish.testing import inject
from tests.realtime.support import Journal, Raw, echo, gone, member, raw, realtime, serving

pytestmark = pytest.mark.anyio


class Club:
    """Members by name, each in the room of its name and in those of its handshake."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.ids: dict[str, str] = {}
        self.clients: dict[str, Raw] = {}
        self.server = realtime(namespaces={"/": self.hooks(), "/other": self.hooks()}, max_bytes=1_000_000)

    def hooks(self) -> NamespaceHooks:
        return NamespaceHooks(
            connect=self.connect, disconnect=self.journal.disconnect, events={"echo": echo, "ask": self.ask}
        )

    async def connect(self, socket: Socket, auth: Any) -> None:
        await self.journal.connect(socket, auth)
        for room in auth["rooms"]:
            await socket.join(room)
        socket.public["name"] = auth["rooms"][0]
        socket.data["secret"] = "s3cret"

    async def ask(self, socket: Socket, data: Any) -> Any:
        answers = await self.server.call("question", data, "all", timeout=3_600_000)
        return {"answers": [answer["data"] for answer in answers], "missing": answers.missing}

    async def enter(self, stack: AsyncExitStack, port: int, **members: list[str]) -> None:
        for name, rooms in members.items():
            client = self.clients[name] = await stack.enter_async_context(raw(port))
            self.ids[name] = await client.join(auth={"rooms": [name, *rooms]})


@pytest.fixture
async def club() -> Any:
    """Ann, Bob and Cid in the room `all`, Ann and Bob in `two` as well."""
    club = Club()
    async with serving(club.server) as port, AsyncExitStack() as stack:
        await club.enter(stack, port, ann=["all", "two"], bob=["all", "two"], cid=["all"])
        yield club
    await gone(club.server)


async def _answer(client: Raw, *arguments: Any) -> Any:
    """Answers the next question; returns it."""
    text = await client.until("42")
    start = text.index("[")
    await client.send(f"43{text[:start]}{json.dumps(arguments)}")
    return json.loads(text[start:])


@pytest.mark.parametrize(
    ("to", "skip", "excepted", "receivers"),
    [
        ("all", None, "two", ["cid"]),
        (None, None, ["ann", "cid"], ["bob"]),
        (["two", "cid"], ["bob"], ["ann"], ["cid"]),
        ("all", ["ann", "bob"], (), ["cid"]),
        ("all", "ann", ["nobody"], ["bob", "cid"]),
        ("two", None, "all", []),
    ],
)
async def test_an_emit_leaves_out_several_sockets_and_rooms(
    club: Club, to: Any, skip: Any, excepted: Any, receivers: list[str]
) -> None:
    skipped = [club.ids[name] for name in ([skip] if isinstance(skip, str) else skip or ())]
    await club.server.emit("news", 1, to, skip=skipped[0] if len(skipped) == 1 else skipped, except_=excepted)
    for name, client in club.clients.items():
        if name in receivers:
            assert await client.news("news") == 1
        else:
            await client.nothing()


async def test_sockets_of_a_room_join_and_leave_another(club: Club) -> None:
    joined = await club.server.join("two", room="new")
    assert (joined, joined.partial) == (2, False)
    await club.server.emit("news", 1, "new")
    assert [await club.clients[name].news("news") for name in ("ann", "bob")] == [1, 1]
    await club.clients["cid"].nothing()
    assert await club.server.leave("ann", room="new") == 1
    assert await club.server.count("new") == 1
    assert await club.server.leave("all", room="nowhere") == 3
    assert await club.server.join("nobody", room="new") == 0


async def test_a_room_is_counted_once_for_each_socket(club: Club) -> None:
    counts = [await club.server.count(to) for to in ("all", ["two", "all"], None, "nobody", [], club.ids["ann"])]
    assert counts == [3, 3, 3, 0, 0, 1]


async def test_joining_the_own_room_of_a_socket_is_refused(club: Club) -> None:
    with pytest.raises(ValueError, match="own room of another socket"):
        await club.server.join("bob", room=club.ids["ann"])
    assert await club.server.count(club.ids["ann"]) == 1


async def test_joining_a_room_that_is_not_a_string_is_refused(club: Club) -> None:
    with pytest.raises(ValueError, match="a room is a string, not int"):
        await club.server.join("bob", room=5)  # type: ignore[arg-type]
    (found,) = await club.server.sockets("bob")
    assert 5 not in found["rooms"]


@pytest.mark.parametrize("timeout", [0, -5])
async def test_a_timeout_that_no_reply_can_meet_is_refused(club: Club, timeout: int) -> None:
    with pytest.raises(ValueError, match="timeout must be at least 1 millisecond"):
        await club.server.count(timeout=timeout)


async def test_sockets_of_a_room_are_disconnected_with_the_reason(club: Club) -> None:
    assert await club.server.disconnect("two", reason="moved") == 2
    assert sorted(club.journal.left) == sorted((club.ids[name], "moved") for name in ("ann", "bob"))
    assert [await club.clients[name].receive() for name in ("ann", "bob")] == ["41", "41"]
    await club.clients["cid"].nothing()
    assert await club.server.count() == 1


async def test_a_handler_that_disconnects_its_own_room_is_acknowledged_first() -> None:
    async def leave(socket: Socket, data: Any) -> Any:
        await server.disconnect("room", reason="done")
        return {"ok": True}

    async def connect(socket: Socket, auth: Any) -> None:
        await socket.join("room")

    server = realtime(NamespaceHooks(connect=connect, events={"leave": leave}))
    async with serving(server) as port, member(port) as client:
        assert await client.ask("leave") == {"ok": True}
        assert await client.receive() == "41"


async def test_a_slow_disconnect_hook_makes_the_result_partial_and_is_finished() -> None:
    gate, finished = asyncio.Event(), asyncio.Event()

    async def slow(socket: Socket, reason: str) -> None:
        await gate.wait()
        finished.set()

    server = realtime(NamespaceHooks(disconnect=slow))
    async with serving(server) as port, member(port):
        assert (await server.disconnect(timeout=50)).partial is True
        assert await server.count() == 0
        gate.set()
        await asyncio.wait_for(finished.wait(), 10)


async def test_the_sockets_of_a_room_show_what_is_public_and_nothing_else(club: Club) -> None:
    found = await club.server.sockets("two")
    assert sorted(found, key=str) == sorted(
        (
            {"id": club.ids[name], "namespace": "/", "rooms": sorted([name, "all", "two"]), "data": {"name": name}}
            for name in ("ann", "bob")
        ),
        key=str,
    )
    assert (found.truncated, found.partial) == (False, False)
    found[0]["data"]["name"] = "changed"  # a copy, as from another process
    assert {each["data"]["name"] for each in await club.server.sockets("two")} == {"ann", "bob"}


async def test_the_list_of_sockets_has_a_limit(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await club.server.sockets(limit=2)
    assert (len(found), found.truncated) == (2, True)
    found = await club.server.sockets(limit=3)
    assert (len(found), found.truncated) == (3, False)
    for limit in (0, -1, 10_001):
        with pytest.raises(ValueError, match="limit must be from 1 to 10000"):
            await club.server.sockets(limit=limit)
    monkeypatch.setattr(operations, "MOST_BYTES", 150)
    found = await club.server.sockets()
    assert (len(found), found.truncated) == (1, True)


async def test_public_data_that_cannot_be_sent_is_an_error_and_not_a_loss(club: Club) -> None:
    club.journal.sockets[0].public["name"] = object()
    with pytest.raises(ValueError, match="/data/name"):
        await club.server.sockets()


async def test_a_call_returns_the_answers_and_says_who_is_missing(club: Club) -> None:
    asked = asyncio.create_task(club.server.call("question", {"n": 1}, "all", timeout=300))
    assert await _answer(club.clients["ann"], "yes") == ["question", {"n": 1}]
    assert await _answer(club.clients["bob"], 1, 2) == ["question", {"n": 1}]
    answers = await asked
    assert {answer["id"]: answer["data"] for answer in answers} == {club.ids["ann"]: "yes", club.ids["bob"]: [1, 2]}
    assert (answers.missing, answers.partial, answers.truncated) == ([club.ids["cid"]], False, False)
    await _answer(club.clients["cid"], "too late")
    await club.clients["cid"].nothing()


async def test_a_call_ends_with_the_last_answer(club: Club) -> None:
    asked = asyncio.create_task(club.server.call("question", None, "two", skip=club.ids["bob"], timeout=3_600_000))
    assert await _answer(club.clients["ann"]) == ["question"]
    answers = await asked
    assert ([*answers], answers.missing) == ([{"id": club.ids["ann"], "data": None}], [])
    await club.clients["bob"].nothing()
    assert [*await club.server.call("question", to="nobody", timeout=3_600_000)] == []


async def test_a_call_has_a_limit_of_sockets(club: Club) -> None:
    asked = asyncio.create_task(club.server.call("question", 1, limit=1, timeout=3_600_000))
    await _answer(club.clients["ann"], 1)
    answers = await asked
    assert (len(answers), answers.truncated) == (1, True)
    await club.clients["cid"].nothing()


async def test_answers_that_are_too_large_together_are_missing(club: Club, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "MOST_BYTES", 1000)
    asked = asyncio.create_task(club.server.call("question", 1, "two", timeout=3_600_000))
    await _answer(club.clients["ann"], "x" * 900)
    await club.clients["ann"].nothing()
    await _answer(club.clients["bob"], "x" * 900)
    answers = await asked
    assert ([answer["id"] for answer in answers], answers.missing, answers.truncated) == (
        [club.ids["ann"]],
        [club.ids["bob"]],
        True,
    )


async def test_a_call_carries_attachments_in_both_directions(club: Club) -> None:
    asked = asyncio.create_task(club.server.call("question", {"file": b"\x01"}, "ann", timeout=3_600_000))
    text = await club.clients["ann"].until("451-")
    number = text[: text.index("[")]
    assert json.loads(text[len(number) :]) == ["question", {"file": {"_placeholder": True, "num": 0}}]
    assert await club.clients["ann"].receive() == b"\x01"
    await club.clients["ann"].send(f'461-{number}[{{"_placeholder":true,"num":0}}]', b"\x02")
    assert [answer["data"] for answer in await asked] == [b"\x02"]


async def test_a_handler_gets_the_answer_of_its_own_socket_too(club: Club) -> None:
    await club.clients["ann"].send('427["ask","ready?"]')
    await asyncio.gather(*(_answer(client, name) for name, client in club.clients.items()))
    (answer,) = json.loads(await club.clients["ann"].until("437"))
    assert (sorted(answer["answers"]), answer["missing"]) == (["ann", "bob", "cid"], [])


async def test_operations_stay_in_their_namespace(club: Club) -> None:
    await club.clients["ann"].join("/other", {"rooms": ["ann", "all"]})
    assert await club.server.count("all", namespace="/other") == 1
    assert await club.server.disconnect(namespace="/other") == 1
    assert await club.server.count("all") == 3


OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    ("emit", {"event": "news"}),
    ("disconnect", {}),
    ("join", {"room": "x"}),
    ("leave", {"room": "x"}),
    ("count", {}),
    ("sockets", {}),
    ("call", {"event": "news"}),
]


@pytest.mark.parametrize(("name", "arguments"), OPERATIONS)
async def test_an_undeclared_namespace_raises(name: str, arguments: dict[str, Any]) -> None:
    server: RealtimeServer = realtime(namespaces={"/chat": NamespaceHooks()})
    with pytest.raises(ValueError, match='there is no namespace "/cht"; did you mean "/chat"'):
        await getattr(server, name)(**arguments, namespace="/cht")


async def test_a_namespace_with_parameters_needs_their_values() -> None:
    server: RealtimeServer = realtime(namespaces={"/chat/{room}": NamespaceHooks()})
    assert await server.count(namespace="/chat/1") == 0
    with pytest.raises(ValueError, match="its parameters need values"):
        await server.count(namespace="/chat/{room}")


async def test_a_call_of_an_undeclared_event_raises(club: Club) -> None:
    def check(event: str, data: Any) -> None:
        raise ValueError(f"not declared: {event}")

    club.server.namespaces = {"/": NamespaceHooks(emits=check)}
    with pytest.raises(ValueError, match="not declared: rumour"):
        await club.server.call("rumour", 1)
    await club.clients["ann"].send('42["nothing"]')


async def test_an_operation_on_many_sockets_lets_others_run(monkeypatch: pytest.MonkeyPatch, club: Club) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(operations, "SOCKETS_PER_TURN", 1)
    counting = asyncio.create_task(count())
    await club.server.join("all", room="many")
    counting.cancel()
    assert turns >= 3


TABLE = """
hapiish: 1
routes:
  - {method: GET, path: "/count", handler: "my:count"}
  - {method: GET, path: "/sockets", handler: "my:sockets"}
  - {method: POST, path: "/disconnect", handler: "my:disconnect"}
  - {method: GET, path: "/unknown", handler: "my:unknown"}
sockets:
  namespaces:
    - {namespace: "/", onConnect: "my:connect", emits: [{event: news}]}
"""
CODE = """
async def connect(request, h):
    request.socket.public["name"] = request.payload["name"]
    await request.socket.join("all")

def count(request, h):
    return {"count": request.server.count("all")}

async def sockets(request, h):
    return await request.server.sockets("all")

def disconnect(request, h):
    return {"count": request.server.disconnect(to="all", reason="bye")}

def unknown(request, h):
    try:
        request.server.count(namespace="/nowhere")
    except ValueError as error:
        return {"error": str(error)}
"""
USING = """
hapiish: 1
plugins: [{table: "./routes.yaml", routes: {prefix: /used}}]
"""


@pytest.mark.parametrize(("file", "prefix"), [("routes.yaml", ""), ("using.yaml", "/used")])
async def test_handlers_operate_on_the_namespaces_of_their_table(tmp_path: Path, file: str, prefix: str) -> None:
    for name, text in {"routes.yaml": TABLE, "my.py": CODE, "using.yaml": USING}.items():
        (tmp_path / name).write_text(text)
    app = create_app(tmp_path / file, env={})

    async def ask(path: str, method: str = "GET") -> Any:
        return (await inject(app, method=method, url=prefix + path)).json

    async with serving(app) as port, raw(port) as client:
        sid = await client.join(prefix or "/", {"name": "ann"})
        assert await ask("/count") == {"count": 1}
        found = await ask("/sockets")
        assert found == [{"id": sid, "namespace": prefix or "/", "rooms": ["all"], "data": {"name": "ann"}}]
        assert (await ask("/unknown"))["error"].startswith(f'there is no namespace "{prefix}/nowhere"')
        assert await ask("/disconnect", "POST") == {"count": 1}
        assert await ask("/count") == {"count": 0}
    await app.server.stop()
