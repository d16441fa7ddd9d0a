"""Events of a namespace are handled in order; namespaces of one connection do not wait for each other."""

import asyncio
import json
from typing import Any

import pytest

from hapiish.realtime import NamespaceHooks, Socket
from hapiish.realtime.engineio.reading import MOST_WAITING
from hapiish.realtime.socketio.hub import MOST_BESIDE
from tests.realtime.support import PATIENCE, Gate, Journal, Raw, echo, gone, member, raw, realtime, serving
from tests.realtime.test_polling import polling

pytestmark = pytest.mark.anyio

STEADY: dict[str, Any] = {"ping_interval": 100, "ping_timeout": 700}


def several(slow: Any, journal: Journal | None = None, **options: Any) -> Any:
    """A server of three namespaces; `slow` is an event of the default one."""
    journal = journal or Journal()
    hooks = {name: journal.hooks() for name in ("/b", "/c")}
    return realtime(namespaces={"/": journal.hooks(slow=slow, note=echo), **hooks}, **options)


async def test_a_slow_handler_holds_up_neither_another_namespace_nor_the_connection_to_a_third() -> None:
    gate = Gate()
    async with serving(several(gate)) as port, member(port) as client:
        await client.join("/b")
        await client.send('421["slow"]', '422["echo",2]')
        await gate.entered.wait()
        assert (await client.ask("echo", 1, namespace="/b"))["data"] == 1
        await client.join("/c")
        assert (await client.ask("echo", 2, namespace="/c"))["data"] == 2
        await client.send("41/c,")
        gate.open.set()
        assert [await client.until("43"), await client.until("43")] == ['1[{"ok":true}]', '2[{"ok":true,"data":2}]']


async def test_a_slow_connection_to_a_namespace_holds_up_no_other() -> None:
    gate = Gate()

    async def connect(socket: Socket, auth: Any) -> None:
        await gate(socket, auth)

    hooks = {"/": Journal().hooks(), "/slow": NamespaceHooks(connect=connect, events={"echo": echo})}
    async with serving(realtime(namespaces=hooks)) as port, raw(port) as client:
        await client.send("40/slow,", '42/slow,5["echo",5]')
        await gate.entered.wait()
        await client.join("/")
        assert (await client.ask("echo", 1))["data"] == 1
        gate.open.set()
        assert (await client.until("40/slow,")).startswith('{"sid"')
        assert await client.until("43/slow,5") == '[{"ok":true,"data":5}]'


async def test_events_of_one_namespace_are_handled_in_order_however_long_each_takes() -> None:
    seen: list[int] = []

    async def note(socket: Socket, data: int) -> Any:
        await asyncio.sleep(0.02 if data % 3 == 0 else 0)
        if data % 5:
            seen.append(data)
        else:
            seen.append(data)
            await asyncio.sleep(0)

    server = realtime(NamespaceHooks(events={"note": note, "echo": echo}))
    async with serving(server) as port, member(port) as client:
        await client.send(*(f'42["note",{number}]' for number in range(200)))
        assert (await client.ask("echo", 1))["ok"] is True
        assert seen == list(range(200))


async def test_events_with_attachments_wait_in_the_line_of_their_namespace() -> None:
    gate = Gate()
    seen: list[Any] = []

    async def note(socket: Socket, data: Any) -> None:
        seen.append(data)

    hooks = NamespaceHooks(events={"slow": gate, "note": note, "echo": echo}, binary=frozenset({"note"}))
    async with serving(realtime(namespaces={"/": hooks, "/b": Journal().hooks()})) as port, member(port) as client:
        await client.join("/b")
        await client.send('42["slow"]', '42["note",1]', '451-["note",{"_placeholder":true,"num":0}]', b"two")
        await client.send('42["note",3]')
        assert (await client.ask("echo", 1, namespace="/b"))["ok"] is True
        assert seen == []
        gate.open.set()
        assert (await client.ask("echo", 1))["ok"] is True
        assert seen == [1, b"two", 3]


