"""Compares two revisions of hapiish in one run; exits with 1 if the second costs more than the tolerance.

A revision is a name that git knows, or a folder with a checkout: `bench/guard HEAD~1 .` measures the changes that are
not committed yet. The cost is the server's processor time for one request or relayed message under `hapiish run`, with
its access log, or for a start. Rounds alternate between the revisions, each sample is a new process, and the ratio is
taken within a round, so that disturbances of the machine affect both.
"""

import argparse
import importlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from types import MappingProxyType, ModuleType

from environment import BENCH, ROOT
from pinned import Pinned, free_port
from summary import table

WARM, SECONDS = 1.5, 2.0
"""Seconds of the load before the measurement, and of the measurement."""

START_LIMIT = 60.0

Sample = Callable[[Path, int], float]


def main() -> None:
    """Runs the comparison by the command line."""
    options = _options()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("The guard needs two cores: one for the server, one for the client.")
    os.sched_setaffinity(0, {cores[1]})
    with tempfile.TemporaryDirectory(prefix="hapiish-guard-") as made:
        old, new = (checkout(name, Path(made, side)) for name, side in ((options.old, "old"), (options.new, "new")))
        operations = _operations(Path(made))
        costs = {
            name: _rounds(name, operations[name], (old, new), core=cores[0], rounds=options.rounds)
            for name in options.only or operations
        }
    worse = _report(costs, options)
    sys.exit(f"more than {options.tolerance} % worse: {', '.join(worse)}" if worse else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/guard", description=__doc__)
    parser.add_argument("old", help="the revision to compare with, or the folder of a checkout")
    parser.add_argument("new", nargs="?", default=str(ROOT), help="the revision to judge (default: this checkout)")
    parser.add_argument("--rounds", type=int, default=7, help="samples of each revision (7)")
    parser.add_argument("--tolerance", type=float, default=5.0, help="percent that the second may cost more (5)")
    parser.add_argument("--only", type=lambda text: text.split(","), help="some of get,post,relay,start")
    return parser.parse_args()


def checkout(name: str, folder: Path) -> Path:
    """Returns the folder of a checkout: `name` itself, or `folder` with the files of that revision."""
    if Path(name, "hapiish").is_dir():
        return Path(name).resolve()
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", name, "hapiish"], capture_output=True, check=False, env=os.environ
    )
    if packed.returncode:
        sys.exit(packed.stderr.decode().strip())
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _operations(folder: Path) -> dict[str, Sample]:
    http, realtime = _modules("http", "load", "tables", "contract"), _modules("realtime", "load", "contract")
    secret = {"BENCH_SECRET": realtime["contract"].SECRET}
    http["tables"].write(folder, 10)
    many = folder / "many"
    many.mkdir()
    http["tables"].write(many, 1000)

    def requests(kind: str) -> Sample:
        calls, measure = http["contract"].LOADS[kind], http["load"].measure

        def sample(checkout: Path, core: int) -> float:
            with serve(checkout, folder / "routes.yaml", BENCH / "http", core) as server:
                measure(calls, server.port, seconds=WARM, connections=32)
                cpu = server.cpu()
                figures = measure(calls, server.port, seconds=SECONDS, connections=32)
                return (server.cpu() - cpu) / (figures.requests_per_second * figures.seconds)

        return sample

    def relay(checkout: Path, core: int) -> float:
        table = BENCH / "realtime" / "servers" / "routes.yaml"
        with (
            serve(checkout, table, BENCH / "realtime", core, secret) as server,
            realtime["load"].Load(server.port, 50) as running,
        ):
            running.go(WARM)
            cpu = server.cpu()
            figures = running.go(SECONDS)
            return float((server.cpu() - cpu) / figures.messages)

    def start(checkout: Path, core: int) -> float:
        with serve(checkout, many / "routes.yaml", BENCH / "http", core) as server:
            return server.cpu()

    return {"get": requests("get"), "post": requests("post"), "relay": relay, "start": start}


def _modules(folder: str, *names: str) -> dict[str, ModuleType]:
    """Imports modules of one of the benchmarks; the two have modules of equal names."""
    sys.path.insert(0, str(BENCH / folder))
    loaded = {name: importlib.import_module(name) for name in names}
    sys.path.remove(str(BENCH / folder))
    for name in (*loaded, "load", "contract"):
        sys.modules.pop(name, None)
    return loaded


def serve(
    checkout: Path, routes: Path, folder: Path, core: int, env: Mapping[str, str] = MappingProxyType({})
) -> Pinned:
    """Starts `hapiish run` of a checkout and returns it when it listens."""
    port = free_port()
    command = [sys.executable, "-m", "hapiish", "run", str(routes), "--port", str(port)]
    path = os.pathsep.join((str(checkout), str(folder)))
    server = Pinned(command, port, core, folder, {"PYTHONPATH": path, **env})
    return server.await_listening(START_LIMIT)


def _rounds(
    name: str, sample: Sample, checkouts: tuple[Path, Path], *, core: int, rounds: int
) -> list[tuple[float, float]]:
    costs = []
    for number in range(rounds):
        print(f"{name}: round {number + 1} of {rounds}", file=sys.stderr)
        order = checkouts if number % 2 == 0 else checkouts[::-1]
        pair = [sample(checkout, core) for checkout in order]
        costs.append((pair[0], pair[1]) if number % 2 == 0 else (pair[1], pair[0]))
    return costs


def _report(costs: dict[str, list[tuple[float, float]]], options: argparse.Namespace) -> list[str]:
    rows, worse = [], []
    for name, pairs in costs.items():
        ratios = sorted(new / old for old, new in pairs)
        ratio = median(ratios)
        if ratio > 1 + options.tolerance / 100:
            worse.append(name)
        old, new = (f"{median(pair[side] for pair in pairs) * 1e6:,.1f}" for side in (0, 1))
        rows.append([name, old, new, f"{ratio:.3f}", f"{ratios[0]:.3f}..{ratios[-1]:.3f}"])
    print(f"CPU µs for each operation, {options.old} and {options.new}, {options.rounds} rounds\n")
    print(table(["operation", "old", "new", "new / old", "range"], rows))
    return worse


if __name__ == "__main__":
    main()
