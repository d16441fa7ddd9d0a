"""The parsers of the command line: the help of `hapiish` in groups, the help of a command with its examples."""

import argparse
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from typing import NoReturn

from hapiish.commands import COMMANDS, GROUPS, Command

WIDTH = 100  # columns of the help at most
DESCRIPTION = "Serves, checks and describes tables of routes and events."


class HelpParser(argparse.ArgumentParser):
    """A parser whose help has the terminal's width up to WIDTH columns, with examples as they are written."""

    def __init__(self, prog: str, **options: str | None) -> None:
        super().__init__(prog=prog, formatter_class=_formatter, **options)  # type: ignore[arg-type]


def _formatter(prog: str) -> argparse.HelpFormatter:
    width = min(shutil.get_terminal_size().columns, WIDTH) - 2
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=32, width=width)


class TopParser(HelpParser):
    """The parser of `hapiish` before the name of a command."""

    def __init__(self) -> None:
        super().__init__("hapiish", usage="hapiish COMMAND [options]", description=DESCRIPTION, epilog=overview())
        self.add_argument("--version", action="version", version=f"hapiish {version('hapiish')}")

    def refuse(self, message: str) -> NoReturn:
        """Prints the usage with `message`, and ends with status 2."""
        self.error(f"{message}\n`hapiish --help` lists the commands")


def overview(commands: Mapping[str, Command] = COMMANDS) -> str:
    """Returns the commands in groups, a line each."""
    width = max(map(len, commands))
    blocks = []
    for group, heading in GROUPS.items():
        lines = [f"  {name:{width}}  {each.help}" for name, each in commands.items() if each.group == group]
        if lines:
            blocks.append("\n".join([f"{heading}:", *lines]))
    last = "`hapiish COMMAND --help` shows the options of a command with examples. Plugins of a table add commands."
    return "\n\n".join([*blocks, last])


def for_command(name: str) -> HelpParser:
    """Returns the parser of a command, without its options."""
    command = COMMANDS[name]
    return HelpParser(f"hapiish {name}", description=sentence(command.help), epilog=examples(command))


def sentence(text: str) -> str:
    """Returns a line of the help as a sentence."""
    return f"{text[0].upper()}{text[1:]}."


def examples(command: Command) -> str:
    """Returns the examples of a command, a call and a line about it each."""
    width = max(len(call) for call, _ in command.examples)
    lines = [f"  {call:{width}}   {text}" for call, text in command.examples]
    if max(map(len, lines)) > WIDTH:
        lines = [line for call, text in command.examples for line in (f"  {call}", f"      {text}")]
    return "\n".join(["examples:", *lines])
