"""G9: a connected device reads no data, while other users write to its user."""

import asyncio
import base64
import json
import os
import socket
from pathlib import Path

from tests.model.callers import Callers, User
from tests.model.servers import Servers

TEXT = "漢" * 8000  # as long as a message may be, 24 KB
MESSAGES = 280  # messages of all writers, more than the kernel's buffers and the queue of a socket hold
MEMORY = 64 * 1024 * 1024  # the most bytes by which the memory of a worker may grow
PATIENCE = 30.0
HEADERS = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nHost: x\r\n"


async def check(servers: Servers, callers: Callers, user: User, writers: list[tuple[User, str]]) -> list[str]:
    """Returns the faults: the memory of a worker grows, or the connection stays open.

    `writers` have conversations with `user`.
    """
    worker = servers.workers[0]
    before, logged = _memory(worker.pid), len(worker.log.read_text())
    device = await asyncio.to_thread(_connect, worker.port, user.token)
    try:
        for _ in range(MESSAGES // len(writers)):
            await asyncio.gather(*(_write(callers, one, conversation) for one, conversation in writers))
        grown = _memory(worker.pid) - before
        faults = [f"{worker.name} has grown by {grown:,} bytes"] if grown > MEMORY else []
        try:
            async with asyncio.timeout(PATIENCE):
                while "slow" not in worker.log.read_text()[logged:]:
                    await asyncio.sleep(0.1)
                await asyncio.to_thread(_read_to_end, device)
        except TimeoutError:
            faults.append("a device that reads nothing stays connected")
    finally:
        device.close()
    return faults


async def _write(callers: Callers, writer: User, conversation: str) -> None:
    answer = await callers.call("POST", f"/messages/{conversation}", {"text": TEXT}, token=writer.token)
    if answer.status_code != 201:
        raise RuntimeError(f"{writer.name} cannot write: {answer.text}")


def _connect(port: int, token: str) -> socket.socket:
    """Returns a connected socket of the namespace /, from which no more data is read."""
    device = socket.socket()
    device.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    device.settimeout(PATIENCE)
    device.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    request = f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n{HEADERS}Sec-WebSocket-Key: {key}\r\n\r\n"
    device.sendall(request.encode())
    payload = f"40{json.dumps({'token': token})}".encode()
    mask = bytes(4)  # which leaves the payload as it is
    device.sendall(b"\x81\xfe" + len(payload).to_bytes(2, "big") + mask + payload)
    answer = b""
    while b'40{"sid"' not in answer:
        answer += device.recv(1024)
    return device


def _read_to_end(device: socket.socket) -> None:
    try:
        while device.recv(65536):
            pass
    except ConnectionError:
        pass


def _memory(pid: int) -> int:
    """Returns the bytes of memory that a process occupies."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
