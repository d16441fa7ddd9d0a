"""Verifies that a server relays and acknowledges messages, before the measurement."""

import asyncio
import json
from typing import Any

from contract import Pair, auth, message
from websockets.asyncio.client import ClientConnection, connect

LIMIT = 10  # seconds


class ProofError(Exception):
    """Raised for a violation of the contract; the message says what was expected."""


def prove(port: int, *, strict: bool) -> None:
    """Exchanges a message between two users; a `strict` server also refuses a bad token, payload and sender.

    Raises ProofError.
    """
    try:
        asyncio.run(asyncio.wait_for(_prove(port, strict=strict), LIMIT))
    except TimeoutError:
        raise ProofError("an expected response did not arrive") from None


async def _prove(port: int, *, strict: bool) -> None:
    url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
    pair = Pair(1)
    async with connect(url) as sender, connect(url) as receiver, connect(url) as stranger:
        for wire, user in ((sender, pair.sender), (receiver, pair.receiver)):
            await _until(wire, "0")
            await wire.send(f"40{auth(user).decode()}")
            await _until(wire, "40")
        payload = json.loads(message(pair, "100000"))
        await sender.send(f"421{json.dumps(['message', payload])}")
        _expect("the acknowledgement", json.loads(await _until(sender, "431"))[0].get("ok"), True)
        _expect("the message", json.loads(await _until(receiver, "42")), ["message", payload])
        if not strict:
            return
        await _until(stranger, "0")
        await stranger.send('40{"token":"forged","user":"x"}')
        _expect("the refusal of a token", json.loads(await _until(stranger, "44"))["data"]["statusCode"], 401)
        for change, status in (({"text": ""}, 400), ({"senderId": pair.receiver}, 403), ({"more": 1}, 400)):
            await sender.send(f"422{json.dumps(['message', payload | change])}")
            answer = json.loads(await _until(sender, "432"))[0]
            _expect(f"the refusal of {change}", answer["error"]["statusCode"], status)


async def _until(wire: ClientConnection, start: str) -> str:
    while True:
        packet = await wire.recv()
        if isinstance(packet, str) and packet.startswith(start):
            return packet[len(start) :]


def _expect(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise ProofError(f"{what}: expected {expected}, got {found}")
