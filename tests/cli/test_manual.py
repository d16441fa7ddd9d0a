"""docs/commands.md: made from the parsers of the commands."""

from pathlib import Path

from hapiish.cli import manual
from hapiish.commands import COMMANDS

ROOT = Path(__file__).parents[2]


def test_the_page_of_the_commands_is_up_to_date() -> None:
    made = "`python -m hapiish.cli.manual > docs/commands.md` writes it"
    assert (ROOT / "docs" / "commands.md").read_text() == manual.page(), made


def test_the_page_has_every_command_with_its_arguments_and_examples() -> None:
    page = manual.page()
    for name, command in COMMANDS.items():
        chapter = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert chapter.count("\n| `") == len(manual.arguments(name))
        assert [call for call, _ in command.examples if f"$ {call}" not in chapter] == []


def test_help_and_page_have_the_same_texts() -> None:
    (port,) = [each for each in manual.arguments("run") if "--port" in each.flags]
    assert (port.value, port.choices, port.takes_file) == ("PORT", (), False)
    assert port.help == "port to listen on, 0 for any free one (default: server.port)"
    (table,) = [each for each in manual.arguments("run") if not each.flags]
    assert (table.value, table.is_required, table.takes_table) == ("TABLE", False, True)
