"""The command line: each command is a module with `add_arguments(parser)` and `main(options) -> int`.

`main` imports only the module of the called command, so that `hapiish check` loads neither a server nor a database.
`opening` reads the table for a command, `database` provides its database, `refusal` is the error that ends a command.
`run` checks its options and calls `serve`, with `logs` for the form of the log: one `process`, or a `supervisor` with
forks of it, each a `worker`. `control` is the socket over which `reload` reaches them. `command` runs commands of
plugins.
A new command is a module here and an entry in `hapiish.commands.COMMANDS`; `parser` makes its help of that entry.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from hapiish.cli.refusal import Refusal
from hapiish.commands import COMMANDS

__all__ = ["COMMANDS", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a built-in command or a command of a plugin; returns the exit status."""
    from hapiish.cli.parser import TopParser, for_command

    arguments = sys.argv[1:] if argv is None else list(argv)
    if not arguments:
        TopParser().print_help(sys.stderr)
        return 2
    if arguments[0].startswith("-"):
        TopParser().parse_args(arguments)
        TopParser().refuse("a command is missing")
    name, *rest = arguments
    if name not in COMMANDS:
        status = import_module("hapiish.cli.command").main(name, rest)
        if status is None:
            from hapiish.table.form.wording import did_you_mean

            TopParser().refuse(f'there is no command "{name}"{did_you_mean(name, COMMANDS)}')
        return int(status)
    module = import_module(f"hapiish.cli.{name}")
    parser = for_command(name)
    module.add_arguments(parser)
    options = parser.parse_args(rest)
    try:
        return int(module.main(options))
    except Refusal as refusal:
        print(f"hapiish: {refusal}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader closed the pipe; without this, Python reports the error again when it closes the stream.
        sys.stdout = None
        return 0
