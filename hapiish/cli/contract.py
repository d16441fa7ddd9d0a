"""`hapiish test --contract`."""

import argparse

from hapiish.cli.refusal import Refusal
from hapiish.options import Table


def run_contract(table: Table, options: argparse.Namespace) -> int:
    """Tests the OpenAPI document of a table; raises Refusal if that is impossible."""
    raise Refusal("not yet")
