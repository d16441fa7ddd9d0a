"""`hapiish reload`: makes the running servers of a table check it and serve it."""

import argparse
import sys
from pathlib import Path
from typing import Any

from hapiish.cli import control
from hapiish.cli.check import wants_colour
from hapiish.cli.refusal import Refusal


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hapiish reload`."""
    parser.add_argument("table", nargs="?", default="routes.yaml", help="file of the table (default: routes.yaml)")
    parser.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")
    parser.add_argument("--port", type=int, help="only the server on this port (default: every server of the table)")
    parser.add_argument("--socket", metavar="PATH", help="only the server with this control socket")


def main(options: argparse.Namespace) -> int:
    """Reloads; prints what changed. Returns 1 and prints the problems if the table is wrong or no server runs.

    With several servers, each checks the table first, and it is changed in none if one refuses it.
    """
    try:
        servers = find(options)
        if len(servers) > 1 and not options.dry_run:
            agreed = [_reload(path, status, dry_run=True, quiet=True) for path, status in servers]
            if not all(agreed):
                return 1
        reloaded = [_reload(path, status, dry_run=options.dry_run) for path, status in servers]
        return 0 if all(reloaded) else 1
    except (Refusal, control.ControlError) as error:
        print(f"hapiish: {error}", file=sys.stderr)
        return 1


def find(options: argparse.Namespace) -> list[tuple[Path, dict[str, Any]]]:
    """Returns control socket and status of the servers to reload. Raises Refusal without any, and ControlError."""
    if options.socket is not None:
        path = Path(options.socket)
        return [(path, control.ask(path, {"do": "status"}, control.PATIENCE))]
    found = control.running(options.table)
    for _, status in found:
        if "error" in status:
            raise Refusal(f"a server does not answer: {status['error']}")
    if options.port is not None:
        found = [(path, status) for path, status in found if status.get("port") == options.port]
    if not found:
        where = f" on port {options.port}" if options.port is not None else ""
        raise Refusal(f"no `hapiish run` serves {options.table}{where}")
    return found


def _reload(path: Path, status: dict[str, Any], *, dry_run: bool, quiet: bool = False) -> bool:
    """Reloads one server and prints the outcome; returns False for a wrong table."""
    request = {"do": "reload", "dryRun": dry_run, "colour": wants_colour(sys.stderr)}
    answer = control.ask(path, request, control.RELOAD_PATIENCE)
    who = f"{status['address']} (process {status['pid']}{_workers(status)})"
    if answer.get("problems"):
        print(answer["problems"], end="\n\n", file=sys.stderr)
    if "error" in answer:
        print(f"hapiish: {who}: {answer['error']}; the old table goes on", file=sys.stderr)
        return False
    if answer["wrong"]:
        print(f"hapiish: {who}: the old table goes on: {answer['before']}", file=sys.stderr)
        return False
    if not quiet:
        print(as_text(who, answer, dry_run=dry_run))
    return True


def as_text(who: str, answer: dict[str, Any], *, dry_run: bool = False) -> str:
    """Formats what changed, or would change."""
    before, after, changes = answer["before"], answer["after"], answer["changes"]
    if changes:
        hashes = f"table {after}, the same hash" if before == after else f"table {before} -> {after}"
        lines = [f"{who}: {'would change: ' if dry_run else ''}{hashes}", *(f"  {line}" for line in changes)]
    else:
        lines = [f"{who}: nothing changed: table {after}"]
    if answer["atNextStart"]:
        lines.append(f"  at the next start: {', '.join(answer['atNextStart'])}")
    return "\n".join(lines)


def _workers(status: dict[str, Any]) -> str:
    count = status.get("workers", 1)
    return f", {count} workers" if count > 1 else ""
