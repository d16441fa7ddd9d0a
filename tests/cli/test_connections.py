"""`hapiish run` with slow clients, oversized requests and few file descriptors."""

import resource
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.serving import Run, certify
from tests.http.wire import CODE, answers

TABLE = """
hapiish: 1
server: {%s head: {maxBytes: 2KB, maxCount: 8, timeout: %s}%s}
routes: [{method: GET, path: /a, handler: "wire:general"}]
"""
GET = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
DESCRIPTORS = 256

Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a server with few descriptors."""
    with ExitStack() as running:

        def run(*, timeout: str = "1m", tls: str = "", more: str = "") -> Run:
            (tmp_path / "wire.py").write_text(CODE)
            (tmp_path / "routes.yaml").write_text(TABLE % (tls, timeout, more))
            before = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, before[1]))
            try:
                return running.enter_context(Run(tmp_path / "routes.yaml"))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)

        yield run


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    """The `tls` of a table, and its files."""
    certify(tmp_path, b"secret")
    return "tls: {key: key.pem, cert: cert.pem, passphrase: secret},"


def opened(server: Run) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2])), timeout=30)


def ask(server: Run, data: bytes = GET, wrap: Callable[[socket.socket], Any] = lambda raw: raw) -> bytes:
    """All that comes back."""
    with closing(wrap(opened(server))) as wire:
        wire.sendall(data)
        found = b""
        while piece := wire.recv(65536):
            found += piece
        return found


def over_tls(raw: socket.socket) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(raw)


@pytest.mark.parametrize("start_of_request", [b"", b"GET / HT"])
def test_more_silent_connections_than_descriptors_keep_nobody_out(start: Start, start_of_request: bytes) -> None:
    server = start()
    with ExitStack() as held:
        for _ in range(DESCRIPTORS + 50):
            held.enter_context(opened(server)).sendall(start_of_request)
        assert [answers(ask(server))[0].status for _ in range(5)] == [200] * 5
    assert "Traceback" not in server.errors


def test_nor_do_handshakes_of_tls_that_never_end(start: Start, certificate: str) -> None:
    server = start(tls=certificate)
    with ExitStack() as held:
        for _ in range(DESCRIPTORS + 50):
            held.enter_context(opened(server))
        assert [answers(ask(server, wrap=over_tls))[0].status for _ in range(5)] == [200] * 5
    assert server.stop() == 0
    assert "Traceback" not in server.errors


def test_a_handshake_of_tls_has_the_time_of_a_head(start: Start, certificate: str) -> None:
    server = start(tls=certificate, timeout="300ms")
    assert ask(server, b"") == b""
    assert ask(server, b"\x16\x03\x01") == b""
    assert ask(server, b"", wrap=over_tls) == b""
    assert answers(ask(server, b"GET / HT", wrap=over_tls))[0].status == 408
    assert answers(ask(server, wrap=over_tls))[0].status == 200
    assert ask(server, GET) == b""  # which is no TLS


def test_the_bounds_are_those_of_the_table(start: Start) -> None:
    server = start(timeout="300ms", more=", maxConnections: {perAddress: 3}")
    assert answers(ask(server, GET))[0].status == 200
    assert answers(ask(server, GET[:-2] + b"A: b\r\n" * 7 + b"\r\n"))[0].status == 431
    assert answers(ask(server, GET[:-2] + b"A: " + b"b" * 3000 + b"\r\n\r\n"))[0].status == 431
    assert answers(ask(server, b"GET /" + b"b" * 3000))[0].status == 414
    assert answers(ask(server, b"GET / HT"))[0].status == 408
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(opened(server))
        assert answers(ask(server, b""))[0].status == 429
    assert '"refused a request from' in server.errors


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("head: {maxBytes: 0}", "bytes, or text such as"),
        ("head: {timeout: 0}", "milliseconds above 0"),
        ("head: {maxCount: 0}", "maxCount"),
        ("maxConnections: 0", "a number from 1, or {total, perAddress}"),
        ("maxConnections: {perAdress: 5}", "perAddress"),
    ],
)
def test_bounds_that_bound_nothing_are_refused(tmp_path: Path, given: str, said: str) -> None:
    from hapiish.table import check

    (tmp_path / "routes.yaml").write_text(f"hapiish: 1\nserver: {{{given}}}\n")
    table, problems = check(tmp_path / "routes.yaml")
    assert table is None
    assert said in "".join(f"{problem.message} {problem.hint}" for problem in problems)
