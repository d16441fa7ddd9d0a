"""`hapiish render`: the table as one table, after plugins, groups, presets and variables, with its secrets masked."""

import argparse
import json
from typing import Any

import yaml

from hapiish.cli.opening import examined
from hapiish.describe.masking import Masks
from hapiish.describe.rendering import render
from hapiish.table.text import scalars
from hapiish.table.text.repair import INVISIBLE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish render`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--variables",
        action="store_true",
        help="keep the ${…} of texts; the result then has the same hash as the table, on every machine",
    )
    parser.add_argument("--import", action="store_true", dest="imports", help="also run the table's Python plugins")


def main(options: argparse.Namespace) -> int:
    """Prints the table; for errors prints the problems and returns 1."""
    found = examined(options.table, imports=options.imports)
    if found is None:
        return 1
    tree = render(found, Masks(found.table.outside, keeps_variables=options.variables))
    if options.json:
        print(json.dumps(tree, indent=2, ensure_ascii=False))
    else:
        print(as_yaml(tree), end="")
    return 0


def as_yaml(tree: Any) -> str:
    """Returns a table as YAML, which the reader of tables reads to the same values."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)


class _Dumper(yaml.SafeDumper):
    """Writes texts that YAML 1.2 reads as another type in quotes, and every value in full, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # entries of lists are indented, as in the documentation

    def text(self, text: str) -> yaml.ScalarNode:
        """Represents a text."""
        style = '"' if "{" in text or _is_other(text) or INVISIBLE.search(text) else None
        return self.represent_scalar("tag:yaml.org,2002:str", str(text), style=style)


def _is_other(text: str) -> bool:
    try:
        return not isinstance(scalars.read(text), str)
    except scalars.ScalarError:
        return True


_Dumper.add_representer(str, _Dumper.text)
_Dumper.add_multi_representer(str, _Dumper.text)
