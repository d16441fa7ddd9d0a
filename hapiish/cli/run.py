"""`hapiish run`: parses and validates the options; `serve` runs the server."""

import argparse
import sys

from hapiish.cli.opening import open_table, show
from hapiish.cli.refusal import Refusal
from hapiish.collector import without_collector
from hapiish.options import Table
from hapiish.table import extras
from hapiish.table.problems import TableError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish run`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument("--host", help="address to listen on (default: server.host of the table)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for any free one (default: server.port)")
    parser.add_argument("--reload", action="store_true", help="reload the table and its modules when they change")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="number of worker processes (default: 1)")
    parser.add_argument("--log", choices=["text", "json"], help="log format (default: text on a terminal, else json)")
    parser.add_argument("--no-local-database", action="store_true", help="do not start if database.uri is empty")


def main(options: argparse.Namespace) -> int:
    """Serves until it is stopped; returns 0, or 1 if it cannot start."""
    try:
        table = open_table(options.table, plugins=True, workers=options.workers)
        check_options(options, table)
        packages = extras.missing(table)
        if packages:
            raise TableError(packages)
        with without_collector():
            from hapiish.cli.serve import serve

        return serve(options, table)
    except TableError as error:
        show(error.problems)
    except Refusal as error:
        print(f"hapiish: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 0
    return 1


def check_options(options: argparse.Namespace, table: Table) -> None:
    """Raises Refusal for options that contradict each other or the table."""
    if options.workers < 1:
        raise Refusal("--workers takes a number from 1")
    if options.no_local_database and table.database is not None and not table.database.uri:
        raise Refusal("database.uri is empty and --no-local-database was given; set MONGODB_URI")
