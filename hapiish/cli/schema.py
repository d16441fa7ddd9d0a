"""`hapiish schema`: the JSON Schema of the table's file, for editors and other tools."""

import argparse

from hapiish.table import schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no options."""


def main(options: argparse.Namespace) -> int:
    """Prints the schema (draft-07)."""
    print(schema.text(), end="")
    return 0
