"""Runs the comparison: proves that both servers answer alike, measures them in alternating rounds, writes the results.

The server runs alone on the first core; MongoDB and the client share the second.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import report
from dataset import Size, fill
from load import Load, LoadError
from operations import OPERATIONS
from pinned import Pinned, StartError
from proof import ProofError, prove
from servers import BESIDE, HERE, ROOT, SERVERS, Mongo, mongo, start, write_table
from summary import machine, publish, versions

PACKAGES = (
    *("hapiish", "mongoengine", "pymongo", "uvicorn", "uvloop", "httptools"),
    *("python-socketio", "orjson", "jsonschema-rs"),
)
NODE_PACKAGES = ("@hapi/hapi", "joi", "mongoose", "mongodb", "socket.io")
WARM_LIMIT = 20  # seconds
QUICK, FULL = Size(readers=5, pairs=32, messages=3), Size(readers=50, pairs=32, messages=8)


@dataclass(frozen=True, slots=True)
class Sample:
    """An operation of a server in a round.

    `cpu` is microseconds of the server's processor time for each operation, `mongod_cpu` those of MongoDB; `commands`
    the MongoDB commands for each operation. `busy` and `client_busy` are the utilizations of the cores by the server
    and by the client, `mongod_busy` that by MongoDB. Latencies are in ms.
    """

    server: str
    round: int
    operation: str
    rate: float
    cpu: float
    p50: float
    p99: float
    commands: float
    mongod_cpu: float
    busy: float
    client_busy: float
    mongod_busy: float
    memory: int


def main() -> None:
    """Runs the comparison by the command line; exits with 1 if the servers differ or one fails."""
    options = _options()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("The benchmark needs two cores: one for the server, one for MongoDB and the client.")
    if not shutil.which("node"):
        sys.exit("The benchmark needs node.")
    os.sched_setaffinity(0, {cores[1]})
    size = Size(options.readers, options.pairs, options.messages)
    samples: list[Sample] = []
    try:
        with tempfile.TemporaryDirectory() as made, mongo(Path(made, "data")) as database:
            tables = {name: write_table(Path(made, name), root) for name, root in _roots(options.beside).items()}
            fill(database.uri, size)
            print(f"{size.described}; proving that all servers answer alike", file=sys.stderr)
            compared = [name for name in options.only if name != BESIDE]
            prove(lambda name: start(name, cores[0], database.uri), database.uri, compared)
            for number in range(1, options.rounds + 1):
                for name in options.only if number % 2 else reversed(options.only):
                    print(f"round {number}: {name}", file=sys.stderr)
                    with start(name, cores[0], database.uri, tables.get(name, tables["hapiish"])) as server:
                        samples += _samples(options, size, name, number, server=server, database=database)
    except (StartError, ProofError, LoadError) as error:
        sys.exit(str(error))
    result = {
        "machine": machine(),
        "versions": versions(PACKAGES, HERE / "node", NODE_PACKAGES),
        "settings": {
            "rounds": options.rounds,
            "seconds": options.seconds,
            "connections": size.pairs,
            "data": size.described,
        },
        "samples": [asdict(sample) for sample in samples],
    }
    publish("chat", report.render(result), result)


def _samples(
    options: argparse.Namespace, size: Size, name: str, number: int, *, server: Pinned, database: Mongo
) -> Iterator[Sample]:
    warm = options.warm
    for operation in options.operations:
        with Load(server.port, operation.load(size, f"{time.time_ns() // 1000:x}")) as load:
            _warm_up(load, warm)
            load.align()
            cpu, mongod, commands = server.cpu(), database.cpu(), database.commands()
            figures = load.go(options.seconds)
            used, mongod_used = server.cpu() - cpu, database.cpu() - mongod
            executed = (database.commands() - commands).total()
            load.finish()
        if not figures.operations:
            raise LoadError(f"{name}: no {operation.name} ended within {options.seconds:g} s")
        warm = options.warm // 5  # the first operation has warmed up most of the server
        yield Sample(
            server=name,
            round=number,
            operation=operation.name,
            rate=figures.operations / figures.seconds,
            cpu=used / figures.operations * 1e6,
            p50=figures.p50,
            p99=figures.p99,
            commands=executed / figures.operations,
            mongod_cpu=mongod_used / figures.operations * 1e6,
            busy=used / figures.seconds,
            client_busy=figures.client_cpu,
            mongod_busy=mongod_used / figures.seconds,
            memory=server.memory(),
        )


def _warm_up(load: Load, operations: int) -> None:
    """Runs the load for a number of operations, not of seconds: Node compiles what is called often."""
    until = time.monotonic() + WARM_LIMIT
    while operations > 0 and time.monotonic() < until:
        operations -= load.go(0.1).operations


def _roots(beside: Path | None) -> dict[str, Path]:
    return {"hapiish": ROOT} | ({BESIDE: beside.resolve()} if beside else {})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/chat/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds with a small data set: about a minute")
    parser.add_argument("--rounds", type=int, help="samples of each server (7)")
    parser.add_argument("--seconds", type=float, help="measured time of an operation (3)")
    parser.add_argument("--warm", type=int, help="operations before the first measurement of a server (3000)")
    parser.add_argument("--readers", type=int, help="users with 200 conversations and friends each (50)")
    parser.add_argument("--messages", type=int, help="messages of a conversation (8)")
    parser.add_argument("--pairs", type=int, help="senders, and connections of every load (32)")
    parser.add_argument("--only", type=_names(SERVERS), help=f"some of {','.join(SERVERS)}")
    parser.add_argument("--beside", type=Path, help="another checkout of this repository, measured, too")
    names = [operation.name.replace(" ", "-") for operation in OPERATIONS]
    parser.add_argument("--operations", type=_names(names), default=names, help=f"some of {','.join(names)}")
    options = parser.parse_args()
    options.only = options.only or list(SERVERS[:2] if options.quick else SERVERS)
    options.only += [BESIDE] if options.beside else []
    size = QUICK if options.quick else FULL
    for field in fields(Size):
        if getattr(options, field.name) is None:
            setattr(options, field.name, getattr(size, field.name))
    options.rounds = options.rounds or (2 if options.quick else 7)
    options.seconds = options.seconds or (1.2 if options.quick else 3)
    options.warm = options.warm or (1500 if options.quick else 3000)
    options.operations = [one for one, name in zip(OPERATIONS, names, strict=True) if name in options.operations]
    return options


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        asked = text.split(",")
        if unknown := set(asked) - set(known):
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
        return [name for name in known if name in asked]

    return parse


if __name__ == "__main__":
    main()
