"""Provides the database of a command: the table's database, or a local MongoDB while the command runs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from hapiish.cli.refusal import Refusal
from hapiish.options import Table
from hapiish.store import local
from hapiish.store.connection import MEMORY
from hapiish.store.keeper import GRACE


@contextmanager
def local_database(
    table: Table, *, workers: int = 1, patience: Callable[[], float] = lambda: GRACE + 1
) -> Iterator[str | None]:
    """Yields the URI of a local MongoDB with its data next to the table; None if the table sets a URI or needs none.

    `patience` returns the maximum time to wait for its end, in seconds.
    """
    if table.database is None or table.database.uri:
        yield None
        return
    try:
        server = local.start(Path(table.folder, table.database.data))
    except local.UnusableError as error:
        yield _in_memory(error, workers)
        return
    except local.LocalError as error:
        raise Refusal(str(error)) from error
    try:
        yield server.uri
    finally:
        server.stop(patience())


def _in_memory(error: local.UnusableError, workers: int) -> str:
    """Returns the URI of the in-memory fallback, and prints a warning."""
    if find_spec("mongomock_ng") is None:
        raise Refusal(f"{error} (or hapiish[memory], to try hapiish out without keeping any data)") from error
    if workers > 1:
        raise Refusal(f"{error}; a database in memory cannot be shared by workers") from error
    warning = f"hapiish: NOTHING WILL BE KEPT. The data is in memory and is lost when this process ends:\n{error}"
    print(f"\x1b[1;31m{warning}\x1b[0m" if sys.stderr.isatty() else warning, file=sys.stderr, flush=True)
    return MEMORY
