"""`hapiish schema`: prints the JSON Schema of tables, or writes the reference."""

import argparse
from pathlib import Path

from hapiish.describe import reference
from hapiish.table.form import schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish schema`."""
    parser.add_argument("--reference", metavar="FOLDER", type=Path, help="write the reference to FOLDER instead")


def main(options: argparse.Namespace) -> int:
    """Prints the schema (draft-07), or writes the pages of the reference."""
    if options.reference is None:
        print(schema.text(), end="")
        return 0
    pages = reference.pages()
    options.reference.mkdir(parents=True, exist_ok=True)
    for file in options.reference.glob("*.md"):
        if file.name not in pages:
            file.unlink()
    for name, text in pages.items():
        (options.reference / name).write_text(text, encoding="utf-8")
    return 0
