"""Proves that the chat on hapiish and the peer answer alike, without measuring."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from dataset import Size, fill
from pinned import StartError
from proof import ProofError, prove
from servers import SERVERS, mongo, start


def main() -> None:
    """Exits with 1 if the servers differ."""
    argparse.ArgumentParser(prog="bench/chat/contract", description=__doc__).parse_args()
    core = min(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as made, mongo(Path(made, "data")) as database:
        fill(database.uri, Size(readers=2, pairs=2, messages=3))
        try:
            facts = prove(lambda name: start(name, core, database.uri), database.uri, SERVERS)
        except (StartError, ProofError) as error:
            sys.exit(str(error))
    print(f"{' and '.join(SERVERS)} answer alike: {facts} facts")


if __name__ == "__main__":
    main()
