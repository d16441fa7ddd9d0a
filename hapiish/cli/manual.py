"""The arguments of all commands as data, for completion and for docs/commands.md:

python -m hapiish.cli.manual > docs/commands.md
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from hapiish.cli.parser import DESCRIPTION, for_command, sentence
from hapiish.commands import COMMANDS, GROUPS

FILES: Final = frozenset({"FILE", "FOLDER", "PATH"})
"""The metavars of options that take a file."""
WIDTH: Final = 120
INTRODUCTION: Final = f"""\
# Commands

{DESCRIPTION} `hapiish --help` lists the commands, `hapiish COMMAND --help` shows one; `python -m hapiish` is the
same program. A plugin of a table may add commands: `hapiish NAME [TABLE] …` runs one while the table's server runs.

Errors in the arguments end a command with status 2, other failures with status 1.
"""


@dataclass(frozen=True, slots=True)
class Argument:
    """An option with its flags, or a positional argument without; `value` is the word for its value, if it has one.

    `choices` are the possible values; `takes_file` and `takes_table` say that a value is a path, and that of a table.
    """

    flags: tuple[str, ...]
    value: str | None
    help: str
    choices: tuple[str, ...]
    is_required: bool
    takes_file: bool
    takes_table: bool


def arguments(command: str) -> list[Argument]:
    """Returns the arguments of a command in the order of its help, without `--help`."""
    parser = for_command(command)
    import_module(f"hapiish.cli.{command}").add_arguments(parser)
    found = [_argument(action, parser) for action in parser._actions if action.dest != "help"]  # noqa: SLF001
    return [each for each in found if each.help != argparse.SUPPRESS]


def _argument(action: argparse.Action, parser: argparse.ArgumentParser) -> Argument:
    choices = tuple(map(str, action.choices or ()))
    metavar = action.metavar if isinstance(action.metavar, str) else None
    value = None if action.nargs == 0 else metavar or ("|".join(choices) if choices else action.dest.upper())
    text = str(action.help or "")
    return Argument(
        flags=tuple(action.option_strings),
        value=value,
        help=text if text == argparse.SUPPRESS else text % {**vars(action), "prog": parser.prog},
        choices=choices,
        is_required=not action.option_strings and action.nargs not in ("?", "*"),
        takes_file=action.type is Path or metavar in FILES or action.dest == "table",
        takes_table=action.dest == "table",
    )


def usage(command: str) -> str:
    """Returns the call of a command with its positional arguments."""
    words = [f"hapiish {command}"]
    given = arguments(command)
    words += ["[options]"] if any(each.flags for each in given) else []
    words += [str(each.value) if each.is_required else f"[{each.value}]" for each in given if not each.flags]
    return " ".join(words)


def page() -> str:
    """Returns docs/commands.md."""
    contents = [
        f"- {heading}: " + ", ".join(f"[{name}](#{name})" for name, each in COMMANDS.items() if each.group == group)
        for group, heading in GROUPS.items()
    ]
    chapters = [_chapter(name) for group in GROUPS for name, each in COMMANDS.items() if each.group == group]
    return "\n\n".join([INTRODUCTION.rstrip(), "\n".join(contents), *chapters]) + "\n"


def _chapter(name: str) -> str:
    command = COMMANDS[name]
    parts = [f"## {name}", sentence(command.help), f"`{usage(name)}`"]
    rows = list(_rows(name))
    if rows:
        parts.append("\n".join(["| argument | meaning |", "| --- | --- |", *rows]))
    width = max(len(call) for call, _ in command.examples)
    lines = [f"$ {call:{width}}   # {text}" for call, text in command.examples]
    return "\n\n".join([*parts, "\n".join(["```console", *lines, "```"])])


def _rows(name: str) -> Iterator[str]:
    for each in arguments(name):
        value = f" {each.value}" if each.flags and each.value else ""
        shown = ", ".join(f"`{flag}{value}`" for flag in each.flags) or f"`{each.value}`"
        yield f"| {_cell(shown)} | {_cell(each.help)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    print(page(), end="")
