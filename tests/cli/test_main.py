"""The command line: its commands, and the modules that each command loads."""

import subprocess
import sys
from pathlib import Path

import pytest

from hapiish.cli import COMMANDS, main


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f"    {name} " not in shown] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_own_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"usage: hapiish {command}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["nosuch"], ["check", "--nosuch"]])
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
