"""`hapiish routes`: lists routes and events of a table, as text, Markdown or JSON, with the hash of the table."""

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from hapiish.cli.opening import described
from hapiish.describe.inspect import EmitInfo, EventInfo, HandlerInfo, RouteInfo, auth_text, emits, events, routes
from hapiish.describe.selection import CALL, FUNCTION, SORTS, Selection, emits_of, events_of
from hapiish.options import Table
from hapiish.options.kinds import KINDS
from hapiish.table.digest import table_hash

_ROUTES: Final = ("METHOD", "PATH", "ID", "AUTH", "VALIDATES", "HANDLER", "WHERE")
_EVENTS: Final = ("EVENT", "NAMESPACE", "ID", "AUTH", "VALIDATES", "HANDLER", "WHERE")
_MARKDOWN_ROUTES: Final = ("Method", "Path", "Id", "Auth", "Validates", "Description", "Where")
_MARKDOWN_EVENTS: Final = ("Event", "", "Namespace", "Id", "Auth", "Validates", "Description", "Where")
_FILTERS: Final = {
    "--method": ("METHOD", "methods", "routes of this method"),
    "--path": ("PATH", "paths", "routes whose paths begin with these segments, or match a pattern such as '/users/*'"),
    "--event": ("NAME", "events", "events of this name, or of a pattern such as 'room.*'"),
    "--namespace": ("NAME", "namespaces", "events of this namespace"),
    "--id": ("ID", "ids", "the route or event with this id, or those of a pattern such as 'users.*'"),
    "--tag": ("TAG", "tags", "routes and events with this tag"),
    "--auth": ("STRATEGY", "strategies", "those that this strategy authenticates"),
    "--scope": ("SCOPE", "scopes", "those whose access rules name this scope"),
    "--kind": ("KIND", "kinds", f"those with this kind of handler: {', '.join([FUNCTION, CALL, *KINDS])}, …"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish routes`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument("--format", choices=["text", "json", "markdown"], default="text", help="format (default: text)")
    parser.add_argument("--json", action="store_const", dest="format", const="json", help="short for --format json")
    parser.add_argument("--sort", choices=[*SORTS], help="order (default: that of the file)")
    filters = parser.add_argument_group("filters", "A repeated filter lists more, a further filter lists less.")
    for flag, (metavar, dest, text) in _FILTERS.items():
        filters.add_argument(flag, action="append", metavar=metavar, dest=dest, default=[], help=text)
    filters.add_argument("--public", action="store_true", help="those without authentication")
    filters.add_argument("--deprecated", action="store_true", help="deprecated ones")


def main(options: argparse.Namespace) -> int:
    """Prints the list; for errors prints the problems and returns 1."""
    table = described(options.table)
    if table is None:
        return 1
    criteria: dict[str, Any] = {dest: getattr(options, dest) for _, dest, _ in _FILTERS.values()}
    selection = Selection(**criteria, is_public=options.public, is_deprecated=options.deprecated)
    listed = listing(table, selection, options.sort)
    formats: dict[str, Callable[[Table, Listing], str]] = {"json": as_json, "markdown": as_markdown, "text": as_text}
    print(formats[options.format](table, listed))
    return 0


@dataclass(frozen=True, slots=True)
class Listing:
    """The selected routes, events and emits."""

    routes: list[RouteInfo]
    events: list[EventInfo]
    emits: list[EmitInfo]


def listing(table: Table, selection: Selection | None = None, sort: str | None = None) -> Listing:
    """Returns the selected routes, events and emits, sorted by one of `SORTS` or in the order of the file."""
    chosen = selection or Selection()
    found = Listing(
        [info for info, item in zip(routes(table), table.routes, strict=True) if chosen.route(item)],
        [info for info, pair in zip(events(table), events_of(table), strict=True) if chosen.event(*pair)],
        [info for info, pair in zip(emits(table), emits_of(table), strict=True) if chosen.emit(*pair)],
    )
    if sort is not None:
        for infos in (found.routes, found.events, found.emits):
            infos.sort(key=SORTS[sort])
    return found


def hashed(table: Table) -> str | None:
    """Returns the hash that a server of this table shows; None for a table that was read without its plugins."""
    return None if table.is_partial else table_hash(table)


def as_text(table: Table, listed: Listing | None = None) -> str:
    """Formats columns: routes, then events from clients (in) and to clients (out), with the hash in the heading."""
    listed = listed or listing(table)
    route_rows = [
        (info.method, f"{info.path}  ({info.vhost})" if info.vhost else info.path, *_cells(info))
        for info in listed.routes
    ]
    event_rows: list[tuple[str | None, ...]] = [
        *((f"in  {info.event}", info.namespace, *_cells(info)) for info in listed.events),
        *(
            (f"out {emit.event}", emit.namespace, None, None, " ".join(emit.validation), None, _place(emit))
            for emit in listed.emits
        ),
    ]
    blocks = [_columns(head, rows) for head, rows in ((_ROUTES, route_rows), (_EVENTS, event_rows)) if rows]
    if not blocks:
        return "no routes" if not (table.routes or table.sockets) else "no route and no event is selected"
    first, *lines = "\n\n".join(blocks).split("\n")
    known = hashed(table)
    heading = f"{first}  (table {known})" if known else f"{first}  (hapiish reload --dry-run has the hash)"
    return "\n".join([heading, *lines])


def _cells(info: HandlerInfo) -> tuple[str | None, ...]:
    return info.id, auth_text(info.auth), " ".join(info.validation), info.handler, _place(info)


def _place(info: HandlerInfo | EmitInfo) -> str:
    return f"{info.file}:{info.line}"


def as_json(table: Table, listed: Listing | None = None) -> str:
    """Formats `{"routes": […], "events": […], "emits": […], "table": "hash"}`, from `describe.inspect`."""
    listed = listed or listing(table)
    facts: dict[str, list[Any]] = {"routes": listed.routes, "events": listed.events, "emits": listed.emits}
    plain = {key: [_own_first(info) for info in infos] for key, infos in facts.items()}
    return json.dumps({**plain, "table": hashed(table)}, indent=2, ensure_ascii=False)


def as_markdown(table: Table, listed: Listing) -> str:
    """Formats tables of routes and events in Markdown."""
    blocks = []
    rows = [
        (f"`{info.method}`", f"`{info.path}`" + (f" ({info.vhost})" if info.vhost else ""), *_markdown_cells(info))
        for info in listed.routes
    ]
    if rows:
        blocks.append(_markdown("Routes", _MARKDOWN_ROUTES, rows))
    event_rows: list[Sequence[str]] = [
        (f"`{info.event}`", "in", f"`{info.namespace}`", *_markdown_cells(info)) for info in listed.events
    ]
    event_rows += [
        *(
            (
                *(f"`{emit.event}`", "out", f"`{emit.namespace}`", "", ""),
                *(" ".join(emit.validation), emit.description or "", _place(emit)),
            )
            for emit in listed.emits
        ),
    ]
    if event_rows:
        blocks.append(_markdown("Events", _MARKDOWN_EVENTS, event_rows))
    known = hashed(table)
    blocks += [f"Table `{known}`"] if known else []
    return "\n\n".join(blocks)


def _markdown_cells(info: HandlerInfo) -> tuple[str, ...]:
    auth = "public" if info.auth is None else auth_text(info.auth)
    return info.id or "", auth, " ".join(info.validation), info.description or "", _place(info)


def _markdown(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = (["\\|".join(" ".join(cell.split()).split("|")) for cell in line] for line in lines)
    return "\n".join([f"## {title}", "", *(f"| {' | '.join(line)} |" for line in cells)])


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
