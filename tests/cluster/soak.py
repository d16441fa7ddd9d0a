"""`scripts/soak cluster`: every fault in turn, with more traffic than the tests have, as a table."""

import argparse
import asyncio
import sys
from functools import partial

from tests.cluster.cluster import Cluster
from tests.cluster.faults import FAULTS
from tests.cluster.traffic import Outcome, Plan, Traffic

COLUMNS = (
    "fault | sent | acknowledged | stored | shown after catch-up | lost | doubled | out of order "
    "| live | fetched | by heads | connects | repeated | seconds"
)


def row(outcome: Outcome) -> str:
    """Returns an outcome as a row of the table."""
    counts = outcome.counts
    repeated = counts["repeated sends"] + counts["repeated requests"]
    shown = f"{outcome.shown:,} = {outcome.devices} × {outcome.shown / max(1, outcome.devices):,.0f}"
    cells = [
        outcome.fault,
        *(f"{number:,}" for number in (outcome.sent, outcome.acknowledged, outcome.stored)),
        shown,
        *(str(number) for number in (outcome.lost, outcome.doubled, outcome.disordered)),
        *(f"{counts[name]:,}" for name in ("live", "caught up", "found by heads", "connects")),
        f"{repeated:,}",
        f"{outcome.seconds:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def run(cluster: Cluster, names: list[str], plan: Plan) -> bool:
    """Runs the faults and prints the table; returns True if nothing was lost, doubled or out of order."""
    clean, costs = True, ""
    say(f"| {COLUMNS} |")
    say("|" + " --- |" * (COLUMNS.count("|") + 1))
    for name in names:
        cluster.redis.forget_limits()  # the limits count per address, which all users here share
        before = cluster.processor_time()
        outcome = await Traffic(cluster, name, plan).run(partial(FAULTS[name], cluster))
        say(row(outcome))
        if name == "none":
            costs = costs_of(cluster, before, outcome)
        for fault in outcome.faults:
            say(f"  {fault}")
        clean = clean and outcome.is_clean
    if costs:
        say(f"\nprocessor time of a message without a fault: {costs}")
    return clean


def costs_of(cluster: Cluster, before: dict[str, float], outcome: Outcome) -> str:
    """Returns the processor time of each part for each message, registrations and connections included."""
    after = cluster.processor_time()
    return ", ".join(f"{part} {(after[part] - before[part]) / outcome.sent * 1e6:,.0f} µs" for part in before)


def main() -> int:
    """Returns 0, or 1 if a run was not clean."""
    parser = argparse.ArgumentParser(prog="scripts/soak cluster", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="messages of a writer during a fault (default: 200)")
    parser.add_argument("--pairs", type=int, default=10, help="conversations (default: 10)")
    parser.add_argument("--workers", type=int, default=3, help="processes of hapiish (default: 3)")
    parser.add_argument("--only", action="append", choices=list(FAULTS), help="a fault; may be repeated")
    options = parser.parse_args()
    plan = Plan(pairs=options.pairs, before=20, during=options.count, after=20, pace=0.25)
    with Cluster(options.workers) as cluster:
        return 0 if asyncio.run(run(cluster, options.only or list(FAULTS), plan)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
