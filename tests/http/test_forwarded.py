"""Headers of proxies, and the proxies that are trusted."""

from typing import Any

import pytest

from hapiish.http.routing.forwarded import Forwarding
from hapiish.testing import inject
from tests.http.conftest import Make

TRUSTED = ["10.0.0.0/8", "::1"]

CASES = [
    ("nobody trusted", "203.0.113.9", {"for": "1.1.1.1", "proto": "https", "host": "a"}, ("203.0.113.9", "http", "me")),
    ("one proxy", "10.0.0.1", {"for": "1.1.1.1", "proto": "https", "host": "a"}, ("1.1.1.1", "https", "a")),
    ("nothing said", "10.0.0.1", {}, ("10.0.0.1", "http", "me")),
    ("a forged first entry", "10.0.0.1", {"for": "6.6.6.6, 1.1.1.1"}, ("1.1.1.1", "http", "me")),
    ("two proxies", "10.0.0.1", {"for": "6.6.6.6, 1.1.1.1, 10.9.9.9"}, ("1.1.1.1", "http", "me")),
    ("two proxies, both say the protocol", "10.0.0.1", {"for": "1.1.1.1, 10.2.2.2", "proto": "https, http"},
     ("1.1.1.1", "https", "me")),
    ("a forged protocol", "10.0.0.1", {"for": "1.1.1.1", "proto": "https, http"}, ("1.1.1.1", "http", "me")),
    ("only proxies", "10.0.0.1", {"for": "10.0.0.3, 10.0.0.2"}, ("10.0.0.3", "http", "me")),
    ("nonsense", "10.0.0.1", {"for": "1.1.1.1, unknown"}, ("10.0.0.1", "http", "me")),
    ("nonsense further out", "10.0.0.1", {"for": "unknown, 10.0.0.4"}, ("10.0.0.4", "http", "me")),
    ("a port", "10.0.0.1", {"for": "1.1.1.1:99"}, ("1.1.1.1", "http", "me")),
    ("IPv6", "::1", {"for": '"[2001:db8::7]:99"'}, ("2001:db8::7", "http", "me")),
    ("IPv4 in IPv6", "::ffff:10.0.0.1", {"for": "1.1.1.1"}, ("1.1.1.1", "http", "me")),
    ("no such protocol", "10.0.0.1", {"for": "1.1.1.1", "proto": "gopher"}, ("1.1.1.1", "http", "me")),
    ("a Unix socket that is not trusted", None, {"for": "1.1.1.1"}, (None, "http", "me")),
]  # fmt: skip


def scope(client: str | None, said: dict[str, str], kind: str = "http") -> dict[str, Any]:
    headers = [(b"host", b"me"), *((f"x-forwarded-{name}".encode(), text.encode()) for name, text in said.items())]
    return {"type": kind, "scheme": kind, "client": (client, 1) if client else None, "headers": headers}


@pytest.mark.parametrize(("client", "said", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_only_trusted_proxies_are_believed(
    client: str | None, said: dict[str, str], expected: tuple[str | None, str, str]
) -> None:
    given = scope(client, said)
    Forwarding(TRUSTED).apply(given)
    Forwarding(TRUSTED).apply(given)  # as an application that is mounted in another one does
    host = dict(given["headers"])[b"host"].decode()
    assert (given["client"][0] if given["client"] else None, given["scheme"], host) == expected


def test_whoever_comes_by_a_unix_socket_may_be_trusted() -> None:
    given = scope(None, {"for": "1.1.1.1", "proto": "https"}, "websocket")
    Forwarding(["unix"]).apply(given)
    assert (given["client"], given["scheme"]) == (("1.1.1.1", 0), "wss")


@pytest.mark.anyio
async def test_a_route_sees_the_client_and_the_host_that_it_asked_for(make: Make) -> None:
    table = """
    server: {trustedProxies: [10.0.0.0/8]}
    routes:
      - {method: GET, path: /, vhost: a.test, handler: "my:info"}
    """
    code = """
    async def info(request, h):
        return [request.info.remote_address, request.info.protocol, request.info.hostname]
    """
    app = make(table, code)
    headers = {"x-forwarded-for": "1.1.1.1", "x-forwarded-proto": "https", "x-forwarded-host": "a.test"}
    assert (await inject(app, headers=headers, remote_address="10.0.0.1")).json == ["1.1.1.1", "https", "a.test"]
    assert (await inject(app, headers=headers, remote_address="11.0.0.1")).status_code == 404
