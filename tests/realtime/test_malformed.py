import contextlib
import json
import logging

import pytest
import websockets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hapiish.realtime import NamespaceHooks, Socket
from tests.realtime.support import Journal, echo, member, raw, realtime, serving

pytestmark = pytest.mark.anyio

DEEP = "[" * 5000 + "]" * 5000
BINARY = ["upload", {"_placeholder": True, "num": 0}]

MALFORMED = [
    "", "x", "4", "0", "2", "2probe", "7", "9", "44", "4x", "48", "4٣", "40{", "40/chat,{", "40{}x",
    "42", "42[]", "42{}", "42null", "42[1]", "42[null]", "42[[]]", '42[{"a":1}]', '42["echo"', "42[echo]",
    '42["echo",NaN]', '42["echo",1]x', '42["echo",1e999', '42["echo","\\ud800]',
    '421x["echo"]', '42-1["echo"]', '42٣["echo"]', '4212345678901234567890["echo"]', '42/chat["echo"]', "42/chat",
    "43x", "43[", "44{}", "45", "45-", '451["echo"]', f"450-{json.dumps(BINARY)}",
    f"4512345678901-{json.dumps(BINARY)}", "451-", "451-{}", "451-[1]", "45-1-[]", "46", "461-{}",
    b"stray", b"",
]  # fmt: skip


@pytest.mark.parametrize("packet", MALFORMED, ids=lambda packet: repr(packet[:40]))
async def test_a_malformed_packet_ends_the_connection_and_nothing_else(
    packet: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal()
    async with serving(realtime(journal.hooks())) as port, member(port) as healthy:
        async with member(port) as client:
            await client.send(packet)
            assert await client.closed() == (1002, "parse error")
        assert await journal.reasons() == ["parse error"]
        assert (await healthy.ask("echo", 1))["ok"] is True
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize(
    ("packet", "attachments", "status"),
    [
        (f"4511-7{json.dumps(BINARY)}", 11, 400),
        (f"451-/nowhere,7{json.dumps(BINARY)}", 1, 403),
        (f"451-7{json.dumps(BINARY)}", 1, 415),
        (f'451-7["upload",{DEEP}]', 1, 400),
        (f"451-7{json.dumps(['connect', BINARY[1]])}", 1, 415),
    ],
)
async def test_a_sound_packet_with_attachments_that_is_not_taken_is_acknowledged(
    packet: str, attachments: int, status: int
) -> None:
    async with serving(realtime()) as port, member(port) as client:
        await client.send(packet, *[b"x"] * attachments)
        (answer,) = json.loads((await client.until("43")).partition("7")[2])
        assert answer["error"]["statusCode"] == status
        assert (await client.ask("echo", 1))["ok"] is True


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ('"party \\ud83c"', "party \ufffd"),
        ('"\\udf89"', "\ufffd"),
        ('"\\ud83c\\udf89"', "🎉"),
        ('{"\\ud83c":1}', {"\ufffd": 1}),
    ],
)
async def test_half_an_emoji_is_acknowledged_and_costs_nothing(data: str, answer: object) -> None:
    async with serving(realtime()) as port, member(port) as client:
        await client.send(f'427["echo",{data}]')
        assert json.loads(await client.until("437")) == [{"ok": True, "data": answer}]


async def test_half_an_emoji_is_sent_as_the_replacement_character() -> None:
    async def broken(socket: Socket, data: object) -> dict[str, object]:
        await socket.emit("news", {"text": "party \ud83c", "\udf89": 1})
        return {"ok": True, "data": "\ud83c"}

    async with serving(realtime(NamespaceHooks(events={"broken": broken}))) as port, member(port) as client:
        await client.send('427["broken"]')
        assert await client.news("news") == {"text": "party \ufffd", "\ufffd": 1}
        assert json.loads(await client.until("437")) == [{"ok": True, "data": "\ufffd"}]


@pytest.mark.parametrize("data", [DEEP, "1e999", '{"a":[-1e999]}'])
async def test_a_sound_payload_that_is_not_read_is_acknowledged_as_a_bad_request(data: str) -> None:
    async with serving(realtime()) as port, member(port) as client:
        await client.send(f'42["echo",{data}]', f'427["echo",{data}]')
        (answer,) = json.loads(await client.until("437"))
        assert (answer["ok"], answer["error"]["statusCode"]) == (False, 400)
        assert (await client.ask("echo", 1))["ok"] is True


