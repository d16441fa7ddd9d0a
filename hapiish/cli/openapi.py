"""`hapiish openapi`: writes the OpenAPI 3.1 document of a table."""

import argparse

from hapiish.cli import documents
from hapiish.cli.opening import described


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish openapi`."""
    imports = "also run the table's Python plugins, and import its models for the documents of resources"
    documents.add_arguments(parser, "openapi", imports)
    parser.add_argument("--vhost", metavar="HOST", help="only the routes that serve this host")


def main(options: argparse.Namespace) -> int:
    """Writes the document; for a table with errors shows its problems and returns 1."""
    from hapiish.describe.openapi import openapi

    table = described(options.table, imports=options.imports)
    if table is None:
        return 1
    if options.imports:
        from hapiish.cli.models import imported

        table = imported(table)
    made = openapi(table, vhost=options.vhost)
    return documents.write(options, made.document, made.remarks)
