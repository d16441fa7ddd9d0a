"""Many senders in one conversation, on several processes of hapiish: attempts for each message, and every number once.

An attempt is a document in an insert; one that finds its number taken by another process is repeated. Fails with 2
attempts or more for each message, and with a message that is missing, doubled or without its own number.
"""

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bson import ObjectId
from dataset import Pair, Size, fill
from load import Client, Load, LoadError, Sender, Tally
from pinned import StartError
from servers import Mongo, mongo, start, write_table
from summary import publish

LIMIT = 2.0  # attempts for each message


class Member(Sender):
    """A sender in a conversation in which others send, too: it ignores their messages."""

    def packet(self, packet: bytes) -> None:
        if packet.startswith(b"43"):
            super().packet(packet)


def main() -> None:
    """Exits with 1 if the limit is exceeded or a message is missing, doubled or out of its number."""
    options = _options()
    try:
        with ExitStack() as running:
            folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
            database = running.enter_context(mongo(folder / "data"))
            table = write_table(folder / "table")
            fill(database.uri, Size(readers=0, pairs=1, messages=0))
            cores = sorted(os.sched_getaffinity(0))
            servers = [
                running.enter_context(start("hapiish", cores[number % len(cores)], database.uri, table))
                for number in range(options.processes)
            ]
            text, is_good = _measure(options, [server.port for server in servers], database)
    except (StartError, LoadError) as error:
        sys.exit(str(error))
    publish("chat-contention", text)
    sys.exit(not is_good)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/chat/contention", description=__doc__)
    parser.add_argument("--processes", type=int, default=3, help="processes of hapiish (3)")
    parser.add_argument("--senders", type=int, default=32, help="sockets, each with a message in flight (32)")
    parser.add_argument("--seconds", type=float, default=5, help="time of the load (5)")
    return parser.parse_args()


def _measure(options: argparse.Namespace, ports: list[int], database: Mongo) -> tuple[str, bool]:
    """Returns the report, and whether all messages have one number each and the limit holds."""
    pair = Pair(0)

    def members(tally: Tally) -> list[Client]:
        return [Member(pair, f"s{one}", 1, tally, by_friend=bool(one % 2)) for one in range(options.senders)]

    with Load(ports, members) as load:
        before, stored = database.inserts(), database.database.messages.estimated_document_count()
        figures = load.go(options.seconds)
        load.finish()
    inserts = database.inserts() - before
    rows = list(database.database.messages.find({"conversationId": ObjectId(pair.conversation)}).sort("seq", 1))
    attempts = inserts / (len(rows) - stored)
    numbers = [row["seq"] for row in rows] == [*range(1, len(rows) + 1)]
    messages = len({(row["userId"], row["clientMsgId"]) for row in rows}) == len(rows) == load.answered
    head = database.database.conversations.find_one({"_id": ObjectId(pair.conversation)})
    followed = head is not None and head["lastSeq"] == len(rows)
    conditions = (
        f"{options.senders} senders in one conversation, {options.processes} processes, {figures.seconds:.1f} s: "
        f"{figures.operations / figures.seconds:,.0f} messages/s, p50 {figures.p50:.0f} ms, p99 {figures.p99:.0f} ms"
    )
    lines = [
        conditions,
        f"- {'met' if attempts < LIMIT else 'missed'}: {attempts:.2f} attempts for each message, limit {LIMIT:g}",
        f"- {'met' if numbers else 'missed'}: the numbers are 1 to {len(rows)}, each once",
        f"- {'met' if messages else 'missed'}: each of {load.answered} acknowledged messages is stored once",
        f"- {'met' if followed else 'missed'}: the conversation's head has the last number",
    ]
    return "\n".join(lines) + "\n", attempts < LIMIT and numbers and messages and followed


if __name__ == "__main__":
    main()