@pytest.mark.parametrize(
    "packet",
    [
        '42["echo","' + "a" * 2000 + '"]',
        '42["echo","' + "ž" * 600 + '"]',
        "4" + "2" * 2000,
        "x" * 2000,
        b"x" * 2000,
    ],
    ids=lambda packet: repr(packet[:12]),
)
async def test_a_packet_over_the_limit_ends_the_connection(packet: str | bytes) -> None:
    journal = Journal()
    async with serving(realtime(journal.hooks(), max_bytes=1000)) as port, member(port) as client:
        await client.send(packet)
        assert (await client.closed())[0] == 1009
        assert await journal.reasons() == ["parse error"]


async def test_the_limit_counts_bytes() -> None:
    async with serving(realtime(max_bytes=1000)) as port, member(port) as client:
        for text in ("a" * 980, "ž" * 490, "𝄞" * 245):
            await client.send(f'421["echo","{text}"]')
            assert json.loads(await client.until("431"))[0]["data"] == text


@pytest.mark.parametrize("attachments", [(b"a" * 600, b"b" * 600), (b"a" * 400, "42[]"), (b"a", b"b", b"c")])
async def test_attachments_are_bounded_and_in_place(attachments: tuple[str | bytes, ...]) -> None:
    holes = [{"_placeholder": True, "num": number} for number in range(2)]
    server = realtime(NamespaceHooks(events={"upload": echo}, binary=frozenset({"upload"})), max_bytes=1000)
    async with serving(server) as port, member(port) as client:
        await client.send(f"452-{json.dumps(['upload', holes])}", *attachments)
        assert (await client.closed())[0] in (1002, 1009)


@pytest.mark.parametrize("num", [1, -2, "x", None, 1.5])
async def test_a_placeholder_for_no_attachment_ends_the_connection(num: object) -> None:
    server = realtime(NamespaceHooks(events={"upload": echo}, binary=frozenset({"upload"})))
    async with serving(server) as port, member(port) as client:
        await client.send(f"451-{json.dumps(['upload', {'_placeholder': True, 'num': num}])}", b"x")
        assert await client.closed() == (1002, "parse error")


@pytest.mark.parametrize("packet", ["43[1]", "430[1]", '437["x"]', "436", '437{"a":1}', "5", "6", "3", '41/chat,"x"'])
async def test_a_harmless_packet_is_passed_over(packet: str, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(realtime()) as port, member(port) as client:
        await client.send(packet)
        assert (await client.ask("echo", 1))["ok"] is True
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_numbers_beyond_64_bits_reach_a_handler_as_floats() -> None:
    async with serving(realtime()) as port, member(port) as client:
        await client.send('427["echo",' + "9" * 40 + "]")
        assert json.loads(await client.until("437"))[0]["data"] == pytest.approx(1e40)


PIECES = [
    *(
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "40",
        "41",
        "42",
        "43",
        "45",
        "1-",
        "/",
        "/chat,",
        "?",
        "7",
        "[",
        "]",
        "{",
        "}",
    ),
    *('"echo"', '["echo",1]', '"connect"', ",", "null", '{"_placeholder":true,"num":0}', "\x1e", "é", "\0"),
]
pieces = st.sampled_from(PIECES)
packets = st.lists(pieces, max_size=6).map("".join) | st.text(max_size=20) | st.binary(max_size=20)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(packets, min_size=1, max_size=5), min_size=5, max_size=10))
async def test_no_sequence_of_packets_harms_another_client(
    caplog: pytest.LogCaptureFixture, sequences: list[list[str | bytes]]
) -> None:
    hooks = NamespaceHooks(events={"echo": echo}, binary=frozenset({"echo"}))
    async with serving(realtime(namespaces={"/": hooks, "/chat": hooks})) as port, member(port) as healthy:
        for sequence in sequences:
            async with raw(port) as client:
                with contextlib.suppress(websockets.ConnectionClosed):
                    await client.send("40", *sequence)
        assert (await healthy.ask("echo", 1))["ok"] is True
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
