"""Measures the acknowledgements of one client, alone and beside a client in another process that floods the server."""

import multiprocessing
import os
import socket
import sys
import threading
import time
from statistics import median

from compare import SERVERS, start
from contract import Pair, auth, message
from load import frame
from summary import table

SECONDS = 3.0
HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\n"
    b"connection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def connect(port: int, user: str) -> socket.socket:
    """Returns a connected client."""
    wire = socket.create_connection(("127.0.0.1", port))
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wire.sendall(HANDSHAKE)
    received = b""
    while b'0{"sid"' not in received:
        received += wire.recv(65536)
    wire.sendall(frame(b"40" + auth(user)))
    while b'40{"sid"' not in received:
        received += wire.recv(65536)
    return wire


def event(pair: Pair, ack: bytes) -> bytes:
    """Returns the frame of a message."""
    return frame(b"42" + ack + b'["message",' + message(pair, "100000") + b"]")


def discard(wire: socket.socket) -> None:
    """Reads until the end."""
    while wire.recv(1 << 20):
        pass


def flood(port: int) -> None:
    """Sends messages to nobody until the process is killed, and discards the acknowledgements."""
    pair = Pair(2)
    wire, batch = connect(port, pair.sender), event(pair, b"1") * 500
    threading.Thread(target=discard, args=(wire,), daemon=True).start()
    while True:
        wire.sendall(batch)


def latency(port: int, seconds: float) -> list[float]:
    """Returns the times of acknowledgements in ms, one message at a time."""
    pair, times = Pair(1), []
    wire, packet = connect(port, pair.sender), event(pair, b"7")
    until = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < until:
        wire.sendall(packet)
        received = b""
        while b"437[" not in received:
            received = received[-4:] + wire.recv(65536)
        times.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.005)
    wire.close()
    return times


def main() -> None:
    """Prints the table."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    rows = []
    for name in sys.argv[1:] or [server for server in SERVERS if server in {"hapiish", "stock", "node"}]:
        with start(name, cores[0]) as server:
            alone = latency(server.port, SECONDS)
            flooding = multiprocessing.Process(target=flood, args=(server.port,), daemon=True)
            flooding.start()
            time.sleep(0.5)
            beside = latency(server.port, SECONDS)
            flooding.kill()
        worst = sorted(beside)[len(beside) * 99 // 100]
        rows.append([name, f"{median(alone):.1f}", f"{median(beside):.1f}", f"{worst:.1f}"])
    print(table(["server", "p50 alone, ms", "p50 beside a flood, ms", "p99"], rows))


if __name__ == "__main__":
    main()
