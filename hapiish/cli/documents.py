"""Writes the document of `hapiish openapi` and `hapiish asyncapi`: as YAML or JSON, to a file or to stdout."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hapiish.cli.refusal import Refusal
from hapiish.cli.render import as_yaml


def add_arguments(parser: argparse.ArgumentParser, name: str, imports: str) -> None:
    """Adds the options of a command that writes the document `name`; `imports` is the help of `--import`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument(
        "--output",
        "-o",
        metavar="FILE",
        help=f"write {name}.yaml or {name}.json, by the ending of FILE (default: YAML to stdout)",
    )
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.add_argument("--import", action="store_true", dest="imports", help=imports)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; return 1 if FILE of --output differs from the document"
    )


def write(options: argparse.Namespace, document: Mapping[str, Any], remarks: Sequence[str] = ()) -> int:
    """Writes or compares the document, and returns the exit status; remarks go to stderr."""
    for remark in remarks:
        print(f"hapiish: {remark}", file=sys.stderr)
    as_json = options.json or (options.output or "").endswith(".json")
    text = json_text(document) if as_json else as_yaml(dict(document))
    if options.check:
        return _compare(options, text)
    if options.output is None:
        print(text, end="")
        return 0
    save(options.output, text)
    return 0


def save(file: str, text: str) -> None:
    """Writes a generated file; raises Refusal if that fails."""
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{file} cannot be written: {error.strerror}") from None


def saved(file: str) -> str:
    """Returns the text of a generated file; raises Refusal for an unreadable one."""
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}") from None


def _compare(options: argparse.Namespace, text: str) -> int:
    if options.output is None:
        raise Refusal("--check compares with the file of --output")
    if saved(options.output) == text:
        return 0
    raise Refusal(f"{options.output} is not up to date; write it again without --check")


def json_text(document: Mapping[str, Any]) -> str:
    """Formats a document as JSON."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
