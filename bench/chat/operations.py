"""The measured operations: the load of each, and the targets of hapiish relative to the peer."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import cycle

from dataset import Pair, Reader, Size
from load import FLUSHED, Client, HttpClient, Receiver, Sender, Tally, get, posts

Make = Callable[[Tally], list[Client]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation; `cpu` and `rate` are targets, processor time and operations/s of hapiish relative to the peer.

    `load(size, run)` makes the clients; `run` is unique.
    """

    name: str
    description: str
    load: Callable[[Size, str], Make]
    cpu: float | None = None
    rate: float | None = None


def _send(size: Size, run: str) -> Make:
    pairs = [Pair(number) for number in range(size.pairs)]
    return lambda tally: [
        *(Sender(pair, run, 1, tally) for pair in pairs),
        *(Receiver(pair.friend, tally) for pair in pairs),
    ]


def _post(size: Size, run: str) -> Make:
    pairs = [Pair(number) for number in range(size.pairs)]
    return lambda tally: [
        *(HttpClient(posts(pair, run), 201, tally) for pair in pairs),
        *(Receiver(pair.friend, tally) for pair in pairs),
    ]


def _flush(size: Size, run: str) -> Make:
    pair = Pair(0)
    return lambda tally: [Sender(pair, run, FLUSHED, tally), Receiver(pair.friend, tally)]


def _read(target: str, size: Size, run: str) -> Make:
    readers = [Reader(number) for number in range(size.readers)]
    requests = [get(target.format(deep=reader.deep), reader.id) for reader in readers]
    count = size.pairs  # as many connections as there are senders

    def make(tally: Tally) -> list[Client]:
        turned = [requests[number % len(requests) :] + requests[: number % len(requests)] for number in range(count)]
        return [HttpClient(cycle(own), 200, tally) for own in turned]

    return make


OPERATIONS = (
    Operation("send", "`message` over a socket, acknowledged and delivered to the friend", _send, 0.45, 2),
    Operation("post", "POST /messages/{id}, delivered to the friend", _post, 0.45, 2),
    Operation("page of 20", "GET /messages/{id}?limit=20", partial(_read, "/messages/{deep}?limit=20"), 0.6),
    Operation("page of 200", "GET /messages/{id}", partial(_read, "/messages/{deep}"), 0.5),
    Operation("conversations", "GET /conversations, 200 of them", partial(_read, "/conversations"), 0.5),
    Operation("friends", "GET /friends, 200 of them", partial(_read, "/friends"), 0.55),
    Operation("flush", f"one socket sends {FLUSHED} queued messages at once, again and again", _flush, None, 1),
)
