"""`hapiish asyncapi`: writes the AsyncAPI 3.0 document of a table."""

import argparse

from hapiish.cli import documents
from hapiish.cli.opening import open_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish asyncapi`."""
    documents.add_arguments(parser, "asyncapi")


def main(options: argparse.Namespace) -> int:
    """Writes the document; raises Refusal for a table with errors."""
    from hapiish.describe.asyncapi import document

    return documents.write(options, document(open_table(options.table)))
