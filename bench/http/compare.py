"""Runs the comparison: verifies every server, measures all in interleaved rounds, and writes the results.

Each sample starts a new server process, alone on the first core; the client runs alone on the second.
"""

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import load
import report
import tables
from contract import LOADS, PROOF
from pinned import StartError
from process import Server, StartTimeout
from proof import ProofError, prove
from summary import machine, publish, versions

SERVERS = (
    *("bare", "hapiish", "hapiish-quiet", "hapiish-features", "hapiish-uvicorn"),
    *("starlette", "starlette-logged", "fastapi", "litestar", "connexion", "hapi"),
)
PACKAGES = (
    *("hapiish", "starlette", "fastapi", "litestar", "connexion", "uvicorn", "uvloop", "httptools"),
    *("jsonschema-rs", "orjson", "pydantic", "msgspec"),
)
START_LIMIT = 60  # seconds
WARM = 3  # seconds of warm-up load: hapi reaches full speed after two


@dataclass(frozen=True, slots=True)
class Load:
    """`server_cpu` is the server's utilization of its core; a value well below 1 shows a disturbed measurement."""

    requests_per_second: float
    client_cpu: float
    server_cpu: float


@dataclass(frozen=True, slots=True)
class Sample:
    """A server in a round: seconds to the first 200, resident bytes after the loads, and the loads by name."""

    server: str
    routes: int
    round: int
    start: float
    memory: int
    loads: dict[str, Load]


def main() -> None:
    """Runs the comparison by the command line; exits with 1 if a server violates the contract."""
    options = _options()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("The bench needs two cores: one for the server, one for the client.")
    os.sched_setaffinity(0, {cores[1]})
    with tempfile.TemporaryDirectory() as made:
        folders = {routes: Path(made, str(routes)) for routes in options.routes}
        for routes, folder in folders.items():
            folder.mkdir()
            tables.write(folder, routes)
        _prove(options.only, options.routes[0], folders[options.routes[0]], cores[0])
        samples, missing = _rounds(options, folders, cores[0])
    result = {
        "machine": machine(),
        "versions": versions(PACKAGES, Path(__file__).parent / "node", ("@hapi/hapi", "joi")),
        "settings": {"rounds": options.rounds, "seconds": options.seconds, "connections": options.connections},
        "samples": [asdict(sample) for sample in samples],
        "missing": missing,
    }
    publish("http", report.render(result), result)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/http/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round with the smallest table")
    parser.add_argument("--rounds", type=int, help="samples of each server (5)")
    parser.add_argument("--seconds", type=float, help="measured time of one load (3)")
    parser.add_argument("--routes", type=_numbers, help="sizes of the table (10,1000,10000)")
    parser.add_argument("--connections", type=int, default=32, help="kept-alive connections, one request each (32)")
    parser.add_argument("--only", type=_servers, default=SERVERS, help=f"some of {','.join(SERVERS)}")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 3)
    options.routes = options.routes or ([10] if options.quick else [10, 1_000, 10_000])
    if "hapi" in options.only and not shutil.which("node"):
        print("node is not there: without hapi", file=sys.stderr)
        options.only = [server for server in options.only if server != "hapi"]
    return options


def _numbers(text: str) -> list[int]:
    numbers = sorted(int(word) for word in text.split(","))
    if numbers[0] < 10:
        raise argparse.ArgumentTypeError("the proof of the contract needs 10 routes")
    return numbers


def _servers(text: str) -> list[str]:
    asked = text.split(",")
    if unknown := set(asked) - set(SERVERS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return [server for server in SERVERS if server in asked]


def _prove(servers: list[str], routes: int, folder: Path, core: int) -> None:
    for name in servers:
        if name == "bare":
            continue
        with Server(name, routes, folder, core) as server:
            try:
                server.await_first_answer(LOADS["get"][0].target, START_LIMIT)
                prove(server.port)
            except (StartError, ProofError) as error:
                sys.exit(f"{name} violates the contract:\n{error}")
    print(f"{len(PROOF)} calls prove the contract of each server", file=sys.stderr)


def _rounds(
    options: argparse.Namespace, folders: dict[int, Path], core: int
) -> tuple[list[Sample], list[dict[str, Any]]]:
    samples: list[Sample] = []
    missing: list[dict[str, Any]] = []
    slow: set[tuple[str, int]] = set()
    for number in range(1, options.rounds + 1):
        for routes, folder in folders.items():
            for name in options.only:
                if (name, routes) in slow:
                    continue
                print(f"round {number}: {name}, {routes} routes", file=sys.stderr)
                try:
                    samples.append(_sample(options, folder, core, name=name, routes=routes, number=number))
                except StartTimeout:
                    slow.add((name, routes))
                    missing.append({"server": name, "routes": routes, "why": f"not up after {START_LIMIT} s"})
                except (StartError, load.LoadError) as error:
                    missing.append({"server": name, "routes": routes, "why": str(error)})
    return samples, missing


def _sample(options: argparse.Namespace, folder: Path, core: int, *, name: str, routes: int, number: int) -> Sample:
    loads = {}
    with Server(name, routes, folder, core) as server:
        start = server.await_first_answer(LOADS["get"][0].target, START_LIMIT)
        for kind, calls in LOADS.items():
            load.measure(calls, server.port, seconds=WARM, connections=options.connections)
            cpu = server.cpu()
            figures = load.measure(calls, server.port, seconds=options.seconds, connections=options.connections)
            loads[kind] = Load(
                requests_per_second=figures.requests_per_second,
                client_cpu=figures.client_cpu,
                server_cpu=(server.cpu() - cpu) / figures.seconds,
            )
        return Sample(name, routes, number, start, server.memory(), loads)


if __name__ == "__main__":
    main()