async def test_a_client_that_leaves_a_namespace_does_so_after_its_events() -> None:
    gate, journal = Gate(), Journal()
    async with serving(several(gate, journal)) as port, member(port) as client:
        await client.join("/b")
        await client.send('421["slow"]', "41")
        await gate.entered.wait()
        assert (await client.ask("echo", 1, namespace="/b"))["ok"] is True
        assert journal.left == []
        gate.open.set()
        assert await client.until("431") == '[{"ok":true}]'
        assert await journal.reasons() == ["client disconnect"]


async def test_what_waits_for_a_slow_handler_is_bounded_in_number_and_in_bytes() -> None:
    for text, most in (("x", MOST_WAITING), ("x" * 60_000, 5)):
        gate = Gate()
        server = several(gate, max_bytes=65536 * 4, **STEADY)
        async with serving(server) as port, member(port) as client:
            packet = f"42{json.dumps(['note', text])}"
            await client.send('42["slow"]')
            await gate.entered.wait()
            sending = asyncio.create_task(client.send(*[packet] * 200))
            listening = asyncio.create_task(client.until("439"))
            (transport,) = server._hub.eio.sockets.values()
            await asyncio.sleep(1.5)  # longer than the deadline of the heartbeat
            assert transport.reading.stalled
            assert [len(line) for line in transport.reading.lines.values()] == [most]
            gate.open.set()
            await sending
            await client.send('429["echo",1]')
            assert json.loads(await listening) == [{"ok": True, "data": 1}]
            assert (transport.reading.lines, transport.reading.runs) == ({}, set())


async def test_a_client_is_heard_while_its_handler_is_slow_for_longer_than_the_heartbeat() -> None:
    gate, journal = Gate(), Journal()
    server = several(gate, journal, **STEADY)
    async with serving(server) as port, member(port) as client:
        await client.send('421["slow"]')
        listening = asyncio.create_task(client.until("431"))
        async with asyncio.timeout(PATIENCE):
            while client.pings < 10:
                await asyncio.sleep(0.01)
        gate.open.set()
        assert await listening == '[{"ok":true}]'
        assert journal.left == []


async def test_over_polling_too_a_slow_handler_holds_up_its_own_namespace_alone() -> None:
    gate = Gate()
    async with serving(several(gate, transports=["polling"])) as port, polling(port) as client:
        assert (await client.post('40\x1e40/b,\x1e421["slow"]\x1e422["echo",2]\x1e42/b,3["echo",3]'))[0] == 200
        await gate.entered.wait()
        heard = await _until(client, "43")
        assert heard == '43/b,3[{"ok":true,"data":3}]'
        gate.open.set()
        assert await _until(client, "432") == '432[{"ok":true,"data":2}]'


async def _until(client: Any, start: str) -> str:
    async with asyncio.timeout(PATIENCE):
        while True:
            for packet in (await client.get())[1]:
                if packet.startswith(start):
                    return str(packet)


async def test_a_handler_waits_for_the_answer_of_its_own_client() -> None:
    answers: asyncio.Queue[Any] = asyncio.Queue()

    async def question(socket: Socket, data: Any) -> Any:
        await server._hub.emit("question", None, to=socket.id, callback=answers.put_nowait)
        return {"answer": await answers.get()}

    server = realtime(NamespaceHooks(events={"ask": question}))
    async with serving(server) as port, member(port) as client:
        await client.send('421["ask"]')
        number = (await client.until("42")).partition("[")[0]
        await client.send(f'43{number}["yes"]')
        assert json.loads(await client.until("431")) == [{"answer": "yes"}]


# Concurrent events


def beside(gate: Any, journal: Journal | None = None, **options: Any) -> Any:
    journal = journal or Journal()
    hooks = NamespaceHooks(
        connect=journal.connect,
        disconnect=journal.disconnect,
        events={"typing": gate, "echo": echo},
        concurrent=frozenset({"typing"}),
    )
    return realtime(hooks, **options)


