"""Runs the comparison: verifies every server, measures all in interleaved rounds, and writes the results.

Each sample starts a new server process, alone on the first core; the client runs alone on the second.
"""

import argparse
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import load
from contract import SECRET
from pinned import Pinned, StartError, free_port
from proof import ProofError, prove
from summary import machine, publish, spread, table, versions

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SERVERS = ("bare", "hapiish", "hapiish-log", "stock", "node")
TARGETS = {"stock": 4.0, "node": 0.8}
CPU_TARGETS = {"hapiish": 0.85, "hapiish-log": 1.0}  # processor time of a message, Node's is 1
PACKAGES = (
    *("hapiish", "python-socketio", "python-engineio", "uvicorn", "uvloop", "websockets"),
    *("orjson", "jsonschema-rs"),
)
UVICORN = (
    *("--loop", "uvloop", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false"),
    *("--lifespan", "off", "--log-level", "warning"),
)
START_LIMIT = 30  # seconds
WARM = 2  # seconds of warm-up load, for Node's compiler
BUSY = 0.9  # a server below this share of its core was not alone on it, or not the bottleneck


@dataclass(frozen=True, slots=True)
class Sample:
    """A server in a round. `cpu` is microseconds of its core for each message, `busy` the utilization of that core."""

    server: str
    round: int
    messages_per_second: float
    p50: float
    p99: float
    cpu: float
    busy: float
    client_cpu: float
    memory: int


def main() -> None:
    """Runs the comparison by the command line; exits with 1 if a server violates the contract."""
    options = _options()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("The bench needs two cores: one for the server, one for the client.")
    os.sched_setaffinity(0, {cores[1]})
    samples = []
    try:
        for name in options.only:
            with start(name, cores[0]) as server:
                prove(server.port, strict=name.startswith("hapiish"))
        for number in range(1, options.rounds + 1):
            for name in options.only:
                print(f"round {number}: {name}", file=sys.stderr)
                samples.append(_sample(options, name, number, cores[0]))
    except (StartError, ProofError, load.LoadError) as error:
        sys.exit(f"{name}: {error}")
    result = {
        "machine": machine(),
        "versions": versions(PACKAGES, HERE / "node", ("socket.io", "ws")),
        "settings": {
            "rounds": options.rounds,
            "seconds": options.seconds,
            "pairs": options.pairs,
            "in_flight": load.IN_FLIGHT,
        },
        "samples": [asdict(sample) for sample in samples],
    }
    publish("realtime", _report(result, samples), result)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/realtime/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--rounds", type=int, help="samples of each server (7)")
    parser.add_argument("--seconds", type=float, help="measured time of a sample (4)")
    parser.add_argument("--pairs", type=int, default=50, help="senders, each with a receiver and 4 in flight (50)")
    parser.add_argument("--only", type=_servers, default=SERVERS, help=f"some of {','.join(SERVERS)}")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 7)
    options.seconds = options.seconds or (1 if options.quick else 4)
    if "node" in options.only and not shutil.which("node"):
        print("node is not there: without it", file=sys.stderr)
        options.only = [server for server in options.only if server != "node"]
    return options


def _servers(text: str) -> list[str]:
    asked = text.split(",")
    if unknown := set(asked) - set(SERVERS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}")
    return [server for server in SERVERS if server in asked]


def start(name: str, core: int) -> Pinned:
    """Starts the server `name` and returns it when it listens; hapiish with `hapiish run`, as users start it."""
    port = free_port()
    match name:
        case "node":
            command = ["node", "server.js", str(port)]
        case "hapiish" | "hapiish-log":
            command = [sys.executable, "-m", "hapiish", "run", "../servers/routes.yaml", "--port", str(port)]
        case _:
            command = [sys.executable, "-m", "uvicorn", f"servers.{name}_app:app", "--port", str(port), *UVICORN]
            command += ["--app-dir", str(HERE)]
    logs = "true" if name == "hapiish-log" else "false"
    server = Pinned(command, port, core, HERE / "node", {"BENCH_SECRET": SECRET, "BENCH_ACCESS_LOG": logs})
    return server.await_listening(START_LIMIT)


def _sample(options: argparse.Namespace, name: str, number: int, core: int) -> Sample:
    with start(name, core) as server:
        with load.Load(server.port, options.pairs) as running:
            running.go(WARM)
            cpu = server.cpu()
            figures = running.go(options.seconds)
            used = server.cpu() - cpu
        return Sample(
            server=name,
            round=number,
            messages_per_second=figures.messages_per_second,
            p50=figures.p50,
            p99=figures.p99,
            cpu=used / figures.messages * 1e6,
            busy=used / figures.seconds,
            client_cpu=figures.client_cpu,
            memory=server.memory(),
        )


def _report(result: dict[str, Any], samples: list[Sample]) -> str:
    names = list(dict.fromkeys(sample.server for sample in samples))
    references = [name for name in TARGETS if name in names]
    settings, rows = result["settings"], []
    for name in names:
        own = [sample for sample in samples if sample.server == name]
        row = [name, spread((one.messages_per_second for one in own), "{:,.0f}")]
        row += ["1" if name == other else spread(_ratios(samples, name, other), "{:.2f}") for other in references]
        row += [spread((one.cpu for one in own), "{:.0f}"), spread((one.p50 for one in own), "{:.1f}")]
        row += [spread((one.p99 for one in own), "{:.1f}"), f"{median(one.memory for one in own) / 2**20:.0f}"]
        rows.append(row)
    head = ["server", "messages/s", *(f"× {name}" for name in references), "CPU µs", "p50 ms", "p99 ms", "memory MB"]
    conditions = (
        f"{result['machine']['when']}, {result['machine']['processor']}, server and client pinned to a core each; "
        f"{settings['rounds']} interleaved rounds of {settings['seconds']:g} s, {settings['pairs']} pairs with "
        f"{load.IN_FLIGHT} in flight. Median (min..max); ratios are taken within a round."
    )
    lines = [
        conditions,
        ", ".join(f"{name} {version}" for name, version in result["versions"].items()),
        table(head, rows),
        "\n".join(_targets(samples, references)),
        _doubts(samples),
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def _targets(samples: list[Sample], references: list[str]) -> list[str]:
    lines = []
    for name in references:
        if reached := _ratios(samples, "hapiish", name):
            verdict = "met" if median(reached) >= TARGETS[name] else "missed"
            lines.append(f"- {verdict}: hapiish beside {name}: {spread(reached, '{:.2f}')}, target {TARGETS[name]:g}")
    for name, target in CPU_TARGETS.items():
        if used := _ratios(samples, name, "node", "cpu"):
            verdict = "met" if median(used) <= target else "missed"
            lines.append(f"- {verdict}: CPU of {name} beside node: {spread(used, '{:.2f}')}, target {target:g} at most")
    return lines


def _doubts(samples: list[Sample]) -> str:
    busiest = max(samples, key=lambda one: one.client_cpu)
    text = f"The client was busy for {busiest.client_cpu:.0%} of the time at most ({busiest.server})."
    disturbed = sum(one.busy < BUSY for one in samples)
    if disturbed:
        text += (
            f" **In {disturbed} of {len(samples)} samples the server had less than {BUSY:.0%} of its core**: other "
            "processes took part, or the client was the limit."
        )
    return text


def _ratios(samples: list[Sample], server: str, reference: str, field: str = "messages_per_second") -> list[float]:
    references = {one.round: getattr(one, field) for one in samples if one.server == reference}
    return [
        getattr(one, field) / references[one.round]
        for one in samples
        if one.server == server and one.round in references
    ]


if __name__ == "__main__":
    main()
