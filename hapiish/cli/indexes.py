"""`hapiish indexes`: compares the indexes of models and database; `--apply` builds missing ones."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hapiish.cli.opening import open_table
from hapiish.cli.refusal import Refusal
from hapiish.options import Table
from hapiish.table.compose.owned_names import owner_of

TIMEOUT = 10000  # ms to wait for a server, and for the confirmation of an index build


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish indexes`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument("--apply", action="store_true", help="build missing indexes")
    parser.add_argument("--drop", action="store_true", help="with --apply: rebuild changed indexes, drop unneeded ones")


def main(options: argparse.Namespace) -> int:
    """Prints an index per line; returns 0 if the database then has the declared indexes, else 1."""
    try:
        if options.drop and not options.apply:
            raise Refusal("--drop needs --apply")
        return _compare(open_table(options.table), apply=options.apply, drop=options.drop)
    except Refusal as error:
        print(f"hapiish: {error}", file=sys.stderr)
        return 1


def _compare(table: Table, *, apply: bool, drop: bool) -> int:
    from pymongo.errors import PyMongoError

    from hapiish.store import indexes
    from hapiish.store.connection import StoreError

    try:
        with _connected(table) as classes:
            diff = indexes.apply(classes, drop=drop) if apply else indexes.compare(classes)
    except (StoreError, PyMongoError) as error:
        raise Refusal(str(error)) from error
    for index in diff.missing:
        print("built    " if apply else "missing  ", index)
    for declared, present in diff.changed:
        print("rebuilt  " if drop else "changed  ", f"{declared}, {'was' if drop else 'is'} {present}")
    for index in diff.unneeded:
        print("dropped  " if drop else "unneeded ", index)
    return 1 if (diff.missing and not apply) or (diff.changed and not drop) else 0


@contextmanager
def _connected(table: Table) -> Iterator[list[type]]:
    """Yields the document classes of the table's models, connected to its database."""
    from hapiish.cli.database import local_database
    from hapiish.resolve import ResolveError, resolve
    from hapiish.store.connection import Target, acquire, documents, release

    if table.database is None:
        raise Refusal("the table names no database")
    try:
        realms = {name: table.realm(owner_of(name)) for name in table.every_model.values()}
        classes = documents(
            [resolve(name, realm.folder, realm.package, table.folder) for name, realm in realms.items()]
        )
    except ResolveError as error:
        raise Refusal(str(error)) from error
    with local_database(table) as uri:
        connection = acquire(Target(uri or table.database.uri, table.database.name, timeout_ms=TIMEOUT), classes)
        try:
            yield classes
        finally:
            release(connection)
