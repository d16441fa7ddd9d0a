"""`hapiish openapi`: writes the OpenAPI 3.1 document of a table."""

import argparse

from hapiish.cli import documents
from hapiish.cli.opening import open_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish openapi`."""
    documents.add_arguments(parser, "openapi")
    parser.add_argument("--vhost", metavar="HOST", help="only the routes that serve this host")


def main(options: argparse.Namespace) -> int:
    """Writes the document; raises Refusal for a table with errors."""
    from hapiish.describe.openapi import openapi

    made = openapi(open_table(options.table), vhost=options.vhost)
    return documents.write(options, made.document, made.remarks)
