"""`hapiish routes`: lists routes and events of a table, as text or JSON, with the hash of the table."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from hapiish.cli.check import summary, wants_colour
from hapiish.describe.inspect import EmitInfo, HandlerInfo, auth_text, emits, events, routes
from hapiish.options import Table
from hapiish.table import check, report
from hapiish.table.digest import table_hash

_ROUTES: Final = ("METHOD", "PATH", "ID", "AUTH", "VALIDATES", "HANDLER", "WHERE")
_EVENTS: Final = ("EVENT", "NAMESPACE", "ID", "AUTH", "VALIDATES", "HANDLER", "WHERE")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish routes`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def main(options: argparse.Namespace) -> int:
    """Prints the list; for errors prints the problems and returns 1."""
    table, problems = check(options.table)
    if table is None:
        print(report.as_text(problems, colour=wants_colour(sys.stderr)), file=sys.stderr)
        print(f"\n{summary(options.table, table, problems)}", file=sys.stderr)
        return 1
    print(as_json(table) if options.json else as_text(table))
    return 0


def hashed(table: Table) -> str | None:
    """Returns the hash that a server of this table shows; None for a table that was read without its plugins."""
    return None if table.is_partial else table_hash(table)


def as_text(table: Table) -> str:
    """Formats columns: routes, then events from clients (in) and to clients (out), with the hash in the heading."""
    route_rows = [
        (info.method, f"{info.path}  ({info.vhost})" if info.vhost else info.path, *_cells(info))
        for info in routes(table)
    ]
    event_rows: list[tuple[str | None, ...]] = [
        *((f"in  {info.event}", info.namespace, *_cells(info)) for info in events(table)),
        *(
            (f"out {emit.event}", emit.namespace, None, None, " ".join(emit.validation), None, _place(emit))
            for emit in emits(table)
        ),
    ]
    blocks = [_columns(head, rows) for head, rows in ((_ROUTES, route_rows), (_EVENTS, event_rows)) if rows]
    if not blocks:
        return "no routes"
    first, *lines = "\n\n".join(blocks).split("\n")
    known = hashed(table)
    heading = f"{first}  (table {known})" if known else f"{first}  (hapiish reload --dry-run has the hash)"
    return "\n".join([heading, *lines])


def _cells(info: HandlerInfo) -> tuple[str | None, ...]:
    return info.id, auth_text(info.auth), " ".join(info.validation), info.handler, _place(info)


def _place(info: HandlerInfo | EmitInfo) -> str:
    return f"{info.file}:{info.line}"


def as_json(table: Table) -> str:
    """Formats `{"routes": […], "events": […], "emits": […], "table": "hash"}`, from `describe.inspect`."""
    facts: dict[str, list[Any]] = {"routes": routes(table), "events": events(table), "emits": emits(table)}
    plain = {key: [_own_first(info) for info in infos] for key, infos in facts.items()}
    return json.dumps({**plain, "table": hashed(table)}, indent=2, ensure_ascii=False)


def _own_first(info: Any) -> dict[str, Any]:
    """Returns the fields of `info`: those of its class, such as method and path, before the inherited ones."""
    fields = asdict(info)
    return {name: fields[name] for name in type(info).__annotations__} | fields


def _columns(head: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    cells = [head, *([cell or "-" for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )
