import asyncio
import json
from typing import Any

import pytest

from hapiish.realtime import NamespaceHooks, Socket
from hapiish.realtime.socketio.rooms import Rooms
from hapiish.types import Message
from tests.realtime.support import Journal, Raw, echo, member, raw, realtime, serving

pytestmark = pytest.mark.anyio


class Recorder:
    """Stands where a transport does, and keeps what is delivered."""

    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.delivered: list[Message] = []

    def deliver(self, message: Message) -> None:
        self.delivered.append(message)


class Counting(Rooms):
    """Counts the rooms that are looked at when sockets leave."""

    touched = 0

    def basic_leave_room(self, sid: str, namespace: str, room: str | None) -> None:
        self.touched += 1
        super().basic_leave_room(sid, namespace, room)


def crowd(rooms: Rooms, count: int, joined: list[str]) -> list[Any]:
    recorders: list[Any] = [Recorder(f"t{number}") for number in range(count)]
    for number, recorder in enumerate(recorders):
        rooms.admit(f"s{number}", "/", recorder, [*joined, f"user {number}"])
    return recorders


async def test_a_socket_that_leaves_costs_the_rooms_that_it_joined() -> None:
    rooms = Counting()
    crowd(rooms, 2000, ["a", "b", "c"])
    await rooms.disconnect("s7", "/")
    assert rooms.touched == 6  # everybody, its own, and four that it joined
    assert "user 7" not in rooms.rooms["/"]
    assert len(rooms.rooms["/"]["a"]) == 1999
    for number in range(2000):
        await rooms.disconnect(f"s{number}", "/")
    assert rooms.touched == 6 * 2000
    assert (rooms.rooms, rooms.joined) == ({}, {})


async def test_an_emit_is_encoded_once_for_everybody() -> None:
    rooms = Rooms()
    recorders = crowd(rooms, 3, ["a"])
    await rooms.emit("news", {"n": 1}, "/", room="a")
    messages = [message for recorder in recorders for message in recorder.delivered]
    assert len(messages) == 3
    assert messages[0] is messages[1] is messages[2]
    assert messages[0] == {"type": "websocket.send", "text": '42["news",{"n":1}]'}


@pytest.mark.parametrize(
    ("to", "skip", "receivers"),
    [
        (None, None, ["s0", "s1", "s2"]),
        (None, "s1", ["s0", "s2"]),
        ("a", None, ["s0", "s1", "s2"]),
        ("user 1", None, ["s1"]),
        ("s2", None, ["s2"]),
        (["user 0", "user 2"], None, ["s0", "s2"]),
        (["user 0", "a", "user 0"], None, ["s0", "s1", "s2"]),
        (["user 0", "a"], ["s0", "s2"], ["s1"]),
        (("nobody", "user 1"), "s1", []),
        ("nobody", None, []),
        ("", None, []),
        ([], None, []),
    ],
)
async def test_an_emit_reaches_the_rooms_and_each_socket_once(to: Any, skip: Any, receivers: list[str]) -> None:
    rooms = Rooms()
    recorders = crowd(rooms, 3, ["a"])
    await rooms.emit("news", 1, "/", to=to, skip_sid=skip)
    assert [f"s{number}" for number, recorder in enumerate(recorders) if recorder.delivered] == receivers
    assert all(len(recorder.delivered) <= 1 for recorder in recorders)


async def test_an_emit_to_an_unused_namespace_reaches_nobody() -> None:
    rooms = Rooms()
    (recorder,) = crowd(rooms, 1, [])
    await rooms.emit("news", 1, "/chat")
    assert recorder.delivered == []


def test_the_own_room_of_a_socket_is_closed_to_others() -> None:
    rooms = Rooms()
    crowd(rooms, 2, [])
    with pytest.raises(ValueError, match="own room"):
        rooms.basic_enter_room("s0", "/", "s1")
    with pytest.raises(ValueError, match="not connected"):
        rooms.basic_enter_room("stranger", "/", "a")


