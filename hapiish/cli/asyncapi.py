"""`hapiish asyncapi`: writes the AsyncAPI 3.0 document of a table."""

import argparse

from hapiish.cli import documents
from hapiish.cli.opening import described


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish asyncapi`."""
    documents.add_arguments(parser, "asyncapi", "also run the table's Python plugins")


def main(options: argparse.Namespace) -> int:
    """Writes the document; for a table with errors shows its problems and returns 1."""
    from hapiish.describe.asyncapi import document

    table = described(options.table, imports=options.imports)
    return 1 if table is None else documents.write(options, document(table))
