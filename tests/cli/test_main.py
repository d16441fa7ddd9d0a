"""The command line: its commands, and the modules that each command loads."""

import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from hapiish.cli import COMMANDS, main
from hapiish.cli.parser import for_command
from hapiish.commands import GROUPS


def test_help_lists_every_command_below_the_heading_of_its_group(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = {}
    for line in capsys.readouterr().out.splitlines():
        if line.endswith(":"):
            heading = line.rstrip(":")
        elif line.startswith("  "):
            shown[line.split()[0]] = heading
    assert {name: shown.get(name) for name in COMMANDS} == {name: GROUPS[each.group] for name, each in COMMANDS.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_own_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: hapiish {command}" in shown
    assert [call for call, text in COMMANDS[command].examples if f"  {call}" not in shown or text not in shown] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_of_a_command_can_be_called(command: str) -> None:
    assert COMMANDS[command].examples
    for call, text in COMMANDS[command].examples:
        program, name, *arguments = shlex.split(call.partition(" > ")[0], comments=True)
        assert (program, name) == ("hapiish", command)
        assert text
        parser = for_command(command)
        import_module(f"hapiish.cli.{command}").add_arguments(parser)
        parser.parse_args(arguments)


def test_an_unknown_command_is_told_with_the_one_that_is_meant(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["chek"])
    assert caught.value.code == 2
    assert 'there is no command "chek"; did you mean "check"?' in capsys.readouterr().err


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    said = capsys.readouterr()
    assert (said.out, "Check and understand:" in said.err) == ("", True)


@pytest.mark.parametrize("words", [["nosuch"], ["--"], ["check", "--nosuch"]])
def test_a_wrong_call_is_status_2_with_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: hapiish" in capsys.readouterr().err


def test_check_and_routes_load_no_server_no_database_and_no_handlers(tmp_path: Path) -> None:
    (tmp_path / "handlers.py").write_text("raise SystemExit('a handler was imported')")
    (tmp_path / "routes.yaml").write_text("routes: [{method: GET, path: /, handler: handlers:index}]")
    script = (
        "import sys; from hapiish.cli import main; codes = [main(['check']), main(['routes']), main(['schema'])]\n"
        "codes += [main(['explain', 'GET', '/']), main(['match', 'GET', '/']), main(['render'])]\n"
        "codes += [main(['types']), main(['types', '--python'])]\n"
        "heavy = {'starlette', 'uvicorn', 'socketio', 'mongoengine', 'pymongo', 'handlers'} & set(sys.modules)\n"
        "sys.exit(f'{codes} {heavy}' if heavy or any(codes) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_python_m_hapiish_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hapiish", "check", "nowhere.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith("nowhere.yaml:1:1: HA0114 the file cannot be read")