async def test_the_library_sees_the_rooms_through_its_own_interface() -> None:
    rooms = Rooms()
    crowd(rooms, 2, ["a"])
    assert list(rooms.get_participants("/", "a")) == [("s0", "t0"), ("s1", "t1")]
    assert sorted(rooms.get_rooms("s0", "/")) == ["a", "s0", "user 0"]
    assert rooms.eio_sid_from_sid("s1", "/") == "t1"
    assert rooms.is_connected("s1", "/")
    await rooms.close_room("a", "/")
    assert list(rooms.get_participants("/", "a")) == []


async def _all(clients: list[Raw], event: str) -> list[Any]:
    return await asyncio.gather(*(client.news(event) for client in clients))


async def test_handlers_join_leave_and_emit() -> None:
    async def join(socket: Socket, data: Any) -> Any:
        await socket.join(data)
        return sorted(socket.rooms)

    async def leave(socket: Socket, data: Any) -> Any:
        await socket.leave(data)
        return sorted(socket.rooms)

    async def tell(socket: Socket, data: Any) -> Any:
        await server.emit("told", data["text"], data["to"], skip=socket if data["others"] else None)
        await socket.emit("done")
        return None

    server = realtime(NamespaceHooks(events={"join": join, "leave": leave, "tell": tell, "echo": echo}))
    async with serving(server) as port, member(port) as ann, member(port) as bob:
        assert await ann.ask("join", "lobby") == ["lobby"]
        assert await bob.ask("join", "lobby") == ["lobby"]
        await ann.send('42["tell",{"to":"lobby","text":"all","others":false}]')
        assert await _all([ann, bob], "told") == ["all", "all"]
        assert await ann.news("done") is None
        await ann.send('42["tell",{"to":"lobby","text":"others","others":true}]')
        assert await bob.news("told") == "others"
        assert await ann.receive() == '42["done"]'
        assert await bob.ask("leave", "lobby") == []
        await server.emit("told", "only Ann", "lobby")
        assert await ann.news("told") == "only Ann"
        await bob.nothing()


async def test_an_emit_knows_its_namespace() -> None:
    journal = Journal()
    server = realtime(namespaces={"/": NamespaceHooks(), "/chat": journal.hooks()})
    async with serving(server) as port, raw(port) as client:
        await client.join()
        await client.join("/chat")
        await server.emit("news", {"n": 1}, namespace="/chat")
        assert json.loads(await client.until("42/chat,")) == ["news", {"n": 1}]
        await journal.sockets[0].emit("news", 2)
        assert json.loads(await client.until("42/chat,")) == ["news", 2]


async def test_an_emit_that_is_not_declared_or_cannot_be_sent_reaches_nobody() -> None:
    def check(event: str, data: Any) -> None:
        if event != "news":
            raise ValueError(f"not declared: {event}")

    journal = Journal()
    server = realtime(NamespaceHooks(connect=journal.connect, events={"echo": echo}, emits=check))
    async with serving(server) as port, member(port) as client:
        (socket,) = journal.sockets
        with pytest.raises(ValueError, match="not declared: rumour"):
            await server.emit("rumour", 1)
        with pytest.raises(ValueError, match="not declared: rumour"):
            await socket.emit("rumour", 1)
        with pytest.raises(TypeError):
            await server.emit("news", object())
        with pytest.raises(TypeError):
            await socket.emit("news", {"o": object()})
        await client.nothing()
        await server.emit("news", 1)
        assert await client.news("news") == 1


async def test_joining_the_own_room_of_another_while_connecting_is_the_hooks_to_handle() -> None:
    errors: list[Exception] = []

    async def connect(socket: Socket, auth: Any) -> None:
        try:
            await socket.join(auth["room"])
        except ValueError as error:
            errors.append(error)
            if auth["strict"]:
                raise

    async with serving(realtime(NamespaceHooks(connect=connect, events={"echo": echo}))) as port, raw(port) as other:
        sid = await other.join(auth={"room": "a", "strict": False})
        async with raw(port) as client:
            await client.join(auth={"room": sid, "strict": False})
            assert await client.ask("echo", 1) == {"ok": True, "data": 1}
        async with raw(port) as client:
            await client.send("40" + json.dumps({"room": sid, "strict": True}))
            assert json.loads(await client.until("44"))["message"] == "An internal server error occurred"
            await client.join(auth={"room": "b", "strict": False})
    assert [str(error) for error in errors] == ["cannot enter the own room of another socket"] * 2
