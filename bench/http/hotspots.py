"""Profiles a server under load with py-spy and prints its busiest functions."""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

import load
import tables
from contract import LOADS
from process import Server


def main() -> None:
    """Prints the share of samples of each function: own time, and cumulative time."""
    parser = argparse.ArgumentParser(prog="bench/http/profile", description=__doc__)
    parser.add_argument("--server", default="hapiish")
    parser.add_argument("--load", default="get", choices=LOADS)
    parser.add_argument("--routes", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--top", type=int, default=40, help="lines of each list (40)")
    parser.add_argument("--native", action="store_true", help="also the functions of extension modules")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    with tempfile.TemporaryDirectory() as made:
        tables.write(Path(made), options.routes)
        with Server(options.server, options.routes, Path(made), cores[0]) as server:
            server.await_first_answer(LOADS["get"][0].target, 60)
            stacks = _sampled(server, options, Path(made, "stacks"))
    _print(stacks, options.top)


def _sampled(server: Server, options: argparse.Namespace, file: Path) -> list[tuple[list[str], int]]:
    calls = LOADS[options.load]
    loaded = threading.Thread(
        target=load.measure, args=(calls, server.port), kwargs={"seconds": options.seconds + 2, "connections": 32}
    )
    loaded.start()
    command = [str(Path(sys.executable).with_name("py-spy")), "record", "--pid", str(server.pid), "--output", str(file)]
    command += ["--format", "raw", "--function", "--rate", "500", "--duration", str(int(options.seconds))]
    try:
        subprocess.run([*command, *(["--native"] if options.native else [])], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        sys.exit(f"py-spy: {error.stderr.decode()}")
    finally:
        loaded.join()
    lines = (line.rpartition(" ") for line in file.read_text().splitlines())
    return [(frames.split(";"), int(count)) for frames, _, count in lines]


def _print(stacks: list[tuple[list[str], int]], top: int) -> None:
    alone: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for frames, count in stacks:
        alone[frames[-1]] += count
        whole.update(dict.fromkeys(frames, count))
    total = sum(alone.values())
    for title, counts in (("alone", alone), ("with what it called", whole)):
        print(f"\n{title}")
        for name, count in counts.most_common(top):
            print(f"{count / total:7.1%}  {name}")


if __name__ == "__main__":
    main()
