"""The command line: each command is a module with `add_arguments(parser)` and `main(options) -> int`.

`main` imports only the module of the called command, so that `hapiish check` loads neither a server nor a database.
`opening` reads the table for a command, `database` provides its database, `refusal` is the error that ends a command.
`run` checks its options and calls `serve`, with `logs` for the form of the log: one `process`, or a `supervisor` with
forks of it, each a `worker`. `control` is the socket over which `reload` reaches them. `command` runs commands of
plugins.
A new command is a module here and an entry in COMMANDS.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Final

COMMANDS: Final = {
    "run": "serve a table",
    "reload": "make the running servers of a table serve its new version",
    "check": "report all problems of a table",
    "routes": "list the routes and events of a table",
    "schema": "print the JSON Schema of tables, for editors",
    "hash": "hash a password or an API key for a table",
    "indexes": "compare the indexes of the database with those of the models",
}
"""The built-in commands in the order of the help, each in the module of its name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a built-in command or a command of a plugin; returns the exit status."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    parser = argparse.ArgumentParser(prog="hapiish", description="Serves and checks tables of routes and events.")
    parser.add_argument("--version", action="version", version=f"hapiish {version('hapiish')}")
    subparsers = parser.add_subparsers(metavar="command", dest="command", required=True)
    parsers = {name: subparsers.add_parser(name, help=text, description=text) for name, text in COMMANDS.items()}
    name = next((word for word in arguments if not word.startswith("-")), "")
    if name and name not in COMMANDS:
        status = import_module("hapiish.cli.command").main(name, arguments[arguments.index(name) + 1 :])
        if status is not None:
            return int(status)
    module = import_module(f"hapiish.cli.{name}") if name in COMMANDS else None
    if module is not None:
        module.add_arguments(parsers[name])
    options = parser.parse_args(arguments)
    assert module is not None
    try:
        return int(module.main(options))
    except BrokenPipeError:
        # The reader closed the pipe; without this, Python reports the error again when it closes the stream.
        sys.stdout = None
        return 0
