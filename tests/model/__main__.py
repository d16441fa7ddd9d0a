"""`scripts/model`: runs users, devices and faults by a seed, and prints a line for each guarantee of the chat."""

import argparse
import asyncio
import secrets
import sys

from hapiish.store import local
from tests.cluster.cluster import ROOT
from tests.model.guarantees import GUARANTEES, run_plan
from tests.model.plan import Plan
from tests.redis_server import RedisServer


def main() -> int:
    """Returns 0, or 1 if a guarantee is broken."""
    parser = argparse.ArgumentParser(prog="scripts/model", description=__doc__)
    parser.add_argument("--steps", type=int, default=400, help="number of steps (default: 400)")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), help="seed of an earlier run, to repeat it"
    )
    parser.add_argument("--workers", type=int, default=3, help="number of processes of hapiish (default: 3)")
    parser.add_argument("--users", type=int, default=5, help="users, each with three devices (default: 5)")
    options = parser.parse_args()
    plan = Plan(options.seed, options.steps, users=options.users)
    sys.stdout.write(f"seed {plan.seed}, {plan.steps} steps, {options.workers} workers\n")
    with local.start(ROOT / ".hapiish" / "tests") as mongo, RedisServer() as redis:
        uri = mongo.uri.replace("/?", f"/model-{plan.seed}-{secrets.token_hex(3)}?")
        faults, counts = asyncio.run(run_plan(plan, options.workers, uri, redis))
    for name, meaning in GUARANTEES.items():
        broken = faults.get(name, [])
        sys.stdout.write(f"{name}  {'BROKEN' if broken else 'holds'}  {meaning}\n")
        for text in broken[:5]:
            sys.stdout.write(f"    {text}\n")
    sys.stdout.write(", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) + "\n")
    if any(faults.values()):
        sys.stdout.write(f"again: scripts/model --seed {plan.seed} --steps {plan.steps} --workers {options.workers}\n")
    return 1 if any(faults.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