async def test_concurrent_events_run_beside_each_other_and_beside_the_others() -> None:
    gate = Counted()
    async with serving(beside(gate)) as port, member(port) as client:
        await client.send('421["typing"]', '422["typing"]', '423["echo",3]')
        assert await client.until("43") == '3[{"ok":true,"data":3}]'
        assert gate.running == 2
        gate.open.set()
        assert sorted([await client.until("43"), await client.until("43")]) == ['1[{"ok":true}]', '2[{"ok":true}]']


class Counted(Gate):
    """Counts how many of its events run."""

    running = 0
    most = 0

    async def __call__(self, socket: Socket, data: Any) -> Any:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await super().__call__(socket, data)
        finally:
            self.running -= 1


async def test_so_many_concurrent_events_run_at_once_and_the_next_ones_begin_when_one_ends() -> None:
    gate = Counted()
    async with serving(beside(gate)) as port, member(port) as client:
        count = MOST_BESIDE + 20
        await client.send(*(f'42{number}["typing"]' for number in range(count)), '42900["echo",3]')
        assert await client.until("43") == '900[{"ok":true,"data":3}]'  # which waits for none of them
        assert gate.running == gate.most == MOST_BESIDE
        gate.open.set()
        heard = {(await client.until("43")).partition("[")[0] for _ in range(count)}
        assert heard == {str(number) for number in range(count)}
        assert gate.most == MOST_BESIDE


