"""`scripts/cluster`: starts the cluster, prints its addresses, and ends it with Ctrl-C."""

import argparse
import signal
import sys
import time

from tests.cluster.cluster import Cluster


def main() -> None:
    """Serves until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="scripts/cluster", description=__doc__)
    parser.add_argument("--workers", type=int, default=3, metavar="N", help="processes of hapiish (default: 3)")
    parser.add_argument("--port", type=int, default=8080, help="port of the balancer (default: 8080)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Cluster(options.workers, port=options.port) as cluster:
            show(cluster)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        say("\nended")


def show(cluster: Cluster) -> None:
    """Prints the address and process id of every part."""
    say(f"cluster: {cluster.url}  (Ctrl-C ends everything)")
    say(f"  nginx     {cluster.nginx.pid}")
    for worker in cluster.workers:
        say(f"  {worker.name}  {worker.pid}  http://127.0.0.1:{worker.port}")
    say(f"  redis     {cluster.redis.pid}  {cluster.redis.url}")
    for address, member in cluster.mongo.members.items():
        say(f"  {member.name}  {member.pid}  {address}")
    say(f"  mongodb   {cluster.mongodb_uri}")
    say(f"  logs      {cluster.folder}")


def say(line: str) -> None:
    """Prints a line at once, into a pipe too."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