async def test_each_end_of_a_concurrent_event_lets_one_that_waits_begin() -> None:
    turns = asyncio.Semaphore(0)
    running = most = 0

    async def wait(socket: Socket, data: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await turns.acquire()
        running -= 1

    async with serving(beside(wait)) as port, member(port) as client:
        count = MOST_BESIDE + 3
        await client.send(*(f'42{number}["typing"]' for number in range(count)), '42900["echo",3]')
        assert await client.until("43") == '900[{"ok":true,"data":3}]'
        for left in range(count - 1, -1, -1):
            turns.release()
            await client.until("43")
            async with asyncio.timeout(PATIENCE):
                while running != min(MOST_BESIDE, left):
                    await asyncio.sleep(0)
    assert most == MOST_BESIDE


async def test_a_client_that_closes_its_namespace_is_first_answered_by_the_concurrent_events_that_wait() -> None:
    gate, journal = Gate(), Journal()
    async with serving(beside(gate, journal)) as port, member(port) as client:
        count = MOST_BESIDE + 5
        await client.send(*(f'42{number}["typing"]' for number in range(count)), "41")
        await gate.entered.wait()
        assert journal.left == []
        gate.open.set()
        heard = {(await client.until("43")).partition("[")[0] for _ in range(count)}
        assert heard == {str(number) for number in range(count)}
        assert await journal.reasons() == ["client disconnect"]


async def test_the_disconnect_hook_waits_for_concurrent_events() -> None:
    gate, journal = Gate(), Journal()
    async with serving(beside(gate, journal)) as port, member(port) as client:
        await client.send('421["typing"]', "41")
        await gate.entered.wait()
        await asyncio.sleep(0.05)
        assert journal.left == []
        gate.open.set()
        assert await client.until("431") == '[{"ok":true}]'
        assert await journal.reasons() == ["client disconnect"]


async def test_concurrent_events_that_disconnect_their_own_socket_do_not_wait_for_each_other() -> None:
    gate, journal = Gate(), Journal()

    async def leave(socket: Socket, data: Any) -> Any:
        await gate(socket, data)
        await socket.disconnect("enough")

    async with serving(beside(leave, journal)) as port, member(port) as client:
        await client.send('421["typing"]', '422["typing"]')
        await gate.entered.wait()
        gate.open.set()
        assert await client.until("41") == ""
        assert await journal.reasons() == ["enough"]


async def test_a_socket_that_is_disconnected_in_one_of_its_handlers_is_so_after_that_acknowledgement() -> None:
    gate = Gate()

    async def leave(socket: Socket, data: Any) -> Any:
        await socket.disconnect()
        await gate(socket, data)
        return {"ok": True}

    journal = Journal()
    hooks = {"/": journal.hooks(leave=leave), "/b": journal.hooks()}
    async with serving(realtime(namespaces=hooks)) as port, member(port) as client:
        await client.join("/b")
        await client.send('421["leave"]')
        await gate.entered.wait()
        assert (await client.ask("echo", 1, namespace="/b"))["ok"] is True
        assert journal.left == []
        gate.open.set()
        assert (await client.receive(), await client.receive()) == ('431[{"ok":true}]', "41")


# Ends


async def test_a_shutdown_waits_for_the_events_of_every_namespace() -> None:
    gates = {name: Gate() for name in ("/", "/b")}
    journal = Journal()
    server = realtime(namespaces={name: journal.hooks(slow=gate) for name, gate in gates.items()})
    async with serving(server) as port, member(port) as client:
        await client.join("/b")
        await client.send('421["slow"]', '42/b,2["slow"]', '423["echo",3]')
        for gate in gates.values():
            await gate.entered.wait()
        stopping = asyncio.create_task(server.shutdown())
        await asyncio.sleep(0.05)
        gates["/b"].open.set()
        assert await client.receive() == '43/b,2[{"ok":true}]'
        assert journal.left == []
        gates["/"].open.set()
        assert await client.receive() == '431[{"ok":true}]'
        assert await client.closed() == (1012, "server shutting down")
        await stopping
        assert [reason for _, reason in journal.left] == ["server shutting down"] * 2
        await gone(server)


async def test_a_client_that_leaves_while_several_handlers_run_is_forgotten() -> None:
    gate, journal = Gate(), Journal()
    server = several(gate, journal)
    async with serving(server) as port:
        async with member(port) as client:
            await client.join("/b")
            await client.send('42["slow"]', '42["note",1]', '42/b,["echo",1]')
            await gate.entered.wait()
        assert await journal.reasons(2) == ["transport close"] * 2
        gate.open.set()
        await gone(server)


async def test_a_malformed_packet_behind_a_slow_handler_ends_the_connection() -> None:
    gate, journal = Gate(), Journal()
    server = several(gate, journal)
    async with serving(server) as port, member(port) as client:
        await client.send('421["slow"]', "42[nonsense")
        await gate.entered.wait()
        gate.open.set()
        assert (await client.closed())[0] == 1002
        assert await journal.reasons() == ["parse error"]
        await gone(server)


async def test_a_task_that_a_handler_has_changed_is_not_that_of_the_next_event() -> None:
    """Context variables of a suspended handler do not reach the events that are read meanwhile."""
    from contextvars import ContextVar

    variable: ContextVar[str] = ContextVar("variable", default="clean")
    gate = Gate()

    async def slow(socket: Socket, data: Any) -> Any:
        variable.set("changed")
        return await gate(socket, data)

    async def look(socket: Socket, data: Any) -> Any:
        return {"value": variable.get()}

    hooks = {"/": Journal().hooks(slow=slow), "/b": Journal().hooks(look=look)}
    async with serving(realtime(namespaces=hooks)) as port, member(port) as client:
        await client.join("/b")
        await client.send('421["slow"]')
        assert await client.ask("look", 1, namespace="/b") == {"value": "clean"}
        gate.open.set()


async def test_a_timeout_within_a_handler_ends_that_handler_alone() -> None:
    async def slow(socket: Socket, data: Any) -> Any:
        try:
            async with asyncio.timeout(0.05):
                await asyncio.sleep(PATIENCE)
        except TimeoutError:
            return {"timed": "out"}

    server = realtime(namespaces={"/": Journal().hooks(slow=slow), "/b": Journal().hooks()})
    async with serving(server) as port, member(port) as client:
        await client.join("/b")
        await client.send('421["slow"]')
        assert (await client.ask("echo", 1, namespace="/b"))["ok"] is True
        assert json.loads(await client.until("431")) == [{"timed": "out"}]
        assert isinstance(client, Raw)
